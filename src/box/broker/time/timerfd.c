/* timerfd: a timer that is read like a file. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "box/broker/calls.h"
#include "box/broker/file.h"
#include "box/broker/task.h"

struct timer_file {
    struct timer timer;
    int clock;
    uint64_t expired; /* times since it was read */
    struct queue changed;
};

static void due(struct timer *timer, uint64_t times)
{
    struct timer_file *f = (struct timer_file *)timer;
    f->expired += times;
    queue_wake(&f->changed);
}

static int64_t read_timer(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    struct timer_file *timer = f->data;
    (void)at;
    if (size < sizeof timer->expired)
        return -EINVAL;
    if (!timer->expired)
        return file_waits(f) ? wait_on(t, &timer->changed) : -EAGAIN;
    memcpy(to, &timer->expired, sizeof timer->expired);
    timer->expired = 0;
    return sizeof timer->expired;
}

static int poll_timer(struct thread *t, struct file *f)
{
    struct timer_file *timer = f->data;
    if (t)
        wait_on(t, &timer->changed);
    return timer->expired ? POLLIN | POLLRDNORM : 0;
}

static void release_timer(struct file *f)
{
    struct timer_file *timer = f->data;
    timer_stop(&timer->timer);
    queue_free(&timer->changed);
    free(timer);
}

const struct file_ops timerfd_ops = {.read = read_timer,
                                     .poll = poll_timer,
                                     .release = release_timer,
                                     .name = "anon_inode:[timerfd]"};

static bool is_clock(uint64_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
           clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

int64_t do_timerfd_create(struct thread *t, struct call *c)
{
    if (!is_clock((uint32_t)c->a[0]) || c->a[1] & ~(uint64_t)(TFD_CLOEXEC | TFD_NONBLOCK))
        return -EINVAL;
    struct timer_file *timer = calloc(1, sizeof *timer);
    struct file *f =
        timer ? file_new(&timerfd_ops, O_RDWR | ((uint32_t)c->a[1] & O_NONBLOCK), NULL, timer)
              : NULL;
    if (!f) {
        free(timer);
        return -ENOMEM;
    }
    timer->clock = (int)c->a[0];
    timer->timer.due = due;
    return fd_put(t, f, 0, c->a[1] & TFD_CLOEXEC);
}

int timer_settings_get(struct thread *t, uint64_t at, int64_t out[2])
{
    for (int i = 0; i < 2; i++) {
        int64_t result = time_get(t, at ? at + (uint64_t)i * sizeof(struct timespec) : 0, &out[i]);
        if (result != 0)
            return (int)result;
    }
    return 0;
}

int64_t timer_settings_put(struct thread *t, uint64_t at, const struct timer *timer)
{
    int64_t left = timer_left(timer), interval = timer->interval;
    struct timespec out[2] = {{interval / 1000000000, interval % 1000000000},
                              {left / 1000000000, left % 1000000000}};
    return call_put(t, at, out, sizeof out);
}

void timer_set(struct timer *timer, int clock, const int64_t to[2], bool absolute)
{
    int64_t at = to[1], now = 0;
    timer->interval = to[0];
    if (!to[1]) {
        timer_stop(timer);
        return;
    }
    if (absolute)
        clock_now(timer->owner, clock, &now);
    timer_arm(timer, timer_clock(timer) + at - now, to[0]);
}

static int64_t timer_of(struct thread *t, uint64_t fd, struct timer_file **out)
{
    struct file *f = fd_file(t, fd);
    if (!f || f->ops != &timerfd_ops)
        return f ? -EINVAL : -EBADF;
    *out = f->data;
    return 0;
}

int64_t do_timerfd_settime(struct thread *t, struct call *c)
{
    struct timer_file *f;
    int64_t to[2];
    if (c->a[1] & ~(uint64_t)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
        return -EINVAL;
    int64_t result = timer_settings_get(t, c->a[2], to);
    if (result == 0)
        result = timer_of(t, c->a[0], &f);
    if (result != 0)
        return result;
    if (c->a[3] && (result = timer_settings_put(t, c->a[3], &f->timer)) != 0)
        return result;
    f->expired = 0;
    timer_set(&f->timer, f->clock, to, c->a[1] & TFD_TIMER_ABSTIME);
    return 0;
}

int64_t do_timerfd_gettime(struct thread *t, struct call *c)
{
    struct timer_file *f;
    int64_t result = timer_of(t, c->a[0], &f);
    return result ? result : timer_settings_put(t, c->a[1], &f->timer);
}
