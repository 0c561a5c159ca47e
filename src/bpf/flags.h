/* flags: tells the values of a few bits apart by asking whether any of some is
 * set (JSET). That leaves the register as it is; the other way is to cut the
 * word to its mask and search (tree.h). branch.c takes the shorter one. */
#ifndef VOW_BPF_FLAGS_H
#define VOW_BPF_FLAGS_H

#include "bpf/tree.h"
#include "bpf/values.h"

#define FLAGS_VALUES 64 /* 2 ^ the bits of the mask, at most */

struct flags {
    uint32_t mask;
    const struct values *leads; /* by label: the values that lead there */
    size_t label_count;
    uint64_t with_any[FLAGS_VALUES]; /* by index: the values that have any of its bits */
    uint8_t questions[FLAGS_VALUES]; /* by index, in the order in which they are asked */
    size_t question_count, most;
};

/* flags_plan: false if it takes more than `most` tests. The values behind `leads`
 * stay where they are. */
bool flags_plan(struct flags *f, uint32_t mask, const struct values *leads, size_t label_count,
                size_t most);
/* flags_build: goes to the tail, by label, of the value that the register holds.
 * Once, after a plan. */
node flags_build(struct graph *g, struct flags *f, const node *tails);

#endif
