#include "bpf/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for ranges that are split. */
static struct range *take_ranges(struct words *w, size_t count)
{
    struct range *ranges = w->error ? NULL : arena_take(w->memory, count, sizeof *ranges);
    if (!ranges && !w->error)
        w->error = -ENOMEM;
    return ranges;
}

static bool same(const struct condition *a, const struct condition *b)
{
    return a->word == b->word && a->mask == b->mask && a->range_count == b->range_count &&
           (a->ranges == b->ranges ||
            memcmp(a->ranges, b->ranges, a->range_count * sizeof *a->ranges) == 0);
}

/* The index of a condition. */
static uint16_t intern(struct words *w, const struct condition *c)
{
    size_t at = 0;
    while (at < w->condition_count && !same(&w->conditions[at], c))
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
    for (size_t i = 0; i < c->range_count; i++) {
        if (c->ranges[i].lo == 0 && c->ranges[i].hi >= c->mask)
            return true;
        possible |= c->ranges[i].lo <= c->mask;
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

/* What an atom says of one of its words. */
static struct condition condition(const struct atom *atom, bool high, const struct range *ranges,
                                  size_t count)
{
    return (struct condition){.word = (uint8_t)(2 * atom->arg + high),
                              .mask = (uint32_t)(high ? atom->mask >> 32 : atom->mask),
                              .ranges = ranges,
                              .range_count = count};
}

/* The low words that an atom allows under one high word. */
static struct condition low_condition(struct words *w, const struct atom *atom, uint64_t high)
{
    if (atom->width == 32)
        return condition(atom, false, atom->ranges, atom->range_count);
    struct range *ranges = take_ranges(w, atom->range_count);
    struct condition low = condition(atom, false, ranges, 0);
    for (size_t i = 0; ranges && i < atom->range_count; i++) {
        const struct range *r = &atom->ranges[i];
        if (r->lo >> 32 <= high && high <= r->hi >> 32)
            ranges[low.range_count++] =
                (struct range){r->lo >> 32 == high ? (uint32_t)r->lo : 0,
                               r->hi >> 32 == high ? (uint32_t)r->hi : UINT32_MAX};
    }
    return low;
}

/* One clause for a high word at which a range begins or ends. */
static void split_at_high(struct words *w, const struct clause *clause, size_t at,
                          const struct word_clause *so_far, uint64_t high)
{
    const struct atom *atom = &clause->atoms[at];
    struct word_clause longer = *so_far;
    struct range *only = take_ranges(w, 1);
    if (!only)
        return;
    *only = (struct range){high, high};
    struct condition is_high = condition(atom, true, only, 1);
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
    struct range *ranges = take_ranges(w, atom->range_count);
    struct condition inside = condition(atom, true, ranges, 0);
    for (size_t i = 0; ranges && i < atom->range_count; i++) {
        uint64_t lo = atom->ranges[i].lo >> 32, hi = atom->ranges[i].hi >> 32;
        if (hi - lo > 1)
            ranges[inside.range_count++] = (struct range){lo + 1, hi - 1};
    }
    if (!w->error && require(w, &longer, &inside))
        split_clause(w, clause, at + 1, &longer);
}

/* One clause for each high word at which a range begins or ends, and one for the others. */
static void split_atom(struct words *w, const struct clause *clause, size_t at,
                       const struct word_clause *so_far)
{
    const struct atom *atom = &clause->atoms[at];
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

/* Adds the clause's atoms from `at` on to what is required so far. */
static void split_clause(struct words *w, const struct clause *clause, size_t at,
                         const struct word_clause *so_far)
{
    struct word_clause longer = *so_far;
    for (; at < clause->atom_count && !w->error; at++) {
        const struct atom *atom = &clause->atoms[at];
        if (atom->width == 64 && w->arch->bits == 64) {
            split_atom(w, clause, at, &longer);
            return;
        }
        struct condition low = low_condition(w, atom, 0);
        if (w->error || !require(w, &longer, &low))
            return;
    }
    if (!w->error)
        add_clause(w, &longer);
}

void words_add(struct words *w, const struct clause *clause)
{
    split_clause(w, clause, 0, &(struct word_clause){0});
}

void words_clear(struct words *w)
{
    w->condition_count = w->clause_count = 0;
}

void words_free(struct words *w)
{
    free(w->conditions);
    free(w->clauses);
    *w = (struct words){0};
}
