/* barrier: the broker's part of membarrier(2); shim/barrier.c has the idea. */
#include "box/broker/calls.h"
#include "box/broker/host.h"
#include "box/broker/task.h"

bool thread_runs(const struct thread *t)
{
    return !t->busy && !__atomic_load_n(&box.channel->slots[t->slot].quiet, __ATOMIC_SEQ_CST);
}

/* One of a process that was killed answers by its end. */
static bool ask(struct thread *o)
{
    struct slot *s = &box.channel->slots[o->slot];
    if (!thread_runs(o))
        return false;
    __atomic_store_n(&s->fence, 1, __ATOMIC_SEQ_CST);
    host_kick(o);
    return true;
}

int64_t do_membarrier(struct thread *t, struct call *c)
{
    bool everybody = c->a[0];
    int64_t asked = 0;
    for (struct process *p = box.first; p; p = p->next)
        for (struct thread *o = p->threads; o; o = o->next)
            if (o != t && (everybody || p == t->process))
                asked += ask(o);
    return asked;
}

void barrier_end(unsigned slot)
{
    struct slot *s = &box.channel->slots[slot];
    if (__atomic_exchange_n(&s->fence, 0, __ATOMIC_SEQ_CST))
        host_wake(&s->fence);
}
