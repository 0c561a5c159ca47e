#include "box/broker/time/timer.h"

#include "box/broker/task.h"

enum { LOOK_LEAST = 1000000 }; /* processor time is looked at no more often */

static struct timer *running;
static int64_t soonest = INT64_MAX; /* or earlier than the first */

int64_t timer_clock(const struct timer *timer)
{
    return timer->of_cpu ? cpu_time(timer->owner) : time_now();
}

/* Processor time passes at most as fast as the clock, for each thread. */
static int64_t when_to_look(const struct timer *timer, int64_t now)
{
    if (!timer->of_cpu)
        return timer->at;
    int64_t left = timer->at - cpu_time(timer->owner), threads = 0;
    for (const struct thread *t = timer->owner->threads; t; t = t->next)
        threads++;
    left = threads ? left / threads : left;
    return now + (left > LOOK_LEAST ? left : LOOK_LEAST);
}

static void look_at(struct timer *timer)
{
    timer->look = when_to_look(timer, time_now());
    if (timer->look < soonest)
        soonest = timer->look;
}

void timer_stop(struct timer *timer)
{
    struct timer **at = &running;
    if (!timer->runs)
        return;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    timer->runs = false;
}

void timer_arm(struct timer *timer, int64_t at, int64_t interval)
{
    timer_stop(timer);
    timer->at = at;
    timer->interval = interval;
    timer->runs = true;
    timer->next = running;
    running = timer;
    look_at(timer);
}

int64_t timer_left(const struct timer *timer)
{
    int64_t left = timer->runs ? timer->at - timer_clock(timer) : 0;
    return timer->runs && left < 1 ? 1 : left;
}

int64_t timer_next(void)
{
    return soonest;
}

/* The first that is to be looked at now. */
static struct timer *first_due(int64_t now)
{
    struct timer *timer = running;
    while (timer && timer->look > now)
        timer = timer->next;
    return timer;
}

/* What is due may change the list, so it is searched anew each time. */
void timer_run(int64_t now)
{
    struct timer *timer;
    while ((timer = first_due(now))) {
        int64_t late = timer_clock(timer) - timer->at;
        uint64_t times = 1;
        if (late < 0) {
            timer->look = when_to_look(timer, now);
            continue;
        }
        if (timer->interval) {
            times += (uint64_t)(late / timer->interval);
            timer->at += (int64_t)times * timer->interval;
            timer->look = when_to_look(timer, now);
        } else {
            timer_stop(timer);
        }
        timer->due(timer, times);
    }
    soonest = INT64_MAX;
    for (timer = running; timer; timer = timer->next)
        if (timer->look < soonest)
            soonest = timer->look;
}
