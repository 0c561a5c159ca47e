/* cgroup: a bound for a process and all that it starts, together. */
#ifndef VOW_HOST_CGROUP_H
#define VOW_HOST_CGROUP_H

#include <limits.h>
#include <stdint.h>

#include "base/base.h"

struct cgroup_bounds {
    uint64_t memory;    /* bytes, swapped out or not; 0: no bound */
    uint64_t processes; /* and threads; 0: no bound */
};

/* A new group is one directory in cgroup v2, and one for each controller in v1. */
struct cgroup {
    char place[2][PATH_MAX]; /* of memory, of processes; "": none, or the same */
};

/* cgroup_make: a group `name` with these bounds, below or beside the caller's own,
 * as the machine permits. 0, or -errno with the reason, and no group is left; a v2
 * controller that was enabled below the caller's group stays so. `name` is WORD-PID:
 * empty groups of that word that killed processes left are removed.
 * Kernel: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, pids.rst. */
int cgroup_make(struct cgroup *out, const char *name, const struct cgroup_bounds *bounds,
                struct err *err);
/* cgroup_enter: the calling process, with all its threads. */
int cgroup_enter(const struct cgroup *g, struct err *err);
/* cgroup_remove: when all its processes have ended; waits for the last of them, a second at most.
 */
void cgroup_remove(const struct cgroup *g);

#endif
