/* Threads: the promises are the process's. Every row of the table runs once in
 * a thread that another one bound; what stands here is about threads alone. */
#include "conform.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* in_thread: what a function gives in a thread of its own. */
static void *call(void *function)
{
    return (void *)((long (*)(void))function)();
}

static long in_thread(long (*function)(void))
{
    pthread_t thread;
    void *result = (void *)-1;
    if (pthread_create(&thread, NULL, call, (void *)function) != 0 ||
        pthread_join(thread, &result) != 0)
        return -1;
    return (long)result;
}

static long nothing(void)
{
    return 0;
}

static long makes_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long opens_file(void)
{
    return open("file", O_RDONLY);
}

static long narrows(void)
{
    return pledge("stdio", NULL);
}

ALLOWS("stdio", "a thread may be started", "pledge.2 stdio", in_thread(nothing));
GRANTS("inet", "stdio", "a thread that is started later is held, too", "kern_pledge.c ps_pledge",
       in_thread(makes_socket));
GRANTS("rpath", "stdio", "a violation of a thread ends the process", "kern_pledge.c pledge_fail",
       (in_thread(opens_file), 0));
DIES("stdio rpath", "a thread narrows the promises of all", "kern_pledge.c ps_pledge",
     in_thread(narrows) == 0 ? opens_file() : 0, .twin = opens_file);

/* Cancelling sends a signal and unwinds the stack. */
static void *waits(void *ready)
{
    sem_post(ready);
    for (;;)
        pause();
    return NULL;
}

static long cancels(void)
{
    pthread_t thread;
    sem_t ready;
    void *result = NULL;
    if (sem_init(&ready, 0, 0) != 0 || pthread_create(&thread, NULL, waits, &ready) != 0)
        return -1;
    sem_wait(&ready);
    return OK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 &&
              result == PTHREAD_CANCELED);
}

static long cancels_prepared(void)
{
    dlopen("libgcc_s.so.1", RTLD_NOW);
    return pledge("stdio", NULL) == 0 ? cancels() : -1;
}

ALLOWS(
    NULL,
    "pthread_cancel(3) and pthread_exit(3) work if libgcc_s is loaded before (link with -lgcc_s)",
    "pledge.2 stdio", cancels_prepared(), .openbsd = "nothing has to be done before",
    .because = "glibc loads libgcc_s when they are first called, and stdio maps no program text");

/* Many threads, half of them about to start others, while one promises. */
enum { MANY = 8 };
static int stop, refused;

static void *starts_others(void *data)
{
    (void)data;
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
        in_thread(nothing);
    if (opens_file() == -1 && errno == ENOSYS)
        __atomic_add_fetch(&refused, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static long binds_all(void)
{
    pthread_t threads[MANY];
    for (int i = 0; i < MANY; i++)
        if (pthread_create(&threads[i], NULL, starts_others, NULL) != 0)
            return -1;
    if (pledge("stdio error", NULL) != 0)
        return -1;
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    return OK(refused == MANY);
}

ALLOWS(NULL, "threads that start others meanwhile are all held", "kern_pledge.c ps_pledge",
       binds_all());

static long blocked_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    return pthread_sigmask(SIG_BLOCK, &all, NULL) == 0 ? opens_file() : -1;
}

DIES("stdio", "a violation with all signals blocked ends the process", "kern_pledge.c pledge_fail",
     blocked_signals());

static void survive(int number)
{
    (void)number;
}

static long caught_signals(void)
{
    for (int number = 1; number < 32; number++)
        signal(number, survive);
    opens_file();
    return 0;
}

DIES("stdio", "a handler does not survive a violation", "kern_pledge.c pledge_fail",
     caught_signals());

static long ignored_signals(void)
{
    for (int number = 1; number < 32; number++)
        signal(number, SIG_IGN);
    opens_file();
    return 0;
}

DIES("stdio", "an ignored signal does not survive a violation", "kern_pledge.c pledge_fail",
     ignored_signals());
