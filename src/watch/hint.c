/* hint: vow stays as the program's parent, without a listener, and says after a
 * failure how to have it explained. */
#include "watch/job.h"
#include "watch/watch.h"

#include "host/child.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* run_child: never returns. *started stays true where it becomes the program. */
static _Noreturn void run_child(struct launch *launch, int (*become)(struct launch *launch),
                                const struct job *job, volatile bool *started)
{
    job_child(job);
    int status = become(launch);
    *started = false;
    _exit(status);
}

static void until_end(struct job *job)
{
    struct pollfd polled = {.fd = job->signals, .events = POLLIN};
    while (!job->ended)
        if (poll(&polled, 1, -1) > 0)
            job_handle(job);
}

/* was_asked_to: signals that end a program because somebody wants it to end. */
static bool was_asked_to(int signal)
{
    return signal == SIGHUP || signal == SIGINT || signal == SIGTERM || signal == SIGPIPE;
}

static void say(const struct launch *launch, const struct run_line *line, int status)
{
    struct str text CLEAN_STR = {0};
    struct ending ending = {.number = WEXITSTATUS(status)};
    if (WIFSIGNALED(status))
        ending = (struct ending){WTERMSIG(status), strsignal(WTERMSIG(status))};
    if (ending.number == 0 || (ending.signal && was_asked_to(ending.number)))
        return;
    str_add(&text, "vow: ");
    hint_words(&text, &ending, launch->request->policy->promises, line);
    str_add_char(&text, '\n');
    if (!text.failed && write(STDERR_FILENO, text.at, text.size) < 0)
        return; /* nobody reads it any more */
}

int hint_run(struct launch *launch, int (*become)(struct launch *launch),
             const struct run_line *line, struct err *err)
{
    struct job job = {0};
    volatile bool *started =
        mmap(NULL, sizeof *started, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (started == MAP_FAILED)
        return err_set(err, -errno, "cannot wait for the program: no memory left");
    *started = true;
    job_block(&job);
    job.pid = child_fork(&job.pidfd, false);
    if (job.pid == 0)
        run_child(launch, become, &job, started);
    if (job.pid < 0)
        return err_set(err, job.pid, "cannot wait for the program: no new process");
    int result = job_settle(&job, &job.pidfd, 1, err);
    if (result < 0) {
        job_kill(&job);
        return result;
    }
    until_end(&job);
    if (*started)
        say(launch, line, job.status);
    return job.status;
}
