/* Other processes of the same user: reading, writing, signalling them. */
#include "escape.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDE "stdio rpath wpath cpath proc exec ps tty id"

static pid_t sleeping_child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

static int end_child(pid_t pid, int failed)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return failed;
}

static int trace(const struct scene *s)
{
    int failed = TRY(ptrace(PTRACE_SEIZE, s->outsider, NULL, NULL));
    return failed ? failed : TRY(ptrace(PTRACE_INTERRUPT, s->outsider, NULL, NULL));
}

static int be_traced(UNUSED const struct scene *s)
{
    return TRY(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int own_child(UNUSED const struct scene *s)
{
    pid_t pid = sleeping_child();
    return pid < 0 ? errno : end_child(pid, TRY(kill(pid, 0)));
}

static int write_memory(const struct scene *s)
{
    int value = 1;
    struct iovec from = {&value, sizeof value}, to = {(void *)s->address, sizeof value};
    return TRY(process_vm_writev(s->outsider, &from, 1, &to, 1, 0));
}

static int read_memory(const struct scene *s)
{
    int value = 1;
    struct iovec to = {&value, sizeof value}, from = {(void *)s->address, sizeof value};
    return TRY(process_vm_readv(s->outsider, &to, 1, &from, 1, 0));
}

static int open_of(pid_t pid, const char *name, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    CLEAN_FD int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static int memory_by_proc(const struct scene *s)
{
    return open_of(s->outsider, "mem", O_RDWR);
}

static int environment_by_proc(const struct scene *s)
{
    return open_of(s->outsider, "environ", O_RDONLY);
}

static int environment_of_the_parent(UNUSED const struct scene *s)
{
    return open_of(getppid(), "environ", O_RDONLY);
}

static int files_by_proc(const struct scene *s)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/root%s/outside/secret", (int)s->outsider, s->dir);
    return escape_read(path);
}

static int directory_by_proc(const struct scene *s)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/cwd/outside/secret", (int)s->outsider);
    return escape_read(path);
}

static int descriptors_by_proc(const struct scene *s)
{
    return open_of(s->outsider, "fd/3", O_RDONLY);
}

static int command_line_by_proc(const struct scene *s)
{
    return open_of(s->outsider, "cmdline", O_RDONLY);
}

static int take_descriptor(const struct scene *s)
{
    CLEAN_FD int process = (int)syscall(SYS_pidfd_open, s->outsider, 0);
    return process < 0 ? errno : RAW(SYS_pidfd_getfd, process, 3, 0);
}

static int signal_it(const struct scene *s)
{
    return TRY(kill(s->outsider, 0));
}

static int signal_the_parent(UNUSED const struct scene *s)
{
    return TRY(kill(getppid(), 0));
}

static int signal_its_thread(const struct scene *s)
{
    return RAW(SYS_tgkill, s->outsider, s->outsider, 0);
}

static int signal_by_tkill(const struct scene *s)
{
    return RAW(SYS_tkill, s->outsider, 0);
}

static int signal_with_value(const struct scene *s)
{
    return TRY(sigqueue(s->outsider, 0, (union sigval){.sival_int = 0}));
}

static int signal_by_descriptor(const struct scene *s)
{
    CLEAN_FD int process = (int)syscall(SYS_pidfd_open, s->outsider, 0);
    return process < 0 ? errno : RAW(SYS_pidfd_send_signal, process, 0, NULL, 0);
}

static int signal_its_group(const struct scene *s)
{
    return TRY(kill(-s->outsider, 0));
}

static int signal_itself(UNUSED const struct scene *s)
{
    return TRY(raise(SIGCONT)) || TRY(kill(getpid(), 0));
}

/* A descriptor that is ready signals its owner. */
static int signal_by_owner(const struct scene *s)
{
    int ends[2];
    if (pipe(ends) < 0)
        return errno;
    int failed = TRY(fcntl(ends[0], F_SETOWN, s->outsider));
    return failed ? failed : TRY(fcntl(ends[0], F_SETSIG, SIGCONT));
}

static int limit_it(const struct scene *s)
{
    struct rlimit limit;
    int failed = TRY(prlimit(s->outsider, RLIMIT_CORE, NULL, &limit));
    return failed ? failed : TRY(prlimit(s->outsider, RLIMIT_CORE, &limit, NULL));
}

static int limit_itself(UNUSED const struct scene *s)
{
    struct rlimit limit;
    int failed = TRY(prlimit(0, RLIMIT_CORE, NULL, &limit));
    return failed ? failed : TRY(prlimit(0, RLIMIT_CORE, &limit, NULL));
}

static int new_process(const struct scene *s)
{
    (void)s;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? errno : TRY(waitpid(pid, NULL, 0));
}

/* Slower than it is: a nice run of the tests cannot set any other priority. */
static int slower(int whom)
{
    return TRY(setpriority(whom, 0, getpriority(PRIO_PROCESS, 0) + 1));
}

static int slow_all(UNUSED const struct scene *s)
{
    int failed = slower(PRIO_USER);
    return failed ? failed : RAW(SYS_ioprio_set, 3, getuid(), 3 << 13);
}

static int slow_itself(UNUSED const struct scene *s)
{
    int failed = slower(PRIO_PROCESS);
    return failed ? failed : RAW(SYS_ioprio_set, 1, 0, 3 << 13);
}

const struct escape escapes_processes[] = {
    {"fork", "stdio rpath", NULL, {EPERM}, new_process, new_process, .twin_promises = "stdio proc"},
    {"trace_an_outsider", WIDE, NULL, {EPERM}, trace, own_child},
    {"ask_to_be_traced", WIDE, NULL, {EPERM}, be_traced, own_child},
    {"write_to_an_outsider", WIDE, NULL, {EPERM}, write_memory, own_child},
    {"read_an_outsider", WIDE, NULL, {EPERM}, read_memory, own_child},
    {"memory_by_proc", WIDE, NULL, {EACCES, EROFS, EPERM}, memory_by_proc, command_line_by_proc},
    {"environment_by_proc", WIDE, NULL, {EACCES, EPERM}, environment_by_proc, command_line_by_proc},
    {"environment_of_the_parent",
     WIDE,
     NULL,
     {EACCES, EPERM},
     environment_of_the_parent,
     command_line_by_proc},
    {"root_of_an_outsider", WIDE, NULL, {EACCES, EPERM}, files_by_proc, command_line_by_proc},
    {"cwd_of_an_outsider", WIDE, NULL, {EACCES, EPERM}, directory_by_proc, command_line_by_proc},
    {"descriptor_by_proc", WIDE, NULL, {EACCES, EPERM}, descriptors_by_proc, command_line_by_proc},
    {"other_processes_without_ps",
     "stdio rpath proc",
     NULL,
     {EACCES, EPERM},
     command_line_by_proc,
     command_line_by_proc,
     .twin_promises = WIDE},
    {"pidfd_getfd", WIDE, NULL, {ENOSYS}, take_descriptor, own_child},
    {"signal", WIDE, NULL, {EPERM}, signal_it, own_child},
    {"signal_under_stdio", "stdio", NULL, {EPERM}, signal_it, signal_itself},
    {"signal_to_the_parent", WIDE, NULL, {EPERM}, signal_the_parent, own_child},
    {"signal_to_a_thread", WIDE, NULL, {EPERM}, signal_its_thread, own_child},
    {"signal_by_tkill", WIDE, NULL, {EPERM}, signal_by_tkill, own_child},
    {"signal_with_value", WIDE, NULL, {EPERM}, signal_with_value, own_child},
    {"signal_by_pidfd", WIDE, NULL, {EPERM}, signal_by_descriptor, own_child},
    {"signal_to_a_group", WIDE, NULL, {EPERM}, signal_its_group, own_child},
    {"signal_by_owner_under_stdio", "stdio", NULL, {EPERM}, signal_by_owner, signal_itself},
    {"limits_of_an_outsider", WIDE, NULL, {EPERM}, limit_it, limit_itself},
    {"slow_all_of_the_user", WIDE, NULL, {EPERM}, slow_all, slow_itself, .who = USER_ONLY},
    {0},
};
