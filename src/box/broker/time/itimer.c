/* itimer: the three timers that each process has. */
#include <signal.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"

enum { SI_KERNEL_ = 128 };

static void due(struct timer *timer, uint64_t times)
{
    static const int signals[ITIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};
    struct process *p = timer->owner;
    (void)times;
    signal_send(p,
                &(struct siginfo_short){.signal = signals[timer - p->itimers], .code = SI_KERNEL_});
}

void itimers_start(struct process *p)
{
    for (int i = 0; i < ITIMERS; i++)
        p->itimers[i] = (struct timer){.owner = p, .of_cpu = i != 0, .due = due};
}

void itimers_stop(struct process *p)
{
    for (int i = 0; i < ITIMERS; i++)
        timer_stop(&p->itimers[i]);
}

static void set(struct timer *timer, int64_t after, int64_t interval)
{
    if (after)
        timer_arm(timer, timer_clock(timer) + after, interval);
    else
        timer_stop(timer);
}

int64_t do_alarm(struct thread *t, struct call *c)
{
    struct timer *timer = &t->process->itimers[0];
    int64_t left = timer_left(timer);
    set(timer, (int64_t)(uint32_t)c->a[0] * INT64_C(1000000000), 0);
    return (left + 999999999) / 1000000000;
}

/* seconds and microseconds of struct itimerval: interval, then value */
static void look(const struct timer *timer, int64_t out[4])
{
    int64_t left = timer_left(timer), interval = timer->runs ? timer->interval : 0;
    left = timer->runs && left < 1000 ? 1000 : left;
    out[0] = interval / 1000000000;
    out[1] = interval % 1000000000 / 1000;
    out[2] = left / 1000000000;
    out[3] = left % 1000000000 / 1000;
}

int64_t do_getitimer(struct thread *t, struct call *c)
{
    int64_t now[4];
    if (c->a[0] >= ITIMERS)
        return -EINVAL;
    look(&t->process->itimers[c->a[0]], now);
    return call_put(t, c->a[1], now, sizeof now);
}

int64_t do_setitimer(struct thread *t, struct call *c)
{
    int64_t old[4], new[4] = {0};
    if (c->a[0] >= ITIMERS)
        return -EINVAL;
    struct timer *timer = &t->process->itimers[c->a[0]];
    look(timer, old);
    if (c->a[1] && call_get(t, c->a[1], new, sizeof new) != 0)
        return -EFAULT;
    for (int i = 0; i < 4; i++)
        if (new[i] < 0 || (i % 2 && new[i] >= 1000000) || new[i] > INT64_C(1) << 32)
            return -EINVAL;
    set(timer, new[2] * INT64_C(1000000000) + new[3] * 1000,
        new[0] * INT64_C(1000000000) + new[1] * 1000);
    return c->a[2] ? call_put(t, c->a[2], old, sizeof old) : 0;
}
