/* exec: the program is executed exactly once.
 *
 * Without the promise `exec` the filter allows one call: execveat with
 * AT_EMPTY_PATH and the policy's launch_secret as its sixth argument. The
 * kernel reads five, so the number means nothing to it; to the filter it is a
 * password of 64 bits (32 on architectures of 32). The exec wipes memory and
 * registers, the filter cannot be read back without privilege, and a guess
 * costs a system call: the program that was started cannot say it.
 *
 * A secret, because nothing else that a filter sees is used up by an exec: it
 * cannot read a path, and a descriptor that can never exist again does not
 * help, execveat takes no notice of it when the path is absolute. s390x alone
 * leaves registers as they were, and a static program could look there; then
 * Landlock's right to execute, which covers the program and its loader, is
 * what still holds.
 *
 * With `exec` the program is executed by its path, as a shell would. */
#include "enforce/enforce.h"

#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int launch_open(const struct launch *launch, struct err *err)
{
    int fd = open(launch->program, O_PATH | O_CLOEXEC);
    return fd >= 0 ? fd : err_set(err, -errno, "%s: %s", launch->program, strerror(errno));
}

int launch_exec(struct launch *launch, struct err *err)
{
    uint64_t secret = launch->request->policy->launch_secret;
    int rc;
    if (secret) {
        rc = process_exec_fd(launch->program_fd, launch->argv, launch->envp, secret);
    } else {
        execve(launch->program, launch->argv, launch->envp);
        rc = -errno;
    }
    return err_set(err, rc, "%s: %s", launch->program, strerror(-rc));
}
