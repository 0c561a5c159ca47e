#include "box/broker/time/timer.h"

#include "box/broker/task.h"

enum { LOOK_LEAST = 1000000 }; /* processor time is looked at no more often */

static struct timer *running;
static struct timer *to_look;       /* of timer_run: the next one */
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
    if (!timer->runs)
        return;
    *(timer->prev ? &timer->prev->next : &running) = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    if (to_look == timer)
        to_look = timer->next;
    timer->runs = false;
}

void timer_arm(struct timer *timer, int64_t at, int64_t interval)
{
    timer_stop(timer);
    timer->at = at;
    timer->interval = interval;
    timer->runs = true;
    timer->next = running;
    timer->prev = NULL;
    if (running)
        running->prev = timer;
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

static void run_one(struct timer *timer, int64_t now)
{
    int64_t late = timer_clock(timer) - timer->at;
    uint64_t times = 1;
    if (late < 0) {
        timer->look = when_to_look(timer, now);
        return;
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

/* What is due may stop any timer; what it starts comes before the others, and is
 * not looked at now. */
void timer_run(int64_t now)
{
    struct timer *timer;
    for (to_look = running; (timer = to_look);) {
        to_look = timer->next;
        if (timer->look <= now)
            run_one(timer, now);
    }
    soonest = INT64_MAX;
    for (timer = running; timer; timer = timer->next)
        if (timer->look < soonest)
            soonest = timer->look;
}
