#include "watch/spawn.h"

#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_SETUP = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* Read and written by both, with atomic operations. */
struct hand_over {
    int listener; /* -1: not there yet */
    int failed;   /* errno of what the child could not do */
    int status;   /* the exit status for that */
    struct err err;
};

/* may_write: will the filter let the child write its byte? One for another
 * architecture than ours kills whoever makes one of our calls. */
static bool may_write(const struct launch *launch, int fd)
{
    const struct sys_call *call = arch_call_by_name(arch_native(), "write");
    struct call_event event = {.arch = arch_native(), .nr = call->nr, .args = {(uint64_t)fd}};
    struct call_verdict verdict;
    decide_call(launch->request->policy, &event, &verdict);
    return launch->arch == arch_native() && verdict.bpf == ANSWER_ALLOW;
}

/* run_child: never returns. Shares the parent's descriptors until the exec. */
static _Noreturn void run_child(struct launch *launch, const struct job *job,
                                struct hand_over *shared, int wake)
{
    job_child(job);
    bool announce = may_write(launch, wake);
    int result = launch_confine(launch, &shared->err);
    if (result == 0) {
        __atomic_store_n(&shared->listener, launch->listener, __ATOMIC_SEQ_CST);
        if (announce && write(wake, "", 1) < 0)
            announce = false; /* the parent looks by itself */
        result = launch_exec(launch, &shared->err);
        __atomic_store_n(&shared->status, result == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE,
                         __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(&shared->failed, -result, __ATOMIC_SEQ_CST);
    _exit(1);
}

/* await_listener: its number, or -1: the child has ended before. */
static int await_listener(struct hand_over *shared, int wake, int pidfd)
{
    struct pollfd polled[] = {{.fd = wake, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    for (;;) {
        int listener = __atomic_load_n(&shared->listener, __ATOMIC_SEQ_CST);
        if (listener >= 0 || polled[1].revents)
            return listener;
        poll(polled, ARRAY_COUNT(polled), 1);
    }
}

static struct hand_over *hand_over_new(void)
{
    struct hand_over *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return NULL;
    shared->listener = -1;
    shared->failed = 0;
    shared->status = EXIT_SETUP;
    return shared;
}

int spawn(struct launch *launch, struct job *job, int *listener, struct hand_over **shared,
          struct err *err)
{
    int wake[2];
    *shared = hand_over_new();
    if (!*shared || pipe2(wake, O_CLOEXEC) != 0)
        return err_set(err, -errno, "cannot watch the program: no memory or descriptors left");
    int wake_read CLEAN_FD = wake[0], wake_write CLEAN_FD = wake[1];
    job_block(job);
    job->pid = child_fork(&job->pidfd, true);
    if (job->pid == 0)
        run_child(launch, job, *shared, wake_write);
    if (job->pid < 0) {
        job_child(job);
        return err_set(err, job->pid, "cannot watch the program: no new process");
    }
    *listener = await_listener(*shared, wake_read, job->pidfd);
    return 0;
}

int spawn_failed(struct hand_over **shared, int *exit_status, struct err *err)
{
    int failed = __atomic_load_n(&(*shared)->failed, __ATOMIC_SEQ_CST);
    *exit_status = __atomic_load_n(&(*shared)->status, __ATOMIC_SEQ_CST);
    if (failed)
        *err = (*shared)->err;
    munmap(*shared, sizeof **shared);
    *shared = NULL;
    return -failed;
}
