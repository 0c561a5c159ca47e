#include "bpf/values.h"

/* Those of one word that have bit j of their index. */
static const uint64_t with_bit[] = {UINT64_C(0xaaaaaaaaaaaaaaaa), UINT64_C(0xcccccccccccccccc),
                                    UINT64_C(0xf0f0f0f0f0f0f0f0), UINT64_C(0xff00ff00ff00ff00),
                                    UINT64_C(0xffff0000ffff0000), UINT64_C(0xffffffff00000000)};
#define WORD_BITS ARRAY_COUNT(with_bit) /* of an index, inside of a word */

struct values values_all(uint32_t mask)
{
    size_t count = values_count(mask);
    struct values all;
    for (size_t w = 0; w < VALUES_WORDS; w++)
        all.at[w] = count >= 64 * (w + 1) ? UINT64_MAX
                    : count > 64 * w      ? UINT64_MAX >> (64 * (w + 1) - count)
                                          : 0;
    return all;
}

uint32_t values_nth(uint32_t mask, size_t i)
{
    uint32_t value = 0;
    for (; i; i >>= 1, mask &= mask - 1)
        if (i & 1)
            value |= mask & -mask;
    return value;
}

struct values values_with(size_t j)
{
    struct values set;
    for (size_t w = 0; w < VALUES_WORDS; w++)
        set.at[w] = j < WORD_BITS ? with_bit[j] : w >> (j - WORD_BITS) & 1 ? UINT64_MAX : 0;
    return set;
}

/* Those that have `value` in the bits of `part`; it has no others. */
static struct values cube(uint32_t mask, uint32_t part, uint32_t value)
{
    struct values set = values_all(mask);
    for (size_t j = 0; mask; j++, mask &= mask - 1) {
        uint32_t bit = mask & -mask;
        if (!(part & bit))
            continue;
        struct values with = values_with(j);
        set = value & bit ? values_and(&set, &with) : values_minus(&set, &with);
    }
    return set;
}

struct values values_where(uint32_t mask, uint32_t part, const struct range *ranges, size_t count)
{
    struct values set = {{0}};
    part &= mask;
    for (size_t i = 0; i < count; i++) {
        const struct range *range = &ranges[i];
        bool single = range->lo == range->hi;
        uint32_t value = single ? (uint32_t)range->lo : 0;
        if (value & ~part)
            continue;
        do {
            struct values fit = cube(mask, part, value);
            if (value >= range->lo && value <= range->hi)
                values_add(&set, &fit);
            value = (value - part) & part;
        } while (!single && value && value <= range->hi);
    }
    return set;
}

bool values_differ(const struct values *set, size_t j)
{
    uint64_t differ = 0;
    for (size_t w = 0; w < VALUES_WORDS; w++)
        if (j < WORD_BITS)
            differ |= (set->at[w] >> (1u << j) ^ set->at[w]) & ~with_bit[j];
        else if (!(w >> (j - WORD_BITS) & 1))
            differ |= set->at[w] ^ set->at[w | 1u << (j - WORD_BITS)];
    return differ != 0;
}

void values_edges(const struct values *set, struct values *edges)
{
    uint64_t carry = 0;
    for (size_t w = 0; w < VALUES_WORDS; w++) {
        edges->at[w] |= set->at[w] ^ (set->at[w] << 1 | carry);
        carry = set->at[w] >> 63;
    }
}

size_t values_next(const struct values *set, size_t i, size_t end)
{
    for (; i < end; i = (i / 64 + 1) * 64) {
        uint64_t rest = set->at[i / 64] >> i % 64;
        if (!rest)
            continue;
        i += (size_t)__builtin_ctzll(rest);
        return i < end ? i : end;
    }
    return end;
}
