/* flags: decides on a few bits of a word by asking whether any of some is set
 * (JSET), which leaves the register as it is. The other way is to cut the word
 * to its mask and search (tree); match.c takes the shorter one. */
#ifndef VOW_BPF_FLAGS_H
#define VOW_BPF_FLAGS_H

#include "bpf/graph.h"

#define FLAGS_VALUES 64 /* 2 ^ the bits of a mask */

struct flags {
    uint32_t mask;
    size_t count;
    uint32_t value[FLAGS_VALUES]; /* every value that the mask lets through */
    uint32_t label[FLAGS_VALUES];
};

/* flags_tests: how many tests flags_build makes at most. */
size_t flags_tests(const struct flags *f);
/* flags_build: goes to by_label[label] of the value that the register holds. */
node flags_build(struct graph *g, const struct flags *f, const node *by_label);

#endif
