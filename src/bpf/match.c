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

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "bpf/branch.h"
#include "bpf/insn.h"

#define SET_BITS 64       /* clauses, and variables, in one batch */
#define ENUMERATED_BITS 8 /* of a word, if its values are enumerated */
#define STEP_LIMIT 20000  /* of expansion, for one call */

struct variable {
    uint8_t word;
    bool enumerated;
    uint32_t mask;
};

struct match {
    struct graph *g;
    node yes, no; /* where a clause holds, and else */
    struct words *words;
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

static const struct condition *condition(const struct batch *b, size_t clause, size_t at)
{
    return &b->m->words->conditions[b->clauses[clause].at[at]];
}

/* Is it known whether the condition holds? Then it does, in clauses alive. */
static bool is_known(const struct batch *b, size_t clause, size_t at, bits known)
{
    return known >> condition(b, clause, at)->var & 1;
}

/* Does one clause ask, of what is not known, only for what another asks too? */
static bool asks_no_more(const struct batch *b, size_t clause, size_t other, bits known)
{
    const struct word_clause *weak = &b->clauses[clause], *strong = &b->clauses[other];
    for (size_t i = 0; i < weak->count; i++) {
        bool found = is_known(b, clause, i, known);
        for (size_t j = 0; j < strong->count && !found; j++)
            found = strong->at[j] == weak->at[i];
        if (!found)
            return false;
    }
    return true;
}

static bool asks_nothing(const struct batch *b, size_t clause, bits known)
{
    for (size_t i = 0; i < b->clauses[clause].count; i++)
        if (!is_known(b, clause, i, known))
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

/* The variable that most of the clauses ask for; of equals the last, so that
 * what similar calls have in common, their first arguments, comes last. */
static size_t choose_variable(const struct batch *b, bits alive, bits known)
{
    int asked[SET_BITS] = {0};
    size_t best = 0;
    for (size_t i = 0; i < b->m->words->condition_count; i++) {
        const struct condition *c = &b->m->words->conditions[i];
        if ((c->askers & alive) && !(known >> c->var & 1))
            asked[c->var] += __builtin_popcountll(c->askers & alive);
    }
    for (size_t i = 1; i < b->var_count; i++)
        if (asked[i] >= asked[best])
            best = i;
    return best;
}

/* A condition on the variable that is looked at. */
struct question {
    bits askers;
    const struct span *spans;
    uint32_t span_count;
    uint32_t mask; /* of the variable's bits */
};

/* `value`: what the variable's mask leaves of the word. */
static bool holds(const struct question *q, uint32_t value)
{
    value &= q->mask;
    for (size_t i = 0; i < q->span_count; i++)
        if (value >= q->spans[i].lo && value <= q->spans[i].hi)
            return true;
    return false;
}

/* What one look at a variable tells: its values in runs, labelled by the class
 * of clauses that they leave. */
struct look {
    size_t var;
    struct question *questions; /* the conditions on it that somebody alive asks for */
    size_t question_count;
    struct branch branch;
    bits *classes; /* what is alive then; canonical, by label */
    node *tails;   /* by label */
    size_t class_count;
    struct survival {
        bits alive; /* as it came */
        uint32_t label;
    } * seen;
    size_t seen_count;
};

static void list_questions(const struct batch *b, bits alive, struct look *l)
{
    const struct words *w = b->m->words;
    for (size_t i = 0; i < w->condition_count; i++) {
        const struct condition *c = &w->conditions[i];
        if (c->var != l->var || !(c->askers & alive))
            continue;
        uint32_t mask = b->vars[l->var].enumerated ? c->mask : UINT32_MAX;
        l->questions[l->question_count++] =
            (struct question){c->askers, &w->spans[c->span_at], c->span_count, mask};
    }
}

/* The clauses that may hold still when the variable has this value. It need
 * not be one that the mask lets through: then it stands for those above it. */
static bits survivors(const struct look *l, bits alive, uint32_t value)
{
    for (size_t i = 0; i < l->question_count; i++)
        if (!holds(&l->questions[i], value))
            alive &= ~l->questions[i].askers;
    return alive;
}

/* The bits of an enumerated variable that somebody alive asks for. */
static uint32_t asked_mask(const struct look *l)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < l->question_count; i++)
        mask |= l->questions[i].mask;
    return mask;
}

/* Values may be counted twice here. */
static size_t most_values(const struct look *l)
{
    if (l->branch.enumerated)
        return (size_t)1 << __builtin_popcount(l->branch.mask);
    size_t count = 1;
    for (size_t i = 0; i < l->question_count; i++)
        count += 2 * l->questions[i].span_count;
    return count;
}

/* All values that the mask lets through. */
static void enumerate(struct branch *branch)
{
    uint32_t value = 0;
    do {
        branch->runs[branch->run_count++] = (struct run){.lo = value, .single = true, .weight = 1};
        value = (value - branch->mask) & branch->mask;
    } while (value);
}

/* Adds a run in its place, unless there is one that begins there. */
static void insert_run(struct branch *branch, uint32_t lo)
{
    size_t at = branch->run_count;
    while (at > 0 && branch->runs[at - 1].lo > lo)
        at--;
    if (at > 0 && branch->runs[at - 1].lo == lo)
        return;
    memmove(&branch->runs[at + 1], &branch->runs[at],
            (branch->run_count++ - at) * sizeof *branch->runs);
    branch->runs[at] = (struct run){.lo = lo};
}

/* The values at which the answer to any condition on the variable changes. */
static void list_values(const struct look *l, struct branch *branch)
{
    insert_run(branch, 0);
    for (size_t i = 0; i < l->question_count; i++)
        for (size_t k = 0; k < l->questions[i].span_count; k++) {
            const struct span *span = &l->questions[i].spans[k];
            if (span->lo <= branch->mask)
                insert_run(branch, span->lo);
            if (span->hi < branch->mask)
                insert_run(branch, span->hi + 1);
        }
    for (size_t i = 0; i < branch->run_count; i++) {
        bool last = i + 1 == branch->run_count;
        uint32_t hi = last ? branch->mask : branch->runs[i + 1].lo - 1;
        branch->runs[i].single = branch->runs[i].lo == hi;
    }
}

/* The label of the class that these clauses are in; a new one if need be. */
static uint32_t label_of(const struct batch *b, struct look *l, bits alive, bits known)
{
    for (size_t i = 0; i < l->seen_count; i++)
        if (l->seen[i].alive == alive)
            return l->seen[i].label;
    bits class = canonical(b, alive, known | BIT(l->var));
    uint32_t label = 0;
    while (label < l->class_count && l->classes[label] != class)
        label++;
    if (label == l->class_count)
        l->classes[l->class_count++] = class;
    l->seen[l->seen_count++] = (struct survival){alive, label};
    return label;
}

/* Takes what a look needs from the scratch, and says what is asked. */
static bool look_init(struct batch *b, bits alive, struct look *l)
{
    struct graph *g = b->m->g;
    const struct variable *var = &b->vars[l->var];
    l->questions = graph_scratch(g, b->m->words->condition_count, sizeof *l->questions);
    if (!l->questions)
        return false;
    list_questions(b, alive, l);
    l->branch.offset = data_word(b->m->words->arch, var->word);
    l->branch.mask = var->enumerated ? asked_mask(l) : var->mask;
    l->branch.enumerated = var->enumerated;
    size_t values = most_values(l);
    l->branch.runs = graph_scratch(g, values, sizeof *l->branch.runs);
    l->classes = graph_scratch(g, values, sizeof *l->classes);
    l->tails = graph_scratch(g, values, sizeof *l->tails);
    l->seen = graph_scratch(g, values, sizeof *l->seen);
    return !g->error;
}

/* Fills a look at a variable. On failure the graph has the error. */
static void look_at(struct batch *b, bits alive, bits known, struct look *l)
{
    struct branch *branch = &l->branch;
    l->var = choose_variable(b, alive, known);
    if (!look_init(b, alive, l))
        return;
    if (branch->enumerated)
        enumerate(branch);
    else
        list_values(l, branch);
    size_t count = 0;
    for (size_t i = 0; i < branch->run_count; i++) {
        struct run run = branch->runs[i];
        run.to = label_of(b, l, survivors(l, alive, run.lo), known);
        if (branch->enumerated)
            branch->runs[count++] = run;
        else
            runs_add(branch->runs, &count, run);
    }
    branch->run_count = count;
    branch_reduce(branch);
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
    if (asks_nothing(b, (size_t)__builtin_ctzll(alive), known))
        return b->m->yes;
    struct arena_mark mark = arena_mark(&g->scratch);
    struct look l = {0};
    node result = 0;
    look_at(b, alive, known, &l);
    if (!g->error && l.class_count == 1) {
        result = build(b, l.classes[0], known | BIT(l.var), held);
    } else if (!g->error) {
        struct branch_plan plan = branch_plan(g, &l.branch, held);
        for (size_t i = 0; i < l.class_count; i++)
            l.tails[i] = build(b, l.classes[i], known | BIT(l.var), plan.inside);
        if (!g->error)
            result = branch_build(g, &l.branch, &plan, held, l.tails);
    }
    arena_release(&g->scratch, mark);
    return result;
}

/* Names the variables of the batch's conditions, and who asks for them; false if there are too
 * many. */
static bool assign_variables(struct batch *b)
{
    uint32_t together[WORDS] = {0};
    for (size_t i = 0; i < b->m->words->condition_count; i++)
        b->m->words->conditions[i].askers = 0;
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; j < b->clauses[i].count; j++)
            together[condition(b, i, j)->word] |= condition(b, i, j)->mask;
    b->var_count = 0;
    for (size_t i = 0; i < b->clause_count; i++)
        for (size_t j = 0; j < b->clauses[i].count; j++) {
            struct condition *c = &b->m->words->conditions[b->clauses[i].at[j]];
            uint32_t all = together[c->word];
            bool enumerated = __builtin_popcount(all) <= ENUMERATED_BITS;
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
            c->askers |= BIT(i);
        }
    return true;
}

/* m->yes where one of these clauses holds, else m->no. */
static node match_any(struct match *m, const struct clause *clauses, size_t count, struct held held)
{
    struct graph *g = m->g;
    for (size_t i = 0; i < count; i++)
        words_add(m->words, &clauses[i]);
    if (m->words->error)
        fail(m, m->words->error);
    node result = m->no;
    for (size_t end = m->words->clause_count; end > 0 && !g->error;) {
        struct batch b = {.m = m, .none = result};
        b.clause_count = end < SET_BITS ? end : SET_BITS;
        do
            b.clauses = m->words->clauses + end - b.clause_count;
        while (!assign_variables(&b) && (b.clause_count /= 2));
        assert(b.clause_count > 0); /* the variables of one always fit */
        end -= b.clause_count;
        bits all = UINT64_MAX >> (SET_BITS - b.clause_count);
        result = build(&b, canonical(&b, all, 0), 0, end == 0 ? held : HELD_NOTHING);
    }
    words_clear(m->words);
    return result;
}

node match_build(struct matcher *matcher, const struct rule *rule, struct held held)
{
    struct graph *g = matcher->g;
    struct match settled = {.g = g, .yes = graph_ret(g, rule->settled), .words = &matcher->words};
    settled.no = graph_ret(g, rule->deny);
    struct match m = {.g = g, .yes = graph_ret(g, rule->allow), .words = &matcher->words};
    bool last = rule->clause_count == 0;
    m.no = match_any(&settled, rule->clauses + rule->clause_count, rule->settled_count,
                     last ? held : HELD_NOTHING);
    return last ? m.no : match_any(&m, rule->clauses, rule->clause_count, held);
}
