#include "export/match.h"

#include <errno.h>
#include <stdlib.h>

#define ENUMERATED_BITS 6 /* of a mask whose values are tried one by one */
#define MOST_MATCHES 1024 /* of one rule */
#define SHORT_RANGE 16

/* The masked values with which one atom holds. */
struct values {
    uint64_t mask[MOST_MATCHES], value[MOST_MATCHES];
    size_t count;
};

static uint64_t all_bits(const struct atom *atom)
{
    return atom->width == 64 ? UINT64_MAX : UINT32_MAX;
}

static bool add_value(struct values *values, uint64_t mask, uint64_t value)
{
    if (values->count == MOST_MATCHES)
        return false;
    values->mask[values->count] = mask;
    values->value[values->count++] = value;
    return true;
}

/* A short range, value by value. */
static bool add_each(struct values *values, const struct atom *atom, const struct range *r)
{
    for (uint64_t value = r->lo; value - r->lo <= r->hi - r->lo; value++)
        if (!(value & ~atom->mask) && !add_value(values, atom->mask, value))
            return false;
    return true;
}

/* A long range of the whole argument, as blocks that share their upper bits. */
static bool add_blocks(struct values *values, const struct atom *atom, const struct range *r)
{
    uint64_t lo = r->lo;
    for (;;) {
        uint64_t low_bits = 0; /* of the largest block that begins here and fits */
        while (low_bits != all_bits(atom) && !(lo & (2 * low_bits + 1)) &&
               (lo | (2 * low_bits + 1)) <= r->hi)
            low_bits = 2 * low_bits + 1;
        if (!add_value(values, all_bits(atom) & ~low_bits, lo))
            return false;
        if ((lo | low_bits) >= r->hi)
            return true;
        lo = (lo | low_bits) + 1;
    }
}

static bool is_in_range(const struct atom *atom, uint64_t value)
{
    for (size_t i = 0; i < atom->range_count; i++)
        if (value >= atom->ranges[i].lo && value <= atom->ranges[i].hi)
            return true;
    return false;
}

/* All values that the mask lets through. */
static bool add_enumerated(struct values *values, const struct atom *atom)
{
    uint64_t value = 0;
    do {
        if (is_in_range(atom, value) && !add_value(values, atom->mask, value))
            return false;
        value = (value - atom->mask) & atom->mask;
    } while (value);
    return true;
}

/* false: cannot be said. */
static bool find_values(const struct atom *atom, struct values *values)
{
    bool whole = atom->mask == all_bits(atom), said = true;
    values->count = 0;
    if (!whole && __builtin_popcountll(atom->mask) <= ENUMERATED_BITS)
        return add_enumerated(values, atom);
    for (size_t i = 0; i < atom->range_count && said; i++) {
        const struct range *r = &atom->ranges[i];
        bool is_short = r->hi - r->lo < SHORT_RANGE;
        said = is_short ? add_each(values, atom, r) : whole && add_blocks(values, atom, r);
    }
    return said;
}

/* Is everything that `a` matches matched by `b`? */
static bool covers(const struct match *b, const struct match *a)
{
    for (size_t i = 0; i < 6; i++)
        if ((b->mask[i] & ~a->mask[i]) || (a->value[i] & b->mask[i]) != b->value[i])
            return false;
    return true;
}

static int add_match(struct matches *out, const struct match *match)
{
    for (size_t i = 0; i < out->count; i++)
        if (covers(&out->at[i], match))
            return 0;
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++)
        if (!covers(match, &out->at[i]))
            out->at[kept++] = out->at[i];
    out->count = kept;
    if (array_grow((void **)&out->at, &out->capacity, out->count, sizeof *out->at))
        return -ENOMEM;
    out->at[out->count++] = *match;
    return 0;
}

/* Adds the clause's atoms from `at` on to what is asked so far. */
static int add_clause(const struct clause *clause, size_t at, const struct match *so_far,
                      struct matches *out)
{
    if (at == clause->atom_count)
        return add_match(out, so_far);
    CLEAN_FREE struct values *values = malloc(sizeof *values);
    if (!values)
        return -ENOMEM;
    if (!find_values(&clause->atoms[at], values) || out->count > MOST_MATCHES) {
        out->narrower = true;
        return 0;
    }
    uint8_t arg = clause->atoms[at].arg;
    for (size_t i = 0; i < values->count; i++) {
        uint64_t common = so_far->mask[arg] & values->mask[i];
        if ((so_far->value[arg] ^ values->value[i]) & common)
            continue; /* two conditions on one argument that exclude each other */
        struct match more = *so_far;
        more.mask[arg] |= values->mask[i];
        more.value[arg] |= values->value[i];
        int result = add_clause(clause, at + 1, &more, out);
        if (result)
            return result;
    }
    return 0;
}

int matches_of_rule(const struct rule *rule, struct matches *out)
{
    *out = (struct matches){0};
    for (size_t i = 0; i < rule->clause_count; i++) {
        int result = add_clause(&rule->clauses[i], 0, &(struct match){0}, out);
        if (result)
            return result;
    }
    return 0;
}

void matches_free(struct matches *matches)
{
    free(matches->at);
    *matches = (struct matches){0};
}
