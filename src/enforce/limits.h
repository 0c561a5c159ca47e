/* limits: --limit and the limits of every run, as the kernel keeps them.
 *
 *   cpu    RLIMIT_CPU     seconds of processor time of each process
 *   files  RLIMIT_NOFILE  open descriptors of each process
 *   fsize  RLIMIT_FSIZE   bytes of each file that is written
 *   mem    RLIMIT_DATA    private writable memory of each process (not shared
 *                         memory, not files; RLIMIT_AS would also count what
 *                         is reserved and never used, as node and Go do)
 *   procs  RLIMIT_NPROC   processes and threads of the user: with a view of
 *                         an ordinary user those of the run, else all of the
 *                         user's; the kernel never counts root's
 *
 * Each process may use its limit anew: no limit bounds the sum. */
#ifndef VOW_ENFORCE_LIMITS_H
#define VOW_ENFORCE_LIMITS_H

#include "policy/policy.h"

#include <sys/resource.h>

struct limits {
    struct {
        int resource; /* RLIMIT_… */
        struct rlimit value;
    } set[LIMIT_COUNT + 1];
    size_t count;
};

/* limits_plan: refuses what would hold nothing: a number above the hard limit,
 * procs for root. */
int limits_plan(const struct policy *p, struct limits *out, struct err *err);
/* limits_apply: allocates nothing. */
int limits_apply(const struct limits *limits, struct err *err);

#endif
