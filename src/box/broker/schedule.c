/* schedule: what a process asks of the scheduler. It is kept and told, and has no
 * effect: the host schedules. */
#include <sched.h>
#include <sys/resource.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"

enum { NICE_MIN = -20, NICE_MAX = 19, PROCESSORS = (1 << BOX_PROCESSORS) - 1, SLICE_NS = 4000000 };

static struct process *meant(struct thread *t, uint64_t pid)
{
    struct thread *other = pid ? task_find_thread((uint32_t)pid) : t;
    return other ? other->process : pid ? task_find((uint32_t)pid) : NULL;
}

static bool is_meant(const struct thread *t, const struct process *p, uint64_t which, uint64_t who)
{
    const struct process *self = t->process;
    switch (which) {
    case PRIO_PROCESS: return p->pid == (who ? who : self->pid);
    case PRIO_PGRP: return p->group == (who ? who : self->group);
    default: return p->cred.uid == (who ? who : self->cred.uid);
    }
}

/* 20 - nice, of the most urgent one, as the kernel answers. */
int64_t do_getpriority(struct thread *t, struct call *c)
{
    int64_t best = -ESRCH;
    if (c->a[0] > PRIO_USER)
        return -EINVAL;
    for (const struct process *p = box.first; p; p = p->next)
        if (p->state != ZOMBIE && is_meant(t, p, c->a[0], (uint32_t)c->a[1]) && 20 - p->nice > best)
            best = 20 - p->nice;
    return best;
}

static int64_t set_nice(const struct thread *t, struct process *p, int nice)
{
    if (!may_override(t->process) && t->process->cred.euid != p->cred.uid &&
        t->process->cred.euid != p->cred.euid)
        return -EPERM;
    if (nice < p->nice && !may_override(t->process))
        return -EACCES;
    p->nice = (int8_t)nice;
    return 0;
}

int64_t do_setpriority(struct thread *t, struct call *c)
{
    int nice = (int)c->a[2];
    int64_t result = -ESRCH;
    if (c->a[0] > PRIO_USER)
        return -EINVAL;
    nice = nice < NICE_MIN ? NICE_MIN : nice > NICE_MAX ? NICE_MAX : nice;
    for (struct process *p = box.first; p; p = p->next) {
        if (p->state == ZOMBIE || !is_meant(t, p, c->a[0], (uint32_t)c->a[1]))
            continue;
        int64_t one = set_nice(t, p, nice);
        result = result == -ESRCH || one != 0 ? one : result;
    }
    return result;
}

int64_t do_sched_getaffinity(struct thread *t, struct call *c)
{
    const struct process *p = meant(t, (uint32_t)c->a[0]);
    uint64_t processors = p && p->processors ? p->processors : PROCESSORS;
    if (!p)
        return -ESRCH;
    if (c->a[1] < sizeof processors || c->a[1] % sizeof processors)
        return -EINVAL;
    return call_put(t, c->a[2], &processors, sizeof processors) ? -EFAULT
                                                                : (int64_t)sizeof processors;
}

int64_t do_sched_setaffinity(struct thread *t, struct call *c)
{
    struct process *p = meant(t, (uint32_t)c->a[0]);
    uint64_t processors = 0, size = c->a[1] < sizeof processors ? c->a[1] : sizeof processors;
    if (size && call_get(t, c->a[2], &processors, size) != 0)
        return -EFAULT;
    if (!p)
        return -ESRCH;
    if (!(processors & PROCESSORS))
        return -EINVAL;
    p->processors = processors & PROCESSORS;
    return 0;
}

static bool is_real_time(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_policy(int policy)
{
    return is_real_time(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH ||
           policy == SCHED_IDLE;
}

int64_t do_sched_get_priority_max(struct thread *t, struct call *c)
{
    (void)t;
    int policy = (int)c->a[0];
    return !is_policy(policy) ? -EINVAL : is_real_time(policy) ? 99 : 0;
}

int64_t do_sched_get_priority_min(struct thread *t, struct call *c)
{
    (void)t;
    int policy = (int)c->a[0];
    return !is_policy(policy) ? -EINVAL : is_real_time(policy) ? 1 : 0;
}

int64_t do_sched_getscheduler(struct thread *t, struct call *c)
{
    const struct process *p = meant(t, (uint32_t)c->a[0]);
    return (int)c->a[0] < 0 ? -EINVAL : p ? p->policy : -ESRCH;
}

int64_t do_sched_getparam(struct thread *t, struct call *c)
{
    const struct process *p = meant(t, (uint32_t)c->a[0]);
    int priority = p ? p->priority : 0;
    if ((int)c->a[0] < 0 || !c->a[1])
        return -EINVAL;
    return p ? call_put(t, c->a[1], &priority, sizeof priority) : -ESRCH;
}

static int64_t set_policy(struct thread *t, struct call *c, int policy, uint64_t at)
{
    struct process *p = meant(t, (uint32_t)c->a[0]);
    int priority;
    if ((int)c->a[0] < 0 || !at)
        return -EINVAL;
    if (call_get(t, at, &priority, sizeof priority) != 0)
        return -EFAULT;
    if (!p)
        return -ESRCH;
    policy = policy < 0 ? p->policy : policy;
    if (!is_policy(policy) ||
        (is_real_time(policy) ? priority < 1 || priority > 99 : priority != 0))
        return -EINVAL;
    if (is_real_time(policy) && !may_override(t->process))
        return -EPERM;
    p->policy = (int8_t)policy;
    p->priority = (int8_t)priority;
    return 0;
}

int64_t do_sched_setscheduler(struct thread *t, struct call *c)
{
    return (int)c->a[1] < 0 ? -EINVAL : set_policy(t, c, (int)c->a[1], c->a[2]);
}

int64_t do_sched_setparam(struct thread *t, struct call *c)
{
    return set_policy(t, c, -1, c->a[1]);
}

int64_t do_sched_rr_get_interval(struct thread *t, struct call *c)
{
    const struct process *p = meant(t, (uint32_t)c->a[0]);
    int64_t slice[2] = {0, p && p->policy == SCHED_FIFO ? 0 : SLICE_NS};
    if ((int)c->a[0] < 0)
        return -EINVAL;
    return p ? call_put(t, c->a[1], slice, sizeof slice) : -ESRCH;
}
