/* branch: one look at a word, whose values lead to different tails. */
#ifndef VOW_BPF_BRANCH_H
#define VOW_BPF_BRANCH_H

#include "bpf/tree.h"

/* runs[].to are labels, numbers below the count of tails. */
struct branch {
    uint16_t offset;  /* of the word */
    uint32_t mask;    /* what of it matters */
    bool enumerated;  /* the runs are all values that the mask lets through, in order,
                         one each; else neighbours differ */
    struct run *runs; /* the first one's lo is 0 */
    size_t run_count;
};

/* Cut the word to its mask and search; ask whether any bit of the mask is set;
 * or ask for several parts of it. */
enum branch_way { BRANCH_TREE, BRANCH_ANY, BRANCH_FLAGS };

struct branch_plan {
    enum branch_way way;
    struct held inside; /* what the register holds when a tail is entered */
};

/* branch_reduce: takes bits from the mask that make no difference. */
void branch_reduce(struct branch *b);
/* branch_plan: the shortest way, entered while the register holds `held`. */
struct branch_plan branch_plan(struct graph *g, const struct branch *b, struct held held);
/* branch_build: the tails, by label, are for a register that holds
 * plan->inside. Entered as planned. */
node branch_build(struct graph *g, const struct branch *b, const struct branch_plan *plan,
                  struct held held, const node *tails);

#endif
