/* branch: one look at a word, whose values lead to different tails. */
#ifndef VOW_BPF_BRANCH_H
#define VOW_BPF_BRANCH_H

#include "bpf/flags.h"

/* Tails have labels, numbers below label_count. */
struct branch {
    uint16_t offset; /* of the word */
    uint32_t mask;   /* what of it matters */
    size_t label_count;
    struct values *leads; /* where the values that the mask lets through are few: those of
                             each label; else NULL, and … */
    struct run *runs;     /* … neighbours differ, runs[].to are labels, the first one's lo
                             is 0; branch_build uses them up */
    size_t run_count;
};

/* Cut the word to its mask and search; ask whether any bit of the mask is set;
 * or ask for several parts of it. */
enum branch_way { BRANCH_TREE, BRANCH_ANY, BRANCH_FLAGS };

struct branch_plan {
    enum branch_way way;
    struct held inside; /* what the register holds when a tail is entered */
    struct flags *flags;
};

/* branch_matters: the bits of the mask that make a difference, of a branch that
 * has `leads`. */
uint32_t branch_matters(const struct branch *b);
/* branch_plan: the shortest way, entered while the register holds `held`. It may
 * take from the scratch. */
struct branch_plan branch_plan(struct graph *g, const struct branch *b, struct held held);
/* branch_build: the tails, by label, are for a register that holds
 * plan->inside. Entered as planned. */
node branch_build(struct graph *g, const struct branch *b, const struct branch_plan *plan,
                  struct held held, const node *tails);

#endif
