#include "bpf/flags.h"

#include "bpf/insn.h"

typedef uint64_t value_set; /* bit i: value[i] is possible */

static value_set all_values(const struct flags *f)
{
    return UINT64_MAX >> (FLAGS_VALUES - f->count);
}

/* The values of `set` in which any bit of `asked` is set. */
static value_set with_any(const struct flags *f, value_set set, uint32_t asked)
{
    value_set with = 0;
    for (size_t i = 0; i < f->count; i++)
        if ((set >> i & 1) && (f->value[i] & asked))
            with |= UINT64_C(1) << i;
    return with;
}

/* Do all values of a set that is not empty go the same way? */
static bool decided(const struct flags *f, value_set set)
{
    uint32_t first = f->label[__builtin_ctzll(set)];
    for (size_t i = 0; i < f->count; i++)
        if ((set >> i & 1) && f->label[i] != first)
            return false;
    return true;
}

/* The question that settles most values at once. The set is not decided, so
 * it has two values and some single bit tells them apart. */
static uint32_t best_question(const struct flags *f, value_set set)
{
    uint32_t best = 0;
    int best_score = -1;
    for (size_t i = 1; i < f->count; i++) {
        uint32_t asked = f->value[i];
        value_set with = with_any(f, set, asked), without = set & ~with;
        if (!with || !without)
            continue;
        int score = (decided(f, with) ? __builtin_popcountll(with) : 0) +
                    (decided(f, without) ? __builtin_popcountll(without) : 0);
        if (score > best_score) {
            best_score = score;
            best = asked;
        }
    }
    return best;
}

static size_t count_tests(const struct flags *f, value_set set)
{
    if (decided(f, set))
        return 0;
    value_set with = with_any(f, set, best_question(f, set));
    return 1 + count_tests(f, with) + count_tests(f, set & ~with);
}

static node build(struct graph *g, const struct flags *f, value_set set, const node *by_label)
{
    if (decided(f, set))
        return by_label[f->label[__builtin_ctzll(set)]];
    uint32_t asked = best_question(f, set);
    value_set with = with_any(f, set, asked);
    node if_any = build(g, f, with, by_label);
    node if_none = build(g, f, set & ~with, by_label);
    return graph_test(g, INSN_JSET, asked, if_any, if_none);
}

size_t flags_tests(const struct flags *f)
{
    return count_tests(f, all_values(f));
}

node flags_build(struct graph *g, const struct flags *f, const node *by_label)
{
    return build(g, f, all_values(f), by_label);
}
