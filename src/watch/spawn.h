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

/* spawn: 0: the program is being executed, its first calls wait for an answer;
 * *listener is open, close-on-exec. -errno: nothing runs; err names the step. */
int spawn(struct launch *launch, struct job *job, int *listener, struct hand_over **shared,
          struct err *err);
/* spawn_failed: did the exec fail, behind the filter? Once the child has
 * ended; 0 or -errno, err says why. Frees *shared. */
int spawn_failed(struct hand_over **shared, struct err *err);

#endif
