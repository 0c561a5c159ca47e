/* exec: the program is executed exactly once.
 *
 * Without the promise `exec` the filter allows one call: execveat with the
 * policy's launch_secret as its sixth argument. The kernel reads five, so the
 * number means nothing to it; to the filter it is a password of 64 bits (32 on
 * architectures of 32). The exec wipes memory and registers, the filter cannot
 * be read back without privilege, and a guess costs a system call: the program
 * that was started cannot say it.
 *
 * A secret, because nothing else that a filter sees is used up by an exec: it
 * cannot read a path, and a descriptor that can never exist again does not
 * help, execveat takes no notice of it when the path is absolute. s390x alone
 * leaves registers as they were, and a static program could look there; then
 * Landlock's right to execute, which covers the program and its loader, is
 * what still holds.
 *
 * With `exec` any call does. */
#include "enforce/enforce.h"

#include "host/process.h"

#include <string.h>

int launch_exec(struct launch *launch, struct err *err)
{
    int rc = process_exec(launch->program, launch->argv, launch->envp,
                          launch->request->policy->launch_secret);
    return err_set(err, rc, "%s: %s", launch->program, strerror(-rc));
}
