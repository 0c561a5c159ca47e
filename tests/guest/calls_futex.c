#include "calls.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static long futex(void *word, int op, uint32_t value, void *limit, void *second, uint32_t third)
{
    return syscall(SYS_futex, word, op, value, limit, second, third);
}

static uint32_t words[4];

static void *wait_on_word(void *word)
{
    return (void *)futex(word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void *wait_for_two(void *word)
{
    return (void *)futex(word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 2);
}

static void futexes(void)
{
    struct timespec little = {0, 10000000}, past = {1, 0}, wrong = {0, -1};
    pthread_t t;
    SHOW(futex(words, FUTEX_WAIT, 1, NULL, NULL, 0));
    SHOW(futex(words, FUTEX_WAIT, 0, &little, NULL, 0));
    SHOW(futex(words, FUTEX_WAIT, 0, &wrong, NULL, 0));
    SHOW(futex(words, FUTEX_WAIT_BITSET, 0, &past, NULL, 1));
    SHOW(futex(words, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 1));
    SHOW(futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
    SHOW(futex((char *)words + 1, FUTEX_WAIT, 0, NULL, NULL, 0));
    SHOW(futex((void *)8, FUTEX_WAIT, 0, NULL, NULL, 0));
    SHOW(futex(words, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(futex(words, 99, 1, NULL, NULL, 0));
    pthread_create(&t, NULL, wait_for_two, words);
    long woken = 0;
    while (woken == 0)
        woken = futex(words, FUTEX_WAKE_BITSET, 9, NULL, NULL, 1) * 10 +
                futex(words, FUTEX_WAKE_BITSET, 9, NULL, NULL, 2);
    SHOW(woken);
    pthread_join(t, NULL);
    SHOW(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)1, words + 1, 7));
    pthread_t many[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&many[i], NULL, wait_on_word, words);
    SHOW(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)2, words + 1, 0) >= 0);
    for (int i = 0; i < 300; i++) {
        futex(words, FUTEX_WAKE, 9, NULL, NULL, 0);
        futex(words + 1, FUTEX_WAKE, 9, NULL, NULL, 0);
        usleep(1000);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(many[i], NULL);
}

static void wake_operations(void)
{
    static const int operations[] = {FUTEX_OP_SET, FUTEX_OP_ADD, FUTEX_OP_OR, FUTEX_OP_ANDN,
                                     FUTEX_OP_XOR};
    for (int i = 0; i < 5; i++) {
        words[1] = 12;
        SHOW(futex(words, FUTEX_WAKE_OP, 1, (void *)1, words + 1,
                   FUTEX_OP(operations[i], 5, FUTEX_OP_CMP_EQ, 12)));
        SHOW(words[1]);
    }
    words[1] = 0;
    SHOW(futex(words, FUTEX_WAKE_OP, 1, (void *)1, words + 1,
               FUTEX_OP(FUTEX_OP_ADD, -1, FUTEX_OP_CMP_LT, 0)));
    SHOW((int)words[1]);
    SHOW(futex(words, FUTEX_WAKE_OP, 1, (void *)1, words + 1,
               FUTEX_OP(FUTEX_OP_OPARG_SHIFT | FUTEX_OP_SET, 4, FUTEX_OP_CMP_GE, 0)));
    SHOW(words[1]);
    SHOW(futex(words, FUTEX_WAKE_OP, 1, (void *)1, (char *)words + 1, 0));
    SHOW(futex(words, FUTEX_WAKE_OP, 1, (void *)1, (void *)8, 0));
    pthread_t a, b;
    words[0] = words[1] = 0;
    pthread_create(&a, NULL, wait_on_word, words);
    pthread_create(&b, NULL, wait_on_word, words + 1);
    long woken = 0;
    while (woken < 2)
        woken += futex(words, FUTEX_WAKE_OP, 5, (void *)5, words + 1,
                       FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0));
    SHOW(woken);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
}

static pthread_mutex_t mutex;
static volatile long counter;
static volatile int held;

static void *add(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *lock_and_die(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)pthread_mutex_lock(&mutex);
}

static void *hold(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&mutex);
    for (held = 1; held;)
        usleep(1000);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void inheriting_locks(void)
{
    pthread_mutexattr_t how;
    pthread_t t[4];
    struct timespec soon;
    pthread_mutexattr_init(&how);
    SHOW(pthread_mutexattr_setprotocol(&how, PTHREAD_PRIO_INHERIT));
    SHOW(pthread_mutexattr_settype(&how, PTHREAD_MUTEX_ERRORCHECK));
    SHOW(pthread_mutex_init(&mutex, &how));
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, add, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    SHOW(counter);
    SHOW(pthread_mutex_lock(&mutex));
    SHOW(pthread_mutex_lock(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    pthread_create(&t[0], NULL, hold, NULL);
    while (!held)
        usleep(1000);
    SHOW(pthread_mutex_trylock(&mutex));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 10000000;
    if (soon.tv_nsec > 999999999)
        soon.tv_sec++, soon.tv_nsec -= 1000000000;
    SHOW(pthread_mutex_timedlock(&mutex, &soon));
    held = 0;
    SHOW(pthread_mutex_lock(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    pthread_join(t[0], NULL);
    words[0] = 0;
    SHOW(futex(words, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(words[0] == (uint32_t)getpid());
    SHOW(futex(words, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(words, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(words[0]);
    SHOW(futex(words, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    words[0] = 1 << 22;
    SHOW(futex(words, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(words, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0) == -1);
    SHOW(futex((char *)words + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex((void *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
}

static void robust_locks(void)
{
    pthread_mutexattr_t how;
    pthread_t t;
    void *result, *head;
    size_t size;
    int told[2];
    char byte;
    pipe(told);
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &how);
    pthread_create(&t, NULL, lock_and_die, NULL);
    SHOW(pthread_join(t, &result));
    SHOW((intptr_t)result);
    SHOW(pthread_mutex_trylock(&mutex));
    SHOW(pthread_mutex_consistent(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_mutex_lock(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    for (int inherits = 0; inherits < 2; inherits++) {
        pthread_mutexattr_setprotocol(&how, inherits ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
        pthread_mutex_t *shared =
            mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        SHOW(pthread_mutex_init(shared, &how));
        if (fork() == 0) {
            pthread_mutex_lock(shared);
            write(told[1], "", 1);
            usleep(50000);
            _exit(0);
        }
        read(told[0], &byte, 1);
        SHOW(pthread_mutex_lock(shared)); /* waits for one that dies */
        SHOW(pthread_mutex_unlock(shared));
        SHOW(pthread_mutex_lock(shared));
        wait(NULL);
        if (fork() == 0) {
            execl("/proc/self/exe", "calls", "executed", NULL);
            _exit(9);
        }
        wait(NULL);
    }
    SHOW(syscall(SYS_get_robust_list, 0, &head, &size));
    SHOW(size);
    SHOW(syscall(SYS_set_robust_list, head, 23));
    SHOW(syscall(SYS_set_robust_list, head, size));
}

static volatile int *null_pointer;

static void *lock_and_wait(void *told)
{
    pthread_mutex_lock(told);
    pause();
    return NULL;
}

/* Of each way to die by a signal, with locks of two threads. */
static void robust_deaths(void)
{
    pthread_mutexattr_t how;
    pthread_t t;
    int told[2];
    char byte;
    signal(SIGHUP, SIG_DFL), signal(SIGTERM, SIG_DFL); /* who started it may have ignored them */
    pipe(told);
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutex_t *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int way = 0; way < 5; way++) {
        int status = 0;
        pthread_mutex_init(shared, &how), pthread_mutex_init(shared + 1, &how);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            pthread_mutex_lock(shared);
            pthread_create(&t, NULL, lock_and_wait, shared + 1);
            while (pthread_mutex_trylock(shared + 1) == 0) {
                pthread_mutex_unlock(shared + 1);
                usleep(1000);
            }
            write(told[1], "", 1);
            usleep(way < 3 ? 20000 : 0); /* so that the other one waits for the lock */
            if (way == 0)
                abort();
            if (way == 1)
                *null_pointer = 1;
            if (way == 2)
                raise(SIGUSR1);
            pause();
        }
        read(told[0], &byte, 1);
        if (way >= 3)
            kill(child, way == 3 ? SIGTERM : SIGHUP);
        SHOW(pthread_mutex_lock(shared));
        SHOW(pthread_mutex_consistent(shared));
        SHOW(pthread_mutex_unlock(shared));
        SHOW(pthread_mutex_lock(shared + 1));
        SHOW(pthread_mutex_unlock(shared + 1));
        SHOW(pthread_mutex_lock(shared + 1));
        SHOW(wait(&status) == child);
        SHOW(WTERMSIG(status));
    }
}

const struct theme futex_themes[] = {
    {"futexes", futexes},
    {"wake_operations", wake_operations},
    {"inheriting_locks", inheriting_locks},
    {"robust_locks", robust_locks},
    {"robust_deaths", robust_deaths},
    {NULL, NULL},
};
