/* compile: rule sets → program. The number of a call is looked at like any
 * other word: its values in runs that go to the same tail, and a tree over
 * them. What a tail looks like is match.c's business. */
#include <errno.h>
#include <stdlib.h>

#include "bpf/graph.h"
#include "bpf/insn.h"
#include "bpf/match.h"
#include "bpf/tree.h"

/* Sorted and disjoint, which all that follows relies on. */
static bool in_order(const struct atom *atom)
{
    for (size_t i = 0; i < atom->range_count; i++) {
        const struct range *range = &atom->ranges[i];
        if (range->lo > range->hi || (i > 0 && range->lo <= range[-1].hi))
            return false;
    }
    return true;
}

static int check_clause(const struct arch *arch, uint32_t nr, const struct clause *clause,
                        struct err *err)
{
    for (size_t i = 0; i < clause->atom_count; i++) {
        if (in_order(&clause->atoms[i]))
            continue;
        /* By number: names are the command's, and would be a tenth of libvow. */
        return err_set(err, -EINVAL, "%s: call %u: the ranges of argument %u are out of order",
                       arch->name, nr, clause->atoms[i].arg);
    }
    return 0;
}

static int check_rule(const struct arch *arch, const struct rule *rule, struct err *err)
{
    if (rule->nr >= X32_FIRST && arch_is_x32(arch, rule->nr))
        return err_set(err, -EINVAL, "%s: rule %u is for x32", arch->name, rule->nr);
    size_t count = rule->always ? 0 : (size_t)rule->clause_count + rule->settled_count;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = check_clause(arch, rule->nr, &rule->clauses[i], err);
    return result;
}

static int check_set(const struct ruleset *set, struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < set->rule_count && result == 0; i++) {
        const struct rule *rule = &set->rules[i];
        if (i > 0 && rule->nr <= rule[-1].nr)
            return err_set(err, -EINVAL, "%s: rule %u is out of order", set->arch->name, rule->nr);
        result = check_rule(set->arch, rule, err);
    }
    return result;
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

static bool looks_at_arguments(const struct rule *rule)
{
    return !rule->always && rule->clause_count + rule->settled_count > 0;
}

/* Entered while the register holds the number. */
static struct run rule_run(struct matcher *m, const struct rule *rule)
{
    struct run run = {.lo = rule->nr, .single = true, .weight = 1};
    if (looks_at_arguments(rule)) {
        run.to = match_build(m, rule, HELD_WORD(DATA_NR));
    } else {
        run.to = graph_ret(m->g, rule->always ? rule->allow : rule->deny);
        run.weight = rule->always;
    }
    return run;
}

/* A run for the numbers from `lo` up to but without `end`, which have no rule. */
static void add_unknown(struct run *runs, size_t *count, uint64_t lo, uint64_t end, node unknown)
{
    if (lo < end)
        runs_add(runs, count, (struct run){(uint32_t)lo, lo + 1 == end, 0, unknown});
}

/* Entered while the register holds the number. */
static node numbers_node(struct graph *g, const struct ruleset *set, uint32_t foreign)
{
    bool has_x32 = set->arch->id == ARCH_X86_64;
    struct run *runs = graph_scratch(g, 2 * set->rule_count + 4, sizeof *runs);
    if (!runs)
        return 0;
    struct matcher m = {g, {.arch = set->arch}};
    node unknown = graph_ret(g, set->unknown);
    size_t count = 0;
    uint64_t next = 0; /* numbers below have their run */
    for (size_t i = 0; i <= set->rule_count; i++) {
        const struct rule *rule = i < set->rule_count ? &set->rules[i] : NULL;
        uint64_t end = rule ? rule->nr : UINT64_C(1) << 32;
        if (has_x32 && next <= X32_FIRST && end > X32_LAST) {
            add_unknown(runs, &count, next, X32_FIRST, unknown);
            runs_add(runs, &count, (struct run){X32_FIRST, false, 0, graph_ret(g, foreign)});
            next = X32_LAST + 1;
        }
        add_unknown(runs, &count, next, end, unknown);
        if (rule)
            runs_add(runs, &count, rule_run(&m, rule));
        next = end + 1;
    }
    words_free(&m.words);
    return tree_build(g, runs, count);
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
