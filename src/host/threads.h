/* threads: the other threads of the process stopped, for what the kernel does
 * to one thread at a time, or to one that is not in the middle of something. */
#ifndef VOW_HOST_THREADS_H
#define VOW_HOST_THREADS_H

#include "base/base.h"

#include <ucontext.h>

/* threads_alone: is the calling thread the only one? False also where that
 * cannot be told. A thread that was joined may live on for a moment. */
bool threads_alone(void);

/* What a stopped thread does: 0 or -errno. `signal` is what it goes on with.
 * It runs in a signal handler. */
typedef int (*thread_act)(void *context, ucontext_t *signal);

/* threads_stop: stops every other thread between two of its instructions, but
 * not where the libc blocks all signals, by a signal that the libc keeps for
 * itself and no program blocks. 0, and then until threads_go() nothing may be
 * called that takes a lock of the libc's, such as malloc: a stopped thread may
 * hold it. -EBUSY: one does not answer, or they cannot be listed in /proc; they
 * run on. Another thread that stops threads waits for its turn. */
int threads_stop(struct err *err);
/* threads_run: every stopped thread does this now. 0, what one of them
 * returned, or -EBUSY. */
int threads_run(thread_act act, void *context);
/* threads_go: ends what a successful threads_stop() began. */
void threads_go(void);

#endif
