/* unveil: the program's side of unveil(): who serves this process, and how it
 * is asked.
 *
 * Behind unveil() stands a broker (broker/broker.h): a process that performs
 * every call of the program that names a path. A program speaks to its broker
 * by a system call that the kernel does not know, UNVEIL_CALL as prctl's first
 * argument: a filter holds it like the calls with a path. So there is no
 * descriptor that a program could close, leak or inherit, and the kernel says
 * who asks. Whoever loads a filter besides must let these calls through; with
 * no broker they fail with EINVAL, with a dead one with ENOSYS. */
#ifndef VOW_UNVEIL_H
#define VOW_UNVEIL_H

#include "broker/broker.h"

/* prctl(UNVEIL_CALL, request, …). */
#define UNVEIL_CALL BROKER_CALL

/* unveil_active: does a broker serve this process? Asks nobody: what this
 * process, or one that it was forked from, has done. */
bool unveil_active(void);

/* unveil_add: unveil(path, permissions). 0 or -errno. */
int unveil_add(const char *path, const char *permissions);

/* unveil_data_only: no broker: rules become a domain of Landlock's at the lock.
 * Before the first rule; -EPERM after it. */
int unveil_data_only(void);

/* unveil_prepare: starts the broker's process, for a later first unveil(). For
 * pledge() with the promise unveil: what is forbidden later would be forbidden
 * to the broker, too. Nothing else changes. 0 (also if there is one), or
 * -errno. */
int unveil_prepare(void);

/* unveil_lock: as unveil(NULL, NULL). 0, also where there is nothing to lock; or
 * -errno. */
int unveil_lock(void);

/* The same in two steps, for pledge() without the promise unveil. */
struct unveil_locking {
    bool broker, data; /* what there is to lock */
    int ruleset;       /* -1: there is none */
};
/* unveil_lock_prepare: what can fail; nothing changes yet. Ended by clean_fd()
 * of the ruleset. unveil_lock_enter: `stopped`: the other threads are, by the
 * caller; takes no lock of the libc's, then. Both 0 or -errno. */
int unveil_lock_prepare(struct unveil_locking *locking);
int unveil_lock_enter(const struct unveil_locking *locking, bool stopped);

/* unveil_fetch: a descriptor, close-on-exec and for reading (of /dev/null and its
 * like for writing, too), of one of the files that a promise opens by itself
 * (paths_exception() of stdio, getpw, dns), opened by the broker whatever the
 * rules are; or -errno (-EACCES: not such a file). Async-signal-safe. For
 * pledge()'s handler where unveil_active(): the broker is held by none of the
 * program's Landlock domains, so without rpath the program's own opens must not
 * reach it. */
int unveil_fetch(const char *path);

/* unveil_except: from now on the broker opens those files for an ordinary open
 * for reading, too, as OpenBSD does for a process that has pledged. 0 or
 * -errno; nothing to do where there is no broker. */
int unveil_except(void);

#endif
