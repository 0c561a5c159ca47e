/* posix_timer: timer_create(2) and its kin. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"

enum { TIMERS_MAX = 1024, ALL_MAX = 16384, SI_TIMER_ = -2, NOTIFY_THREAD_ID = 4 };

struct posix_timer {
    struct timer timer;
    struct posix_timer *next; /* of the process */
    int id, clock, signal;    /* signal 0: none */
    uint32_t tid;             /* 0: to the process */
    uint64_t value;
    bool waits;      /* its signal does */
    int64_t extra;   /* how often it was due since that was sent */
    int32_t overrun; /* of the signal that was taken last */
};

/* struct sigevent */
struct event {
    uint64_t value;
    int32_t signal, notify, tid, unused[11];
};
_Static_assert(sizeof(struct event) == 64, "as calls.def says");

static unsigned all_count;

static struct posix_timer *find(struct process *p, uint64_t id)
{
    struct posix_timer *timer = p->posix_timers;
    while (timer && timer->id != (int)id)
        timer = timer->next;
    return timer;
}

static void due(struct timer *of, uint64_t times)
{
    struct posix_timer *timer = (struct posix_timer *)of;
    struct siginfo_short info = {
        .signal = timer->signal, .code = SI_TIMER_, .pid = timer->id, .address = timer->value};
    struct thread *to = timer->tid ? task_find_thread(timer->tid) : NULL;
    if (!timer->signal)
        return;
    if (timer->waits) {
        timer->extra += (int64_t)times;
        return;
    }
    timer->waits = true;
    timer->extra = (int64_t)times - 1;
    if (to && to->process == of->owner)
        signal_send_thread(to, &info);
    else
        signal_send(of->owner, &info);
}

int32_t posix_timer_taken(struct process *p, int id)
{
    struct posix_timer *timer = find(p, (uint64_t)id);
    if (!timer)
        return 0;
    timer->waits = false;
    timer->overrun = timer->extra > INT32_MAX ? INT32_MAX : (int32_t)timer->extra;
    timer->extra = 0;
    return timer->overrun;
}

static void drop(struct posix_timer **at)
{
    struct posix_timer *timer = *at;
    *at = timer->next;
    timer_stop(&timer->timer);
    free(timer);
    all_count--;
}

void posix_timers_free(struct process *p)
{
    while (p->posix_timers)
        drop(&p->posix_timers);
}

static bool is_cpu_clock(int clock)
{
    return clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

static int check(struct thread *t, const struct event *e)
{
    int notify = e->notify & ~NOTIFY_THREAD_ID;
    const struct thread *to = e->notify & NOTIFY_THREAD_ID ? task_find_thread((uint32_t)e->tid) : t;
    if (notify != SIGEV_SIGNAL && notify != SIGEV_NONE && notify != SIGEV_THREAD)
        return -EINVAL;
    if (!to || to->process != t->process)
        return -EINVAL;
    return notify != SIGEV_NONE && (e->signal < 1 || e->signal > SIGNALS) ? -EINVAL : 0;
}

int64_t do_timer_create(struct thread *t, struct call *c)
{
    struct process *p = t->process;
    struct event e = {.signal = SIGALRM, .notify = SIGEV_SIGNAL};
    int clock = (int)c->a[0], id = 0;
    int64_t now;
    unsigned count = 0;
    if (clock_now(p, clock, &now) != 0 || clock == CLOCK_MONOTONIC_RAW ||
        clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
        return clock_now(p, clock, &now) != 0 ? -EINVAL : -EOPNOTSUPP;
    if (c->a[1] && (call_get(t, c->a[1], &e, sizeof e) != 0 || check(t, &e) != 0))
        return -EINVAL;
    for (struct posix_timer *o = p->posix_timers; o; o = o->next, count++)
        if (o->id >= id)
            id = o->id + 1;
    bool full = count >= TIMERS_MAX || all_count >= ALL_MAX;
    struct posix_timer *timer = full ? NULL : calloc(1, sizeof *timer);
    if (!timer)
        return -EAGAIN;
    all_count++;
    *timer =
        (struct posix_timer){.timer = {.owner = p, .of_cpu = is_cpu_clock(clock), .due = due},
                             .next = p->posix_timers,
                             .id = id,
                             .clock = clock,
                             .signal = (e.notify & ~NOTIFY_THREAD_ID) == SIGEV_NONE ? 0 : e.signal,
                             .tid = e.notify & NOTIFY_THREAD_ID ? (uint32_t)e.tid : 0,
                             .value = c->a[1] ? e.value : (uint64_t)id};
    p->posix_timers = timer;
    return call_put(t, c->a[2], &id, sizeof id);
}

int64_t do_timer_settime(struct thread *t, struct call *c)
{
    struct posix_timer *timer = find(t->process, c->a[0]);
    int64_t to[2];
    int64_t result = timer_settings_get(t, c->a[2], to);
    if (result != 0 || !timer)
        return result ? (c->a[2] ? result : -EINVAL) : -EINVAL;
    if (c->a[3] && (result = timer_settings_put(t, c->a[3], &timer->timer)) != 0)
        return result;
    timer_set(&timer->timer, timer->clock, to, c->a[1] & TIMER_ABSTIME);
    return 0;
}

int64_t do_timer_gettime(struct thread *t, struct call *c)
{
    const struct posix_timer *timer = find(t->process, c->a[0]);
    return timer ? timer_settings_put(t, c->a[1], &timer->timer) : -EINVAL;
}

int64_t do_timer_getoverrun(struct thread *t, struct call *c)
{
    const struct posix_timer *timer = find(t->process, c->a[0]);
    return timer ? timer->overrun : -EINVAL;
}

int64_t do_timer_delete(struct thread *t, struct call *c)
{
    struct posix_timer **at = &t->process->posix_timers;
    while (*at && (*at)->id != (int)c->a[0])
        at = &(*at)->next;
    if (!*at)
        return -EINVAL;
    drop(at);
    return 0;
}
