#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t make(unsigned long flags, int *pidfd)
{
#ifdef __s390x__
    long pid = syscall(SYS_clone, NULL, flags, pidfd, NULL, NULL);
#else
    long pid = syscall(SYS_clone, flags, NULL, pidfd, NULL, NULL);
#endif
    return pid < 0 ? -errno : (pid_t)pid;
}

pid_t child_fork(int *pidfd, bool share)
{
    return make((share ? CLONE_FILES : 0) | CLONE_PIDFD | SIGCHLD, pidfd);
}

pid_t child_clone(unsigned long flags)
{
    return make(flags, NULL);
}

int child_wait(pid_t pid, int *status)
{
    while (syscall(SYS_wait4, pid, status, __WALL, NULL) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

/* close_between: everything above `low` and below `high`. */
static int close_between(int low, int high, unsigned flags)
{
    if (high - low < 2)
        return 0;
    return syscall(SYS_close_range, (unsigned)low + 1, (unsigned)high - 1, flags) == 0 ? 0 : -errno;
}

int child_keep_only(const int *fds, size_t count)
{
    /* An empty range far up: only the table becomes the caller's own. */
    if (syscall(SYS_close_range, ~0u, ~0u, CLOSE_RANGE_UNSHARE) != 0)
        return -errno;
    for (int low = STDERR_FILENO;;) {
        int next = -1;
        for (size_t i = 0; i < count; i++)
            if (fds[i] > low && (next < 0 || fds[i] < next))
                next = fds[i];
        if (next < 0)
            return syscall(SYS_close_range, (unsigned)low + 1, ~0u, 0) == 0 ? 0 : -errno;
        int status = close_between(low, next, 0);
        if (status != 0)
            return status;
        low = next;
    }
}

void child_null_onto(int last)
{
    int null CLEAN_FD = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= last; fd++)
        dup2(null, fd);
}

int child_signal(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0 ? 0 : -errno;
}

ssize_t child_read(pid_t pid, uint64_t address, void *to, size_t size)
{
    struct iovec here = {to, size};
    struct iovec there = {(void *)(uintptr_t)address, size};
    ssize_t got = syscall(SYS_process_vm_readv, pid, &here, 1UL, &there, 1UL, 0UL);
    return got < 0 ? -errno : got;
}
