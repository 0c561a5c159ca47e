/* job: the watched program as a shell sees it.
 *
 * Supervisor and program are in one process group, so a terminal's signals
 * reach both and job control works on both. The supervisor takes its signals
 * from a descriptor: those of the terminal it drops, because the program has
 * them as well; those that somebody sent to it alone it passes on. When the
 * program stops, so does the supervisor, for its own parent to see. */
#ifndef VOW_JOB_H
#define VOW_JOB_H

#include "base/base.h"

#include <signal.h>
#include <sys/types.h>

struct job {
    pid_t pid;
    int pidfd;
    int signals; /* signalfd; readable when job_handle has something to do */
    sigset_t mask_before;
    struct sigaction child_before;
    bool ended;
    int status; /* as waitpid gives it; once ended */
};

/* job_block: before the fork; nothing is lost from then on. */
void job_block(struct job *job);
/* job_child: in the child: everything as it was. */
void job_child(const struct job *job);
/* job_open: in the parent, which has set pid and pidfd. 0 or -errno. */
int job_open(struct job *job);
/* job_handle: takes the signals that have arrived; may stop the process until
 * it is continued. */
void job_handle(struct job *job);
/* job_reap: waits for the end of a child that is known to end. */
void job_reap(struct job *job);

#endif
