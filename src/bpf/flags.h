/* flags: tells the values of a few bits apart by asking whether any of some is
 * set (JSET). That leaves the register as it is; the other way is to cut the
 * word to its mask and search (tree.h). branch.c takes the shorter one. */
#ifndef VOW_BPF_FLAGS_H
#define VOW_BPF_FLAGS_H

#include "bpf/tree.h"

#define FLAGS_VALUES 64 /* 2 ^ the bits of the mask, at most */

/* Every value that the mask lets through, in order: bit j of an index is the
 * mask's j-th bit. */
struct flags {
    size_t count;
    const struct run *values;
    uint64_t same[FLAGS_VALUES];     /* for each value, those that lead where it leads */
    uint64_t with_any[FLAGS_VALUES]; /* and those that have any of its bits */
};

void flags_init(struct flags *f, const struct run *values, size_t count);
/* flags_tests: how many tests flags_build makes at most. */
size_t flags_tests(const struct flags *f);
/* flags_build: goes to tails[to] of the value that the register holds. */
node flags_build(struct graph *g, const struct flags *f, const node *tails);

#endif
