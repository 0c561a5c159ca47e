/* usage: what processes used of the processor. */
#include <sys/resource.h>
#include <sys/times.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"

enum { TICK = 10000000 };

int64_t usage_put(struct thread *t, uint64_t at, int64_t used)
{
    int64_t words[18] = {used / 1000000000, used % 1000000000 / 1000};
    return call_put(t, at, words, sizeof words);
}

int64_t do_times(struct thread *t, struct call *c)
{
    const struct process *p = t->process;
    int64_t words[4] = {cpu_time(p) / TICK, 0, p->children_used / TICK, 0};
    if (c->a[0] && call_put(t, c->a[0], words, sizeof words) != 0)
        return -EFAULT;
    return time_now() / TICK;
}

int64_t do_getrusage(struct thread *t, struct call *c)
{
    int who = (int)c->a[0];
    if (who < RUSAGE_CHILDREN || who > RUSAGE_THREAD)
        return -EINVAL;
    return usage_put(t, c->a[1],
                     who == RUSAGE_CHILDREN ? t->process->children_used : cpu_time(t->process));
}
