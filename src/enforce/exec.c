/* exec: the program is executed exactly once.
 *
 * Without the promise `exec` the filter allows one call: execveat with the
 * descriptor policy->launch_fd and AT_EMPTY_PATH. The program's file is open
 * there, close-on-exec, and the hard limit on descriptors is that very number:
 * after the exec it is gone, and neither dup2 nor F_DUPFD nor a higher limit
 * (for that CAP_SYS_RESOURCE would be needed, which is gone, too) can ever
 * fill it again. execveat takes no notice of the descriptor when its path is
 * absolute, and a filter cannot read the path; there Landlock decides, whose
 * right to execute covers the program and its loader alone. So what remains
 * is that a program starts itself, or its loader with a file that it may read,
 * anew: in the same domain, under the same filter.
 *
 * With `exec` the program is executed by its path, as a shell would. */
#include "enforce/enforce.h"

#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Makes room for the descriptor `number`. */
static int raise_limit(int number)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return -errno;
    if (files.rlim_cur > (rlim_t)number)
        return 0;
    files.rlim_cur = (rlim_t)number + 1;
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

int launch_open(const struct launch *launch, struct err *err)
{
    int number = launch->request->policy->launch_fd;
    CLEAN_FD int fd = open(launch->program, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, -errno, "%s: %s", launch->program, strerror(errno));
    if (number < 0)
        return take_fd(&fd);
    int rc = raise_limit(number);
    if (rc == 0 && dup3(fd, number, O_CLOEXEC) < 0)
        rc = -errno;
    return rc < 0 ? err_set(err, rc, "descriptor %d: %s", number, strerror(-rc)) : number;
}

int launch_exec(struct launch *launch, struct err *err)
{
    int rc;
    if (launch->request->policy->launch_fd >= 0) {
        rc = process_exec_fd(launch->program_fd, launch->argv, launch->envp);
    } else {
        execve(launch->program, launch->argv, launch->envp);
        rc = -errno;
    }
    return err_set(err, rc, "%s: %s", launch->program, strerror(-rc));
}
