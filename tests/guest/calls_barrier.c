/* membarrier: barriers of other threads. */
#include "calls.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum {
    OURS = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
           MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
           MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
    ROUNDS = 1000,
};

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

static void commands(void)
{
    SHOW(membarrier(MEMBARRIER_CMD_QUERY) & OURS);
    SHOW(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 77, 0));
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1, 0));
    SHOW(membarrier(1 << 20));
    SHOW(membarrier(-1));
    SHOW(membarrier(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED));
    SHOW(membarrier(MEMBARRIER_CMD_GLOBAL));
    SHOW(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED));
    SHOW(membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED));
    SHOW(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED));
    SHOW(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));
    SHOW(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));
    SHOW(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
    if (fork() == 0) {
        SHOW(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
        execl("/proc/self/exe", "calls", "barriers_unregistered", NULL);
        _exit(9);
    }
    wait(NULL);
}

static void unregistered(void)
{
    SHOW(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}

/* One side stores and looks with nothing but the compiler's order between, the other with
 * membarrier: one of them sees what the other stored. */
struct duel {
    volatile int round __attribute__((aligned(64)));
    volatile int seen[2] __attribute__((aligned(64)));
    volatile int stored[2][64] __attribute__((aligned(64)));
};

/* Spins, as long as that may lead somewhere. */
static void wait_for_round(const struct duel *d, int round)
{
    for (int i = 0; d->round != round; i++)
        if (i > 1000)
            sched_yield();
}

static void fast_side(struct duel *d)
{
    for (int i = 1; i <= ROUNDS; i++) {
        wait_for_round(d, i);
        d->stored[0][0] = i;
        __asm__ volatile("" ::: "memory");
        d->seen[0] = d->stored[1][0];
        __atomic_store_n(&d->round, -i, __ATOMIC_SEQ_CST);
    }
}

/* How often neither saw the other. */
static long slow_side(struct duel *d, int command)
{
    long missed = 0, failed = 0;
    for (int i = 1; i <= ROUNDS; i++) {
        __atomic_store_n(&d->round, i, __ATOMIC_SEQ_CST);
        for (volatile int wait = 0; wait < i % 50; wait++)
            ;
        d->stored[1][0] = i;
        failed += membarrier(command) != 0;
        int seen = d->stored[0][0];
        wait_for_round(d, -i);
        missed += seen != i && d->seen[0] != i;
    }
    SHOW(failed);
    return missed;
}

static void *run_fast(void *duel)
{
    fast_side(duel);
    return NULL;
}

static void order(void)
{
    static struct duel own;
    pthread_t t;
    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
    pthread_create(&t, NULL, run_fast, &own);
    SHOW(slow_side(&own, MEMBARRIER_CMD_PRIVATE_EXPEDITED));
    pthread_join(t, NULL);
    struct duel *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        fast_side(shared);
        _exit(0);
    }
    SHOW(slow_side(shared, MEMBARRIER_CMD_GLOBAL_EXPEDITED));
    SHOW(wait(NULL) == child);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile int over, wakes;
static int pipes[2];
static volatile sig_atomic_t handled;

static void *wait_for_condition(void *nothing)
{
    pthread_mutex_lock(&mutex);
    while (!over) {
        pthread_cond_wait(&condition, &mutex);
        wakes++;
    }
    pthread_mutex_unlock(&mutex);
    return nothing;
}

static void *wait_for_byte(void *nothing)
{
    char byte;
    return (void *)read(pipes[0], &byte, 1);
}

static void *call_too(void *nothing)
{
    long failed = 0;
    while (!over)
        failed += membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
    return (void *)failed;
}

static void *end(void *nothing)
{
    return nothing;
}

static void *begin_and_end(void *nothing)
{
    pthread_t t;
    long failed = 0;
    while (!over) {
        failed += pthread_create(&t, NULL, end, NULL) != 0;
        failed += pthread_join(t, NULL) != 0;
    }
    return (void *)failed;
}

static void on_signal(int signal)
{
    handled++;
}

/* With others that wait, come and go, call it themselves, and handle signals. */
static void company(void)
{
    static void *(*const others[])(void *) = {wait_for_condition, wait_for_byte, call_too, call_too,
                                              begin_and_end};
    enum { COUNT = sizeof others / sizeof others[0] };
    pthread_t t[COUNT];
    void *result;
    long failed = 0;
    pipe(pipes);
    signal(SIGUSR1, on_signal);
    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    for (int i = 0; i < COUNT; i++)
        pthread_create(&t[i], NULL, others[i], NULL);
    for (int i = 0; i < 300; i++) {
        failed += membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
        if (i % 100 == 50)
            pthread_kill(t[2], SIGUSR1);
        if (i % 100 == 0 && fork() == 0)
            _exit(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0);
    }
    SHOW(failed);
    pthread_mutex_lock(&mutex);
    over = 1;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    SHOW(wakes <= 1);
    write(pipes[1], "x", 1);
    for (int i = 0; i < COUNT; i++) {
        pthread_join(t[i], &result);
        SHOW((long)result);
    }
    for (int i = 0, status; i < 3; i++) {
        wait(&status);
        SHOW(status);
    }
    SHOW(handled > 0);
}

const struct theme barrier_themes[] = {
    {"barriers", commands},
    {"barriers_unregistered", unregistered},
    {"barriers_order", order},
    {"barriers_in_company", company},
    {NULL, NULL},
};
