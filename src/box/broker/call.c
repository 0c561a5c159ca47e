/* call: from slots to functions and back; the broker's loop. */
#include "box/broker/calls.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box/arch/x86_64/cpu.h"
#include "box/broker/async.h"
#include "box/broker/file.h"
#include "box/broker/host.h"
#include "box/broker/node.h"
#include "box/broker/run.h"
#include "box/broker/task.h"
#include "box/calls.h"

enum { NUMBERS = 512, SPIN_ROUNDS = 300, STAYS = 32, ROUNDS_OF_CLOCK = 16 };

struct box box;

#define LOCAL(name)
#define BOTH(name) [SYS_##name] = do_##name,
#define BROKER(name) [SYS_##name] = do_##name,
#define CALL(name, where, level, note, ...) where(name)
/* Those of BOTH that the shim does by other calls. */
#define do_readv NULL
#define do_writev NULL
#define do_preadv NULL
#define do_preadv2 NULL
#define do_pwritev2 NULL
#define do_vmsplice NULL
#define do_pwritev NULL
#define do_select NULL
#define do_pselect6 NULL
#define do_epoll_pwait NULL
#define do_clone NULL
#define do_fork NULL
#define do_vfork NULL
#define do_execve NULL
#define do_execveat NULL
#define do_exit NULL
#define do_exit_group NULL
#define do_mmap NULL
#define do_rt_sigsuspend NULL
#define do_accept NULL
#define do_sendto NULL
#define do_recvfrom NULL
#define do_sendmmsg NULL
#define do_recvmmsg NULL
static call_fn *const functions[NUMBERS] = {
#include "box/calls.def"
};

static call_fn *const box_functions[BOX_CALLS_END - BOX_CALLS] = {
    [BOX_FORK - BOX_CALLS] = box_fork,
    [BOX_FORKED - BOX_CALLS] = box_forked,
    [BOX_THREAD - BOX_CALLS] = box_thread,
    [BOX_THREADED - BOX_CALLS] = box_threaded,
    [BOX_TAKE - BOX_CALLS] = box_take,
    [BOX_FAULT - BOX_CALLS] = box_fault,
    [BOX_LEAVE - BOX_CALLS] = box_leave,
    [BOX_LEAVE_GROUP - BOX_CALLS] = box_leave_group,
    [BOX_EXEC_OPEN - BOX_CALLS] = box_exec_open,
    [BOX_EXEC_READ - BOX_CALLS] = box_exec_read,
    [BOX_EXEC_COMMIT - BOX_CALLS] = box_exec_commit,
    [BOX_MAP - BOX_CALLS] = box_map,
    [BOX_UNMAP - BOX_CALLS] = box_unmap,
    [BOX_TOUCH - BOX_CALLS] = box_touch,
    [BOX_TELL - BOX_CALLS] = box_tell,
    [BOX_STAGE - BOX_CALLS] = box_stage,
    [BOX_UNSTAGE - BOX_CALLS] = box_unstage,
    [BOX_SITE - BOX_CALLS] = box_site,
    [BOX_MAP_ALL - BOX_CALLS] = box_map_all,
    [BOX_LOAD - BOX_CALLS] = box_load,
};

/* Arguments ----------------------------------------------------------------------------*/

void *call_window(const struct thread *t, uint64_t at, uint64_t size)
{
    if (at < WINDOW_START || at > WINDOW_SIZE || size > WINDOW_SIZE - at)
        return NULL;
    return (char *)box.channel + CHANNEL_HEADER + (uint64_t)t->slot * WINDOW_SIZE + at;
}

int call_get(const struct thread *t, uint64_t at, void *to, size_t size)
{
    const void *from = call_window(t, at, size);
    if (!from)
        return -EFAULT;
    memcpy(to, from, size);
    return 0;
}

int call_put(const struct thread *t, uint64_t at, const void *from, size_t size)
{
    void *to = call_window(t, at, size);
    if (!to)
        return -EFAULT;
    memcpy(to, from, size);
    return 0;
}

int call_path(const struct thread *t, uint64_t at, char to[PATH_ROOM])
{
    const char *from = call_window(t, at, 1);
    if (!from)
        return -EFAULT;
    for (size_t i = 0; i < PATH_ROOM && at + i < WINDOW_SIZE; i++)
        if ((to[i] = ((const volatile char *)from)[i]) == '\0')
            return 0;
    return -ENAMETOOLONG;
}

/* Answers ------------------------------------------------------------------------------*/

static struct thread *ready_first, *ready_last;

void call_ready(struct thread *t)
{
    if (t->ready)
        return;
    t->ready = true;
    t->next_ready = NULL;
    if (ready_last)
        ready_last->next_ready = t;
    else
        ready_first = t;
    ready_last = t;
}

void call_forget(struct thread *t)
{
    struct thread *last = NULL;
    for (struct thread **at = &ready_first; *at;) {
        if (*at == t)
            *at = t->next_ready;
        else {
            last = *at;
            at = &last->next_ready;
        }
    }
    ready_last = last;
    t->ready = false;
}

void call_abandon(struct thread *t)
{
    wait_forget(t);
    if (t->opening)
        file_drop(t->opening);
    t->opening = NULL;
}

/* Of a thread that was woken on the broker's core. Once in a while the broker stays
 * and spins: where a core is idle, the kernel then sees two that want to run, and
 * moves one there. */
static bool in_the_way;
static unsigned met;

void call_answer(struct thread *t, int64_t result)
{
    struct slot *s = &box.channel->slots[t->slot];
    t->busy = false;
    t->interrupted = 0;
    t->limit = INT64_MAX;
    t->blocked_on = NULL;
    s->result = result;
    __atomic_store_n(&s->state, SLOT_DONE, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&s->asleep, __ATOMIC_SEQ_CST)) {
        host_wake(&s->state);
        if (*(volatile uint32_t *)&s->core == cpu_number())
            in_the_way = ++met % STAYS != 0;
    }
}

/* Which errno a call has that a signal ended. */
static int64_t interruption(uint32_t nr)
{
    switch (nr) {
    case SYS_read:
    case SYS_write:
    case SYS_open:
    case SYS_openat:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_flock:
    case SYS_fcntl:
    case SYS_ioctl:
    case SYS_connect:
    case SYS_accept4:
    case SYS_sendmsg:
    case SYS_recvmsg:
    case BOX_FORKED: return -RESTART_SYS;
    }
    return -RESTART_NOHAND;
}

/* Calls that no signal ends. */
static bool is_patient(uint32_t nr)
{
    return nr == BOX_TAKE || nr == BOX_FORKED || nr == BOX_EXEC_COMMIT;
}

static call_fn *function_of(uint32_t nr)
{
    if (nr < NUMBERS)
        return functions[nr];
    return nr >= BOX_CALLS && nr < BOX_CALLS_END ? box_functions[nr - BOX_CALLS] : NULL;
}

static void serve(struct thread *t)
{
    call_fn *function = function_of(t->call.nr);
    struct call c = t->call;
    int64_t result = function ? function(t, &c) : -ENOSYS;
    if (async_is_due)
        async_deliver();
    if (result == ANSWER_NEVER)
        return; /* and perhaps no thread either */
    if (result == ANSWER_WAIT) {
        bool ended = (t->interrupted || signal_waits(t)) && !is_patient(t->call.nr);
        if (!ended) {
            uint32_t posted = SLOT_POSTED;
            __atomic_compare_exchange_n(&box.channel->slots[t->slot].state, &posted, SLOT_WAITING,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
            return;
        }
        call_abandon(t);
        result = interruption(t->call.nr);
        t->resume = wait_has_limit(t) ? t->limit : 0;
        t->resume_nr = t->call.nr;
    }
    call_answer(t, result);
}

/* A call that no handler came between waits no longer than it was to. */
static void go_on(struct thread *t)
{
    if (t->resume && t->call.nr == t->resume_nr)
        wait_until(t, t->resume);
    if (t->call.nr != BOX_TAKE && t->call.nr != BOX_SITE)
        t->resume = 0;
}

/* The slot that is polled: it changes when its thread has been silent for so many
 * calls of others. Whoever was polled may have posted without ringing. */
enum { POLLED_PATIENCE = 64 };
static unsigned polled_silent;

static void poll_slot(unsigned index)
{
    struct channel *c = box.channel;
    uint32_t old = *(volatile uint32_t *)&c->polled;
    if (old == index + 1)
        polled_silent = 0;
    if (old == index + 1 || (old != 0 && ++polled_silent < POLLED_PATIENCE))
        return;
    polled_silent = 0;
    old = __atomic_exchange_n(&c->polled, index + 1, __ATOMIC_SEQ_CST) - 1;
    if (old < SLOT_COUNT)
        __atomic_fetch_or(&c->bells[old / 64], UINT64_C(1) << old % 64, __ATOMIC_SEQ_CST);
}

static bool serve_slot(unsigned index)
{
    struct thread *t = box.slots[index];
    struct slot *s = &box.channel->slots[index];
    if (!t || t->busy || t->process->state == ZOMBIE ||
        __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != SLOT_POSTED)
        return false; /* nobody's, or a forged bell */
    t->call.nr = *(volatile uint32_t *)&s->nr;
    for (int i = 0; i < 6; i++)
        t->call.a[i] = ((volatile uint64_t *)s->args)[i];
    t->busy = true;
    poll_slot(index);
    go_on(t);
    serve(t);
    return true;
}

/* What lies in shared memory may be any number. */
static bool serve_polled(void)
{
    uint32_t polled = *(volatile uint32_t *)&box.channel->polled;
    return polled > 0 && polled <= SLOT_COUNT && serve_slot(polled - 1);
}

/* Made again: whatever was waited for is looked at anew. Those that become ready
 * meanwhile come in the next round. */
static void serve_ready(void)
{
    const struct thread *last = ready_last;
    while (ready_first) {
        struct thread *t = ready_first;
        bool end = t == last;
        ready_first = t->next_ready;
        if (!ready_first)
            ready_last = NULL;
        t->ready = false;
        if (t->busy) {
            wait_forget(t);
            serve(t);
        }
        if (end)
            break;
    }
}

static bool serve_bells(void)
{
    bool any = false;
    for (unsigned i = 0; i < SLOT_COUNT / 64; i++) {
        uint64_t bells = __atomic_load_n(&box.channel->bells[i], __ATOMIC_RELAXED);
        if (!bells)
            continue;
        any = true;
        bells = __atomic_exchange_n(&box.channel->bells[i], 0, __ATOMIC_SEQ_CST);
        for (; bells; bells &= bells - 1)
            serve_slot(i * 64 + (unsigned)__builtin_ctzll(bells));
    }
    return any;
}

static void timers(void)
{
    int64_t now = time_now();
    if (wait_next_limit() <= now)
        wait_expire(now);
    if (timer_next() <= now)
        timer_run(now);
    if (store_fs_next_commit() <= now)
        store_fs_commit();
}

static int64_t next_moment(void)
{
    int64_t limit = wait_next_limit(), timer = timer_next(), commit = store_fs_next_commit();
    int64_t first = limit < timer ? limit : timer;
    return first < commit ? first : commit;
}

static bool bells_are_silent(void)
{
    for (unsigned i = 0; i < SLOT_COUNT / 64; i++)
        if (__atomic_load_n(&box.channel->bells[i], __ATOMIC_SEQ_CST))
            return false;
    return true;
}

/* Spins a moment, then sleeps until a bell, a moment of the clock, or a signal. */
static void rest(void)
{
    for (int i = 0; i < SPIN_ROUNDS && !in_the_way; i++) {
        if (!bells_are_silent() || serve_polled())
            return;
        __builtin_ia32_pause();
    }
    uint32_t bell = __atomic_load_n(&box.channel->bell, __ATOMIC_SEQ_CST);
    in_the_way = false;
    __atomic_store_n(&box.channel->broker_core, cpu_number(), __ATOMIC_RELAXED);
    __atomic_store_n(&box.channel->broker_asleep, 1, __ATOMIC_SEQ_CST);
    uint32_t polled = __atomic_exchange_n(&box.channel->polled, 0, __ATOMIC_SEQ_CST);
    bool served = polled > 0 && polled <= SLOT_COUNT && serve_slot(polled - 1);
    if (!served && bells_are_silent() && !host_has_news())
        host_sleep(&box.channel->bell, bell, next_moment());
    __atomic_store_n(&box.channel->broker_asleep, 0, __ATOMIC_SEQ_CST);
}

void broker_run(void)
{
    for (unsigned round = 0; box.status == -1; round++) {
        bool any = serve_polled();
        any |= serve_bells();
        host_news();
        if (async_is_due)
            async_deliver();
        if (!any || round % ROUNDS_OF_CLOCK == 0)
            timers(); /* the clock takes as long as a call */
        if (ready_first) {
            serve_ready();
            any = true;
        }
        if (!any && box.status == -1)
            rest();
    }
}
