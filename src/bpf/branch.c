#include "bpf/branch.h"

#include "bpf/insn.h"

uint32_t branch_matters(const struct branch *b)
{
    uint32_t matter = 0, rest = b->mask;
    for (size_t j = 0; rest; j++, rest &= rest - 1)
        for (size_t label = 0; label < b->label_count; label++)
            if (values_differ(&b->leads[label], j)) {
                matter |= rest & -rest;
                break;
            }
    return matter;
}

static node tail_of(const node *tails, size_t label)
{
    return tails ? tails[label] : (node)label;
}

/* The label of the i-th value. */
static size_t label_at(const struct branch *b, size_t i)
{
    size_t label = 0;
    while (!values_have(&b->leads[label], i))
        label++;
    return label;
}

/* The values of `leads` as runs, from the scratch; `to` is the tail, or the label if there are
 * no tails. */
static struct run *list_runs(struct graph *g, const struct branch *b, const node *tails,
                             size_t *count)
{
    size_t end = values_count(b->mask);
    struct values edges = {{0}};
    for (size_t label = 0; label < b->label_count; label++)
        values_edges(&b->leads[label], &edges);
    size_t most = 0;
    for (size_t w = 0; w < VALUES_WORDS; w++)
        most += (size_t)__builtin_popcountll(edges.at[w]);
    struct run *runs = graph_scratch(g, most, sizeof *runs);
    for (size_t i = 0, next; runs && i < end; i = next) {
        next = values_next(&edges, i + 1, end);
        runs_add(runs, count,
                 &(struct run){.lo = values_nth(b->mask, i),
                               .single = next == i + 1,
                               .weight = (uint16_t)(next - i),
                               .to = tail_of(tails, label_at(b, i))});
    }
    return runs;
}

/* The branch's runs, with tails instead of labels; neighbours that lead to the same one merged. */
static struct run *merge_runs(struct graph *g, const struct branch *b, const node *tails,
                              size_t *count)
{
    *count = 0;
    if (b->leads)
        return list_runs(g, b, tails, count);
    for (size_t i = 0; i < b->run_count; i++) {
        struct run run = b->runs[i];
        run.to = tails[run.to];
        runs_add(b->runs, count, &run);
    }
    return b->runs;
}

/* How many tests the search takes. */
static size_t search_tests(struct graph *g, const struct branch *b)
{
    size_t count = 0;
    struct arena_mark mark = arena_mark(&g->scratch);
    const struct run *runs = list_runs(g, b, NULL, &count);
    size_t tests = runs ? tree_tests(g, runs, count) : 0;
    arena_release(&g->scratch, mark);
    return tests;
}

/* Asking for parts of the mask, if that takes no more than to cut and search. */
static struct flags *plan_flags(struct graph *g, const struct branch *b)
{
    if (!b->leads || values_count(b->mask) > FLAGS_VALUES)
        return NULL;
    struct arena_mark mark = arena_mark(&g->scratch);
    struct flags *flags = graph_scratch(g, 1, sizeof *flags);
    if (flags && flags_plan(flags, b->mask, b->leads, b->label_count, 1 + search_tests(g, b)))
        return flags;
    arena_release(&g->scratch, mark);
    return NULL;
}

/* Does everything but 0 lead to the same tail? */
static bool is_zero_or_not(const struct branch *b)
{
    if (b->mask == UINT32_MAX || b->label_count != 2)
        return false;
    if (!b->leads)
        return b->run_count == 2 && b->runs[0].single;
    struct values zero = b->leads[label_at(b, 0)];
    return values_next(&zero, 1, values_count(b->mask)) == values_count(b->mask);
}

struct branch_plan branch_plan(struct graph *g, const struct branch *b, struct held held)
{
    bool any = is_zero_or_not(b);
    struct flags *flags = any ? NULL : plan_flags(g, b);
    bool held_enough = held.offset == b->offset && (held.mask & b->mask) == b->mask;
    if (!any && !flags)
        return (struct branch_plan){BRANCH_TREE, {b->offset, b->mask}, NULL};
    return (struct branch_plan){any ? BRANCH_ANY : BRANCH_FLAGS,
                                held_enough ? held : HELD_WORD(b->offset), flags};
}

/* The tails of 0 and of everything else. */
static node build_any(struct graph *g, const struct branch *b, const node *tails)
{
    size_t zero = b->leads ? label_at(b, 0) : b->runs[0].to;
    return graph_test(g, INSN_JSET, b->mask, tails[1 - zero], tails[zero]);
}

static node build_search(struct graph *g, const struct branch *b, const node *tails)
{
    size_t count;
    struct arena_mark mark = arena_mark(&g->scratch);
    const struct run *runs = merge_runs(g, b, tails, &count);
    node body = runs ? tree_build(g, runs, count) : 0;
    arena_release(&g->scratch, mark);
    return body;
}

node branch_build(struct graph *g, const struct branch *b, const struct branch_plan *plan,
                  struct held held, const node *tails)
{
    node body = plan->way == BRANCH_ANY     ? build_any(g, b, tails)
                : plan->way == BRANCH_FLAGS ? flags_build(g, plan->flags, tails)
                                            : build_search(g, b, tails);
    return graph_look(g, held, plan->inside, body);
}
