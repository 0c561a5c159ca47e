/* tree: from the value that the register holds to the tail that goes on. */
#ifndef VOW_BPF_TREE_H
#define VOW_BPF_TREE_H

#include "bpf/graph.h"

/* The values from `lo` up to the next run's `lo`. Runs are sorted, neighbours
 * differ in `to`, the first one's lo is the least value that can occur. */
struct run {
    uint32_t lo;
    bool single;     /* no other value than lo can occur in it */
    uint16_t weight; /* how often it is asked for; the tree is balanced by it */
    node to;
};

/* runs_add: appends values from `lo` on; merges them with the last run where
 * that goes to the same node. There must be room. */
static inline void runs_add(struct run *runs, size_t *count, const struct run *run)
{
    struct run *end = runs + *count;
    if (*count > 0 && end[-1].to == run->to) {
        end[-1].single = false;
        end[-1].weight = (uint16_t)(end[-1].weight + run->weight);
    } else {
        *end = *run;
        ++*count;
    }
}

/* tree_build: count > 0. */
node tree_build(struct graph *g, const struct run *runs, size_t count);
/* tree_tests: how many tests tree_build would make; `to` may be anything that
 * tells runs apart. */
size_t tree_tests(struct graph *g, const struct run *runs, size_t count);

#endif
