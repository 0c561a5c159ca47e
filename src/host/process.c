#include "host/process.h"

#include "host/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define RANGE_CLOEXEC 4 /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */

char *process_cwd(void)
{
    for (size_t size = 256;; size *= 2) {
        char *cwd = malloc(size);
        if (!cwd || getcwd(cwd, size))
            return cwd;
        int error = errno;
        free(cwd);
        errno = error;
        if (error != ERANGE)
            return NULL;
    }
}

int process_no_new_privs(void)
{
    return (int)direct(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Before Linux 5.11: one by one. */
static int mark_each(int first, int last)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return -errno;
    /* Descriptors above a limit that was lowered since are not found so. */
    rlim_t end = files.rlim_max < (rlim_t)last ? files.rlim_max : (rlim_t)last;
    for (int fd = first; (rlim_t)fd <= end; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF)
            return -errno;
    return 0;
}

int process_end_with_parent(void)
{
    return (int)direct(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

int process_close_on_exec(int first, int last)
{
    if (syscall(SYS_close_range, first, last, RANGE_CLOEXEC) == 0)
        return 0;
    return errno == ENOSYS || errno == EINVAL ? mark_each(first, last) : -errno;
}

int process_exec(const char *path, char *const *argv, char *const *envp, uint64_t secret)
{
    syscall(SYS_execveat, AT_FDCWD, path, argv, envp, 0, (unsigned long)secret);
    return -errno;
}
