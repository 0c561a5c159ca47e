/* trap: what becomes of a call that the filter refused.
 *
 * A filter answers RET_TRAP where a promise is missing. The kernel then sends
 * SIGSYS to the thread, whatever it does; if that is blocked, or nobody handles
 * it, the process is dead with a core. So nothing here has to work for a
 * violation to be the end. What does work here:
 *
 *   served     the request in a form that the filter allows (serve.h)
 *   a probe    calls that libcs try and do without fail quietly
 *   error      with this promise every violation fails with ENOSYS
 *   the rest   a message, then the kernel's own death: the handler goes away
 *              and the call is made again
 *
 * The filter sends back whoever would take SIGSYS's action away or block it;
 * serve_signal.c pretends. The handler runs with nothing blocked beyond what
 * was, so that it can be nested (a served call may be refused in turn), and on
 * the alternate stack where there is one. It uses no lock, no memory from
 * malloc and no thread-local storage but errno. */
#include "pledge/trap.h"

#include "pledge/gate.h"
#include "pledge/log.h"
#include "pledge/message.h"
#include "pledge/pledge.h"
#include "pledge/serve.h"

#include <string.h>
#include <sys/syscall.h>

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

#if REGS_KNOWN

static promise_set held_now; /* one word, read and written as a whole */

void trap_hold(promise_set held)
{
    __atomic_store_n(&held_now, held, __ATOMIC_RELAXED);
}

/* The kernel's struct sigaction. */
struct kernel_action {
#if defined(__mips__)
    unsigned flags;
    void (*handler)(int, siginfo_t *, void *);
#else
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
#if REGS_SIGACTION == 32 || REGS_SIGACTION == 20
    void (*restorer)(void);
#endif
#endif
    struct signal_set mask;
};
_Static_assert(sizeof(struct kernel_action) == REGS_SIGACTION, "regs.h");

#define HAS_RESTORER 0x04000000ul /* SA_RESTORER */

#if REGS_RESTORER
/* x86_64's kernel returns from handlers by no way but the program's own. */
void pledge_restorer(void) __attribute__((visibility("hidden")));
__asm__(".text\n"
        ".hidden pledge_restorer\n"
        ".type pledge_restorer, @function\n"
        "pledge_restorer:\n"
        "    mov $15, %rax\n"
        "    syscall\n"
        ".size pledge_restorer, . - pledge_restorer\n");
#endif

static void set_action(void (*handler)(int, siginfo_t *, void *))
{
    struct kernel_action action = {.handler = handler,
                                   .flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART};
#if REGS_RESTORER
    action.flags |= HAS_RESTORER;
    action.restorer = pledge_restorer;
#endif
    gate_call(SYS_rt_sigaction, SIGSYS, &action, 0, SIGNAL_SET_SIZE, 0, GATE_MARK);
}

/* die: the kernel's death for the call, made once more without a handler. */
static _Noreturn void die(const struct trapped *call)
{
    const unsigned long *a = call->args;
    struct signal_set sigsys = {{0}};
    sigsys.words[SIGNAL_WORD(SIGSYS)] = SIGNAL_BIT(SIGSYS);
    set_action(NULL); /* SIG_DFL */
    gate_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &sigsys, 0, SIGNAL_SET_SIZE);
    gate_call(call->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    gate_call(SYS_tgkill, gate_call(SYS_getpid), gate_call(SYS_gettid), SIGSYS);
    for (;;)
        gate_call(SYS_exit_group, 128 + SIGSYS);
}

static long answer(const struct trapped *call, promise_set held)
{
    long result = serve_file(call, held);
    if (result == NOT_SERVED)
        result = serve_message(call);
    if (result == NOT_SERVED)
        result = serve_log(call);
    if (result == NOT_SERVED)
        result = serve_names(call, held);
    return result == NOT_SERVED ? serve_signal(call) : result;
}

/* violation: nothing serves the call. Returns its -errno, or not at all. */
static long violation(const struct trapped *call, promise_set held)
{
    uint8_t families[FAMILY_COUNT];
    struct policy policy = {.promises = held, .families = families};
    struct call_event event = {.arch = arch_native(), .nr = (uint32_t)call->nr};
    struct call_verdict verdict;
    for (size_t i = 0; i < 6; i++)
        event.args[i] = call->args[i];
    pledge_families(held, families);
    decide_call(&policy, &event, &verdict);
    if (verdict.probe)
        return -(long)verdict.error;
    if (held & PROMISE(ERROR))
        return -ENOSYS;
    message_tell(call, &event, &verdict);
    die(call);
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    ucontext_t *c = context;
    struct trapped call = {
        .nr = info->si_syscall,
        .args = REGS_ARGS(c),
        .at = (uintptr_t)info->si_call_addr,
        .stack = (uintptr_t)REGS_STACK(c),
        .link = (uintptr_t)REGS_LINK(c),
        .context = c,
    };
    promise_set held = __atomic_load_n(&held_now, __ATOMIC_RELAXED);
    if (info->si_code != SYS_SECCOMP) { /* somebody sent it */
        call.nr = SYS_tgkill;
        call.args[0] = (unsigned long)gate_call(SYS_getpid);
        call.args[1] = (unsigned long)gate_call(SYS_gettid);
        call.args[2] = (unsigned long)signal;
        die(&call);
    }
    long result = answer(&call, held);
    if (result == NOT_SERVED)
        result = violation(&call, held);
    REGS_RESULT(c) = (__typeof__(REGS_RESULT(c)))result;
    REGS_FAIL(c, result);
}

bool trap_install(void)
{
    struct signal_set sigsys = {{0}};
    sigsys.words[SIGNAL_WORD(SIGSYS)] = SIGNAL_BIT(SIGSYS);
    set_action(on_trap);
    gate_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &sigsys, 0, SIGNAL_SET_SIZE);
    return true;
}

#else

void trap_hold(promise_set held)
{
    (void)held;
}

bool trap_install(void)
{
    return false;
}

#endif
