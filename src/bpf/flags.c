#include "bpf/flags.h"

#include "bpf/insn.h"

typedef uint64_t value_set; /* bit i: values[i] is possible */

/* The values in which bit j of the mask is set. */
static const value_set with_bit[] = {UINT64_C(0xaaaaaaaaaaaaaaaa), UINT64_C(0xcccccccccccccccc),
                                     UINT64_C(0xf0f0f0f0f0f0f0f0), UINT64_C(0xff00ff00ff00ff00),
                                     UINT64_C(0xffff0000ffff0000), UINT64_C(0xffffffff00000000)};

void flags_init(struct flags *f, const struct run *values, size_t count)
{
    size_t firsts[FLAGS_VALUES], first_count = 0; /* one value for each tail */
    value_set sets[FLAGS_VALUES];
    uint8_t set_of[FLAGS_VALUES];
    f->count = count;
    f->values = values;
    for (size_t i = 0; i < count; i++) {
        size_t set = 0;
        while (set < first_count && values[firsts[set]].to != values[i].to)
            set++;
        if (set == first_count) {
            firsts[first_count++] = i;
            sets[set] = 0;
        }
        sets[set] |= UINT64_C(1) << i;
        set_of[i] = (uint8_t)set;
    }
    for (size_t i = 0; i < count; i++)
        f->same[i] = sets[set_of[i]];
    f->with_any[0] = 0;
    for (size_t i = 1; i < count; i++)
        f->with_any[i] = f->with_any[i & (i - 1)] | with_bit[__builtin_ctzll(i)];
}

static value_set all_values(const struct flags *f)
{
    return UINT64_MAX >> (FLAGS_VALUES - f->count);
}

/* Where a set leads that is not empty, if all of it leads there; else NULL. */
static const struct run *decided(const struct flags *f, value_set set)
{
    int first = __builtin_ctzll(set);
    return set & ~f->same[first] ? NULL : &f->values[first];
}

/* The question that settles most values at once. The set is not decided, so
 * it has two values and some single bit tells them apart. */
static size_t best_question(const struct flags *f, value_set set)
{
    size_t best = 0;
    int best_score = -1;
    for (size_t question = 1; question < f->count; question++) {
        value_set with = set & f->with_any[question], without = set & ~with;
        if (!with || !without)
            continue;
        int score = (decided(f, with) ? __builtin_popcountll(with) : 0) +
                    (decided(f, without) ? __builtin_popcountll(without) : 0);
        if (score > best_score) {
            best_score = score;
            best = question;
        }
    }
    return best;
}

static size_t count_tests(const struct flags *f, value_set set)
{
    if (decided(f, set))
        return 0;
    value_set with = set & f->with_any[best_question(f, set)];
    return 1 + count_tests(f, with) + count_tests(f, set & ~with);
}

static node build(struct graph *g, const struct flags *f, value_set set, const node *tails)
{
    const struct run *only = decided(f, set);
    if (only)
        return tails[only->to];
    size_t question = best_question(f, set);
    value_set with = set & f->with_any[question];
    node if_any = build(g, f, with, tails);
    node if_none = build(g, f, set & ~with, tails);
    return graph_test(g, INSN_JSET, f->values[question].lo, if_any, if_none);
}

size_t flags_tests(const struct flags *f)
{
    return count_tests(f, all_values(f));
}

node flags_build(struct graph *g, const struct flags *f, const node *tails)
{
    return build(g, f, all_values(f), tails);
}
