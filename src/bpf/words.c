#include "bpf/words.h"

#include <errno.h>
#include <stdlib.h>

static void add_span(struct words *w, struct condition *c, uint32_t lo, uint32_t hi)
{
    if (!w->error)
        w->error =
            array_grow((void **)&w->spans, &w->span_capacity, w->span_count, sizeof *w->spans);
    if (w->error)
        return;
    w->spans[w->span_count++] = (struct span){lo, hi};
    c->span_count++;
}

/* A condition whose spans are added next, before any other's. */
static struct condition new_condition(const struct words *w, unsigned word, uint32_t mask)
{
    return (struct condition){
        .word = (uint8_t)word, .mask = mask, .span_at = (uint32_t)w->span_count};
}

static bool same(const struct words *w, const struct condition *a, const struct condition *b)
{
    if (a->word != b->word || a->mask != b->mask || a->span_count != b->span_count)
        return false;
    for (size_t i = 0; i < a->span_count; i++) {
        const struct span *x = &w->spans[a->span_at + i], *y = &w->spans[b->span_at + i];
        if (x->lo != y->lo || x->hi != y->hi)
            return false;
    }
    return true;
}

/* The index of a condition. */
static uint16_t intern(struct words *w, const struct condition *c)
{
    size_t at = 0;
    while (at < w->condition_count && !same(w, &w->conditions[at], c))
        at++;
    if (at < w->condition_count)
        return (uint16_t)at;
    w->error = array_grow((void **)&w->conditions, &w->condition_capacity, w->condition_count,
                          sizeof *w->conditions);
    if (w->error)
        return 0;
    w->conditions[w->condition_count++] = *c;
    return (uint16_t)at;
}

/* Appends a condition unless it always holds; false if it never does. */
static bool require(struct words *w, struct word_clause *clause, const struct condition *c)
{
    bool possible = false;
    for (size_t i = 0; i < c->span_count; i++) {
        const struct span *span = &w->spans[c->span_at + i];
        if (span->lo == 0 && span->hi >= c->mask)
            return true;
        possible = possible || span->lo <= c->mask;
    }
    if (possible)
        clause->at[clause->count++] = intern(w, c);
    return possible && !w->error;
}

static void add_clause(struct words *w, const struct word_clause *clause)
{
    w->error = w->clause_count == WORD_CLAUSES
                   ? -E2BIG
                   : array_grow((void **)&w->clauses, &w->clause_capacity, w->clause_count,
                                sizeof *w->clauses);
    if (!w->error)
        w->clauses[w->clause_count++] = *clause;
}

static void split_clause(struct words *w, const struct clause *clause, size_t at,
                         const struct word_clause *so_far);

/* The low words that an atom allows under one high word. */
static struct condition low_condition(struct words *w, const struct atom *atom, uint64_t high)
{
    struct condition low = new_condition(w, 2u * atom->arg, (uint32_t)atom->mask);
    for (size_t i = 0; i < atom->range_count; i++) {
        const struct range *r = &atom->ranges[i];
        if (r->lo >> 32 <= high && high <= r->hi >> 32)
            add_span(w, &low, r->lo >> 32 == high ? (uint32_t)r->lo : 0,
                     r->hi >> 32 == high ? (uint32_t)r->hi : UINT32_MAX);
    }
    return low;
}

/* One clause for a high word at which a range begins or ends. */
static void split_at_high(struct words *w, const struct clause *clause, size_t at,
                          const struct word_clause *so_far, uint64_t high)
{
    const struct atom *atom = &clause->atoms[at];
    struct word_clause longer = *so_far;
    struct condition is_high = new_condition(w, 2u * atom->arg + 1, (uint32_t)(atom->mask >> 32));
    add_span(w, &is_high, (uint32_t)high, (uint32_t)high);
    struct condition low = low_condition(w, atom, high);
    if (!w->error && require(w, &longer, &is_high) && require(w, &longer, &low))
        split_clause(w, clause, at + 1, &longer);
}

/* One clause for all the high words that lie inside of ranges. */
static void split_inside(struct words *w, const struct clause *clause, size_t at,
                         const struct word_clause *so_far)
{
    const struct atom *atom = &clause->atoms[at];
    struct word_clause longer = *so_far;
    struct condition inside = new_condition(w, 2u * atom->arg + 1, (uint32_t)(atom->mask >> 32));
    for (size_t i = 0; i < atom->range_count; i++) {
        uint64_t lo = atom->ranges[i].lo >> 32, hi = atom->ranges[i].hi >> 32;
        if (hi - lo > 1)
            add_span(w, &inside, (uint32_t)lo + 1, (uint32_t)hi - 1);
    }
    if (!w->error && require(w, &longer, &inside))
        split_clause(w, clause, at + 1, &longer);
}

/* Adds the clause's atoms from `at` on to what is required so far. */
static void split_clause(struct words *w, const struct clause *clause, size_t at,
                         const struct word_clause *so_far)
{
    if (w->error)
        return;
    if (at == clause->atom_count) {
        add_clause(w, so_far);
        return;
    }
    const struct atom *atom = &clause->atoms[at];
    if (atom->width == 32 || w->arch->bits == 32) {
        struct word_clause longer = *so_far;
        struct condition low = low_condition(w, atom, 0);
        if (!w->error && require(w, &longer, &low))
            split_clause(w, clause, at + 1, &longer);
        return;
    }
    uint64_t done = 0; /* high words below this one */
    for (size_t i = 0; i < 2u * atom->range_count; i++) {
        const struct range *r = &atom->ranges[i / 2];
        uint64_t high = (i % 2 ? r->hi : r->lo) >> 32;
        if (high >= done)
            split_at_high(w, clause, at, so_far, high);
        done = high + 1;
    }
    split_inside(w, clause, at, so_far);
}

void words_add(struct words *w, const struct clause *clause)
{
    split_clause(w, clause, 0, &(struct word_clause){0});
}

void words_clear(struct words *w)
{
    w->span_count = w->condition_count = w->clause_count = 0;
}

void words_free(struct words *w)
{
    free(w->spans);
    free(w->conditions);
    free(w->clauses);
    *w = (struct words){0};
}
