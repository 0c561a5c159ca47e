/* try: tries one thing and prints what came of it: "ok", a value or the name
 * of an errno. The programs of tests/e2e are confined and run this. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int say(long result)
{
    if (result < 0) {
        printf("%s\n", errno == EPERM    ? "EPERM"
                       : errno == EACCES ? "EACCES"
                       : errno == ENOENT ? "ENOENT"
                       : errno == ENOSYS ? "ENOSYS"
                       : errno == EBADF  ? "EBADF"
                       : errno == EINVAL ? "EINVAL"
                       : errno == EMFILE ? "EMFILE"
                       : errno == ENOMEM ? "ENOMEM"
                       : errno == EFBIG  ? "EFBIG"
                       : errno == EAGAIN ? "EAGAIN"
                                         : strerror(errno));
        return 1;
    }
    puts("ok");
    return 0;
}

static long number(const char *text)
{
    return strtol(text, NULL, 0);
}

static int try_fork(char **args)
{
    (void)args;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return say(pid < 0 ? -1 : waitpid(pid, NULL, 0));
}

static void *idle(void *argument)
{
    return argument;
}

static int try_thread(char **args)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, idle, args);
    return say(errno ? -1 : pthread_join(thread, NULL));
}

/* Needs libgcc_s, which the libc opens only now. */
static void *leave(void *argument)
{
    pthread_exit(argument);
}

static int try_thread_exit(char **args)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, leave, args);
    return say(errno ? -1 : pthread_join(thread, NULL));
}

static int try_exec(char **args)
{
    return say(execve(args[0], args, environ));
}

/* exec-fd FD PATH: what execveat makes of a descriptor and a path. */
static int try_exec_fd(char **args)
{
    return say(syscall(SYS_execveat, (int)number(args[0]), args[1], args, environ, AT_EMPTY_PATH));
}

static int try_open(char **args)
{
    return say(open(args[0], O_RDONLY));
}

static int try_write(char **args)
{
    return say(open(args[0], O_WRONLY));
}

/* dup TO: a descriptor of that number. */
static int try_dup(char **args)
{
    return say(dup2(1, (int)number(args[0])));
}

/* raise: one descriptor more than the hard limit. */
static int try_raise(char **args)
{
    (void)args;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_max++;
    files.rlim_cur = files.rlim_max;
    return say(setrlimit(RLIMIT_NOFILE, &files));
}

static int try_fds(char **args)
{
    (void)args;
    for (int fd = 0; fd < 1 << 16; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%s%d", fd ? " " : "", fd);
    puts("");
    return 0;
}

static int try_limits(char **args)
{
    (void)args;
    struct rlimit l;
    static const struct {
        const char *name;
        int resource;
    } rows[] = {{"core", RLIMIT_CORE},   {"cpu", RLIMIT_CPU},     {"data", RLIMIT_DATA},
                {"fsize", RLIMIT_FSIZE}, {"nproc", RLIMIT_NPROC}, {"nofile", RLIMIT_NOFILE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        getrlimit(rows[i].resource, &l);
        printf("%s=%lld/%lld\n", rows[i].name, (long long)l.rlim_cur, (long long)l.rlim_max);
    }
    return 0;
}

/* memory MIB: as much as that, touched. */
static int try_memory(char **args)
{
    size_t size = (size_t)number(args[0]) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return say(-1);
    memset(memory, 1, size);
    return say(0);
}

/* reserve MIB: address space that is never used. */
static int try_reserve(char **args)
{
    size_t size = (size_t)number(args[0]) << 20;
    return say(mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                             : 0);
}

static int try_spin(char **args)
{
    (void)args;
    for (volatile unsigned turns = 0;;)
        turns = turns + 1;
    return 0;
}

/* fill FILE BYTES: appends so many. */
static int try_fill(char **args)
{
    int fd = open(args[0], O_WRONLY | O_CREAT | O_APPEND, 0644);
    signal(SIGXFSZ, SIG_IGN);
    for (long left = number(args[1]); left > 0; left--)
        if (write(fd, "x", 1) < 0)
            return say(-1);
    return say(fd);
}

static int try_self(char **args)
{
    (void)args;
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    uint32_t data[6] = {0};
    syscall(SYS_capget, &header, data);
    printf("uid=%d capabilities=%x bounding=%d no_new_privs=%d seccomp=%d\n", (int)getuid(),
           data[0] | data[1] | data[2] | data[3] | data[4] | data[5],
           prctl(PR_CAPBSET_READ, 0, 0, 0, 0), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
           prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    return 0;
}

static int try_signal(char **args)
{
    return say(kill((pid_t)number(args[0]), 0));
}

static int try_tiocsti(char **args)
{
    (void)args;
    char byte = 'x';
    return say(ioctl(0, TIOCSTI, &byte));
}

/* Calls of a foreign architecture: getpid as i386 and as x32 knows it. */
static int try_int80(char **args)
{
    (void)args;
#if defined __x86_64__ || defined __i386__
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
    puts(result == getpid() ? "ok" : "wrong");
#endif
    return 0;
}

static int try_x32(char **args)
{
    (void)args;
    return say(syscall(0x40000000 | 39));
}

static int try_args(char **args)
{
    for (; *args; args++)
        printf("%s%s", *args, args[1] ? "|" : "\n");
    return 0;
}

static int try_abort(char **args)
{
    (void)args;
    abort();
}

static const struct {
    const char *name;
    int (*run)(char **args);
} things[] = {
    {"fork", try_fork},       {"thread", try_thread},   {"thread-exit", try_thread_exit},
    {"exec", try_exec},       {"exec-fd", try_exec_fd}, {"open", try_open},
    {"write", try_write},     {"dup", try_dup},         {"raise", try_raise},
    {"fds", try_fds},         {"limits", try_limits},   {"memory", try_memory},
    {"reserve", try_reserve}, {"spin", try_spin},       {"fill", try_fill},
    {"self", try_self},       {"signal", try_signal},   {"tiocsti", try_tiocsti},
    {"int80", try_int80},     {"x32", try_x32},         {"args", try_args},
    {"abort", try_abort},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof things / sizeof things[0]; i++)
        if (strcmp(argv[1], things[i].name) == 0)
            return things[i].run(argv + 2);
    fputs("usage: try THING [ARGUMENT...]\n", stderr);
    return 2;
}
