/* barrier: membarrier(2). No call of the filter is a barrier on other processors, so
 * each thread that may run guest code is kicked, and answers from its handler; who
 * called waits for the answers.
 *
 * A thread that waits in the broker need not be asked: what it did before, the broker
 * has seen, which then answers the one who called, and it goes on only after a later
 * answer. Nor need one that waits for a futex: it says so before, and takes it back
 * with a full barrier. */
#include <linux/futex.h>
#include <linux/membarrier.h>

#include "box/shim/sys.h"

enum {
    REGISTERS =
        MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
    EVERYBODY = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED,
};

static bool is_registered; /* for PRIVATE_EXPEDITED: Linux asks for that */

void barrier_forget(void)
{
    is_registered = false;
}

bool barrier_answer(struct thread *t)
{
    uint32_t *word = &t->slot->fence;
    if (__atomic_load_n(&t->is_between, __ATOMIC_SEQ_CST))
        return false; /* the broker answers for who leaves, who is born looks later */
    bool asked = __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
    if (asked)
        host_call(__NR_futex, (long)word, FUTEX_WAKE, INT32_MAX);
    return asked;
}

void barrier_quiet(struct thread *t, bool is_quiet)
{
    __atomic_store_n(&t->slot->quiet, is_quiet, __ATOMIC_SEQ_CST);
}

/* The broker tells how many were asked. */
static long wait_for_all(struct thread *t, bool everybody)
{
    long asked = call_broker(t, __NR_membarrier, everybody);
    for (unsigned i = 0; asked > 0 && i < SLOT_COUNT; i++) {
        struct slot *s = &channel()->slots[i];
        while ((everybody || s->pid == t->slot->pid) && s != t->slot &&
               __atomic_load_n(&s->fence, __ATOMIC_SEQ_CST))
            host_call(__NR_futex, (long)&s->fence, FUTEX_WAIT, 1);
    }
    full_fence();
    return asked < 0 ? asked : 0;
}

long sys_membarrier(struct thread *t, struct regs *r, const long a[6])
{
    int command = (int)a[0];
    (void)r;
    if ((unsigned)a[1])
        return -EINVAL;
    switch (command) {
    case MEMBARRIER_CMD_QUERY: return REGISTERS | EVERYBODY | MEMBARRIER_CMD_PRIVATE_EXPEDITED;
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED: is_registered = true; return 0;
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED: return 0;
    case MEMBARRIER_CMD_GLOBAL:
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED: return wait_for_all(t, true);
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED: return is_registered ? wait_for_all(t, false) : -EPERM;
    }
    return -EINVAL;
}
