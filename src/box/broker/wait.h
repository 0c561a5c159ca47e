/* wait: who waits for what. */
#ifndef VOW_BOX_WAIT_H
#define VOW_BOX_WAIT_H

#include "box/broker/broker.h"

struct wait {
    struct thread *thread;
    struct queue *queue;
    struct wait *next, *prev; /* on the queue */
    struct wait *more;        /* of the same thread */
};
/* Zero-initialise. Must be empty, or be freed by queue_free, when its owner
 * goes. */
struct queue {
    struct wait *first;
};

/* wait_on: the thread's call is made again when the queue is woken. Returns
 * ANSWER_WAIT, or -ENOMEM. */
int64_t wait_on(struct thread *t, struct queue *q);
/* wait_until: and when this moment of the monotonic clock has come. */
void wait_until(struct thread *t, int64_t nanoseconds);
/* wait_timed_out: has the moment come that wait_until named for this call? It
 * stays named over all repetitions: call wait_until once, if !wait_has_limit. */
bool wait_has_limit(const struct thread *t);
bool wait_timed_out(const struct thread *t);
/* wait_forget: takes the thread off all queues. */
void wait_forget(struct thread *t);
void queue_wake(struct queue *q);
void queue_free(struct queue *q);
/* wait_next_limit: the first moment at which somebody's wait ends, INT64_MAX if
 * none; wait_expire: makes those ready whose moment has come. */
int64_t wait_next_limit(void);
void wait_expire(int64_t now);

/* time_get: a struct timespec of an argument, in nanoseconds: 0 or -errno. */
int64_t time_get(struct thread *t, uint64_t at, int64_t *out);
int64_t time_now(void); /* monotonic, nanoseconds */

#endif
