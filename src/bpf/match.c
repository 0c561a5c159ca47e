/* Theory of operation.
 *
 * The clauses, rewritten for 32-bit words (words.h), are asked about one
 * variable after the other. A variable is what one look at a word can tell:
 * the word cut to one mask. Where all masks on a word have few bits together
 * (open's flags), the word is one variable with their union as the mask, and
 * its values are enumerated.
 *
 * Each value of the variable leaves some clauses alive (build). A clause that
 * asks for the same as an earlier one in all that is not known yet is replaced
 * by that one, and one that asks for more than another is dropped; so equal
 * questions get equal names (canonical), and values that lead to equal
 * questions go the same way: clauses with common parts are asked together.
 * What is left equal is shared by the graph. */
#include "bpf/match.h"

#include <errno.h>
#include <stdlib.h>

#include "bpf/flags.h"
#include "bpf/insn.h"
#include "bpf/tree.h"
#include "bpf/words.h"

#define SET_BITS 64      /* clauses, and variables, in one batch */
#define STEP_LIMIT 20000 /* of expansion, for one call */

struct variable {
    uint8_t word;
    bool enumerated;
    uint32_t mask;
};

struct match {
    struct graph *g;
    const struct rule *rule;
    struct words words;
    size_t steps;
};

/* Clauses that are expanded together; where none of them holds, `none`
 * goes on. */
struct batch {
    struct match *m;
    struct word_clause *clauses;
    size_t clause_count;
    struct variable vars[SET_BITS];
    size_t var_count;
    node none;
};

typedef uint64_t bits; /* a set of clauses or variables of a batch */
#define BIT(i) (UINT64_C(1) << (i))

static void fail(struct match *m, int error)
{
    if (!m->g->error)
        m->g->error = error;
}

static bool same_spans(const struct match *m, const struct condition *a, const struct condition *b)
{
    if (a->mask != b->mask || a->span_count != b->span_count)
        return false;
    for (size_t i = 0; i < a->span_count; i++) {
        const struct span *x = &m->words.spans[a->span_at + i],
                          *y = &m->words.spans[b->span_at + i];
        if (x->lo != y->lo || x->hi != y->hi)
            return false;
    }
    return true;
}

/* Does `a` ask, of what is not known, only for what `b` asks for too? */
static bool asks_no_more(const struct batch *b, size_t a_index, size_t b_index, bits known)
{
    const struct word_clause *weak = &b->clauses[a_index], *strong = &b->clauses[b_index];
    for (size_t i = 0; i < weak->count; i++) {
        const struct condition *c = &weak->at[i];
        bool found = (known & BIT(c->var)) != 0;
        for (size_t j = 0; j < strong->count && !found; j++)
            found = strong->at[j].var == c->var && same_spans(b->m, c, &strong->at[j]);
        if (!found)
            return false;
    }
    return true;
}

static bool asks_nothing(const struct batch *b, size_t clause, bits known)
{
    for (size_t i = 0; i < b->clauses[clause].count; i++)
        if (!(known & BIT(b->clauses[clause].at[i].var)))
            return false;
    return true;
}

/* The one name of all sets of clauses that ask for the same. */
static bits canonical(const struct batch *b, bits alive, bits known)
{
    bits named = 0;
    for (size_t i = 0; i < b->clause_count; i++) {
        if (!(alive & BIT(i)))
            continue;
        size_t name = 0;
        while (!(asks_no_more(b, name, i, known) && asks_no_more(b, i, name, known)))
            name++;
        named |= BIT(name);
    }
    bits kept = named;
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; j < b->clause_count && (kept & BIT(i)); j++)
            if (i != j && (named & BIT(j)) && asks_no_more(b, j, i, known))
                kept &= ~BIT(i);
    return kept;
}

/* The variable that most of the clauses ask for. */
static size_t choose_variable(const struct batch *b, bits alive, bits known)
{
    size_t asked[SET_BITS] = {0}, best = 0;
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; (alive & BIT(i)) && j < b->clauses[i].count; j++)
            if (!(known & BIT(b->clauses[i].at[j].var)))
                asked[b->clauses[i].at[j].var]++;
    for (size_t i = 1; i < b->var_count; i++)
        if (asked[i] > asked[best])
            best = i;
    return best;
}

/* `value`: what is left of the word under the condition's mask. */
static bool holds(const struct match *m, const struct condition *c, uint32_t value)
{
    for (size_t i = 0; i < c->span_count; i++)
        if (value >= m->words.spans[c->span_at + i].lo &&
            value <= m->words.spans[c->span_at + i].hi)
            return true;
    return false;
}

/* The clauses that may hold still when the variable has this value. It need
 * not be one that the mask lets through: then it stands for those above it. */
static bits survivors(const struct batch *b, bits alive, size_t var, uint32_t value)
{
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; (alive & BIT(i)) && j < b->clauses[i].count; j++) {
            const struct condition *c = &b->clauses[i].at[j];
            uint32_t left = b->vars[var].enumerated ? value & c->mask : value;
            if (c->var == var && !holds(b->m, c, left))
                alive &= ~BIT(i);
        }
    return alive;
}

/* What one look at a variable tells: its values in classes that leave the
 * same clauses to ask. */
struct look {
    size_t var;
    uint32_t *values; /* least value of each class, sorted */
    bits *classes;    /* what is alive then; canonical, by label */
    struct run *runs; /* by label */
    node *nodes;      /* by label */
    size_t value_count, class_count, run_count;
    struct flags flags; /* if the variable is enumerated */
};

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void look_free(struct look *l)
{
    free(l->values);
    free(l->classes);
    free(l->runs);
    free(l->nodes);
}

static size_t most_values(const struct batch *b, bits alive, size_t var)
{
    if (b->vars[var].enumerated)
        return FLAGS_VALUES;
    size_t count = 1;
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; (alive & BIT(i)) && j < b->clauses[i].count; j++)
            if (b->clauses[i].at[j].var == var)
                count += 2 * b->clauses[i].at[j].span_count;
    return count;
}

/* The values at which the answer to any condition on the variable changes;
 * all values if they are enumerated. */
static void list_values(const struct batch *b, bits alive, struct look *l)
{
    uint32_t mask = b->vars[l->var].mask, value = 0;
    if (b->vars[l->var].enumerated) {
        do {
            l->values[l->value_count++] = value;
            value = (value - mask) & mask;
        } while (value);
        return;
    }
    l->values[l->value_count++] = 0;
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; (alive & BIT(i)) && j < b->clauses[i].count; j++) {
            const struct condition *c = &b->clauses[i].at[j];
            for (size_t k = 0; c->var == l->var && k < c->span_count; k++) {
                const struct span *span = &b->m->words.spans[c->span_at + k];
                if (span->lo > 0 && span->lo <= mask)
                    l->values[l->value_count++] = span->lo;
                if (span->hi < mask)
                    l->values[l->value_count++] = span->hi + 1;
            }
        }
    qsort(l->values, l->value_count, sizeof *l->values, by_value);
    size_t kept = 1;
    for (size_t i = 1; i < l->value_count; i++)
        if (l->values[i] != l->values[kept - 1])
            l->values[kept++] = l->values[i];
    l->value_count = kept;
}

static uint32_t label_of(struct look *l, bits class)
{
    uint32_t label = 0;
    while (label < l->class_count && l->classes[label] != class)
        label++;
    if (label == l->class_count)
        l->classes[l->class_count++] = class;
    return label;
}

/* Fills a look at a variable. On failure the graph has the error. */
static void look_at(struct batch *b, bits alive, bits known, struct look *l)
{
    l->var = choose_variable(b, alive, known);
    size_t most = most_values(b, alive, l->var);
    l->values = calloc(most, sizeof *l->values);
    l->classes = calloc(most, sizeof *l->classes);
    l->runs = calloc(most, sizeof *l->runs);
    l->nodes = calloc(most, sizeof *l->nodes);
    if (!l->values || !l->classes || !l->runs || !l->nodes) {
        fail(b->m, -ENOMEM);
        return;
    }
    const struct variable *var = &b->vars[l->var];
    list_values(b, alive, l);
    l->flags.mask = var->mask;
    l->flags.count = var->enumerated ? l->value_count : 0;
    for (size_t i = 0; i < l->value_count; i++) {
        uint32_t value = l->values[i];
        bits class = survivors(b, alive, l->var, value);
        uint32_t label = label_of(l, canonical(b, class, known | BIT(l->var)));
        bool last = i + 1 == l->value_count;
        bool single =
            var->enumerated || (last ? value == var->mask : l->values[i + 1] == value + 1);
        runs_add(l->runs, &l->run_count, (struct run){value, single, label});
        if (var->enumerated) {
            l->flags.value[i] = value;
            l->flags.label[i] = label;
        }
    }
}

static node build(struct batch *b, bits alive, bits known, struct held held);

/* The tails behind each class, entered while the register holds `held`. */
static void build_classes(struct batch *b, struct look *l, bits known, struct held held)
{
    for (size_t i = 0; i < l->class_count; i++)
        l->nodes[i] = build(b, l->classes[i], known | BIT(l->var), held);
}

/* Picks the shortest way to tell the classes apart. */
static node build_look(struct batch *b, struct look *l, bits known, struct held held)
{
    struct graph *g = b->m->g;
    const struct variable *var = &b->vars[l->var];
    struct held whole = HELD_WORD(data_word(b->m->words.arch, var->word));
    struct held cut = {whole.offset, var->mask};
    bool has_all = held.offset == whole.offset && (held.mask & var->mask) == var->mask;
    struct held uncut = has_all ? held : whole;
    bool zero_or_not = l->run_count == 2 && l->runs[0].single && var->mask != UINT32_MAX;
    bool by_flags =
        var->enumerated && flags_tests(&l->flags) <= 1 + tree_tests(g, l->runs, l->run_count);
    build_classes(b, l, known, zero_or_not || by_flags ? uncut : cut);
    if (g->error)
        return 0;
    if (by_flags)
        return graph_look(g, held, uncut, flags_build(g, &l->flags, l->nodes));
    for (size_t i = 0; i < l->run_count; i++)
        l->runs[i].to = l->nodes[l->runs[i].to];
    if (zero_or_not)
        return graph_look(g, held, uncut,
                          graph_test(g, INSN_JSET, var->mask, l->runs[1].to, l->runs[0].to));
    return graph_look(g, held, cut, tree_build(g, l->runs, l->run_count));
}

/* The tail that decides, where these clauses may hold still and the values of
 * these variables are known. */
static node build(struct batch *b, bits alive, bits known, struct held held)
{
    struct graph *g = b->m->g;
    if (++b->m->steps > STEP_LIMIT)
        fail(b->m, -E2BIG);
    if (g->error)
        return 0;
    if (!alive)
        return b->none;
    /* A clause that asks for nothing more is canonically the only one. */
    size_t first = (size_t)__builtin_ctzll(alive);
    if (asks_nothing(b, first, known))
        return graph_ret(g, b->m->rule->allow);
    struct look l = {0};
    look_at(b, alive, known, &l);
    node result = 0;
    if (!g->error && l.class_count == 1)
        result = build(b, l.classes[0], known | BIT(l.var), held);
    else if (!g->error)
        result = build_look(b, &l, known, held);
    look_free(&l);
    return result;
}

/* Names the variables of the batch's conditions; false if there are too many. */
static bool assign_variables(struct batch *b)
{
    uint32_t together[WORDS] = {0};
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; j < b->clauses[i].count; j++)
            together[b->clauses[i].at[j].word] |= b->clauses[i].at[j].mask;
    b->var_count = 0;
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; j < b->clauses[i].count; j++) {
            struct condition *c = &b->clauses[i].at[j];
            uint32_t all = together[c->word];
            bool enumerated = UINT64_C(1) << __builtin_popcount(all) <= FLAGS_VALUES;
            struct variable var = {c->word, enumerated, enumerated ? all : c->mask};
            size_t at = 0;
            while (at < b->var_count &&
                   (b->vars[at].word != var.word || b->vars[at].mask != var.mask))
                at++;
            if (at == SET_BITS)
                return false;
            if (at == b->var_count)
                b->vars[b->var_count++] = var;
            c->var = (uint8_t)at;
        }
    return true;
}

node match_build(struct graph *g, const struct arch *arch, const struct rule *rule,
                 struct held held)
{
    struct match m = {.g = g, .rule = rule, .words = {.arch = arch}};
    for (size_t i = 0; i < rule->clause_count; i++)
        words_add(&m.words, &rule->clauses[i]);
    if (m.words.error)
        fail(&m, m.words.error);
    node result = graph_ret(g, rule->deny);
    for (size_t end = m.words.clause_count; end > 0 && !g->error;) {
        struct batch b = {.m = &m, .none = result};
        b.clause_count = end < SET_BITS ? end : SET_BITS;
        do
            b.clauses = m.words.clauses + end - b.clause_count;
        while (!assign_variables(&b) && (b.clause_count /= 2));
        end -= b.clause_count;
        bits all = UINT64_MAX >> (SET_BITS - b.clause_count);
        result = build(&b, canonical(&b, all, 0), 0, end == 0 ? held : HELD_NOTHING);
    }
    words_free(&m.words);
    return result;
}
