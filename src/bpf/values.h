/* values: sets of the values that a mask of few bits lets through. The i-th
 * value has bit j of i at the mask's j-th bit, so values are in order. */
#ifndef VOW_BPF_VALUES_H
#define VOW_BPF_VALUES_H

#include "bpf/words.h"

#define VALUES_BITS 7 /* of the mask, at most */
#define VALUES_WORDS (1 << (VALUES_BITS - 6))

struct values {
    uint64_t at[VALUES_WORDS];
};

static inline size_t values_count(uint32_t mask)
{
    return (size_t)1 << __builtin_popcount(mask);
}

static inline bool values_empty(const struct values *set)
{
    uint64_t any = 0;
    for (size_t w = 0; w < VALUES_WORDS; w++)
        any |= set->at[w];
    return !any;
}

static inline bool values_have(const struct values *set, size_t i)
{
    return set->at[i / 64] >> i % 64 & 1;
}

static inline struct values values_and(const struct values *a, const struct values *b)
{
    struct values both;
    for (size_t w = 0; w < VALUES_WORDS; w++)
        both.at[w] = a->at[w] & b->at[w];
    return both;
}

static inline struct values values_minus(const struct values *a, const struct values *b)
{
    struct values rest;
    for (size_t w = 0; w < VALUES_WORDS; w++)
        rest.at[w] = a->at[w] & ~b->at[w];
    return rest;
}

static inline void values_add(struct values *set, const struct values *more)
{
    for (size_t w = 0; w < VALUES_WORDS; w++)
        set->at[w] |= more->at[w];
}

/* values_all: every one that the mask lets through. */
struct values values_all(uint32_t mask);
/* values_nth: the i-th itself. */
uint32_t values_nth(uint32_t mask, size_t i);
/* values_with: those that have bit j of their index. */
struct values values_with(size_t j);
/* values_where: those of which the bits of `part` lie in one of the ranges. */
struct values values_where(uint32_t mask, uint32_t part, const struct range *ranges, size_t count);
/* values_differ: does bit j of the index decide whether a value is in the set? */
bool values_differ(const struct values *set, size_t j);
/* values_edges: adds the indices at which the set begins, and those at which it
 * has ended. */
void values_edges(const struct values *set, struct values *edges);
/* values_next: the first index from `i` on that is in the set; `end` if there is
 * none below it. */
size_t values_next(const struct values *set, size_t i, size_t end);

#endif
