#include "calls.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* In a child, so that what it gives up is here afterwards. */
static void in_child(void (*body)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    SHOW(waitpid(pid, &status, 0) == pid && status == 0);
}

/* What one member of a group may do, and who is none may not. */
static void members(void)
{
    gid_t groups[8] = {7, 9, 11};
    struct stat st;
    SHOW(setgroups(3, groups));
    SHOW(getgroups(0, NULL));
    SHOW(getgroups(2, groups));
    SHOW(getgroups(8, groups));
    SHOW(groups[0] + groups[1] * 100 + groups[2] * 10000);
    SHOW(getgroups(8, (void *)8));
    SHOW(getgroups(-1, groups));
    SHOW(syscall(SYS_setgroups, 3, 8L));
    SHOW(syscall(SYS_setgroups, 70000, groups));
    SHOW(setresgid(5, 5, 5));
    SHOW(setresuid(5, 5, 5));
    SHOW(close(open("shared/mine", O_CREAT | O_WRONLY, 0600)));
    FAILS(open("others/mine", O_CREAT | O_WRONLY, 0600));
    SHOW(access("shared", R_OK | W_OK | X_OK));
    SHOW(access("others", R_OK));
    SHOW(stat("shared/mine", &st));
    SHOW(stat("others/mine", &st));
    SHOW(chown("shared/mine", (uid_t)-1, 9));
    SHOW(chown("shared/mine", (uid_t)-1, 13));
    SHOW(setgroups(0, NULL));
    SHOW(setuid(0));
}

static void member(void)
{
    SHOW(mkdir("shared", 0700));
    SHOW(chown("shared", 0, 7));
    SHOW(chmod("shared", 0070));
    SHOW(mkdir("others", 0700));
    SHOW(chown("others", 0, 13));
    SHOW(chmod("others", 0070));
    SHOW(chmod(".", 0755));
    in_child(members);
}

static struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
static struct __user_cap_data_struct sets[2];

static long get(void)
{
    header.version = _LINUX_CAPABILITY_VERSION_3;
    memset(sets, 0x55, sizeof sets);
    return syscall(SYS_capget, &header, sets);
}

static void give_up(void)
{
    struct stat st;
    SHOW(get());
    sets[0].effective = sets[1].effective = 0;
    SHOW(syscall(SYS_capset, &header, sets));
    FAILS(setgroups(0, NULL));
    FAILS(open("closed/file", O_CREAT | O_WRONLY, 0600));
    SHOW(access("closed/file", F_OK));
    SHOW(stat("closed/file", &st));
    sets[0].effective = sets[0].permitted;
    SHOW(syscall(SYS_capset, &header, sets));
    SHOW(close(open("closed/file", O_CREAT | O_WRONLY, 0600)));
    sets[0].effective = sets[0].permitted = 0;
    SHOW(syscall(SYS_capset, &header, sets));
    sets[0].permitted = 2;
    SHOW(syscall(SYS_capset, &header, sets));
    header.version = 1;
    SHOW(syscall(SYS_capget, &header, sets));
    SHOW(header.version == _LINUX_CAPABILITY_VERSION_3);
    header.version = 1;
    SHOW(syscall(SYS_capget, &header, NULL));
    SHOW(syscall(SYS_capget, 8L, sets));
    header.version = _LINUX_CAPABILITY_VERSION_3;
    SHOW(syscall(SYS_capget, &header, 8L));
    header.pid = 1 << 22;
    SHOW(syscall(SYS_capget, &header, sets));
}

/* Leaving root loses them, but for the permitted ones of who keeps them. */
static void leave_root(void)
{
    SHOW(prctl(PR_GET_KEEPCAPS));
    SHOW(setresuid(0, 5, 0));
    SHOW(get());
    SHOW(sets[0].effective == 0 && sets[0].permitted != 0);
    SHOW(setresuid(0, 0, 0));
    SHOW(get());
    SHOW(sets[0].effective == sets[0].permitted);
    SHOW(prctl(PR_SET_KEEPCAPS, 2));
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(setresuid(5, 5, 5));
    SHOW(get());
    SHOW(sets[0].effective == 0 && sets[0].permitted != 0);
    SHOW(setuid(0));
    SHOW(prctl(PR_CAPBSET_READ, 1));
    SHOW(prctl(PR_CAPBSET_READ, 99));
    SHOW(prctl(PR_CAPBSET_DROP, 1));
}

static void leave_all(void)
{
    SHOW(setresuid(5, 5, 5));
    SHOW(get());
    SHOW(sets[0].effective | sets[0].permitted | sets[1].permitted);
}

static void capabilities(void)
{
    SHOW(mkdir("closed", 0700));
    SHOW(chown("closed", 5, 5));
    in_child(give_up);
    in_child(leave_root);
    in_child(leave_all);
}

static void nicer(void)
{
    SHOW(setpgid(0, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 5));
    SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 99));
    SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PGRP, 0, 3) == 0);
    SHOW(setpriority(3, 0, 3));
    SHOW(setpriority(PRIO_PROCESS, 1 << 22, 3));
    SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 1 << 22));
    SHOW(syscall(SYS_getpriority, 9, 0));
    SHOW(setresuid(5, 5, 5));
    SHOW(setpriority(PRIO_PROCESS, 0, 1));
    SHOW(setpriority(PRIO_PROCESS, 0, 9));
}

static void scheduled(void)
{
    struct sched_param p = {0}, one = {1};
    SHOW(sched_getscheduler(0));
    SHOW(sched_getparam(0, &p));
    SHOW(p.sched_priority);
    SHOW(sched_setscheduler(0, SCHED_BATCH, &p));
    SHOW(sched_getscheduler(0));
    SHOW(sched_setscheduler(0, SCHED_OTHER, &one));
    SHOW(sched_setscheduler(0, 77, &p));
    SHOW(sched_setscheduler(-1, SCHED_OTHER, &p));
    SHOW(sched_setscheduler(1 << 22, SCHED_OTHER, &p));
    SHOW(sched_setparam(0, &one));
    SHOW(sched_setparam(0, &p));
    SHOW(sched_getscheduler(1 << 22));
    SHOW(sched_getscheduler(-1));
    SHOW(syscall(SYS_sched_getparam, 0, NULL));
    SHOW(sched_get_priority_max(SCHED_FIFO));
    SHOW(sched_get_priority_min(SCHED_RR));
    SHOW(sched_get_priority_max(SCHED_OTHER));
    SHOW(sched_get_priority_max(77));
    SHOW(setresuid(5, 5, 5));
    SHOW(sched_setscheduler(0, SCHED_FIFO, &one));
}

static void placed(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    CPU_ZERO(&set);
    SHOW(sched_getaffinity(0, sizeof set, &set));
    SHOW(CPU_COUNT(&set));
    SHOW(CPU_ISSET(0, &set));
    CPU_ZERO(&set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    SHOW(sched_setaffinity(1 << 22, sizeof set, &set));
    SHOW(syscall(SYS_sched_getaffinity, 0, 1, &set));
    SHOW(syscall(SYS_sched_getaffinity, 0, sizeof set, 8L));
}

static void scheduler(void)
{
    in_child(nicer);
    in_child(scheduled);
    in_child(placed);
}

static volatile int told;

static void on_signal(int signal)
{
    told = signal;
}

/* The grandchild is told when its parent ends. */
static void bereaved(void)
{
    int pipes[2], value = -1;
    char byte = 'k';
    SHOW(prctl(PR_SET_PDEATHSIG, 99));
    SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    SHOW(prctl(PR_GET_PDEATHSIG, &value));
    SHOW(value);
    SHOW(prctl(PR_GET_PDEATHSIG, 8L));
    SHOW(pipe(pipes));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_GET_PDEATHSIG, &value);
        int ready[2];
        if (pipe(ready) != 0 || fork() == 0) {
            sigset_t none, usr1;
            sigemptyset(&none);
            sigemptyset(&usr1);
            sigaddset(&usr1, SIGUSR1);
            sigprocmask(SIG_BLOCK, &usr1, NULL);
            signal(SIGUSR1, on_signal);
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            write(ready[1], &byte, 1);
            while (!told)
                sigsuspend(&none);
            write(pipes[1], &byte, 1);
            _exit(0);
        }
        read(ready[0], &byte, 1);
        _exit(value);
    }
    SHOW(waitpid(pid, &value, 0) == pid);
    SHOW(value); /* a child does not inherit it */
    SHOW(read(pipes[0], &byte, 1));
    SHOW(byte);
}

const struct theme identity_themes[] = {
    {"member", member},
    {"capabilities", capabilities},
    {"scheduler", scheduler},
    {"bereaved", bereaved},
    {NULL, NULL},
};
