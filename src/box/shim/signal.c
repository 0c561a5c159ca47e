/* signal: everything that the kernel delivers to a guest process comes here, and
 * the guest's own signals go out from here.
 *
 * The kernel knows seven handlers, all of the shim's, on a stack of the shim's:
 * for traps of the filter, for faults, and for the broker's kick. The guest's
 * mask and its handlers are virtual: the mask lies in the slot, where the broker
 * reads it, the handlers are the broker's.
 *
 * A guest gets its signals at one place, deliver(), which works on the registers
 * of an interrupted guest as the kernel saved them. Who is in the shim when a
 * signal comes is brought there on leaving it, by an instruction that traps
 * (gate_trap). So a frame always has the whole state of the processor, and the
 * shim never has to save it. */
#include "box/shim/memory.h"
#include "box/shim/site.h"
#include "box/shim/sys.h"

enum {
    AUDIT_X86_64 = 0xc000003e,
    RESTART_CALL = 219,
    XSTATE_MAGIC = 0x46505853,
    FP_SIZE = 512,
    FP_MAGIC_AT = 464, /* of the words that the kernel leaves for itself */
    RED_ZONE = 128,
    USER_CS = 0x33,
    USER_SS = 0x2b,
    ON_STACK = 1, /* SS_ONSTACK, SS_DISABLE */
    DISABLED = 2,
    FLAG_DF = 0x400,
    FLAG_TF = 0x100,
    FLAG_IF = 0x202,
};
#define ALL_BUT_FAULTS (~(UINT64_C(1) << (SIGSEGV - 1) | UINT64_C(1) << (SIGBUS - 1)))

/* As the guest's stack has it. */
struct frame {
    uint64_t restorer;
    struct context context;
    uint8_t info[128];
};

static bool in_text(uint64_t ip, const char *from, const char *end)
{
    return ip >= (uintptr_t)from && ip < (uintptr_t)end;
}

static bool in_shim(uint64_t ip)
{
    return ip >= SHIM_TEXT && ip < SHIM_TEXT_END;
}

static struct alt_stack own_stack(const struct thread *t)
{
    return (struct alt_stack){.at = (uintptr_t)t + ALT_STACK_AT, .size = ALT_STACK_SIZE};
}

/* The mask ------------------------------------------------------------------------*/

void signal_set_mask(struct thread *t, uint64_t mask)
{
    mask &= ~(UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1));
    __atomic_store_n(&t->slot->mask, mask, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->slot->pending, __ATOMIC_SEQ_CST) & ~mask)
        t->kicked = 1;
}

void signal_suspend_mask(struct thread *t, uint64_t mask)
{
    t->saved_mask = t->slot->mask;
    t->restoring = true;
    t->kicked = 1; /* the way back leads through deliver() */
    signal_set_mask(t, mask);
}

/* Frames --------------------------------------------------------------------------*/

static uint64_t fp_size(const struct context *c)
{
    const uint32_t *words = (const void *)((const char *)c->regs.fpstate + FP_MAGIC_AT);
    return words[0] == XSTATE_MAGIC ? words[1] : FP_SIZE;
}

static bool on_alt_stack(const struct thread *t, uint64_t sp)
{
    return !(t->alt.flags & DISABLED) && sp - t->alt.at - 1 < t->alt.size;
}

/* Makes `c` enter the handler; what it was lies on the guest's stack then. */
static void push_frame(struct thread *t, struct context *c, const struct box_signal *s)
{
    site_leave(c);
    struct frame f = {.restorer = s->restorer, .context = *c};
    uint64_t sp = c->regs.rsp - RED_ZONE;
    bool was_on = on_alt_stack(t, c->regs.rsp);
    if (s->flags & SA_ONSTACK && t->alt.size && !(t->alt.flags & DISABLED) && !was_on)
        sp = t->alt.at + t->alt.size;
    memcpy(f.info, s->info, sizeof f.info);
    f.context.stack = t->alt;
    if (was_on)
        f.context.stack.flags |= ON_STACK;
    f.context.mask = t->restoring ? t->saved_mask : t->slot->mask;
    if (c->regs.fpstate) {
        uint64_t size = fp_size(c);
        sp = (sp - size) & ~UINT64_C(63);
        if (guest_copy((void *)sp, c->regs.fpstate, size) < 0)
            call_leave(t, true, SIGSEGV);
        f.context.regs.fpstate = (void *)sp;
    }
    sp = ((sp - sizeof f) & ~UINT64_C(15)) - 8;
    if (guest_copy((void *)sp, &f, sizeof f) < 0)
        call_leave(t, true, SIGSEGV);
    uint64_t mask = t->slot->mask | s->mask;
    if (!(s->flags & SA_NODEFER))
        mask |= UINT64_C(1) << (s->signal - 1);
    if (s->flags & SA_RESETHAND)
        actions_forget(s->signal);
    t->restoring = false;
    t->slot->mask = mask & ~(UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1));
    c->regs.rip = s->handler;
    c->regs.rsp = sp;
    c->regs.rax = 0;
    c->regs.rdi = (uint64_t)s->signal;
    c->regs.rsi = sp + offsetof(struct frame, info);
    c->regs.rdx = sp + offsetof(struct frame, context);
    c->regs.eflags &= ~(uint64_t)(FLAG_DF | FLAG_TF);
}

/* What instead of a signal ends the thread or all of them. */
static void end_by(struct thread *t, const struct box_signal *s)
{
    if (s->signal == BOX_SIGNAL_LEAVE)
        call_leave(t, false, 0);
    if (s->signal == BOX_SIGNAL_END) {
        thread_each(sys_robust_end);
        call_leave(t, true, (int)s->flags);
    }
    while (s->signal < 0)
        host_call(__NR_exit_group, 0);
}

static bool take(struct thread *t, struct box_signal *out)
{
    call_broker(t, BOX_TAKE, WINDOW_START);
    memcpy(out, t->window + WINDOW_START, sizeof *out);
    end_by(t, out);
    return out->signal > 0;
}

/* The call that was interrupted is made again. */
static void call_again(const struct thread *t, struct context *c)
{
    site_leave(c);
    c->regs.rax = t->regs->nr;
    c->regs.rip -= 2; /* the syscall instruction */
}

/* Gives an interrupted guest its signals. `restart`: what its call answered, if
 * that was one of RESTART_x, else 0. */
static void deliver(struct thread *t, struct context *c, long restart)
{
    struct box_signal s;
    t->kicked = 0;
    for (;;) {
        while (take(t, &s)) {
            bool again = restart == RESTART_SYS && s.flags & SA_RESTART;
            if (again)
                call_again(t, c);
            else if (restart)
                c->regs.rax = (uint64_t)-EINTR;
            restart = 0;
            push_frame(t, c, &s);
        }
        if (!t->restoring)
            break;
        t->restoring = false;
        t->slot->mask = t->saved_mask;
    }
    if (restart)
        call_again(t, c);
}

/* What the kernel delivers ----------------------------------------------------------*/

static void enter_gate(struct thread *t, struct context *c)
{
    t->entry_ip = c->regs.rip;
    t->trapped = 1;
    c->regs.rip = (uintptr_t)shim_gate;
}

static void on_trap(struct thread *t, const siginfo_t *info, struct context *c)
{
    uint64_t ip = (uintptr_t)info->si_call_addr;
    if (in_shim(ip - 1)) /* a wait that SIGCONT restarts; or a guest that jumped there */
        c->regs.rax = (uint64_t)(info->si_syscall == RESTART_CALL ? -EINTR : -ENOSYS);
    else if (info->si_arch != AUDIT_X86_64)
        c->regs.rax = (uint64_t)-ENOSYS;
    else
        enter_gate(t, c);
}

/* Has a new thread not got so far that GS is its own? Then it is its maker's. */
static bool is_unborn(const struct thread *t)
{
    return ((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(BLOCK_SIZE - 1)) != (uintptr_t)t;
}

static void on_kick(struct thread *t, struct context *c)
{
    uint64_t ip = c->regs.rip;
    if (is_unborn(t))
        return; /* it looks for itself as it starts */
    if (barrier_answer(t) && !__atomic_load_n(&t->slot->notice, __ATOMIC_SEQ_CST))
        return;
    if (!in_shim(ip)) {
        deliver(t, c, 0);
        return;
    }
    t->kicked = 1;
    if (in_text(ip, gate_exit, gate_end))
        c->regs.rip = (uintptr_t)gate_again;
    else if (in_text(ip, (const char *)host_futex, futex_end))
        c->regs.rip = (uintptr_t)futex_interrupted;
    else if (in_text(ip, (const char *)host_sigreturn, sigreturn_end))
        c->regs.rip = (uintptr_t)host_sigreturn;
}

/* What a fault is to the guest. */
static struct box_signal fault_of(int signal, const siginfo_t *info)
{
    enum { BEHIND_THE_END = 2 /* BUS_ADRERR */ };
    struct box_signal s = {.signal = signal};
    siginfo_t told = *info;
    if (signal == SIGSEGV && memory_is_absent((uintptr_t)info->si_addr)) {
        s.signal = told.si_signo = SIGBUS;
        told.si_code = BEHIND_THE_END;
    }
    memcpy(s.info, &told, sizeof s.info);
    return s;
}

static void on_fault(struct thread *t, int signal, const siginfo_t *info, struct context *c)
{
    enum { WRITES = 2 }; /* in the error code of a page fault */
    uint64_t ip = c->regs.rip;
    if (signal == SIGSEGV && memory_touch(t, (uintptr_t)info->si_addr, c->regs.err & WRITES))
        return;
    if (in_text(ip, (const char *)guest_copy, guest_copy_end)) {
        c->regs.rip = (uintptr_t)guest_copy_fault;
        return;
    }
    if (in_shim(ip)) /* our own mistake, or a guest that jumped there */
        call_leave(t, true, signal);
    if (site_stopped(t, signal, c))
        return;
    struct box_signal s = fault_of(signal, info);
    memcpy(t->window + WINDOW_START, &s, sizeof s);
    call_broker(t, BOX_FAULT, s.signal, WINDOW_START);
    memcpy(&s, t->window + WINDOW_START, sizeof s);
    end_by(t, &s);
    push_frame(t, c, &s);
}

static void on_signal(int signal, const siginfo_t *info, struct context *c)
{
    struct thread *t = thread_self();
    if (signal == SIGSYS && info->si_code == SI_TKILL) {
        enter_gate(t, c); /* of the broker: --host notify */
    } else if (signal == SIGSYS) {
        on_trap(t, info, c);
    } else if (signal == HOST_KICK) {
        on_kick(t, c);
    } else if (signal == SIGILL && c->regs.rip == (uintptr_t)gate_trap) {
        long answer = -(long)c->regs.rax;
        c->regs.rip = t->trap_ip;
        deliver(t, c, answer == RESTART_SYS || answer == RESTART_NOHAND ? answer : 0);
    } else {
        on_fault(t, signal, info, c);
    }
}

/* Before the filter is there. SA_RESTART: a call of the guest that waits until the
 * broker hears of it is made again; the shim's own waits look for themselves. */
void signal_start(struct thread *t)
{
    static const int caught[] = {SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, HOST_KICK};
    struct alt_stack stack = own_stack(t);
    t->alt.flags = DISABLED;
    host_call(__NR_sigaltstack, (long)&stack, 0);
    for (size_t i = 0; i < COUNT(caught); i++) {
        struct {
            void (*handler)(int, const siginfo_t *, struct context *);
            uint64_t flags;
            const char *restorer;
            uint64_t mask;
        } action = {on_signal, SA_SIGINFO | SA_ONSTACK | SA_RESTORER | SA_RESTART, shim_restorer,
                    ALL_BUT_FAULTS};
        host_call(__NR_rt_sigaction, caught[i], (long)&action, 0, sizeof action.mask);
    }
}

/* Going on ---------------------------------------------------------------------------*/

void signal_enter(struct thread *t, const struct regs *r)
{
    struct context c = {.stack = own_stack(t)};
    c.regs.r15 = r->r15, c.regs.r14 = r->r14, c.regs.r13 = r->r13, c.regs.r12 = r->r12;
    c.regs.r11 = r->r11, c.regs.r10 = r->r10, c.regs.r9 = r->r9, c.regs.r8 = r->r8;
    c.regs.rbp = r->bp, c.regs.rdi = r->di, c.regs.rsi = r->si, c.regs.rdx = r->dx;
    c.regs.rcx = r->cx, c.regs.rbx = r->bx, c.regs.rax = r->ax;
    c.regs.rsp = r->sp, c.regs.rip = r->ip;
    c.regs.eflags = FLAG_IF;
    c.regs.cs = USER_CS;
    c.regs.ss = USER_SS;
    if (t->slot->notice)
        t->kicked = 1;
    host_sigreturn(&c);
}

long signal_return(struct thread *t, struct regs *r)
{
    struct context c;
    if (guest_copy(&c, (const void *)r->sp, sizeof c) < 0)
        call_leave(t, true, SIGSEGV);
    signal_set_mask(t, c.mask);
    t->alt = c.stack;
    t->alt.flags &= ~(uint32_t)ON_STACK;
    site_enter(&c);
    c.stack = own_stack(t);
    c.mask = 0;
    c.flags &= 7; /* UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
    c.regs.cs = USER_CS;
    c.regs.ss = USER_SS;
    if (t->slot->notice)
        t->kicked = 1;
    host_sigreturn(&c);
}
