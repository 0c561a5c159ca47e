/* spawn: starts the program of a prepared launch under a listener.
 *
 * The filter that has the listener is loaded by the child, and from then on
 * judges what the child does: it cannot send a descriptor. So both share one
 * table of descriptors until the exec: the listener is the parent's as soon as
 * it exists, and only its number has to be told, in memory that they share.
 * The child then writes a byte to a pipe to wake the parent. Where its policy
 * does not let it, the parent sees the number when it next looks, a
 * millisecond later at most. */
#ifndef VOW_SPAWN_H
#define VOW_SPAWN_H

#include "enforce/enforce.h"
#include "watch/job.h"

struct hand_over; /* the shared memory */

/* spawn: the program is being executed, its first calls wait for an answer;
 * *listener is open, close-on-exec. 0 or -errno; *listener is -1 where the
 * child failed before it had one: spawn_failed says why. */
int spawn(struct launch *launch, struct job *job, int *listener, struct hand_over **shared,
          struct err *err);
/* spawn_failed: once the child has ended: did it fail before it was the
 * program? 0 or -errno, err says why, *exit_status is 125, 126 or 127. Frees
 * *shared. */
int spawn_failed(struct hand_over **shared, int *exit_status, struct err *err);

#endif
