/* job: the program beside which vow stays, as a shell sees it.
 *
 * Vow and program are in one process group, so a terminal's signals
 * reach both and job control works on both. Vow takes its signals
 * from a descriptor: those of the terminal it drops, because the program has
 * them as well; those that somebody sent to it alone it passes on. When the
 * program stops, so does vow, for its own parent to see. */
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
/* job_settle: in the parent, which has set pid and pidfd: from here on it has
 * what it needs and nothing else: the descriptors `keep` and standard error, no
 * privileges, no memory that others could read. 0 or -errno. */
int job_settle(struct job *job, const int *keep, size_t count, struct err *err);
/* job_handle: takes the signals that have arrived; may stop the process until
 * it is continued. */
void job_handle(struct job *job);
/* job_kill: ends the child, and waits for that. */
void job_kill(struct job *job);
/* job_reap: waits for the end of a child that is known to end. */
void job_reap(struct job *job);

#endif
