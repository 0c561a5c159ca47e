/* probe: the arguments at which the answer to a call can change.
 *
 * A filter that is wrong is wrong somewhere next to a boundary: just inside or
 * outside of a range, with a bit of the mask or a bit outside of it flipped,
 * with a high word that the kernel reads or does not. A probe collects these
 * values from clauses and hands out calls made of them. */
#ifndef TEST_PROBE_H
#define TEST_PROBE_H

#include "arch/arch.h"

struct probe_values {
    uint64_t *at;
    size_t count, capacity;
};

struct probe {
    const struct arch *arch;
    struct probe_values values[6]; /* by argument; sorted */
    struct probe_values holding;   /* six arguments for each clause, with which it holds */
    uint64_t random;               /* state of the random numbers, not 0 */
};

typedef void (*probe_fn)(void *context, const uint64_t args[6]);

void probe_add(struct probe *probe, const struct clause *clause);
/* probe_each: all combinations of the values if there are at most `limit`
 * (one call if there are no values); else every value beside those with which
 * a clause holds, and `limit` random combinations. */
void probe_each(struct probe *probe, size_t limit, probe_fn fn, void *context);
void probe_free(struct probe *probe);

/* probes_of_calls: a probe for every call of an architecture, in the order of
 * its table, with the boundary values of all its grants, whichever family; the
 * launch's among them, for this secret. For the caller to free. */
struct probe *probes_of_calls(const struct arch *arch, uint64_t secret);

/* probe_random: xorshift64*; the same sequence on every machine. */
uint64_t probe_random(uint64_t *state);

#endif
