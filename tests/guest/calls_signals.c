#include "calls.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static volatile sig_atomic_t count, last, nested;
static volatile uintptr_t fault_address;
static sigjmp_buf back;

static void note(int signal)
{
    count++;
    last = signal;
}

static void with_info(int signal, siginfo_t *info, void *context)
{
    (void)context;
    last = signal;
    fault_address = (uintptr_t)info->si_addr;
    siglongjmp(back, 1);
}

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

static void sending(void)
{
    sigset_t set, old;
    handle(SIGUSR1, note, 0);
    SHOW(raise(SIGUSR1));
    SHOW(count);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SHOW(sigprocmask(SIG_BLOCK, &set, &old));
    raise(SIGUSR1), raise(SIGUSR1);
    SHOW(count);
    SHOW(sigpending(&set));
    SHOW(sigismember(&set, SIGUSR1));
    SHOW(sigprocmask(SIG_SETMASK, &old, NULL));
    SHOW(count);
    SHOW(sigprocmask(77, &set, NULL));
    SHOW(sigprocmask(SIG_BLOCK, NULL, &set));
    signal(SIGUSR1, SIG_IGN);
    SHOW(raise(SIGUSR1));
    SHOW(count);
    struct sigaction action;
    SHOW(sigaction(SIGUSR1, NULL, &action));
    SHOW(action.sa_handler == SIG_IGN);
    SHOW(sigaction(SIGKILL, &action, NULL));
    SHOW(sigaction(SIGKILL, NULL, &action));
    SHOW(sigaction(65, NULL, &action));
    handle(SIGUSR2, note, (int)SA_RESETHAND);
    raise(SIGUSR2);
    SHOW(sigaction(SIGUSR2, NULL, &action));
    SHOW(action.sa_handler == SIG_DFL);
}

static void show_action(int signal)
{
    struct sigaction a;
    sigaction(signal, NULL, &a);
    printf("%d: %s, flags %#x, blocks SIGHUP: %d\n", signal,
           a.sa_handler == SIG_DFL   ? "default"
           : a.sa_handler == SIG_IGN ? "ignored"
                                     : "handled",
           (unsigned)a.sa_flags & ~0x4000000u, sigismember(&a.sa_mask, SIGHUP));
}

/* A default that ignores a signal takes what is pending away, again and again. */
static void pending_and_ignored(int signal)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < 2; i++) {
        raise(signal);
        sigpending(&set);
        SHOW(sigismember(&set, signal));
        handle(signal, SIG_DFL, 0);
        sigpending(&set);
        SHOW(sigismember(&set, signal));
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* What is remembered of each signal, by the process, its child and its thread. */
static void actions(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_RESTART | SA_NODEFER};
    sigaddset(&action.sa_mask, SIGHUP);
    show_action(SIGUSR1);
    SHOW(sigaction(SIGUSR1, &action, NULL));
    show_action(SIGUSR1);
    action.sa_handler = SIG_IGN;
    SHOW(sigaction(SIGUSR1, &action, NULL));
    action.sa_handler = note;
    action.sa_flags = (int)SA_RESETHAND;
    SHOW(sigaction(SIGUSR2, &action, NULL));
    pid_t pid = fork();
    if (pid == 0) {
        show_action(SIGUSR1), show_action(SIGUSR2);
        raise(SIGUSR2);
        show_action(SIGUSR2);
        handle(SIGUSR2, note, 0), handle(SIGUSR2, SIG_DFL, 0);
        show_action(SIGUSR2);
        fflush(stdout);
        raise(SIGUSR2);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    SHOW(WTERMSIG(status));
    for (int i = 0; i < 2; i++) {
        SHOW(sigaction(SIGUSR2, &action, NULL));
        show_action(SIGUSR2);
        SHOW(raise(SIGUSR2));
        show_action(SIGUSR2);
    }
    SHOW(count);
    pending_and_ignored(SIGCHLD);
    pending_and_ignored(SIGWINCH);
}

static void recurse(int signal)
{
    nested++;
    if (count++ < 3)
        raise(signal);
    if (nested > last)
        last = nested;
    nested--;
}

static void masks_in_handlers(void)
{
    handle(SIGUSR1, recurse, SA_NODEFER);
    raise(SIGUSR1);
    SHOW(last);
    last = count = 0;
    handle(SIGUSR1, recurse, 0);
    raise(SIGUSR1);
    SHOW(last);
    SHOW(count);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    SHOW(sigismember(&now, SIGUSR1));
}

static void faults(void)
{
    struct sigaction action = {.sa_sigaction = with_info, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    for (int i = 0; i < 3; i++)
        if (!sigsetjmp(back, 1))
            *(volatile char *)(uintptr_t)(0x1000 + i) = 1;
        else
            printf("signal %d at %#lx\n", last, (unsigned long)fault_address);
    if (!sigsetjmp(back, 1))
        __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::
                             : "eax", "ecx", "edx", "cc");
    SHOW(last);
    if (!sigsetjmp(back, 1))
        __asm__ volatile("ud2");
    SHOW(last);
    if (!sigsetjmp(back, 1))
        __asm__ volatile("int3");
    SHOW(last);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!sigsetjmp(back, 1))
        *page = 1;
    SHOW(last);
    SHOW(fault_address == (uintptr_t)page);
    for (int signal = 1; signal < 20; signal++) {
        if (signal == SIGCHLD || signal == SIGCONT || signal == SIGSTOP)
            continue;
        pid_t pid = fork();
        if (pid == 0) {
            struct sigaction standard = {.sa_handler = SIG_DFL};
            sigaction(signal, &standard, NULL);
            raise(signal);
            _exit(0);
        }
        int status;
        waitpid(pid, &status, 0);
        printf("signal %d ends with %d\n", signal, WTERMSIG(status));
    }
}

static char stack[65536];

static void on_stack(int signal)
{
    char here;
    last = signal;
    nested = &here >= stack && &here < stack + sizeof stack;
}

static void alternate_stack(void)
{
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack}, now;
    SHOW(sigaltstack(NULL, &now));
    SHOW(now.ss_flags);
    SHOW(sigaltstack(&s, NULL));
    handle(SIGUSR1, on_stack, SA_ONSTACK);
    raise(SIGUSR1);
    SHOW(nested);
    handle(SIGUSR1, on_stack, 0);
    raise(SIGUSR1);
    SHOW(nested);
    s.ss_size = 100;
    SHOW(sigaltstack(&s, NULL));
    s.ss_flags = 77;
    SHOW(sigaltstack(&s, NULL));
    s.ss_flags = SS_DISABLE;
    SHOW(sigaltstack(&s, &now));
    SHOW(now.ss_size);
}

static void interruptions(void)
{
    int p[2];
    char c;
    /* Again and again: a first one may come before the wait does. */
    struct itimerval soon = {.it_value = {0, 30000}, .it_interval = {0, 30000}}, left;
    struct timespec long_enough = {100, 0};
    pipe(p);
    handle(SIGALRM, note, 0);
    SHOW(setitimer(ITIMER_REAL, &soon, NULL));
    SHOW(read(p[0], &c, 1));
    SHOW(nanosleep(&long_enough, NULL));
    SHOW(pause());
    sigset_t none;
    sigemptyset(&none);
    SHOW(sigsuspend(&none));
    handle(SIGALRM, note, SA_RESTART);
    count = 0;
    if (fork() == 0) {
        usleep(100000);
        write(p[1], "x", 1);
        _exit(0);
    }
    SHOW(read(p[0], &c, 1));
    wait(NULL);
    SHOW(count > 0);
    soon.it_interval.tv_usec = 10000;
    count = 0;
    setitimer(ITIMER_REAL, &soon, NULL);
    while (count < 3)
        ;
    SHOW(getitimer(ITIMER_REAL, &left));
    SHOW(left.it_interval.tv_usec);
    soon = (struct itimerval){0};
    SHOW(setitimer(ITIMER_REAL, &soon, NULL));
    SHOW(alarm(10));
    SHOW(alarm(0));
    sigset_t usr;
    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr, NULL);
    struct timespec little = {0, 1000000};
    SHOW(sigtimedwait(&usr, NULL, &little));
    raise(SIGUSR1);
    siginfo_t info;
    SHOW(sigtimedwait(&usr, &info, &little));
    SHOW(info.si_code);
}

static void *blocked(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

static void threads(void)
{
    pthread_t t;
    void *result;
    handle(SIGUSR1, note, 0);
    pthread_create(&t, NULL, blocked, NULL);
    usleep(10000);
    SHOW(pthread_kill(t, SIGUSR1));
    for (int i = 0; i < 1000 && count == 0; i++)
        usleep(10000);
    SHOW(count);
    SHOW(pthread_cancel(t));
    SHOW(pthread_join(t, &result));
    SHOW(result == PTHREAD_CANCELED);
}

static void registers(void)
{
    double a = 1.5, b = 2.25;
    handle(SIGALRM, note, 0);
    struct itimerval often = {{0, 500}, {0, 500}}, never = {0};
    setitimer(ITIMER_REAL, &often, NULL);
    double sum = 0;
    while (count < 50)
        for (int i = 0; i < 1000; i++)
            sum = sum * 0.5 + a * b;
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%.6f\n", sum);
}

const struct theme signal_themes[] = {
    {"sending", sending},
    {"actions", actions},
    {"masks_in_handlers", masks_in_handlers},
    {"faults", faults},
    {"alternate_stack", alternate_stack},
    {"interruptions", interruptions},
    {"signals_and_threads", threads},
    {"registers", registers},
    {NULL, NULL},
};
