/* Theory of operation.
 *
 * The clauses, rewritten for 32-bit words (words.h), are asked about one
 * variable after the other. A variable is what one look at a word can tell:
 * the word cut to one mask. Where all masks on a word have few bits together
 * (open's flags), the word is one variable with their union as the mask, and
 * its values are kept as sets.
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

#define SET_BITS 64      /* clauses, conditions and variables in one batch */
#define STEP_LIMIT 20000 /* of expansion, for one call */

typedef uint64_t bits; /* a set of clauses or conditions of a batch */
#define BIT(i) (UINT64_C(1) << (i))

struct match {
    struct graph *g;
    node yes, no; /* where a clause holds, and else */
    struct words *words;
    size_t steps;
};

struct variable {
    uint8_t word;
    bool few; /* values, so that they are kept as sets */
    uint32_t mask;
    bits conditions; /* that ask for it */
};

/* Clauses that are expanded together; where none of them holds, `none`
 * goes on. */
struct batch {
    struct match *m;
    node none;
    size_t clause_count, condition_count, var_count;
    bits asks[SET_BITS]; /* by clause: its conditions */
    struct asked {
        uint16_t at; /* in the words */
        bits askers; /* clauses */
    } conditions[SET_BITS];
    struct variable vars[SET_BITS];
};

static void fail(struct match *m, int error)
{
    if (!m->g->error)
        m->g->error = error;
}

static size_t first_of(bits set)
{
    return (size_t)__builtin_ctzll(set);
}

/* Sets are small, and not every processor is known to count bits. */
static unsigned count_of(bits set)
{
    unsigned count = 0;
    for (; set; set &= set - 1)
        count++;
    return count;
}

static const struct condition *condition(const struct batch *b, size_t at)
{
    return &b->m->words->conditions[b->conditions[at].at];
}

/* What a clause asks of what is not known. Known conditions hold, in clauses
 * that are alive. */
static bits wants(const struct batch *b, size_t clause, bits known)
{
    return b->asks[clause] & ~known;
}

/* The one name of all sets of clauses that ask for the same. */
static bits canonical(const struct batch *b, bits alive, bits known)
{
    bits named = 0, kept = 0;
    for (bits rest = alive; rest; rest &= rest - 1) {
        bits want = wants(b, first_of(rest), known);
        size_t name = 0;
        while (wants(b, name, known) != want)
            name++;
        named |= BIT(name);
    }
    for (bits rest = named; rest; rest &= rest - 1) {
        bits own = rest & -rest, want = wants(b, first_of(rest), known);
        bits others = named & ~own;
        while (others && wants(b, first_of(others), known) & ~want)
            others &= others - 1;
        kept |= others ? 0 : own;
    }
    return kept;
}

/* The variable that most of the clauses ask for; of equals the last, so that
 * what similar calls have in common, their first arguments, comes last. */
static size_t choose_variable(const struct batch *b, bits alive, bits known)
{
    size_t best = 0;
    unsigned most = 0;
    for (size_t i = 0; i < b->var_count; i++) {
        unsigned asked = 0;
        for (bits rest = b->vars[i].conditions & ~known; rest; rest &= rest - 1)
            asked += count_of(b->conditions[first_of(rest)].askers & alive);
        if (asked >= most) {
            most = asked;
            best = i;
        }
    }
    return best;
}

/* A condition on the variable that is looked at. */
struct question {
    bits askers;
    const struct range *ranges; /* sorted */
    size_t range_count;
    uint32_t mask; /* of the variable's bits */
};

/* What one look at a variable tells: its values, labelled by the class of clauses
 * that they leave. */
struct look {
    bits alive, known; /* before it, and … */
    bits after;        /* … what is known after it */
    const struct variable *var;
    struct question *questions; /* the conditions on it that somebody alive asks for */
    size_t question_count;
    struct branch branch;
    struct outcome {
        bits alive; /* what came, one after the other, and … */
        uint32_t label;
        bits class; /* … by label: what is alive then; canonical */
    } * outcomes;
    size_t outcome_count;
};

static void list_questions(const struct batch *b, struct look *l)
{
    const struct words *w = b->m->words;
    for (bits rest = l->var->conditions; rest; rest &= rest - 1) {
        const struct asked *asked = &b->conditions[first_of(rest)];
        const struct condition *c = &w->conditions[asked->at];
        if (asked->askers & l->alive)
            l->questions[l->question_count++] =
                (struct question){asked->askers, c->ranges, c->range_count, c->mask};
    }
}

/* The label of the class that these clauses are in; a new one if need be. */
static uint32_t label_of(const struct batch *b, struct look *l, bits alive)
{
    for (size_t i = 0; i < l->outcome_count; i++)
        if (l->outcomes[i].alive == alive)
            return l->outcomes[i].label;
    bits class = canonical(b, alive, l->after);
    uint32_t label = 0;
    while (label < l->branch.label_count && l->outcomes[label].class != class)
        label++;
    if (label == l->branch.label_count)
        l->outcomes[l->branch.label_count++].class = class;
    l->outcomes[l->outcome_count].alive = alive;
    l->outcomes[l->outcome_count++].label = label;
    return label;
}

/* ------------------------------------------------- a word with any values */

/* The clauses that may hold still when the variable has this value; asked with
 * rising values. `end` becomes the next value at which that can change. */
static bits survivors(const struct look *l, uint64_t value, uint64_t *end)
{
    bits alive = l->alive;
    for (size_t i = 0; i < l->question_count; i++) {
        struct question *q = &l->questions[i];
        while (q->range_count && q->ranges->hi < value)
            q->ranges++, q->range_count--;
        bool holds = q->range_count && q->ranges->lo <= value;
        uint64_t change = holds ? q->ranges->hi + 1 : q->range_count ? q->ranges->lo : *end;
        *end = change < *end ? change : *end;
        alive &= holds ? alive : ~q->askers;
    }
    return alive;
}

static void look_at_any(struct batch *b, struct look *l)
{
    struct branch *branch = &l->branch;
    size_t most = 1;
    for (size_t i = 0; i < l->question_count; i++)
        most += 2 * l->questions[i].range_count;
    branch->runs = graph_scratch(b->m->g, most, sizeof *branch->runs);
    l->outcomes = graph_scratch(b->m->g, most, sizeof *l->outcomes);
    if (b->m->g->error)
        return;
    for (uint64_t value = 0, end; value <= branch->mask; value = end) {
        end = (uint64_t)branch->mask + 1;
        bits alive = survivors(l, value, &end);
        runs_add(branch->runs, &branch->run_count,
                 &(struct run){.lo = (uint32_t)value,
                               .single = end - value == 1,
                               .to = label_of(b, l, alive)});
    }
}

/* ------------------------------------------------- a word with few values */

/* Values that leave the same clauses alive. */
struct part {
    struct values set;
    bits alive;
};

/* Splits the values by the answers to every question. There is room for as many
 * parts as there are values. */
static size_t split(const struct look *l, struct part *parts)
{
    size_t count = 1;
    parts[0] = (struct part){values_all(l->branch.mask), l->alive};
    for (size_t i = 0; i < l->question_count; i++) {
        const struct question *q = &l->questions[i];
        struct values holds = values_where(l->branch.mask, q->mask, q->ranges, q->range_count);
        for (size_t k = count; k-- > 0;) {
            struct part fails = {values_minus(&parts[k].set, &holds), parts[k].alive & ~q->askers};
            struct values rest = values_and(&parts[k].set, &holds);
            if (values_empty(&fails.set))
                continue;
            if (values_empty(&rest))
                parts[k] = fails;
            else
                parts[k] = (struct part){rest, parts[k].alive}, parts[count++] = fails;
        }
    }
    return count;
}

/* Gives each class of clauses the values that leave it. */
static void label_values(struct batch *b, struct look *l, struct part *parts)
{
    size_t count = split(l, parts);
    memset(l->branch.leads, 0, count * sizeof *l->branch.leads);
    for (size_t i = 0; i < count; i++)
        values_add(&l->branch.leads[label_of(b, l, parts[i].alive)], &parts[i].set);
}

static void look_at_few(struct batch *b, struct look *l)
{
    struct branch *branch = &l->branch;
    branch->mask = 0;
    for (size_t i = 0; i < l->question_count; i++)
        branch->mask |= l->questions[i].mask;
    size_t most = values_count(branch->mask);
    struct part *parts = graph_scratch(b->m->g, most, sizeof *parts);
    branch->leads = graph_scratch(b->m->g, most, sizeof *branch->leads);
    l->outcomes = graph_scratch(b->m->g, most, sizeof *l->outcomes);
    if (b->m->g->error)
        return;
    label_values(b, l, parts);
    uint32_t matter = branch_matters(branch);
    if (matter == branch->mask)
        return;
    branch->mask = matter;
    label_values(b, l, parts); /* the same labels: each has a value without the other bits */
}

/* Fills a look at a variable. On failure the graph has the error. */
static void look_at(struct batch *b, struct look *l)
{
    l->var = &b->vars[choose_variable(b, l->alive, l->known)];
    l->after = l->known | l->var->conditions;
    l->questions = graph_scratch(b->m->g, count_of(l->var->conditions), sizeof *l->questions);
    if (!l->questions)
        return;
    list_questions(b, l);
    l->branch.offset = data_word(b->m->words->arch, l->var->word);
    l->branch.mask = l->var->mask;
    if (l->var->few)
        look_at_few(b, l);
    else
        look_at_any(b, l);
}

static node build(struct batch *b, bits alive, bits known, struct held held);

/* The tail for what a look told. */
static node build_look(struct batch *b, const struct look *l, struct held held)
{
    struct graph *g = b->m->g;
    size_t count = l->branch.label_count;
    if (count == 1)
        return build(b, l->outcomes[0].class, l->after, held);
    node *tails = graph_scratch(g, count, sizeof *tails);
    struct branch_plan plan = branch_plan(g, &l->branch, held);
    for (size_t i = 0; i < count && !g->error; i++)
        tails[i] = build(b, l->outcomes[i].class, l->after, plan.inside);
    return g->error ? 0 : branch_build(g, &l->branch, &plan, held, tails);
}

/* The tail that decides, where these clauses may hold still and these conditions
 * do. */
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
    if (!wants(b, first_of(alive), known))
        return b->m->yes;
    struct arena_mark mark = arena_mark(&g->scratch);
    struct look l = {.alive = alive, .known = known};
    look_at(b, &l);
    node result = g->error ? 0 : build_look(b, &l, held);
    arena_release(&g->scratch, mark);
    return result;
}

/* ------------------------------------------------------------------ batches */

/* Fills b->asks and b->conditions; false if there are too many. */
static bool list_conditions(struct batch *b, const struct word_clause *clauses)
{
    b->condition_count = 0;
    for (size_t i = 0; i < b->clause_count; i++) {
        b->asks[i] = 0;
        for (size_t j = 0; j < clauses[i].count; j++) {
            size_t at = 0;
            while (at < b->condition_count && b->conditions[at].at != clauses[i].at[j])
                at++;
            if (at == SET_BITS)
                return false;
            if (at == b->condition_count)
                b->conditions[b->condition_count++] = (struct asked){.at = clauses[i].at[j]};
            b->conditions[at].askers |= BIT(i);
            b->asks[i] |= BIT(at);
        }
    }
    return true;
}

/* Names the variables of the conditions: there are no more than those. */
static void list_variables(struct batch *b)
{
    uint32_t together[WORDS] = {0};
    for (size_t i = 0; i < b->condition_count; i++)
        together[condition(b, i)->word] |= condition(b, i)->mask;
    b->var_count = 0;
    for (size_t i = 0; i < b->condition_count; i++) {
        const struct condition *c = condition(b, i);
        bool few = __builtin_popcount(together[c->word]) <= VALUES_BITS;
        struct variable var = {c->word, few, few ? together[c->word] : c->mask, 0};
        size_t at = 0;
        while (at < b->var_count && (b->vars[at].word != var.word || b->vars[at].mask != var.mask))
            at++;
        if (at == b->var_count)
            b->vars[b->var_count++] = var;
        b->vars[at].conditions |= BIT(i);
    }
}

/* m->yes where one of these clauses holds, else m->no. */
static node match_any(struct match *m, const struct clause *clauses, size_t count, struct held held)
{
    struct graph *g = m->g;
    struct arena_mark mark = arena_mark(&g->scratch);
    for (size_t i = 0; i < count; i++)
        words_add(m->words, &clauses[i]);
    if (m->words->error)
        fail(m, m->words->error);
    struct batch b;
    b.m = m;
    b.none = m->no;
    for (size_t end = m->words->clause_count; end > 0 && !g->error;) {
        b.clause_count = end < SET_BITS ? end : SET_BITS;
        while (!list_conditions(&b, m->words->clauses + end - b.clause_count))
            b.clause_count /= 2;
        assert(b.clause_count > 0); /* the conditions of one always fit */
        list_variables(&b);
        end -= b.clause_count;
        bits all = UINT64_MAX >> (SET_BITS - b.clause_count);
        b.none = build(&b, canonical(&b, all, 0), 0, end == 0 ? held : HELD_NOTHING);
    }
    words_clear(m->words);
    arena_release(&g->scratch, mark);
    return b.none;
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
