/* Theory of operation. A pure search tree over n runs takes n - 1 tests. But a
 * single value between two runs that go to the same node takes only one test
 * when it is asked for first (JEQ), where splitting takes two. So the runs are
 * cut into blocks: a block has one base node and at most CHAIN single values
 * that go elsewhere, which are asked for one by one. The cut that takes the
 * fewest tests is found from left to right (best[j]: the fewest for the first
 * j runs); above the blocks stands a balanced tree of JGE. */
#include "bpf/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "bpf/insn.h"

/* Longer chains save few tests and lengthen paths. */
#define CHAIN 4

struct plan {
    uint32_t tests; /* for all runs before this one, and one split a block */
    uint32_t start; /* first run of the last block */
    node base;      /* of the last block */
};

void runs_add(struct run *runs, size_t *count, struct run run)
{
    if (*count > 0 && runs[*count - 1].to == run.to)
        runs[*count - 1].single = false;
    else
        runs[(*count)++] = run;
}

/* Improves best[end] by blocks that end there and have this base. */
static void try_base(const struct run *runs, size_t end, node base, struct plan *best)
{
    uint32_t tests = 0;
    for (size_t start = end; start-- > 0;) {
        if (runs[start].to != base && (!runs[start].single || ++tests > CHAIN))
            return;
        if (best[start].tests + tests + 1 < best[end].tests)
            best[end] = (struct plan){best[start].tests + tests + 1, (uint32_t)start, base};
    }
}

/* best[0..count]; malloc'd. */
static struct plan *make_plan(struct graph *g, const struct run *runs, size_t count)
{
    struct plan *best = g->error ? NULL : calloc(count + 1, sizeof *best);
    if (!best) {
        g->error = g->error ? g->error : -ENOMEM;
        return NULL;
    }
    for (size_t end = 1; end <= count; end++) {
        best[end].tests = UINT32_MAX;
        try_base(runs, end, runs[end - 1].to, best);
        if (end > 1)
            try_base(runs, end, runs[end - 2].to, best);
    }
    return best;
}

size_t tree_tests(struct graph *g, const struct run *runs, size_t count)
{
    CLEAN_FREE struct plan *best = make_plan(g, runs, count);
    return best ? best[count].tests - 1 : 0;
}

/* A block is known by the plan entry behind its last run. */
static node build_block(struct graph *g, const struct run *runs, const struct plan *best,
                        size_t end)
{
    node base = best[end].base, top = base;
    for (size_t i = end; i-- > best[end].start;)
        if (runs[i].to != base)
            top = graph_test(g, INSN_JEQ, runs[i].lo, runs[i].to, top);
    return top;
}

static node build_blocks(struct graph *g, const struct run *runs, const struct plan *best,
                         const uint32_t *ends, size_t count)
{
    if (count == 1)
        return build_block(g, runs, best, ends[0]);
    size_t left = count / 2;
    node low = build_blocks(g, runs, best, ends, left);
    node high = build_blocks(g, runs, best, ends + left, count - left);
    return graph_test(g, INSN_JGE, runs[best[ends[left]].start].lo, high, low);
}

node tree_build(struct graph *g, const struct run *runs, size_t count)
{
    CLEAN_FREE struct plan *best = make_plan(g, runs, count);
    CLEAN_FREE uint32_t *ends = best ? calloc(count, sizeof *ends) : NULL;
    if (!ends) {
        g->error = g->error ? g->error : -ENOMEM;
        return 0;
    }
    size_t first = count;
    for (uint32_t end = (uint32_t)count; end > 0; end = best[end].start)
        ends[--first] = end;
    return build_blocks(g, runs, best, ends + first, count - first);
}
