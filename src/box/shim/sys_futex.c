/* Futexes. Waits and wakes are the kernel's; all that changes a word is done here,
 * on the guest's memory. */
#include "box/shim/memory.h"
#include "box/shim/sys.h"

#include <linux/futex.h>
#include <linux/mman.h>

enum { ROBUST_MAX = 2048, HEAD_SIZE = 24, ESRCH_ = 3 };

/* A word of the guest that may be written to; -EINVAL, -EFAULT. */
static long word_at(uint64_t at, uint32_t **out)
{
    if (at & 3)
        return -EINVAL;
    lock_take(&memory_lock);
    const struct mapping *m = memory_at(at);
    bool fits = m && m->prot & PROT_WRITE;
    bool absent = fits && m->absent;
    lock_drop(&memory_lock);
    *out = (uint32_t *)at;
    return fits && (!absent || memory_touch(thread_self(), at, true)) ? 0 : -EFAULT;
}

static bool exchange(uint32_t *word, uint32_t *old, uint32_t new)
{
    return __atomic_compare_exchange_n(word, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* What the kernel did not find may only not have been touched yet. */
static bool is_there_now(long at)
{
    uint32_t word;
    return guest_copy(&word, (const void *)at, sizeof word) == 0;
}

static long wake_some(long word, long op, long count, long bits)
{
    long result = host_call(__NR_futex, word, op, count, 0, 0, bits);
    return result == -EFAULT && is_there_now(word)
               ? host_call(__NR_futex, word, op, count, 0, 0, bits)
               : result;
}

static long wake(const uint32_t *word, long private, long count)
{
    return wake_some((long)word, FUTEX_WAKE | private, count, 0);
}

/* Waits; a signal makes the call again if its handler wants that. */
static long wait(struct thread *t, const long a[6], long op, long value)
{
    barrier_quiet(t, true);
    long result = host_futex((volatile uint32_t *)a[0], op, value, (const void *)a[3], NULL, a[5]);
    barrier_quiet(t, false);
    if (result == -EFAULT && is_there_now(a[0]) && (!a[3] || is_there_now(a[3])))
        result = host_futex((volatile uint32_t *)a[0], op, value, (const void *)a[3], NULL, a[5]);
    if (result != -EINTR)
        return result;
    t->kicked = 1;
    return -RESTART_SYS;
}

/* A requeue wakes those that it would move: they look again and wait where they
 * belong. */
static long requeue(const long a[6], bool compare)
{
    uint32_t now;
    long private = a[1] & FUTEX_PRIVATE_FLAG, count = (int)a[2] + (long)(int)a[3];
    if ((int)a[2] < 0 || (int)a[3] < 0)
        return -EINVAL;
    if (guest_copy(&now, (const void *)a[0], sizeof now) < 0)
        return -EFAULT;
    if (compare && now != (uint32_t)a[5])
        return -EAGAIN;
    return wake((const uint32_t *)a[0], private, count > 0x7fffffff ? 0x7fffffff : count);
}

/* FUTEX_WAKE_OP ------------------------------------------------------------------------*/

static long applied(uint32_t how, uint32_t old, uint32_t argument, uint32_t *new)
{
    switch (how) {
    case FUTEX_OP_SET: *new = argument; return 0;
    case FUTEX_OP_ADD: *new = old + argument; return 0;
    case FUTEX_OP_OR: *new = old | argument; return 0;
    case FUTEX_OP_ANDN: *new = old & ~argument; return 0;
    case FUTEX_OP_XOR: *new = old ^ argument; return 0;
    }
    return -ENOSYS;
}

static bool compares(uint32_t how, int old, int argument)
{
    switch (how) {
    case FUTEX_OP_CMP_EQ: return old == argument;
    case FUTEX_OP_CMP_NE: return old != argument;
    case FUTEX_OP_CMP_LT: return old < argument;
    case FUTEX_OP_CMP_LE: return old <= argument;
    case FUTEX_OP_CMP_GT: return old > argument;
    default: return old >= argument;
    }
}

static long wake_op(const long a[6])
{
    uint32_t code = (uint32_t)a[5], *second, new, how = code >> 28 & 7,
             comparison = code >> 24 & 15;
    int argument = (int)(code << 8) >> 20, with = (int)(code << 20) >> 20;
    long private = a[1] & FUTEX_PRIVATE_FLAG, result = word_at((uint64_t)a[4], &second);
    if (result < 0 || a[0] & 3)
        return result < 0 ? result : -EINVAL;
    if (code >> 31)
        argument = (int)(1u << (argument & 31));
    uint32_t old = load(second);
    do
        if (applied(how, old, (uint32_t)argument, &new) < 0)
            return -ENOSYS;
    while (!exchange(second, &old, new));
    if (comparison > FUTEX_OP_CMP_GE)
        return -ENOSYS;
    result = wake((const uint32_t *)a[0], private, a[2]);
    if (result >= 0 && compares(comparison, (int)old, with)) {
        long more = wake(second, private, a[3]);
        result = more < 0 ? more : result + more;
    }
    return result;
}

/* Locks with priority inheritance, which they have not here ------------------------------*/

/* 1: taken; 0: another's, as *now says. */
static int try_lock(struct thread *t, uint32_t *word, bool waited, uint32_t *now)
{
    uint32_t self = t->slot->tid;
    *now = load(word);
    while (!(*now & FUTEX_TID_MASK)) {
        uint32_t to =
            self | (*now & FUTEX_OWNER_DIED) | (waited ? FUTEX_WAITERS : *now & FUTEX_WAITERS);
        if (exchange(word, now, to))
            return 1;
    }
    return (*now & FUTEX_TID_MASK) == self ? -EDEADLK : 0;
}

static long lock_pi(struct thread *t, const long a[6], bool try, bool monotonic)
{
    uint32_t *word, now;
    long result = word_at((uint64_t)a[0], &word);
    long flags = (a[1] & FUTEX_PRIVATE_FLAG) | (monotonic ? 0 : FUTEX_CLOCK_REALTIME);
    bool waited = false;
    const long with_limit[6] = {a[0], a[1], 0, a[3], 0, (long)FUTEX_BITSET_MATCH_ANY};
    while (result >= 0) {
        result = try_lock(t, word, waited, &now);
        if (result != 0)
            return result < 0 ? result : 0;
        if (try)
            return -EAGAIN;
        if (call_broker(t, __NR_tkill, now & FUTEX_TID_MASK, 0) == -ESRCH_)
            return load(word) == now ? -ESRCH_ : 0;
        if (!(now & FUTEX_WAITERS) && !exchange(word, &now, now | FUTEX_WAITERS))
            continue;
        waited = true;
        result = wait(t, with_limit, FUTEX_WAIT_BITSET | flags, (long)(now | FUTEX_WAITERS));
        result = result == -EAGAIN ? 0 : result;
    }
    return result;
}

static long unlock_pi(struct thread *t, const long a[6])
{
    uint32_t *word, now;
    long result = word_at((uint64_t)a[0], &word);
    if (result < 0)
        return result;
    now = load(word);
    if ((now & FUTEX_TID_MASK) != t->slot->tid)
        return -EPERM;
    while (!exchange(word, &now, 0))
        ;
    wake(word, a[1] & FUTEX_PRIVATE_FLAG, 1);
    return 0;
}

long sys_futex(struct thread *t, struct regs *r, const long a[6])
{
    int op = (int)a[1] & FUTEX_CMD_MASK;
    (void)r;
    switch (op) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: return wait(t, a, (int)a[1], a[2]);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: return wake_some(a[0], (int)a[1], a[2], a[5]);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: return requeue(a, op == FUTEX_CMP_REQUEUE);
    case FUTEX_WAKE_OP: return wake_op(a);
    case FUTEX_LOCK_PI: return lock_pi(t, a, false, false);
    case FUTEX_LOCK_PI2: return lock_pi(t, a, false, !(a[1] & FUTEX_CLOCK_REALTIME));
    case FUTEX_TRYLOCK_PI: return lock_pi(t, a, true, false);
    case FUTEX_UNLOCK_PI: return unlock_pi(t, a);
    }
    return -ENOSYS;
}

/* Robust lists ---------------------------------------------------------------------------*/

long sys_set_robust_list(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    if (a[1] != HEAD_SIZE)
        return -EINVAL;
    t->robust = (uint64_t)a[0];
    return 0;
}

long sys_get_robust_list(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t size = HEAD_SIZE;
    (void)r;
    if (a[0] != 0 && a[0] != (long)t->slot->tid)
        return -EPERM;
    if (guest_copy((void *)a[1], &t->robust, sizeof t->robust) < 0 ||
        guest_copy((void *)a[2], &size, sizeof size) < 0)
        return -EFAULT;
    return 0;
}

static void mark_dead(struct thread *t, uint64_t entry, uint64_t offset, bool pending)
{
    uint32_t *word, now, self = t->slot->tid;
    bool inherits = entry & 1;
    if (word_at((entry & ~UINT64_C(1)) + offset, &word) < 0)
        return;
    now = load(word);
    if (pending && !inherits && !now) {
        wake(word, 0, 1); /* it was dropped, and nobody told */
        return;
    }
    while ((now & FUTEX_TID_MASK) == self) {
        uint32_t to = (now & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if (!exchange(word, &now, to))
            continue;
        if (now & FUTEX_WAITERS)
            wake(word, 0, 1);
        return;
    }
}

void sys_robust_end(struct thread *t)
{
    struct {
        uint64_t next, offset, pending;
    } head;
    uint64_t list = t->robust, next;
    t->robust = 0;
    if (!list || guest_copy(&head, (const void *)list, sizeof head) < 0)
        return;
    uint64_t entry = head.next;
    for (int i = 0; i < ROBUST_MAX && (entry & ~UINT64_C(1)) != list; i++) {
        bool more = guest_copy(&next, (const void *)(entry & ~UINT64_C(1)), sizeof next) == 0;
        if (entry != head.pending)
            mark_dead(t, entry, head.offset, false);
        if (!more)
            break;
        entry = next;
    }
    if (head.pending)
        mark_dead(t, head.pending, head.offset, true);
}
