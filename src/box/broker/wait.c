#include "box/broker/wait.h"

#include <stdlib.h>

#include "box/broker/task.h"

int64_t time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t wait_on(struct thread *t, struct queue *q)
{
    struct wait *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->thread = t;
    w->queue = q;
    w->more = t->waits;
    t->waits = w;
    w->next = q->first;
    if (q->first)
        q->first->prev = w;
    q->first = w;
    return ANSWER_WAIT;
}

static void unlink_wait(struct wait *w)
{
    if (!w->queue)
        return;
    if (w->prev)
        w->prev->next = w->next;
    else
        w->queue->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    w->queue = NULL;
}

void wait_forget(struct thread *t)
{
    while (t->waits) {
        struct wait *w = t->waits;
        t->waits = w->more;
        unlink_wait(w);
        free(w);
    }
}

void queue_wake(struct queue *q)
{
    for (struct wait *w = q->first; w; w = w->next)
        call_ready(w->thread);
}

void queue_free(struct queue *q)
{
    while (q->first) {
        struct wait *w = q->first;
        call_ready(w->thread);
        unlink_wait(w);
        w->next = w->prev = NULL;
    }
}

void wait_until(struct thread *t, int64_t nanoseconds)
{
    t->limit = nanoseconds;
}

bool wait_has_limit(const struct thread *t)
{
    return t->limit != INT64_MAX;
}

bool wait_timed_out(const struct thread *t)
{
    return t->limit != INT64_MAX && time_now() >= t->limit;
}

int64_t wait_next_limit(void)
{
    int64_t next = INT64_MAX;
    for (struct process *p = box.first; p; p = p->next)
        for (struct thread *t = p->threads; t; t = t->next)
            if (t->busy && t->limit < next)
                next = t->limit;
    return next;
}

void wait_expire(int64_t now)
{
    for (struct process *p = box.first; p; p = p->next)
        for (struct thread *t = p->threads; t; t = t->next)
            if (t->busy && t->limit <= now)
                call_ready(t);
}
