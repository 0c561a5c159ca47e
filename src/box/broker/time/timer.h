/* timer: moments at which something happens by itself. */
#ifndef VOW_BOX_TIMER_H
#define VOW_BOX_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct process;

/* Zero-initialise, set owner (or NULL), of_cpu and due. Must be stopped before it
 * goes. */
struct timer {
    struct timer *next, *prev; /* of those that run */
    struct process *owner;
    bool of_cpu; /* counts the processor time of its owner, not the clock */
    bool runs;
    int64_t at;       /* nanoseconds of that clock */
    int64_t interval; /* 0: once */
    int64_t look;     /* the moment of the monotonic clock at which to look at it */
    /* due: it was due, so many times since it was looked at. May stop or free it. */
    void (*due)(struct timer *timer, uint64_t times);
};

/* timer_clock: now, of the timer's clock. */
int64_t timer_clock(const struct timer *timer);
void timer_arm(struct timer *timer, int64_t at, int64_t interval);
void timer_stop(struct timer *timer);
/* timer_left: until it is due; at least 1 if it runs, 0 if it does not. */
int64_t timer_left(const struct timer *timer);
/* timer_next: when to call timer_run, of the monotonic clock; INT64_MAX: never. */
int64_t timer_next(void);
void timer_run(int64_t now);

/* clock.c: what a process and the children it waited for used, nanoseconds. */
int64_t cpu_time(const struct process *p);
/* clock_now: of a clock as the process sees it: 0 or -EINVAL. */
int clock_now(const struct process *p, int clock, int64_t *out);

/* itimer.c, posix_timer.c: of a process that executes or ends. */
enum { ITIMERS = 3 };
void itimers_start(struct process *p);
void itimers_stop(struct process *p);
void posix_timers_free(struct process *p);
/* posix_timer_taken: the signal of timer `id` is handled now; how often it was due
 * meanwhile. */
int32_t posix_timer_taken(struct process *p, int id);

#endif
