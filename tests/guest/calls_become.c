#include "calls.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int ended(void)
{
    int status = -1;
    wait(&status);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void copy_self(const char *to, mode_t mode, uid_t uid, gid_t gid)
{
    char buffer[65536];
    ssize_t size;
    int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0700);
    while ((size = read(in, buffer, sizeof buffer)) > 0)
        write(out, buffer, size);
    SHOW(fchown(out, uid, gid));
    SHOW(fchmod(out, mode));
    close(in), close(out);
}

static void changed_users(void)
{
    copy_self("uid", 04755, 33, 44);
    copy_self("gid", 02755, 33, 44);
    copy_self("both", 06755, 33, 44);
    copy_self("neither", 02745, 33, 44); /* no group execute: no bit */
    static const char *const names[] = {"./uid", "./gid", "./both", "./neither"};
    for (int i = 0; i < 5; i++) {
        const char *name = names[i % 4];
        fflush(stdout);
        if (fork() == 0) {
            setresgid(20, 20, 20);
            setresuid(10, 10, 10);
            if (i == 4)
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            execl(name, "calls", "show_users", NULL);
            _exit(9);
        }
        SHOW(ended());
    }
}

static void show_users(void)
{
    uid_t a, b, c;
    gid_t d, e, f;
    getresuid(&a, &b, &c);
    getresgid(&d, &e, &f);
    printf("%d %d %d, %d %d %d\n", a, b, c, d, e, f);
    SHOW(secure_getenv("PATH") == NULL);
}

static void burn(void)
{
    struct timespec t;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while (t.tv_nsec < 50000000 && t.tv_sec == 0);
}

static void usage(void)
{
    struct rusage r;
    struct tms t;
    int status;
    burn();
    SHOW(getrusage(RUSAGE_SELF, &r));
    SHOW(r.ru_utime.tv_sec * 1000000 + r.ru_utime.tv_usec + r.ru_stime.tv_sec * 1000000 +
             r.ru_stime.tv_usec >=
         40000);
    SHOW(getrusage(RUSAGE_CHILDREN, &r));
    SHOW(r.ru_utime.tv_sec * 1000000 + r.ru_utime.tv_usec);
    if (fork() == 0) {
        if (fork() == 0) {
            burn();
            _exit(0);
        }
        wait(NULL);
        _exit(4);
    }
    SHOW(wait4(-1, &status, 0, &r) > 0);
    SHOW(r.ru_utime.tv_sec * 1000000 + r.ru_utime.tv_usec + r.ru_stime.tv_sec * 1000000 +
             r.ru_stime.tv_usec >=
         40000);
    SHOW(getrusage(RUSAGE_CHILDREN, &r));
    SHOW(r.ru_utime.tv_sec * 1000000 + r.ru_utime.tv_usec + r.ru_stime.tv_sec * 1000000 +
             r.ru_stime.tv_usec >=
         40000);
    SHOW(times(&t) != -1);
    SHOW(t.tms_cutime + t.tms_cstime >= 4);
    SHOW(getrusage(RUSAGE_THREAD, &r));
    SHOW(getrusage(77, &r));
    SHOW(getrusage(RUSAGE_SELF, (void *)8));
}

static void pid_files(void)
{
    siginfo_t info = {0};
    int p[2];
    pipe(p);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        read(p[0], &byte, 1);
        _exit(6);
    }
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    FAILS(fd);
    SHOW(fcntl(fd, F_GETFD));
    struct pollfd f = {fd, POLLIN, 0};
    SHOW(poll(&f, 1, 0));
    SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 77));
    SHOW(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
    SHOW(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
    SHOW(info.si_pid);
    int copy = (int)syscall(SYS_pidfd_getfd, fd, p[1], 0);
    FAILS(copy);
    SHOW(syscall(SYS_pidfd_getfd, fd, 999, 0));
    SHOW(write(copy, "x", 1));
    SHOW(poll(&f, 1, 2000));
    SHOW(f.revents & POLLIN);
    SHOW(waitid(P_PIDFD, fd, &info, WEXITED));
    SHOW(info.si_status);
    SHOW(waitid(P_PIDFD, fd, &info, WEXITED));
    SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    SHOW(waitid(P_PIDFD, 0, &info, WEXITED));
    SHOW(syscall(SYS_pidfd_open, pid, 0));
    SHOW(syscall(SYS_pidfd_open, 0, 0));
    SHOW(syscall(SYS_pidfd_open, getpid(), 12345));
    SHOW(read(fd, &info, 1));
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    SHOW(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    SHOW(ended());
}

static void executing_by_descriptor(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), dir = open(".", O_RDONLY | O_DIRECTORY);
    static char *const argv[] = {"calls", "executed", NULL};
    static char *const none[] = {NULL};
    if (fork() == 0) {
        fexecve(fd, argv, none);
        _exit(9);
    }
    SHOW(ended());
    copy_self("program", 0755, 0, 0);
    if (fork() == 0) {
        syscall(SYS_execveat, dir, "program", argv, none, 0);
        _exit(9);
    }
    SHOW(ended());
    SHOW(syscall(SYS_execveat, dir, "missing", argv, none, 0));
    SHOW(syscall(SYS_execveat, 99, "program", argv, none, 0));
    SHOW(syscall(SYS_execveat, 99, "", argv, none, 0));
    SHOW(syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH | 0x40000000));
    SHOW(syscall(SYS_execveat, dir, "", argv, none, AT_EMPTY_PATH));
    chmod("program", 0644);
    SHOW(syscall(SYS_execveat, dir, "program", argv, none, 0));
}

const struct theme become_themes[] = {
    {"changed_users", changed_users},
    {"show_users", show_users},
    {"usage", usage},
    {"pid_files", pid_files},
    {"executing_by_descriptor", executing_by_descriptor},
    {NULL, NULL},
};
