#include "pledge/gate.h"
#include "pledge/memory.h"
#include "pledge/serve.h"

#include <sys/syscall.h>

/* The kernel's numbers; SIG_BLOCK and SIG_SETMASK are the libc's. */
static void without_sigsys(struct signal_set *set)
{
    set->words[SIGNAL_WORD(SIGSYS)] &= ~SIGNAL_BIT(SIGSYS);
}

/* The mask that the kernel puts back when the handler returns is the one that
 * is changed. It is the present one, too: the handler blocks nothing. */
static long serve_mask(const struct trapped *call)
{
    struct signal_set asked, *now = (struct signal_set *)&call->context->uc_sigmask;
    const unsigned long *a = call->args;
    if (a[3] != SIGNAL_SET_SIZE)
        return -EINVAL;
    if (memory_copy(&asked, a[1], sizeof asked) < 0)
        return -EFAULT;
    long result = a[2] ? gate_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, a[2], a[3]) : 0;
    if (result < 0)
        return result;
    without_sigsys(&asked);
    for (size_t i = 0; i < sizeof asked / sizeof(long); i++)
        now->words[i] = asked.words[i] | ((int)a[0] == SIG_BLOCK ? now->words[i] : 0);
    return 0;
}

/* A handler that blocked SIGSYS could not be served while it runs. */
static long serve_action(const struct trapped *call)
{
    struct kernel_action action;
    const unsigned long *a = call->args;
    if ((int)a[0] == SIGSYS)
        return gate_call(SYS_rt_sigaction, SIGSYS, 0, a[2], a[3]);
    if (memory_copy(&action, a[1], sizeof action) < 0)
        return -EFAULT;
    without_sigsys(&action.mask);
    return gate_call(SYS_rt_sigaction, a[0], &action, a[2], a[3], 0, LIBRARY_MARK);
}

long serve_signal(const struct trapped *call)
{
    if (call->nr == SYS_rt_sigprocmask)
        return serve_mask(call);
    return call->nr == SYS_rt_sigaction ? serve_action(call) : NOT_SERVED;
}
