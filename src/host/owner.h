/* owner: a lock that belongs to a process: the number of the one that is
 * inside, or 0. A child that was forked meanwhile finds another's number and
 * takes over. Not recursive; not for signal handlers. */
#ifndef VOW_OWNER_H
#define VOW_OWNER_H

#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline void owner_enter(pid_t *owner)
{
    pid_t self = (pid_t)syscall(SYS_getpid), seen = 0;
    while (!__atomic_compare_exchange_n(owner, &seen, self, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        if (seen == self) {
            syscall(SYS_sched_yield);
            seen = 0;
        }
    }
}

static inline void owner_leave(pid_t *owner)
{
    __atomic_store_n(owner, 0, __ATOMIC_RELEASE);
}

#endif
