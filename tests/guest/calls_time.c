#include "calls.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

static volatile sig_atomic_t count, last, code, value;

static void note(int signal)
{
    count++;
    last = signal;
}

static void note_info(int signal, siginfo_t *info, void *context)
{
    (void)context;
    count++;
    last = signal;
    code = info->si_code;
    value = info->si_value.sival_int;
}

static void handle(int signal, int flags)
{
    struct sigaction action = {.sa_flags = flags};
    if (flags & SA_SIGINFO)
        action.sa_sigaction = note_info;
    else
        action.sa_handler = note;
    sigaction(signal, &action, NULL);
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void timers_as_files(void)
{
    struct itimerspec soon = {{0, 10000000}, {0, 20000000}}, left, never = {0},
                      wrong = {{0, 0}, {0, 1000000000}};
    uint64_t times = 0;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct pollfd p = {fd, POLLIN, 0};
    FAILS(fd);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(read(fd, &times, 8));
    SHOW(poll(&p, 1, 0));
    SHOW(timerfd_gettime(fd, &left));
    SHOW(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    SHOW(timerfd_settime(fd, 0, &soon, &left));
    SHOW(timerfd_gettime(fd, &left));
    SHOW(left.it_interval.tv_nsec);
    SHOW(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 20000000);
    SHOW(poll(&p, 1, 1000));
    SHOW(p.revents);
    SHOW(read(fd, &times, 7));
    SHOW(read(fd, &times, 8));
    SHOW(times >= 1);
    usleep(35000);
    SHOW(read(fd, &times, 100));
    SHOW(times >= 3);
    SHOW(write(fd, &times, 8));
    SHOW(timerfd_settime(fd, 0, &never, NULL));
    SHOW(poll(&p, 1, 20));
    SHOW(timerfd_settime(fd, 0, &wrong, NULL));
    SHOW(timerfd_settime(fd, 77, &soon, NULL));
    SHOW(timerfd_settime(0, 0, &soon, NULL));
    SHOW(timerfd_settime(99, 0, &soon, NULL));
    SHOW(timerfd_settime(fd, 0, (void *)8, NULL));
    SHOW(timerfd_gettime(0, &left));
    SHOW(timerfd_create(CLOCK_MONOTONIC_RAW, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC, 12345));
    SHOW(timerfd_create(77, 0));
}

static void timers_absolute(void)
{
    struct itimerspec at = {0};
    uint64_t times = 0;
    int fd = timerfd_create(CLOCK_REALTIME, 0), copy = dup(fd);
    int64_t start = now();
    clock_gettime(CLOCK_REALTIME, &at.it_value);
    at.it_value.tv_nsec += 30000000;
    if (at.it_value.tv_nsec > 999999999)
        at.it_value.tv_sec++, at.it_value.tv_nsec -= 1000000000;
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL));
    SHOW(read(copy, &times, 8));
    SHOW(times);
    SHOW(now() - start >= 29000000);
    at.it_value.tv_sec = 1; /* long ago */
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL));
    SHOW(read(fd, &times, 8));
    SHOW(times);
    at.it_value.tv_sec = 0, at.it_value.tv_nsec = 20000000;
    SHOW(timerfd_settime(fd, 0, &at, NULL));
    pid_t pid = fork();
    if (pid == 0)
        _exit(read(fd, &times, 8) == 8 ? (int)times : 99);
    int status;
    SHOW(waitpid(pid, &status, 0) == pid);
    SHOW(status);
    struct epoll_event e = {.events = EPOLLIN};
    int ep = epoll_create1(0);
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    SHOW(timerfd_settime(fd, 0, &at, NULL));
    SHOW(epoll_wait(ep, &e, 1, 1000));
    SHOW(e.events);
}

static void signals_as_files(void)
{
    struct signalfd_siginfo info[3];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGRTMIN);
    SHOW(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct pollfd p = {fd, POLLIN, 0};
    FAILS(fd);
    SHOW(read(fd, info, sizeof info));
    SHOW(poll(&p, 1, 0));
    raise(SIGUSR1), raise(SIGUSR1);
    SHOW(poll(&p, 1, 0));
    SHOW(read(fd, info, sizeof info[0] - 1));
    SHOW(read(fd, info, sizeof info));
    SHOW(info[0].ssi_signo);
    SHOW(info[0].ssi_code);
    SHOW(info[0].ssi_pid == (uint32_t)getpid());
    SHOW(read(fd, info, sizeof info));
    for (int i = 0; i < 3; i++)
        SHOW(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i + 5}));
    SHOW(read(fd, info, sizeof info) == 3 * sizeof info[0]);
    for (int i = 0; i < 3; i++)
        printf("%d %d %d\n", info[i].ssi_signo == (uint32_t)SIGRTMIN, info[i].ssi_code,
               info[i].ssi_int);
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    SHOW(poll(&p, 1, 1000));
    SHOW(read(fd, info, sizeof info) == sizeof info[0]);
    printf("%u %d %d %d\n", info[0].ssi_signo, info[0].ssi_code, info[0].ssi_status,
           info[0].ssi_pid == (uint32_t)pid);
    wait(NULL);
    sigdelset(&set, SIGUSR1);
    SHOW(signalfd(fd, &set, 0) == fd);
    raise(SIGUSR1);
    SHOW(read(fd, info, sizeof info));
    SHOW(signalfd(0, &set, 0));
    SHOW(signalfd(99, &set, 0));
    SHOW(signalfd(-1, &set, 12345));
    SHOW(syscall(SYS_signalfd4, -1, &set, 4, 0));
    SHOW(syscall(SYS_signalfd4, -1, (void *)8, 8, 0));
}

static void queued_signals(void)
{
    siginfo_t info;
    struct timespec none = {0, 0};
    sigset_t set, old;
    sigemptyset(&set);
    for (int i = 0; i < 3; i++)
        sigaddset(&set, SIGRTMIN + i);
    sigprocmask(SIG_BLOCK, &set, &old);
    SHOW(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 1}));
    SHOW(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 2}));
    SHOW(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 3}));
    SHOW(kill(getpid(), SIGRTMIN + 2));
    for (int i = 0; i < 5; i++) {
        int signal = sigtimedwait(&set, &info, &none);
        if (signal < 0)
            SHOW(signal);
        else
            printf("%d %d %d\n", signal - SIGRTMIN, info.si_code,
                   signal == SIGRTMIN + 2 ? 0 : info.si_value.sival_int);
    }
    handle(SIGRTMIN, SA_SIGINFO);
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 10});
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 11});
    SHOW(count);
    sigprocmask(SIG_SETMASK, &old, NULL);
    SHOW(count);
    SHOW(value);
    SHOW(code);
    SHOW(sigqueue(getpid(), 99, (union sigval){.sival_int = 1}));
    SHOW(sigqueue(1 << 22, SIGUSR1, (union sigval){.sival_int = 1}));
    SHOW(sigqueue(getpid(), 0, (union sigval){.sival_int = 1}));
    memset(&info, 0, sizeof info);
    info.si_code = SI_USER;
    SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info));
    SHOW(code);
    SHOW(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
    info.si_code = SI_QUEUE;
    SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN, &info));
    SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGRTMIN, &info));
    SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), 1 << 22, SIGRTMIN, &info));
}

static void *wait_for_signal(void *set)
{
    int got = 0;
    sigwait(set, &got);
    return (void *)(intptr_t)got;
}

static void waiting_threads(void)
{
    sigset_t set;
    pthread_t t;
    void *result;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&t, NULL, wait_for_signal, &set);
    usleep(20000);
    SHOW(pthread_kill(t, SIGUSR2));
    SHOW(pthread_join(t, &result));
    SHOW((intptr_t)result);
    pthread_create(&t, NULL, wait_for_signal, &set);
    usleep(20000);
    SHOW(kill(getpid(), SIGUSR2));
    SHOW(pthread_join(t, &result));
    SHOW((intptr_t)result);
}

static volatile int thread_notified;

static void in_thread(union sigval v)
{
    thread_notified = v.sival_int;
}

static void posix_timers(void)
{
    timer_t id, other;
    struct itimerspec soon = {{0, 0}, {0, 10000000}}, often = {{0, 1000000}, {0, 1000000}}, left,
                      never = {0};
    struct sigevent e = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_int = 42}};
    handle(SIGUSR1, SA_SIGINFO);
    SHOW(timer_create(CLOCK_MONOTONIC, &e, &id));
    SHOW(timer_gettime(id, &left));
    SHOW(left.it_value.tv_nsec);
    SHOW(timer_settime(id, 0, &soon, NULL));
    while (!count)
        usleep(1000);
    printf("%d %d %d\n", last, code, value);
    SHOW(timer_getoverrun(id));
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    SHOW(timer_settime(id, 0, &often, &left));
    usleep(30000);
    count = 0;
    sigset_t none;
    sigemptyset(&none);
    SHOW(sigsuspend(&none));
    SHOW(timer_getoverrun(id) > 5);
    SHOW(timer_settime(id, 0, &never, &left));
    SHOW(left.it_interval.tv_nsec);
    e.sigev_notify = SIGEV_NONE;
    SHOW(timer_create(CLOCK_REALTIME, &e, &other));
    SHOW(timer_settime(other, 0, &soon, NULL));
    SHOW(timer_gettime(other, &left));
    SHOW(left.it_value.tv_nsec > 0);
    SHOW(timer_delete(other));
    SHOW(syscall(SYS_timer_delete, 12345));
    SHOW(syscall(SYS_timer_gettime, 12345, &left));
    SHOW(syscall(SYS_timer_getoverrun, 12345));
    SHOW(syscall(SYS_timer_settime, 12345, 0, &soon, NULL));
    SHOW(timer_create(77, &e, &other));
    e.sigev_notify = SIGEV_SIGNAL, e.sigev_signo = 99;
    SHOW(timer_create(CLOCK_MONOTONIC, &e, &other));
    e = (struct sigevent){.sigev_notify = SIGEV_THREAD,
                          .sigev_notify_function = in_thread,
                          .sigev_value = {.sival_int = 9}};
    SHOW(timer_create(CLOCK_MONOTONIC, &e, &other));
    SHOW(timer_settime(other, 0, &soon, NULL));
    while (!thread_notified)
        usleep(1000);
    SHOW(thread_notified);
    SHOW(timer_delete(other));
    if (fork() == 0)
        _exit(syscall(SYS_timer_gettime, 0, &left) == -1 ? errno : 0);
    int status;
    wait(&status);
    SHOW(WEXITSTATUS(status) == EINVAL);
}

static void processor_timers(void)
{
    struct itimerval soon = {.it_value = {0, 20000}}, left;
    struct timespec used;
    handle(SIGVTALRM, 0);
    handle(SIGPROF, 0);
    SHOW(setitimer(ITIMER_VIRTUAL, &soon, NULL));
    usleep(40000);
    SHOW(count);
    SHOW(getitimer(ITIMER_VIRTUAL, &left));
    SHOW(left.it_value.tv_usec > 0);
    while (!count)
        ;
    SHOW(last == SIGVTALRM);
    SHOW(setitimer(ITIMER_PROF, &soon, NULL));
    while (count < 2)
        ;
    SHOW(last == SIGPROF);
    SHOW(getitimer(ITIMER_PROF, &left));
    SHOW(left.it_value.tv_usec);
    SHOW(setitimer(3, &soon, NULL));
    SHOW(getitimer(3, &left));
    clockid_t clock;
    SHOW(clock_getcpuclockid(0, &clock));
    SHOW(clock_gettime(clock, &used));
    SHOW(used.tv_nsec > 0 || used.tv_sec > 0);
    SHOW(clock_getcpuclockid(getpid(), &clock));
    SHOW(clock_gettime(clock, &used));
    SHOW(pthread_getcpuclockid(pthread_self(), &clock));
    SHOW(clock_gettime(clock, &used));
    SHOW(clock_getcpuclockid(1 << 22, &clock));
}

static void interrupted_sleep(void)
{
    struct itimerval often = {{0, 20000}, {0, 20000}}; /* a first one may come too early */
    struct timespec second = {1, 0}, hour = {3600, 0}, rest = {0, 0}, at;
    handle(SIGALRM, 0);
    setitimer(ITIMER_REAL, &often, NULL);
    SHOW(nanosleep(&hour, &rest));
    SHOW(rest.tv_sec > 3500 && rest.tv_sec < 3600);
    SHOW(clock_nanosleep(CLOCK_REALTIME, 0, &hour, &rest) == EINTR);
    SHOW(rest.tv_sec > 3500 && rest.tv_sec < 3600);
    rest.tv_sec = 77;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += 3600;
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, &rest) == EINTR);
    SHOW(rest.tv_sec);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC_COARSE, 0, &second, NULL));
    SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &second, NULL));
    SHOW(clock_nanosleep(99, 0, &second, NULL));
    /* A stop does not make it longer. */
    pid_t pid = fork();
    if (pid == 0) {
        struct timespec some = {0, 100000000};
        int64_t start = now();
        int result = nanosleep(&some, NULL);
        _exit(result == 0 && now() - start >= 100000000 ? 0 : 1);
    }
    usleep(30000);
    kill(pid, SIGSTOP);
    usleep(30000);
    kill(pid, SIGCONT);
    int status;
    SHOW(waitpid(pid, &status, 0) == pid);
    SHOW(status);
    struct timespec resolution;
    SHOW(clock_getres(CLOCK_MONOTONIC, &resolution));
    SHOW(clock_getres(99, &resolution));
    SHOW(clock_gettime(CLOCK_BOOTTIME, &at));
    SHOW(clock_gettime(CLOCK_TAI, &at));
    SHOW(clock_settime(CLOCK_MONOTONIC, &at));
}

static void epolls(void)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u32 = 5};
    struct timespec little = {0, 10000000}, wrong = {0, -1};
    int ep = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e));
    SHOW(syscall(SYS_epoll_pwait2, ep, &e, 1, &little, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait2, ep, &e, 1, &wrong, NULL, 8));
    SHOW(eventfd_write(fd, 1));
    SHOW(syscall(SYS_epoll_pwait2, ep, &e, 1, NULL, NULL, 8));
    SHOW(e.events);
    SHOW(e.data.u32);
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
    e.events = EPOLLIN | EPOLLONESHOT | EPOLLEXCLUSIVE;
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    e.events = EPOLLIN | EPOLLEXCLUSIVE;
    int inner = epoll_create1(0);
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, inner, &e));
}

static pthread_t working;
static volatile int of_others;

static void sample(int signal)
{
    count++;
    of_others += !pthread_equal(pthread_self(), working);
}

static void *work(void *nothing)
{
    working = pthread_self();
    struct itimerval often = {{0, 5000}, {0, 5000}}, never = {0};
    SHOW(setitimer(ITIMER_PROF, &often, NULL));
    while (count < 20)
        ;
    SHOW(setitimer(ITIMER_PROF, &never, NULL));
    return nothing;
}

/* Who works is told, not who waits: the first thread in pthread_join, another in read. */
static void *wait_for_ever(void *fds)
{
    char byte;
    while (read(*(int *)fds, &byte, 1) == -1)
        ;
    return NULL;
}

static void profiled_threads(void)
{
    int fds[2];
    pthread_t reader, worker;
    pipe(fds);
    signal(SIGPROF, sample);
    pthread_create(&reader, NULL, wait_for_ever, fds);
    usleep(20000);
    pthread_create(&worker, NULL, work, NULL);
    pthread_join(worker, NULL);
    SHOW(of_others < count / 4);
    close(fds[1]);
    pthread_join(reader, NULL);
}

const struct theme time_themes[] = {
    {"timers_as_files", timers_as_files},
    {"timers_absolute", timers_absolute},
    {"signals_as_files", signals_as_files},
    {"queued_signals", queued_signals},
    {"waiting_threads", waiting_threads},
    {"posix_timers", posix_timers},
    {"processor_timers", processor_timers},
    {"profiled_threads", profiled_threads},
    {"interrupted_sleep", interrupted_sleep},
    {"epolls", epolls},
    {NULL, NULL},
};
