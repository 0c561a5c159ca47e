/* threads: by a signal, like setuid() of glibc and musl.
 *
 * To stop the others a pass lists /proc/self/task, signals each thread that is
 * not known yet and waits until all have answered. They answer in the signal's
 * handler and stay there, with all signals blocked. What one of them started
 * before it did so shows up in the next pass; once a pass finds nobody new all
 * are stopped. The listing may miss an entry while threads end, so it takes two
 * such passes. In the handler they carry out orders, each once, until the last,
 * which is to go on.
 *
 * A thread may stop with any lock of the libc in its hands, so nothing here
 * allocates or uses stdio streams. */
#include "host/threads.h"

#include "host/owner.h"
#include "host/sigaction.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex
#define SYS_futex SYS_futex_time64
#endif

#define WAIT_NS 10000000L /* between two looks at threads that do not answer */
#define WAITS_MOST 200    /* two seconds */
#define QUIET_PASSES 2
#define THREADS_MOST 65536

/* glibc's SIGSETXID and musl's SIGSYNCCALL: the last before the program's. */
#define OWN_SIGNAL (SIGRTMIN - 1)

#define ORDER_STOP 1u
#define ORDER_GO UINT32_MAX

struct thread {
    pid_t id;
    uint32_t done; /* atomic: the last order that it carried out */
    int result;    /* of that one */
    bool gone;
};

/* The threads that are stopped. `count` grows before a thread is signalled. */
static struct {
    uint32_t order;   /* atomic, futex: what is to be done */
    uint32_t answers; /* atomic, futex: counts up */
    thread_act act;   /* of orders between STOP and GO */
    void *context;
    struct thread *threads; /* stays mapped: a filter may have come in between */
    size_t count;
    struct kernel_action before;
} stopped;

/* The process that has stopped its threads, or is about to; or 0. */
static pid_t owner;

/* CLONE_THREAD means nothing to a process without threads and is refused to
 * one with them. A filter may refuse it too; then each thread has a folder. */
bool threads_alone(void)
{
    struct stat tasks;
    if (syscall(SYS_unshare, CLONE_THREAD) == 0)
        return true;
    return errno != EINVAL && fstatat(AT_FDCWD, "/proc/self/task", &tasks, 0) == 0 &&
           tasks.st_nlink == 3;
}

static pid_t own_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* For WAIT_NS at most, or until woken where `timed` is false. */
static bool futex_wait(uint32_t *word, uint32_t seen, bool timed)
{
    static const struct timespec pause = {.tv_nsec = WAIT_NS};
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, timed ? &pause : NULL, NULL, 0) ==
               0 ||
           errno != ETIMEDOUT;
}

/* Carries out orders until the one to go on. */
static void obey(struct thread *self, ucontext_t *context)
{
    uint32_t order;
    do {
        while ((order = __atomic_load_n(&stopped.order, __ATOMIC_ACQUIRE)) == self->done)
            futex_wait(&stopped.order, order, false);
        bool acts = order != ORDER_STOP && order != ORDER_GO;
        self->result = acts ? stopped.act(stopped.context, context) : 0;
        __atomic_store_n(&self->done, order, __ATOMIC_RELEASE); /* GO: the last look at it */
        __atomic_add_fetch(&stopped.answers, 1, __ATOMIC_RELEASE);
        futex_wake(&stopped.answers);
    } while (order != ORDER_GO);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    pid_t self = own_id();
    (void)signal, (void)info;
    for (size_t i = 0; i < stopped.count; i++)
        if (stopped.threads[i].id == self && stopped.threads[i].done == 0) {
            obey(&stopped.threads[i], context);
            break;
        }
    errno = saved;
}

/* A thread that has ended but is still listed: the first one, if it called
 * pthread_exit(). It will never answer. */
static bool has_ended(pid_t id)
{
    char path[64], line[512], *state;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    ssize_t size = read(fd, line, sizeof line - 1);
    if (size <= 0)
        return true;
    line[size] = '\0';
    state = strrchr(line, ')');
    return state && (state[2] == 'Z' || state[2] == 'X');
}

static bool is_known(pid_t id)
{
    for (size_t i = 0; i < stopped.count; i++)
        if (stopped.threads[i].id == id)
            return true;
    return id == own_id();
}

/* 1 if it is new. */
static int add(pid_t id)
{
    if (is_known(id))
        return 0;
    if (stopped.count == THREADS_MOST)
        return -EBUSY;
    stopped.threads[stopped.count] = (struct thread){.id = id};
    __atomic_store_n(&stopped.count, stopped.count + 1, __ATOMIC_RELEASE);
    return 1;
}

/* As the kernel writes it. */
struct entry {
    uint64_t inode, offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* list: adds the threads that are new; how many, or -errno. */
static int list(void)
{
    _Alignas(struct entry) char buffer[4096];
    int fd CLEAN_FD = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int added = 0;
    long size;
    if (fd < 0)
        return -ESRCH;
    while ((size = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < size;) {
            const struct entry *e = (const struct entry *)(buffer + at);
            pid_t id = (pid_t)strtoull(e->name, NULL, 10);
            int result = id > 0 ? add(id) : 0;
            if (result < 0)
                return result;
            added += result;
            at += e->size;
        }
    }
    return size < 0 ? -errno : added;
}

static bool wait_for(struct thread *t, uint32_t order)
{
    for (int waits = 0; waits < WAITS_MOST; waits++) {
        uint32_t seen = __atomic_load_n(&stopped.answers, __ATOMIC_ACQUIRE);
        if (t->gone || __atomic_load_n(&t->done, __ATOMIC_ACQUIRE) == order)
            return true;
        if (!futex_wait(&stopped.answers, seen, true))
            t->gone = has_ended(t->id);
        else
            waits--; /* somebody answered */
    }
    return false;
}

/* Until all from `first` on have carried out an order: 0, what one of them
 * returned, or -EBUSY. */
static int wait_for_all(size_t first, uint32_t order)
{
    int result = 0;
    for (size_t i = first; i < stopped.count; i++) {
        if (!wait_for(&stopped.threads[i], order))
            return -EBUSY;
        if (!stopped.threads[i].gone && stopped.threads[i].result < 0)
            result = stopped.threads[i].result;
    }
    return result;
}

static int passes(void)
{
    for (int quiet = 0; quiet < QUIET_PASSES; quiet++) {
        size_t first = stopped.count;
        int result = list();
        if (result < 0)
            return result;
        if (result > 0)
            quiet = -1;
        for (size_t i = first; i < stopped.count; i++)
            if (syscall(SYS_tgkill, syscall(SYS_getpid), stopped.threads[i].id, OWN_SIGNAL) < 0)
                stopped.threads[i].gone = true;
        result = wait_for_all(first, ORDER_STOP);
        if (result < 0)
            return result;
    }
    return 0;
}

static int give_order(uint32_t order)
{
    __atomic_store_n(&stopped.order, order, __ATOMIC_RELEASE);
    futex_wake(&stopped.order);
    return wait_for_all(0, order);
}

static int prepare(void)
{
    void *threads = stopped.threads;
    if (!threads)
        threads = mmap(NULL, THREADS_MOST * sizeof *stopped.threads, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (threads == MAP_FAILED)
        return -errno;
    stopped.threads = threads;
    stopped.count = 0;
    stopped.order = ORDER_STOP;
    return host_sigaction(OWN_SIGNAL, on_signal, SA_SIGINFO | SA_RESTART | SA_ONSTACK,
                          SIGNAL_BLOCK_ALL, &stopped.before);
}

int threads_stop(struct err *err)
{
    owner_enter(&owner);
    int result = prepare();
    if (result < 0) {
        owner_leave(&owner);
        return err_set(err, result, "other threads: %s", strerror(-result));
    }
    result = passes();
    if (result == 0)
        return 0;
    threads_go();
    if (result == -ESRCH)
        return err_set(err, -EBUSY, "other threads run, and /proc/self/task cannot be listed");
    return err_set(err, -EBUSY, "other threads run, and one does not answer");
}

int threads_run(thread_act act, void *context)
{
    stopped.act = act;
    stopped.context = context;
    return give_order(stopped.order + 1);
}

/* Where one never answered it must not meet the former action when it does. */
void threads_go(void)
{
    if (give_order(ORDER_GO) != -EBUSY) {
        host_sigaction_restore(OWN_SIGNAL, &stopped.before);
        stopped.count = 0;
    }
    owner_leave(&owner);
}
