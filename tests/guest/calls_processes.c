#include "calls.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

static int ended(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid ? status : -2;
}

static void children(void)
{
    int status = 0;
    siginfo_t info;
    SHOW(waitpid(-1, &status, 0));
    SHOW(waitpid(-1, &status, WNOHANG));
    SHOW(waitpid(-1, &status, 12345678));
    pid_t pid = fork();
    if (pid == 0)
        _exit(300);
    SHOW(ended(pid));
    SHOW(waitpid(pid, &status, 0));
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    SHOW(waitpid(pid, &status, WNOHANG));
    SHOW(kill(pid, 0));
    SHOW(kill(pid, SIGSTOP));
    SHOW(waitpid(pid, &status, WUNTRACED) == pid);
    SHOW(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    SHOW(kill(pid, SIGCONT));
    SHOW(waitpid(pid, &status, WCONTINUED) == pid);
    SHOW(WIFCONTINUED(status));
    SHOW(kill(pid, SIGTERM));
    SHOW(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    SHOW(info.si_code);
    SHOW(info.si_status);
    SHOW(ended(pid));
    SHOW(kill(pid, 0));
    SHOW(kill(1 << 22, 0));
    SHOW(kill(getpid(), 99));
    SHOW(waitid(P_ALL, 0, &info, 0));
    signal(SIGCHLD, SIG_IGN);
    pid = fork();
    if (pid == 0)
        _exit(1);
    SHOW(waitpid(pid, &status, 0));
}

static void orphans(void)
{
    int p[2];
    char c = 0;
    pipe(p);
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            usleep(50000);
            c = getppid() != 0 || 1;
            write(p[1], &c, 1);
            _exit(0);
        }
        _exit(0);
    }
    SHOW(ended(pid));
    close(p[1]);
    SHOW(read(p[0], &c, 1));
    SHOW(read(p[0], &c, 1));
}

static void groups(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        SHOW(setsid() == getpid());
        SHOW(setsid());
        SHOW(getsid(0) == getpid());
        SHOW(getpgrp() == getpid());
        SHOW(setpgid(0, 0));
        pid_t child = fork();
        if (child == 0) {
            pause();
            _exit(0);
        }
        SHOW(setpgid(child, child));
        SHOW(getpgid(child) == child);
        SHOW(setpgid(child, 1 << 22));
        SHOW(setpgid(child, -1));
        SHOW(kill(-child, SIGKILL));
        SHOW(ended(child));
        SHOW(kill(-child, 0));
        _exit(0);
    }
    SHOW(ended(pid));
    SHOW(getpgid(1 << 22));
    SHOW(getsid(1 << 22));
}

extern char **environ;

static void executing(void)
{
    char *argv[] = {"x", NULL};
    int fd = open("text", O_WRONLY | O_CREAT, 0755);
    write(fd, "no program\n", 11);
    close(fd);
    SHOW(execve("absent", argv, environ));
    SHOW(execve(".", argv, environ));
    SHOW(execve("text", argv, environ));
    SHOW(execve("text/x", argv, environ));
    SHOW(execve("", argv, environ));
    chmod("text", 0644);
    SHOW(execve("text", argv, environ));
    fd = open("script", O_WRONLY | O_CREAT, 0755);
    write(fd, "#!absent/interpreter\n", 21);
    close(fd);
    SHOW(execve("script", argv, environ));
    pid_t pid = vfork();
    if (pid == 0) {
        execve("absent", argv, environ);
        _exit(17);
    }
    SHOW(ended(pid));
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    self[size < 0 ? 0 : size] = '\0';
    pid = fork();
    if (pid == 0) {
        fcntl(open("text", O_RDONLY), F_SETFD, FD_CLOEXEC);
        execl(self, "again", "executed", NULL);
        _exit(18);
    }
    SHOW(ended(pid));
}

static void executed(void)
{
    SHOW(fcntl(3, F_GETFD));
    SHOW(getenv("PATH") != NULL);
    char line[64] = "";
    ssize_t n = read(open("/proc/self/cmdline", O_RDONLY), line, sizeof line);
    SHOW(n);
    puts(line);
    puts(line + strlen(line) + 1);
    char name[16];
    SHOW(prctl(PR_SET_NAME, "a-rather-long-name-of-a-thread"));
    SHOW(prctl(PR_GET_NAME, name));
    puts(name);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;
static __thread int local = 5;

static void *count(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        turn++;
        pthread_mutex_unlock(&mutex);
    }
    local += (int)(intptr_t)arg;
    return (void *)(intptr_t)local;
}

static void *wait_for_turn(void *arg)
{
    pthread_mutex_lock(&mutex);
    while (turn != 77)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void threads(void)
{
    pthread_t t[20];
    void *result;
    long sum = 0;
    for (int i = 0; i < 20; i++)
        SHOW(pthread_create(&t[i], NULL, count, (void *)(intptr_t)i));
    for (int i = 0; i < 20; i++) {
        pthread_join(t[i], &result);
        sum += (intptr_t)result;
    }
    SHOW(turn);
    SHOW(sum);
    SHOW(local);
    turn = 0;
    for (int i = 0; i < 5; i++)
        pthread_create(&t[i], NULL, wait_for_turn, NULL);
    usleep(10000);
    pthread_mutex_lock(&mutex);
    turn = 77;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 5; i++)
        SHOW(pthread_join(t[i], NULL));
    for (int i = 0; i < 300; i++) {
        pthread_create(&t[0], NULL, wait_for_turn, NULL);
        pthread_join(t[0], NULL);
    }
    pthread_mutex_lock(&mutex);
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 1000000;
    if (soon.tv_nsec > 999999999)
        soon.tv_sec++, soon.tv_nsec -= 1000000000;
    SHOW(pthread_cond_timedwait(&condition, &mutex, &soon) == ETIMEDOUT);
}

static void *exec_from_thread(void *self)
{
    execl(self, "again", "executed", NULL);
    return NULL;
}

static void thread_exec(void)
{
    static char self[4096];
    pthread_t t;
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return;
    turn = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&t, NULL, wait_for_turn, NULL);
    pthread_create(&t, NULL, exec_from_thread, self);
    for (;;)
        pause();
}

static void shared_memory(void)
{
    pthread_mutexattr_t shared;
    struct {
        pthread_mutex_t mutex;
        long count;
    } *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&m->mutex, &shared);
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            for (int j = 0; j < 1000; j++) {
                pthread_mutex_lock(&m->mutex);
                m->count++;
                pthread_mutex_unlock(&m->mutex);
            }
            _exit(0);
        }
    for (int i = 0; i < 4; i++)
        SHOW(wait(NULL) > 0);
    SHOW(m->count);
    int fd = shm_open("/vow-guest", O_RDWR | O_CREAT, 0600);
    SHOW(ftruncate(fd, 8192));
    char *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fork() == 0) {
        strcpy(a + 5000, "through shm");
        _exit(0);
    }
    wait(NULL);
    puts(a + 5000);
    char buffer[8] = "";
    SHOW(pread(fd, buffer, 7, 5000));
    puts(buffer);
    SHOW(shm_unlink("/vow-guest"));
    SHOW(shm_unlink("/vow-guest"));
}

static void limits(void)
{
    struct rlimit l;
    struct utsname name;
    SHOW(getrlimit(RLIMIT_NOFILE, &l));
    l.rlim_cur = 10;
    SHOW(setrlimit(RLIMIT_NOFILE, &l));
    SHOW(dup2(0, 10));
    SHOW(dup2(0, 9));
    SHOW(getrlimit(99, &l));
    l.rlim_cur = l.rlim_max + 1;
    SHOW(setrlimit(RLIMIT_NOFILE, &l));
    SHOW(uname(&name));
    puts(name.sysname), puts(name.machine);
    SHOW(uname((void *)8));
    SHOW(sched_yield());
    SHOW(prctl(12345));
    cpu_set_t set;
    SHOW(sched_getaffinity(0, sizeof set, &set));
}

static void clocks(void)
{
    struct timespec a, b, none = {0, 0}, wrong = {0, 1000000000}, some = {0, 20000000};
    SHOW(clock_gettime(CLOCK_MONOTONIC, &a));
    SHOW(nanosleep(&some, NULL));
    SHOW(clock_gettime(CLOCK_MONOTONIC, &b));
    SHOW((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 20000000);
    SHOW(nanosleep(&none, NULL));
    SHOW(nanosleep(&wrong, NULL));
    SHOW(nanosleep((void *)8, NULL));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL));
    SHOW(clock_gettime(77, &a));
    SHOW(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a));
    SHOW(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a));
    SHOW(clock_getres(CLOCK_REALTIME, &a));
    SHOW(time(NULL) > 1700000000);
}

const struct theme process_themes[] = {
    {"children", children},
    {"orphans", orphans},
    {"groups", groups},
    {"executing", executing},
    {"executed", executed},
    {"threads", threads},
    {"thread_exec", thread_exec},
    {"shared_memory", shared_memory},
    {"limits", limits},
    {"clocks", clocks},
    {NULL, NULL},
};
