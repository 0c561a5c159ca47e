/* Theory of operation. A pure search tree over n runs takes n - 1 tests. But a
 * single value between two runs that go to the same node takes only one test
 * when it is asked for first (JEQ), where splitting takes two. So the runs are
 * cut into blocks: a block has one base node and at most CHAIN single values
 * that go elsewhere, which are asked for one by one. The cut that takes the
 * fewest tests is found from left to right (best[j]: the fewest for the first
 * j runs), of equal ones that with the longest chains, whose tests fall through;
 * above the blocks stands a tree of JGE, balanced by weight. */
#include "bpf/tree.h"

#include "bpf/insn.h"

/* Longer chains save few tests and lengthen paths. */
#define CHAIN 5
/* What a block weighs besides its runs: keeps those that are seldom asked for
 * from sinking too deep. */
#define BLOCK_WEIGHT 1

struct plan {
    uint32_t tests; /* for all runs before this one, and one split a block */
    uint32_t start; /* first run of the last block */
    node base;      /* of the last block */
};

/* Improves a plan for the runs before `end` by blocks that end there and have this base. */
static void try_base(const struct run *runs, size_t end, node base, const struct plan *best,
                     struct plan *plan)
{
    uint32_t tests = 1;
    for (size_t start = end; start-- > 0;) {
        if (runs[start].to != base && (!runs[start].single || ++tests > CHAIN + 1))
            return;
        if (best[start].tests + tests <= plan->tests)
            *plan = (struct plan){best[start].tests + tests, (uint32_t)start, base};
    }
}

/* best[0..count], from the scratch. */
static struct plan *make_plan(struct graph *g, const struct run *runs, size_t count)
{
    struct plan *best = graph_scratch(g, count + 1, sizeof *best);
    if (!best)
        return NULL;
    best[0] = (struct plan){0};
    for (size_t end = 1; end <= count; end++) {
        struct plan plan = {.tests = UINT32_MAX};
        try_base(runs, end, runs[end - 1].to, best, &plan);
        if (end > 1 && runs[end - 1].single)
            try_base(runs, end, runs[end - 2].to, best, &plan);
        best[end] = plan;
    }
    return best;
}

size_t tree_tests(struct graph *g, const struct run *runs, size_t count)
{
    if (count <= 2)
        return count - 1;
    struct arena_mark mark = arena_mark(&g->scratch);
    const struct plan *best = make_plan(g, runs, count);
    size_t tests = best ? best[count].tests - 1 : 0;
    arena_release(&g->scratch, mark);
    return tests;
}

struct block {
    uint32_t start, end; /* runs */
    node base;
    uint32_t weight_before; /* of the blocks on its left */
};

/* The blocks of a plan, and one behind the last. */
static size_t list_blocks(const struct run *runs, size_t count, const struct plan *best,
                          struct block *blocks)
{
    size_t block_count = 0;
    for (size_t end = count; end > 0; end = best[end].start)
        block_count++;
    size_t at = block_count;
    for (size_t end = count; end > 0; end = best[end].start)
        blocks[--at] = (struct block){best[end].start, (uint32_t)end, best[end].base, 0};
    for (at = 0; at < block_count; at++) {
        uint32_t weight = BLOCK_WEIGHT;
        for (size_t i = blocks[at].start; i < blocks[at].end; i++)
            weight += runs[i].weight;
        blocks[at + 1].weight_before = blocks[at].weight_before + weight;
    }
    return block_count;
}

static node build_chain(struct graph *g, const struct run *runs, const struct block *block)
{
    node top = block->base;
    for (size_t i = block->end; i-- > block->start;)
        if (runs[i].to != block->base)
            top = graph_test(g, INSN_JEQ, runs[i].lo, runs[i].to, top);
    return top;
}

/* How many blocks go to the left, so that the halves weigh as equal as they can. */
static size_t split_blocks(const struct block *blocks, size_t count)
{
    uint32_t twice_middle = blocks[0].weight_before + blocks[count].weight_before;
    size_t least = 1, most = count - 1;
    while (least < most) {
        size_t left = (least + most) / 2;
        if (blocks[left].weight_before + blocks[left + 1].weight_before <= twice_middle)
            least = left + 1;
        else
            most = left;
    }
    return least;
}

static node build_blocks(struct graph *g, const struct run *runs, const struct block *blocks,
                         size_t count)
{
    if (count == 1)
        return build_chain(g, runs, blocks);
    size_t left = split_blocks(blocks, count);
    node low = build_blocks(g, runs, blocks, left);
    node high = build_blocks(g, runs, blocks + left, count - left);
    return graph_test(g, INSN_JGE, runs[blocks[left].start].lo, high, low);
}

/* One test, as the plan would find it. */
static node build_pair(struct graph *g, const struct run *runs)
{
    if (runs[1].single)
        return graph_test(g, INSN_JEQ, runs[1].lo, runs[1].to, runs[0].to);
    if (runs[0].single)
        return graph_test(g, INSN_JEQ, runs[0].lo, runs[0].to, runs[1].to);
    return graph_test(g, INSN_JGE, runs[1].lo, runs[1].to, runs[0].to);
}

node tree_build(struct graph *g, const struct run *runs, size_t count)
{
    if (count <= 2)
        return count == 1 ? runs[0].to : build_pair(g, runs);
    struct arena_mark mark = arena_mark(&g->scratch);
    const struct plan *best = make_plan(g, runs, count);
    struct block *blocks = graph_scratch(g, count + 1, sizeof *blocks);
    node root = 0;
    if (best && blocks)
        root = build_blocks(g, runs, blocks, list_blocks(runs, count, best, blocks));
    arena_release(&g->scratch, mark);
    return root;
}
