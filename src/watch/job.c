#include "watch/job.h"

#include "host/caps.h"
#include "host/child.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* All but what the supervisor's own doing brings, and what stops and continues
 * it at a terminal. */
static void taken_set(sigset_t *set)
{
    static const int own[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGTRAP, SIGSYS, SIGABRT,
                              SIGXCPU, SIGXFSZ, SIGPIPE, SIGTTIN, SIGTTOU, SIGCONT};
    memset(set, 0xff, sizeof *set); /* sigfillset keeps those of musl's threads back */
    for (size_t i = 0; i < ARRAY_COUNT(own); i++)
        sigdelset(set, own[i]);
}

void job_block(struct job *job)
{
    sigset_t set;
    taken_set(&set);
    sigprocmask(SIG_BLOCK, &set, &job->mask_before);
    /* Where it is ignored, a child that ended leaves no status. */
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &plain, &job->child_before);
}

void job_child(const struct job *job)
{
    sigaction(SIGCHLD, &job->child_before, NULL);
    sigprocmask(SIG_SETMASK, &job->mask_before, NULL);
}

/* The signals become a descriptor. */
static int open_signals(struct job *job)
{
    sigset_t set;
    taken_set(&set);
    signal(SIGPIPE, SIG_IGN); /* nobody reads the explanations any more */
    signal(SIGXFSZ, SIG_IGN); /* their file is full */
    signal(SIGTTOU, SIG_IGN); /* the program may have taken the terminal */
    job->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return job->signals >= 0 ? 0 : -errno;
}

int job_settle(struct job *job, const int *keep, size_t count, struct err *err)
{
    int result = child_keep_only(keep, count);
    if (result < 0)
        return err_set(err, result, "cannot close descriptors: %s; run with --no-explain",
                       strerror(-result));
    child_null_onto(STDOUT_FILENO);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    result = caps_drop();
    if (result == 0)
        result = open_signals(job);
    return result < 0 ? err_set(err, result, "cannot watch: %s", strerror(-result)) : 0;
}

/* stop_with: stops this process as the program was stopped, so that a shell
 * sees it, and continues the program when this one is continued. */
static void stop_with(const struct job *job, int number)
{
    struct sigaction plain = {.sa_handler = SIG_DFL}, before;
    sigset_t set, blocked;
    sigaction(number, number == SIGSTOP ? NULL : &plain, &before);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, &blocked);
    kill(getpid(), number);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    sigaction(number, number == SIGSTOP ? NULL : &before, NULL);
    child_signal(job->pidfd, SIGCONT);
}

static void look_after_child(struct job *job)
{
    int status;
    while (!job->ended && waitpid(job->pid, &status, WNOHANG | WUNTRACED) == job->pid) {
        if (WIFSTOPPED(status)) {
            stop_with(job, WSTOPSIG(status));
            continue;
        }
        job->ended = true;
        job->status = status;
    }
}

/* from_terminal: then the program has it as well. Of the kernel's others, a
 * timer's is meant for the program: it was set by who executed vow. */
static bool from_terminal(const struct signalfd_siginfo *info)
{
    static const uint32_t signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGWINCH};
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
        if (info->ssi_signo == signals[i])
            return info->ssi_code > 0;
    return false;
}

void job_handle(struct job *job)
{
    struct signalfd_siginfo info;
    while (read(job->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            look_after_child(job);
        else if (!job->ended && !from_terminal(&info))
            child_signal(job->pidfd, (int)info.ssi_signo);
    }
}

void job_kill(struct job *job)
{
    child_signal(job->pidfd, SIGKILL);
    job_reap(job);
}

void job_reap(struct job *job)
{
    while (!job->ended && waitpid(job->pid, &job->status, 0) < 0 && errno == EINTR)
        ;
    job->ended = true;
}
