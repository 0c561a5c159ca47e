/* proc: other processes; and what it is to be one. */
#include "conform.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* child: starts one by fork, waits. */
static long child(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, &status, 0) == pid ? OK(status == 0) : -1;
}

static long raw_child(long (*start)(void))
{
    int status;
    pid_t pid = (pid_t)start();
    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, &status, 0) == pid ? OK(status == 0) : -1;
}

static long plain_clone(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long user_namespace(void)
{
    return syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0);
}

static long killed_child(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    if (pid < 0 || kill(pid, SIGTERM) != 0)
        return -1;
    return waitpid(pid, &status, 0) == pid ? OK(WIFSIGNALED(status)) : -1;
}

GRANTS("proc", "stdio", "fork(2)", "pledge.2 proc", child());
GRANTS("proc", "stdio", "clone(2) of a process", "pledge.2 proc", raw_child(plain_clone));
GRANTS("proc", "stdio", "setpgid(2)", "pledge.2 proc", setpgid(0, 0));
GRANTS("proc", "stdio", "setsid(2)", "pledge.2 proc", setsid());
GRANTS("proc", "stdio", "getpriority(2)", "pledge.2 proc",
       OK(getpriority(PRIO_PROCESS, 0) != -1 || errno == 0));
GRANTS("proc", "stdio", "setpriority(2)", "pledge.2 proc", setpriority(PRIO_PROCESS, 0, 19));
ALSO_GRANTS("id", "proc", "stdio", "setpriority(2), by id", "pledge.2 id",
            setpriority(PRIO_PROCESS, 0, 19));
GRANTS("proc", "stdio", "setrlimit(2)", "pledge.2 proc",
       setrlimit(RLIMIT_CPU, &(struct rlimit){100, 200}));
ALSO_GRANTS("id", "proc", "stdio", "setrlimit(2), by id", "pledge.2 id",
            setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, 1 << 22}));
ALLOWS("stdio proc", "a child may be killed", "pledge.2 proc", killed_child());
GRANTS("proc", "stdio", "another process's group may be signalled", "kern_pledge.c pledge_kill",
       OK(kill(-getpgrp(), 0) == 0));

/* Others. OpenBSD sees that the number is not the caller's own. */

/* Others. OpenBSD sees that the number is not the caller's own. */
FAILS(EPERM, "stdio", "another process cannot be signalled", "kern_pledge.c pledge_kill",
      kill(getppid(), 0), .needs = "landlock-6: scopes of signals",
      .openbsd = "it is a violation, and ends the process",
      .because = "a filter does not know the process's number; Landlock refuses the signal");
FAILS(EPERM, "stdio", "another thread group cannot be signalled by tgkill(2)",
      "kern_pledge.c pledge_kill", syscall(SYS_tgkill, getppid(), getppid(), 0),
      .needs = "landlock-6: scopes of signals");

GRANTS("proc", "stdio", "fcntl(2) F_SETOWN", "kern_pledge.c pledge_fcntl",
       fcntl(scene.pair[0], F_SETOWN, getpid()));

/* What no promise has. Where OpenBSD has no such call there is nothing to
 * compare; here it must not be a way out. */
DIES("stdio rpath wpath cpath proc exec id", "a child in a new user namespace is a violation",
     "vow", raw_child(user_namespace));
DIES("stdio rpath proc exec id", "ptrace(2) is a violation", "kern_pledge.c pledge_syscalls",
     OK(syscall(SYS_ptrace, 0xffff, 0, 0, 0) == -1 && errno != ENOSYS));
DIES("stdio rpath proc exec id", "unshare(2) is a violation", "vow",
     syscall(SYS_unshare, CLONE_FILES));
DIES("stdio rpath proc exec id", "chroot(2) is a violation", "kern_pledge.c pledge_syscalls",
     chroot("."), .needs = "root: may change the root");
