#include "host/probe.h"

#include "host/child.h"
#include "host/landlock.h"
#include "host/process.h"
#include "host/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `attempt` in a child, for what cannot be undone; its result. */
static int in_child(int (*attempt)(void))
{
    int status;
    pid_t pid = child_clone(0);
    if (pid < 0)
        return pid;
    if (pid == 0)
        _exit(-attempt()); /* errno fits into a status */
    int failed = child_wait(pid, &status);
    if (failed)
        return failed;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int probe_landlock(struct err *err)
{
    int abi = host_landlock_abi();
    if (abi > 0)
        return abi;
    switch (abi) {
    case -ENOSYS:
        return err_set(err, abi,
                       "Landlock is not in this kernel: it takes Linux 5.13, built with it");
    case -EOPNOTSUPP:
        return err_set(err, abi,
                       "Landlock is not enabled: start the kernel with landlock in lsm= (the list "
                       "in force is in /sys/kernel/security/lsm)");
    default:
        return err_set(err, abi, "Landlock is refused here, by a sandbox around this one: %s",
                       strerror(-abi));
    }
}

int probe_filters(struct err *err)
{
    if (!seccomp_has(SECCOMP_RET_ERRNO))
        return err_set(err, -ENOSYS, "seccomp filters are not in this kernel");
    if (!seccomp_has(SECCOMP_RET_KILL_PROCESS))
        return err_set(err, -ENOSYS, "seccomp cannot end a process: it takes Linux 4.14");
    return 0;
}

static int try_listener(void)
{
    struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } allow = {6, 0, 0, SECCOMP_RET_ALLOW};
    int rc = process_no_new_privs();
    if (rc == 0)
        rc = seccomp_load(&allow, 1, true);
    return rc < 0 ? rc : 0;
}

int probe_listener(struct err *err)
{
    int rc = in_child(try_listener);
    if (rc == -EBUSY)
        return err_set(err, rc,
                       "another supervisor watches this process, and there can be one only");
    if (rc == -EPERM)
        return err_set(err, rc, "a sandbox around this one refuses further filters");
    return rc < 0 ? err_set(err, rc, "seccomp's notification: %s", strerror(-rc)) : 0;
}
