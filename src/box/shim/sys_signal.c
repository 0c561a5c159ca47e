/* The calls about signals that the shim has a part in. */
#include "box/shim/sys.h"

enum { MASK_SIZE = 8, DISABLE = 2, ON_STACK = 1, STACK_MIN = 2048, SIGNALS = 64 };
#define BIT(signal) (UINT64_C(1) << ((signal)-1))

/* What rt_sigaction said last, which the broker need not be asked for. All changes
 * come from this process, but that of SA_RESETHAND: then only the broker knows. Of
 * a signal that has no handler it is told nothing new, unless a default that
 * ignores a signal takes what is pending away; so flags and mask of such ones are
 * here alone. */
struct action {
    uint64_t handler, flags, restorer, mask;
};
static struct action actions[SIGNALS];
static uint64_t unknown;
struct lock actions_lock;

void actions_exec(void)
{
    for (unsigned i = 0; i < SIGNALS; i++)
        if (actions[i].handler > 1)
            actions[i] = (struct action){0};
    actions_lock.word = 0; /* of a thread that is no more */
}

void actions_forget(int signal)
{
    __atomic_fetch_or(&unknown, BIT(signal), __ATOMIC_SEQ_CST);
}

static bool broker_must_know(unsigned signal, const struct action *old, const struct action *new)
{
    const uint64_t others =
        BIT(SIGKILL) | BIT(SIGSTOP) | BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH);
    return old->handler || new->handler || (others & BIT(signal)) != 0;
}

/* With the lock held. *old: what it was. */
static long change_action(struct thread *t, const long a[6], const struct action *new,
                          struct action *old)
{
    unsigned signal = (unsigned)a[0];
    struct action *known = &actions[signal - 1];
    bool is_known = !(__atomic_load_n(&unknown, __ATOMIC_SEQ_CST) & BIT(signal));
    *old = *known;
    if (new) /* before the broker is told: who takes the signal then says so later */
        __atomic_fetch_and(&unknown, ~BIT(signal), __ATOMIC_SEQ_CST);
    bool asks = new ? broker_must_know(signal, old, new) : false;
    if (asks || !is_known) {
        const long in = WINDOW_START, out = in + (long)sizeof *new;
        if (new)
            memcpy(t->window + in, new, sizeof *new);
        long result = call_broker(t, __NR_rt_sigaction, a[0], new ? in : 0, out, MASK_SIZE);
        if (result < 0)
            return result;
        if (!is_known)
            memcpy(old, t->window + out, sizeof *old);
    }
    if (new)
        *known = *new;
    return 0;
}

long sys_rt_sigaction(struct thread *t, struct regs *r, const long a[6])
{
    struct action new, old;
    (void)r;
    if (a[0] < 1 || a[0] > SIGNALS || a[3] != MASK_SIZE)
        return -EINVAL;
    if (a[1] && guest_copy(&new, (const void *)a[1], sizeof new) < 0)
        return -EFAULT;
    lock_take(&actions_lock);
    long result = change_action(t, a, a[1] ? &new : NULL, &old);
    lock_drop(&actions_lock);
    if (result < 0 || !a[2])
        return result;
    return guest_copy((void *)a[2], &old, sizeof old);
}

long sys_rt_sigprocmask(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t old = t->slot->mask, set;
    (void)r;
    if (a[3] != MASK_SIZE)
        return -EINVAL;
    if (a[1]) {
        if (guest_copy(&set, (const void *)a[1], sizeof set) < 0)
            return -EFAULT;
        switch (a[0]) {
        case SIG_BLOCK: signal_set_mask(t, old | set); break;
        case SIG_UNBLOCK: signal_set_mask(t, old & ~set); break;
        case SIG_SETMASK: signal_set_mask(t, set); break;
        default: return -EINVAL;
        }
    }
    return a[2] ? guest_copy((void *)a[2], &old, sizeof old) : 0;
}

long sys_rt_sigreturn(struct thread *t, struct regs *r, const long a[6])
{
    (void)a;
    return signal_return(t, r);
}

long sys_rt_sigpending(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t pending = t->slot->pending & t->slot->mask;
    (void)r;
    return guest_copy((void *)a[0], &pending, sizeof pending);
}

/* The mask of an argument for as long as the call lasts. 0 or -errno. */
static long with_mask(struct thread *t, long mask, long size)
{
    uint64_t set;
    if (!mask)
        return 0;
    if (size != MASK_SIZE)
        return -EINVAL;
    if (guest_copy(&set, (const void *)mask, sizeof set) < 0)
        return -EFAULT;
    signal_suspend_mask(t, set);
    return 0;
}

long sys_rt_sigsuspend(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = with_mask(t, a[0], a[1]);
    return result < 0 ? result : call_broker(t, __NR_pause);
}

long sys_ppoll(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = with_mask(t, a[3], a[4]);
    return result < 0 ? result : call_forward(t, __NR_ppoll, a);
}

long sys_epoll_pwait(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = with_mask(t, a[4], a[5]);
    return result < 0 ? result : call_forward(t, __NR_epoll_wait, a);
}

long sys_epoll_pwait2(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = with_mask(t, a[4], a[5]);
    return result < 0 ? result : call_forward(t, __NR_epoll_pwait2, a);
}

long sys_pselect6(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t mask[2] = {0, 0};
    if (a[5] && guest_copy(mask, (const void *)a[5], sizeof mask) < 0)
        return -EFAULT;
    long result = with_mask(t, (long)mask[0], (long)mask[1]);
    (void)r;
    return result < 0 ? result : select_by_poll(t, a, 1);
}

long sys_select(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return select_by_poll(t, a, 1000);
}

long sys_sigaltstack(struct thread *t, struct regs *r, const long a[6])
{
    struct alt_stack old = t->alt, new;
    uint64_t sp = r->sp;
    bool on = !(old.flags & DISABLE) && sp - old.at - 1 < old.size;
    old.flags = on ? ON_STACK : old.flags & DISABLE;
    if (a[0]) {
        if (guest_copy(&new, (const void *)a[0], sizeof new) < 0)
            return -EFAULT;
        if (on)
            return -EPERM;
        if (new.flags & ~(uint32_t)(ON_STACK | DISABLE | 1u << 31))
            return -EINVAL;
        if (new.flags & DISABLE)
            new.at = new.size = 0;
        else if (new.size < STACK_MIN)
            return -ENOMEM;
        t->alt = new;
        t->alt.flags &= DISABLE;
    }
    return a[1] ? guest_copy((void *)a[1], &old, sizeof old) : 0;
}

/* What is left of the time is wanted of a call that was interrupted. */
long sys_clock_nanosleep(struct thread *t, struct regs *r, const long a[6])
{
    enum { ABSOLUTE = 1, SIZE = 16, REST = WINDOW_START + SIZE };
    (void)r;
    if (guest_copy(t->window + WINDOW_START, (const void *)a[2], SIZE) < 0)
        return -EFAULT;
    bool wanted = a[3] && !(a[1] & ABSOLUTE);
    long result = call_broker(t, __NR_clock_nanosleep, a[0], a[1], WINDOW_START, wanted ? REST : 0);
    if (result == -RESTART_NOHAND && wanted && guest_copy((void *)a[3], t->window + REST, SIZE) < 0)
        return -EFAULT;
    return result;
}

long sys_nanosleep(struct thread *t, struct regs *r, const long a[6])
{
    enum { MONOTONIC = 1 };
    return sys_clock_nanosleep(t, r, (const long[6]){MONOTONIC, 0, a[0], a[1]});
}
