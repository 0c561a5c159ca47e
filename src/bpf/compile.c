/* compile: rule sets → program. The number of a call is looked at like any
 * other word: its values in runs that go to the same tail, and a tree over
 * them. What a tail looks like is match.c's business. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/graph.h"
#include "bpf/insn.h"
#include "bpf/match.h"
#include "bpf/tree.h"

static bool looks_at_arguments(const struct rule *rule)
{
    return !rule->always && rule->clause_count + rule->settled_count > 0;
}

static int check_sets(const struct ruleset *const *sets, size_t set_count, struct err *err)
{
    if (set_count == 0)
        return err_set(err, -EINVAL, "no architecture to compile for");
    for (size_t i = 0; i < set_count; i++) {
        const struct arch *arch = sets[i]->arch;
        if (arch->id == ARCH_X32)
            return err_set(err, -EINVAL, "x32 is always denied and has no rules");
        for (size_t j = 0; j < i; j++)
            if (sets[j]->arch->audit == arch->audit)
                return err_set(err, -EINVAL, "two rule sets for %s", arch->name);
    }
    return 0;
}

/* A number that looks at arguments goes on from there: it must not stand deep. */
#define LOOKS_WEIGHT 6

/* Wider gaps lead to numbers that no bitmap has. */
#define GAP_MAX 512

/* The runs of one set's numbers, as they grow. */
struct numbers {
    struct graph *g;
    const struct ruleset *set;
    struct matcher matcher;
    struct run *by_rule; /* what a rule leads to, for one number; not `single`: not yet known */
    struct run *runs;
    size_t count;
    uint64_t next; /* numbers below have their run */
    node unknown, x32;
    bool has_x32;
};

/* Goes on with numbers that have no rule, up to but without `end`. A gap between
 * calls weighs what it has numbers: loading, the kernel asks for each of them once,
 * for its bitmap, and that is what all others will ever cost. */
static void add_unknown(struct numbers *n, uint64_t end)
{
    uint64_t gap = end - n->next;
    uint16_t weight = gap < GAP_MAX ? (uint16_t)gap : 0;
    uint64_t first = n->has_x32 && n->next <= X32_FIRST && end > X32_LAST ? X32_FIRST : end;
    if (n->next < first)
        runs_add(n->runs, &n->count,
                 &(struct run){(uint32_t)n->next, n->next + 1 == first, weight, n->unknown});
    n->next = first;
    if (first == end)
        return;
    runs_add(n->runs, &n->count, &(struct run){X32_FIRST, false, 0, n->x32});
    n->next = X32_LAST + 1;
    add_unknown(n, end);
}

/* Are the ranges sorted, disjoint and cut to the width? All that follows relies on it. */
static bool in_order(const struct clause *clause)
{
    for (size_t i = 0; i < clause->atom_count; i++)
        for (size_t k = 0; k < clause->atoms[i].range_count; k++) {
            const struct range *range = &clause->atoms[i].ranges[k];
            if (range->lo > range->hi || (k > 0 && range->lo <= range[-1].hi) ||
                (clause->atoms[i].width == 32 && range->hi > UINT32_MAX))
                return false;
        }
    return true;
}

/* What keeps a rule from being compiled; NULL: nothing. */
static const char *rule_fault(const struct rule *rule)
{
    for (size_t i = 0; i < (size_t)rule->clause_count + rule->settled_count; i++)
        if (!in_order(&rule->clauses[i]))
            return "has ranges that are out of order";
    return NULL;
}

/* Compiles a rule, entered while the register holds the number. */
static const char *add_rule(struct numbers *n, const struct rule *rule, struct run *out)
{
    bool looks = looks_at_arguments(rule);
    const char *wrong = looks ? rule_fault(rule) : NULL;
    if (wrong)
        return wrong;
    *out = (struct run){.single = true,
                        .weight = looks ? LOOKS_WEIGHT : 1,
                        .to = looks ? match_build(&n->matcher, rule, HELD_WORD(DATA_NR))
                                    : graph_ret(n->g, rule->always ? rule->allow : rule->deny)};
    return NULL;
}

/* The runs of all calls. What is wrong with the one at `at`; NULL: nothing. */
static const char *add_calls(struct numbers *n, size_t *at)
{
    const struct ruleset *set = n->set;
    uint32_t end = n->has_x32 ? X32_FIRST : UINT32_MAX;
    for (const struct sys_call *call = set->calls; *at < set->call_count; call++, ++*at) {
        uint32_t nr = call->nr;
        if (nr < n->next)
            return "is out of order";
        if (nr >= end)
            return "is for x32";
        if (call->rules >= set->rule_count)
            return "has no rule";
        struct run *run = &n->by_rule[call->rules];
        const char *wrong = run->single ? NULL : add_rule(n, &set->rules[call->rules], run);
        if (wrong)
            return wrong;
        if (n->next < nr)
            add_unknown(n, nr);
        run->lo = nr;
        runs_add(n->runs, &n->count, run);
        n->next = (uint64_t)nr + 1;
    }
    return NULL;
}

/* The tail for one architecture, entered while the register holds the number. */
static node numbers_node(struct graph *g, const struct ruleset *set, uint32_t foreign,
                         struct err *err)
{
    struct numbers n = {
        .g = g, .set = set, .matcher = {g, {.arch = set->arch, .memory = &g->scratch}}};
    size_t at = 0;
    n.unknown = graph_ret(g, set->unknown);
    n.x32 = graph_ret(g, foreign);
    n.has_x32 = set->arch->id == ARCH_X86_64;
    n.runs = graph_scratch(g, 2 * set->call_count + 4, sizeof *n.runs);
    n.by_rule = graph_scratch(g, set->rule_count, sizeof *n.by_rule);
    if (g->error)
        return 0;
    memset(n.by_rule, 0, set->rule_count * sizeof *n.by_rule);
    const char *wrong = add_calls(&n, &at);
    words_free(&n.matcher.words);
    /* By number: names are the command's, and would be a tenth of libvow. */
    if (wrong)
        g->error = err_set(err, -EINVAL, "%s: call %u %s", set->arch->name,
                           (unsigned)set->calls[at].nr, wrong);
    if (g->error)
        return 0;
    add_unknown(&n, UINT64_C(1) << 32);
    return tree_build(g, n.runs, n.count);
}

int bpf_compile(const struct ruleset *const *sets, size_t set_count, uint32_t foreign,
                struct program *out, struct err *err)
{
    *out = (struct program){0};
    int result = check_sets(sets, set_count, err);
    if (result)
        return result;
    struct graph g = {0};
    struct held arch = HELD_WORD(DATA_ARCH);
    node root = graph_ret(&g, foreign);
    for (size_t i = set_count; i-- > 0;) {
        node numbers = numbers_node(&g, sets[i], foreign, err);
        numbers = graph_look(&g, arch, HELD_WORD(DATA_NR), numbers);
        root = graph_test(&g, INSN_JEQ, sets[i]->arch->audit, numbers, root);
    }
    root = graph_look(&g, HELD_NOTHING, arch, root);
    result = graph_assemble(&g, root, out);
    graph_free(&g);
    if (result == -E2BIG)
        return err_set(err, result, "the rules need more than %d instructions", INSN_MAX);
    return result == -ENOMEM ? err_set(err, result, "out of memory") : result;
}

void program_free(struct program *program)
{
    free(program->at);
    *program = (struct program){0};
}
