/* trap: what becomes of a call that the filter refused.
 *
 * A filter answers RET_TRAP where a promise is missing. The kernel then sends
 * SIGSYS to the thread, whatever it does; if that is blocked, or nobody handles
 * it, the process is dead with a core. So nothing here has to work for a
 * violation to be the end. What does work here:
 *
 *   served     the request in a form that the filter allows (serve.h)
 *   a probe    calls that libcs try and do without fail quietly
 *   unpacked   a socketcall, if the filter allows what it stands for
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

#include "host/threads.h"
#include "pledge/exec.h"
#include "pledge/gate.h"
#include "pledge/log.h"
#include "pledge/message.h"
#include "pledge/pledge.h"
#include "pledge/serve.h"
#include "unveil/unveil.h"

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

/* Nothing is blocked beyond what was. */
#define TRAP_FLAGS (SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART)

/* die: the kernel's death for the call, made once more without a handler. */
static _Noreturn void die(const struct trapped *call)
{
    const unsigned long *a = call->args;
    struct signal_set sigsys = {{0}};
    sigsys.words[SIGNAL_WORD(SIGSYS)] = SIGNAL_BIT(SIGSYS);
    host_sigaction(SIGSYS, NULL, 0, SIGNAL_BLOCK_NONE, NULL);
    gate_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &sigsys, 0, SIGNAL_SET_SIZE);
    gate_call(call->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    gate_call(SYS_tgkill, gate_call(SYS_getpid), gate_call(SYS_gettid), SIGSYS);
    for (;;)
        gate_call(SYS_exit_group, 128 + SIGSYS);
}

/* Without stdio the handler could not do more than the program. */
static long answer(const struct trapped *call, promise_set held)
{
    if (!(held & PROMISE(STDIO)))
        return NOT_SERVED;
    long result = serve_exec(call);
    if (result == NOT_SERVED)
        result = serve_file(call, held);
    if (result == NOT_SERVED)
        result = serve_message(call);
    if (result == NOT_SERVED)
        result = serve_log(call);
    if (result == NOT_SERVED)
        result = serve_names(call, held);
    return result == NOT_SERVED ? serve_signal(call) : result;
}

/* judge: as the filter did. */
static void judge(const struct trapped *call, promise_set held, struct call_event *event,
                  struct call_verdict *verdict)
{
    uint8_t families[FAMILY_COUNT];
    struct policy policy = {.promises = held, .families = families};
    *event = (struct call_event){.arch = arch_native(), .nr = (uint32_t)call->nr};
    for (size_t i = 0; i < 6; i++)
        event->args[i] = call->args[i];
    pledge_families(held, unveil_active(), families);
    decide_call(&policy, event, verdict);
}

/* make: an unpacked call, if the filter allows it. */
static long make(const struct trapped *call, promise_set held)
{
    const unsigned long *a = call->args;
    struct call_event event;
    struct call_verdict verdict;
    judge(call, held, &event, &verdict);
    if (verdict.bpf != ANSWER_ALLOW)
        return NOT_SERVED;
    return gate_call(call->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* violation: nothing serves the call. Returns its -errno, or not at all. */
static long violation(const struct trapped *call, promise_set held)
{
    struct call_event event;
    struct call_verdict verdict;
    judge(call, held, &event, &verdict);
    if (verdict.probe)
        return -(long)verdict.error;
    if (held & PROMISE(ERROR))
        return -ENOSYS;
    if (held & PROMISE(STDIO))
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
    long result = serve_unpack(&call) ? make(&call, held) : NOT_SERVED;
    if (result == NOT_SERVED)
        result = answer(&call, held);
    if (result == NOT_SERVED)
        result = violation(&call, held);
    REGS_RESULT(c) = (__typeof__(REGS_RESULT(c)))result;
    REGS_FAIL(c, result);
}

static int unblock(void *unused, ucontext_t *signal)
{
    struct signal_set *mask = (struct signal_set *)&signal->uc_sigmask;
    (void)unused;
    mask->words[SIGNAL_WORD(SIGSYS)] &= ~SIGNAL_BIT(SIGSYS);
    return 0;
}

int trap_install(bool others)
{
    struct signal_set sigsys = {{0}};
    sigsys.words[SIGNAL_WORD(SIGSYS)] = SIGNAL_BIT(SIGSYS);
    int result = host_sigaction(SIGSYS, on_trap, TRAP_FLAGS, SIGNAL_BLOCK_NONE, NULL);
    if (result == 0 && others)
        result = threads_run(unblock, NULL);
    gate_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &sigsys, 0, SIGNAL_SET_SIZE);
    return result;
}

#else

void trap_hold(promise_set held)
{
    (void)held;
}

int trap_install(bool others)
{
    (void)others;
    return 0;
}

#endif
