/* compile: rule sets → program. The number of a call is looked at like any
 * other word: its values in runs that go to the same tail, and a tree over
 * them. What a tail looks like is match.c's business. */
#include <errno.h>
#include <stdlib.h>

#include "bpf/graph.h"
#include "bpf/insn.h"
#include "bpf/match.h"
#include "bpf/tree.h"

static bool looks_at_arguments(const struct rule *rule)
{
    return !rule->always && rule->clause_count + rule->settled_count > 0;
}

/* Are the ranges sorted and disjoint? All that follows relies on it. */
static bool in_order(const struct clause *clause)
{
    for (size_t i = 0; i < clause->atom_count; i++)
        for (size_t k = 0; k < clause->atoms[i].range_count; k++) {
            const struct range *range = &clause->atoms[i].ranges[k];
            if (range->lo > range->hi || (k > 0 && range->lo <= range[-1].hi))
                return false;
        }
    return true;
}

/* What is wrong with a call; NULL: nothing. */
static const char *fault(const struct ruleset *set, size_t at)
{
    const struct ruled_call *call = &set->calls[at];
    if (at > 0 && call->nr <= call[-1].nr)
        return "is out of order";
    if (call->nr >= X32_FIRST && arch_is_x32(set->arch, call->nr))
        return "is for x32";
    if (call->rule >= set->rule_count)
        return "has no rule";
    const struct rule *rule = &set->rules[call->rule];
    for (size_t i = 0; looks_at_arguments(rule) && i < rule->clause_count + rule->settled_count;
         i++)
        if (!in_order(&rule->clauses[i]))
            return "has ranges that are out of order";
    return NULL;
}

static int check_set(const struct ruleset *set, struct err *err)
{
    const char *wrong = NULL;
    size_t i = 0;
    while (i < set->call_count && !(wrong = fault(set, i)))
        i++;
    /* By number: names are the command's, and would be a tenth of libvow. */
    return wrong ? err_set(err, -EINVAL, "%s: call %u %s", set->arch->name, set->calls[i].nr, wrong)
                 : 0;
}

static int check_sets(const struct ruleset *const *sets, size_t set_count, struct err *err)
{
    if (set_count == 0)
        return err_set(err, -EINVAL, "no architecture to compile for");
    int result = 0;
    for (size_t i = 0; i < set_count && result == 0; i++) {
        const struct arch *arch = sets[i]->arch;
        if (arch->id == ARCH_X32)
            return err_set(err, -EINVAL, "x32 is always denied and has no rules");
        for (size_t j = 0; j < i; j++)
            if (sets[j]->arch->audit == arch->audit)
                return err_set(err, -EINVAL, "two rule sets for %s", arch->name);
        result = check_set(sets[i], err);
    }
    return result;
}

/* A number that looks at arguments goes on from there: it must not stand deep. */
#define LOOKS_WEIGHT 6

/* What each rule leads to, for one number, entered while the register holds the number; from the
 * scratch. */
static struct run *rule_runs(struct graph *g, const struct ruleset *set)
{
    struct run *runs = graph_scratch(g, set->rule_count, sizeof *runs);
    struct matcher m = {g, {.arch = set->arch}};
    for (size_t i = 0; runs && i < set->rule_count; i++) {
        const struct rule *rule = &set->rules[i];
        bool looks = looks_at_arguments(rule);
        runs[i].single = true;
        runs[i].weight = looks ? LOOKS_WEIGHT : 1;
        runs[i].to = looks ? match_build(&m, rule, HELD_WORD(DATA_NR))
                           : graph_ret(g, rule->always ? rule->allow : rule->deny);
    }
    words_free(&m.words);
    return runs;
}

/* Wider gaps lead to numbers that no bitmap has. */
#define GAP_MAX 512

/* The runs of the numbers, as they grow. */
struct numbers {
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
                 (struct run){(uint32_t)n->next, n->next + 1 == first, weight, n->unknown});
    n->next = first;
    if (first == end)
        return;
    runs_add(n->runs, &n->count, (struct run){X32_FIRST, false, 0, n->x32});
    n->next = X32_LAST + 1;
    add_unknown(n, end);
}

/* Entered while the register holds the number. */
static node numbers_node(struct graph *g, const struct ruleset *set, uint32_t foreign)
{
    const struct run *by_rule = rule_runs(g, set);
    struct numbers n = {.unknown = graph_ret(g, set->unknown), .x32 = graph_ret(g, foreign)};
    n.has_x32 = set->arch->id == ARCH_X86_64;
    n.runs = graph_scratch(g, 2 * set->call_count + 4, sizeof *n.runs);
    if (!by_rule || !n.runs)
        return 0;
    for (size_t i = 0; i < set->call_count; i++) {
        const struct ruled_call *call = &set->calls[i];
        struct run run = by_rule[call->rule];
        if (n.next < call->nr)
            add_unknown(&n, call->nr);
        run.lo = call->nr;
        runs_add(n.runs, &n.count, run);
        n.next++;
    }
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
        node numbers = numbers_node(&g, sets[i], foreign);
        numbers = graph_look(&g, arch, HELD_WORD(DATA_NR), numbers);
        root = graph_test(&g, INSN_JEQ, sets[i]->arch->audit, numbers, root);
    }
    root = graph_look(&g, HELD_NOTHING, arch, root);
    result = graph_assemble(&g, root, out);
    graph_free(&g);
    if (result == -E2BIG)
        return err_set(err, result, "the rules need more than %d instructions", INSN_MAX);
    if (result)
        return err_set(err, result, "out of memory");
    return 0;
}

void program_free(struct program *program)
{
    free(program->at);
    *program = (struct program){0};
}
