/* clock: what time it is. */
#include <string.h>
#include <time.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"

enum { CLOCKS = 12, CPU_KIND = 7, CPU_SCHED = 2 };

int64_t cpu_time(const struct process *p)
{
    struct timespec now = {0};
    clockid_t clock = ~p->host_pid * 8 | CPU_SCHED; /* the host's, of that process */
    if (p->host_pid)
        clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* A clock that clock_getcpuclockid(3) or pthread_getcpuclockid(3) made: whose? */
static const struct process *cpu_clock_owner(const struct process *p, int clock)
{
    uint32_t id = ~(uint32_t)(clock >> 3);
    const struct thread *t = NULL;
    if ((clock & CPU_KIND) > 6 || (clock & 3) == 3)
        return NULL;
    if (id == 0)
        return p;
    if (clock & 4)
        return (t = task_find_thread(id)) && t->process == p ? p : NULL;
    return task_find(id);
}

int clock_now(const struct process *p, int clock, int64_t *out)
{
    struct timespec now;
    if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID || clock < 0) {
        const struct process *owner = clock < 0 ? cpu_clock_owner(p, clock) : p;
        *out = owner ? cpu_time(owner) : 0;
        return owner ? 0 : -EINVAL;
    }
    if (clock >= CLOCKS || clock_gettime(clock, &now) != 0)
        return -EINVAL;
    *out = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    return 0;
}

int64_t do_clock_gettime(struct thread *t, struct call *c)
{
    int64_t now;
    int result = clock_now(t->process, (int)c->a[0], &now);
    struct timespec out = {now / 1000000000, now % 1000000000};
    return result ? result : call_put(t, c->a[1], &out, sizeof out);
}

int64_t do_clock_getres(struct thread *t, struct call *c)
{
    int clock = (int)c->a[0];
    int64_t now;
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    struct timespec resolution = {0, coarse ? 4000000 : 1};
    int result = clock_now(t->process, clock, &now);
    return result || !c->a[1] ? result : call_put(t, c->a[1], &resolution, sizeof resolution);
}

int64_t do_clock_settime(struct thread *t, struct call *c)
{
    int64_t to;
    if (c->a[0] != CLOCK_REALTIME)
        return -EINVAL;
    int64_t result = time_get(t, c->a[1], &to);
    return result ? result : -EPERM;
}

int64_t do_gettimeofday(struct thread *t, struct call *c)
{
    struct timespec now;
    static const char zone[8];
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t words[2] = {now.tv_sec, now.tv_nsec / 1000};
    if (c->a[1])
        call_put(t, c->a[1], zone, sizeof zone);
    return c->a[0] ? call_put(t, c->a[0], words, sizeof words) : 0;
}

int64_t do_time(struct thread *t, struct call *c)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t seconds = now.tv_sec;
    return c->a[0] && call_put(t, c->a[0], &seconds, sizeof seconds) != 0 ? -EFAULT : seconds;
}

static bool can_sleep_by(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
           clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

/* clock, flags, time, where the rest goes. The shim makes nanosleep of it. */
int64_t do_clock_nanosleep(struct thread *t, struct call *c)
{
    static struct queue nobody;
    int64_t time, now;
    int clock = (int)c->a[0];
    if (clock >= CLOCKS || clock == CLOCK_THREAD_CPUTIME_ID)
        return -EINVAL;
    if (!can_sleep_by(clock))
        return -EOPNOTSUPP;
    int64_t result = time_get(t, c->a[2], &time);
    if (result != 0 || wait_timed_out(t))
        return result;
    if (!wait_has_limit(t)) {
        if (c->a[1] & TIMER_ABSTIME) {
            if (clock_now(t->process, clock, &now) != 0)
                return -EINVAL;
            time -= now;
        }
        if (time <= 0)
            return 0;
        wait_until(t, time_now() + time);
    }
    if (c->a[3]) {
        int64_t left = t->limit - time_now();
        struct timespec rest = {left / 1000000000, left % 1000000000};
        if (left > 0)
            call_put(t, c->a[3], &rest, sizeof rest);
    }
    return wait_on(t, &nobody);
}
