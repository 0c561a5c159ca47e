#include "bpf/branch.h"

#include "bpf/flags.h"
#include "bpf/insn.h"

static bool matters(const struct branch *b, size_t bit)
{
    for (size_t i = 0; i < b->run_count; i++)
        if (b->runs[i].to != b->runs[i | bit].to)
            return true;
    return false;
}

void branch_reduce(struct branch *b)
{
    if (!b->enumerated)
        return;
    for (size_t bit = b->run_count / 2; bit > 0; bit /= 2) { /* of an index into the runs */
        if (matters(b, bit))
            continue;
        b->mask &= ~b->runs[bit].lo;
        size_t kept = 0;
        for (size_t i = 0; i < b->run_count; i++)
            if (!(i & bit))
                b->runs[kept++] = b->runs[i];
        b->run_count = kept;
    }
}

/* The branch's runs, neighbours that lead to the same tail merged; `to` is the
 * tail, or the label if there are no tails. From the scratch. */
static struct run *merge_runs(struct graph *g, const struct branch *b, const node *tails,
                              size_t *count)
{
    struct run *runs = graph_scratch(g, b->run_count, sizeof *runs);
    *count = 0;
    for (size_t i = 0; runs && i < b->run_count; i++) {
        struct run run = b->runs[i];
        run.to = tails ? tails[run.to] : run.to;
        runs_add(runs, count, run);
    }
    return runs;
}

/* Would the search take more tests than asking for parts of the mask? */
static bool flags_are_shorter(struct graph *g, const struct branch *b)
{
    if (!b->enumerated || b->run_count > FLAGS_VALUES)
        return false;
    size_t count;
    struct arena_mark mark = arena_mark(&g->scratch);
    const struct run *runs = merge_runs(g, b, NULL, &count);
    struct flags flags;
    flags_init(&flags, b->runs, b->run_count);
    bool shorter = runs && flags_tests(&flags) <= 1 + tree_tests(g, runs, count);
    arena_release(&g->scratch, mark);
    return shorter;
}

/* Does everything but 0 lead to the same tail? */
static bool is_zero_or_not(const struct branch *b)
{
    if (b->mask == UINT32_MAX || !b->runs[0].single)
        return false;
    for (size_t i = 2; i < b->run_count; i++)
        if (b->runs[i].to != b->runs[1].to)
            return false;
    return true;
}

struct branch_plan branch_plan(struct graph *g, const struct branch *b, struct held held)
{
    enum branch_way way = is_zero_or_not(b)         ? BRANCH_ANY
                          : flags_are_shorter(g, b) ? BRANCH_FLAGS
                                                    : BRANCH_TREE;
    bool held_enough = held.offset == b->offset && (held.mask & b->mask) == b->mask;
    struct held inside = way == BRANCH_TREE ? (struct held){b->offset, b->mask}
                         : held_enough      ? held
                                            : HELD_WORD(b->offset);
    return (struct branch_plan){way, inside};
}

node branch_build(struct graph *g, const struct branch *b, const struct branch_plan *plan,
                  struct held held, const node *tails)
{
    node body = 0;
    if (plan->way == BRANCH_ANY) {
        body = graph_test(g, INSN_JSET, b->mask, tails[b->runs[1].to], tails[b->runs[0].to]);
    } else if (plan->way == BRANCH_FLAGS) {
        struct flags flags;
        flags_init(&flags, b->runs, b->run_count);
        body = flags_build(g, &flags, tails);
    } else {
        size_t count;
        struct arena_mark mark = arena_mark(&g->scratch);
        const struct run *runs = merge_runs(g, b, tails, &count);
        if (runs)
            body = tree_build(g, runs, count);
        arena_release(&g->scratch, mark);
    }
    return graph_look(g, held, plan->inside, body);
}
