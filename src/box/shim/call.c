/* call: from the shim to the broker and back. */
#include "box/arch/x86_64/cpu.h"
#include "box/calls.h"
#include "box/shim/shim.h"

enum { SPIN_MIN = 20, SPIN_MAX = 2000, FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

static const uint16_t signatures[][6] = {
#define CALL(name, where, level, note, ...) [__NR_##name] = {__VA_ARGS__},
#include "box/calls.def"
#undef CALL
};

/* Does it pay to spin for the answer? */
static bool ring(struct thread *t)
{
    struct channel *c = channel();
    unsigned index = (unsigned)(t->slot - c->slots);
    __atomic_store_n(&t->slot->state, SLOT_POSTED, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&c->polled, __ATOMIC_SEQ_CST) == index + 1)
        return true;
    __atomic_fetch_or(&c->bells[index / 64], UINT64_C(1) << index % 64, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&c->broker_asleep, __ATOMIC_SEQ_CST)) {
        __atomic_fetch_add(&c->bell, 1, __ATOMIC_SEQ_CST);
        host_call(__NR_futex, (long)&c->bell, FUTEX_WAKE, 1);
        return *(volatile uint32_t *)&c->broker_core != cpu_number();
    }
    return true;
}

static bool answered(const struct slot *s)
{
    return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == SLOT_DONE;
}

/* Spins for as long as it paid lately, then sleeps. */
static void wait_for_answer(struct thread *t, bool spins)
{
    struct slot *s = t->slot;
    for (unsigned i = 0; spins && i < t->spin; i++) {
        uint32_t state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
        if (state == SLOT_DONE) {
            t->spin = t->spin < SPIN_MAX / 2 ? t->spin * 2 : SPIN_MAX;
            return;
        }
        if (state == SLOT_WAITING)
            break;
        cpu_pause();
    }
    if (spins)
        t->spin = t->spin / 2 > SPIN_MIN ? t->spin / 2 : SPIN_MIN;
    s->core = cpu_number();
    __atomic_store_n(&s->asleep, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        uint32_t state = __atomic_load_n(&s->state, __ATOMIC_SEQ_CST);
        if (state == SLOT_DONE)
            break;
        host_call(__NR_futex, (long)&s->state, FUTEX_WAIT, state);
    }
    __atomic_store_n(&s->asleep, 0, __ATOMIC_RELAXED);
}

long call_post(struct thread *t, uint32_t nr, const long args[6])
{
    struct slot *s = t->slot;
    s->counts.requests++;
    s->nr = nr;
    for (int i = 0; i < 6; i++)
        s->args[i] = (uint64_t)args[i];
    bool spins = ring(t);
    if (!answered(s))
        wait_for_answer(t, spins);
    long result = s->result;
    __atomic_store_n(&s->state, SLOT_IDLE, __ATOMIC_RELEASE);
    return result;
}

void call_leave(struct thread *t, bool group, int status)
{
    if (group && status & 127)
        call_broker(t, BOX_LEAVE_GROUP, status); /* which kills it; else who sees the host's
                                                    process end first believes its status */
    __atomic_store_n(&t->is_between, true, __ATOMIC_SEQ_CST);
    t->slot->nr = group ? BOX_LEAVE_GROUP : BOX_LEAVE;
    t->slot->args[0] = (uint64_t)status;
    ring(t);
    for (;;)
        host_call(group ? __NR_exit_group : __NR_exit, group ? (status >> 8 & 255) : 0);
}

/* How many bytes an argument needs in the window; *count is the element count
 * of _N kinds, cut to what there is room for. */
static uint64_t need(uint16_t kind, uint64_t room, long *count)
{
    uint64_t unit = kind & ARG_SIZE;
    switch (kind & ARG_KIND) {
    case ARG_PATH: return room < CALL_PATH_MAX ? room : CALL_PATH_MAX;
    case ARG_IN:
    case ARG_OUT:
    case ARG_INOUT: return unit;
    }
    if (*count < 0)
        return 0;
    if (unit && (uint64_t)*count > room / unit)
        *count = (long)(room / unit);
    return unit * (uint64_t)*count;
}

/* Copies in one argument; its size, -errno. */
static long put(struct thread *t, uint16_t kind, long from, uint64_t at, uint64_t size)
{
    uint16_t how = kind & ARG_KIND;
    if (how == ARG_PATH) {
        long length = guest_copy_string(t->window + at, (const char *)from, size);
        if (length < 0)
            return length;
        return (uint64_t)length == size ? -ENAMETOOLONG : length + 1;
    }
    if (how != ARG_OUT && how != ARG_OUT_N) {
        long result = guest_copy(t->window + at, (const void *)from, size);
        if (result < 0)
            return result;
    }
    return (long)size;
}

static long forward(struct thread *t, uint32_t nr, const long args[6], bool again)
{
    const uint16_t *kinds = signatures[nr];
    long a[6];
    uint64_t at = WINDOW_START;
    uint64_t sizes[6] = {0};
    for (int i = 0; i < 6; i++)
        a[i] = args[i];
    for (int i = 0; i < 6; i++) {
        if (!(kinds[i] & ARG_KIND) || !args[i])
            continue;
        long rest = i < 5 ? a[i + 1] : 0;
        uint64_t size = need(kinds[i], WINDOW_SIZE - at, &rest);
        if (i < 5)
            a[i + 1] = rest;
        if (size > WINDOW_SIZE - at)
            return -E2BIG;
        long used = put(t, kinds[i], args[i], at, size);
        if (used < 0)
            return used;
        sizes[i] = size;
        a[i] = (long)at;
        at = (at + (uint64_t)used + 7) & ~UINT64_C(7);
    }
    long result = call_post(t, nr, a);
    if ((result == -WANTS_MAPS || result == -WANTS_ENVIRON) && !again) {
        result = tell(t, -result);
        return result < 0 ? result : forward(t, nr, args, true);
    }
    for (int i = 0; i < 6 && result >= 0; i++) {
        uint16_t how = kinds[i] & ARG_KIND;
        if (how < ARG_OUT || how == ARG_IN_N || !args[i])
            continue;
        uint64_t size = sizes[i];
        if (how == ARG_OUT_N && (uint64_t)result * (kinds[i] & ARG_SIZE) < size)
            size = (uint64_t)result * (kinds[i] & ARG_SIZE);
        if (guest_copy((void *)args[i], t->window + a[i], size) < 0)
            return -EFAULT;
    }
    return result;
}

long call_forward(struct thread *t, uint32_t nr, const long args[6])
{
    return forward(t, nr, args, false);
}
