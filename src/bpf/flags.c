#include "bpf/flags.h"

#include "bpf/insn.h"

typedef uint64_t value_set; /* bit i: the i-th value is possible */

#define UNDECIDED SIZE_MAX

/* The label to which all values of the set lead. */
static size_t decided(const struct flags *f, value_set set)
{
    for (size_t label = 0; label < f->label_count; label++)
        if (!(set & ~f->leads[label].at[0]))
            return label;
    return UNDECIDED;
}

/* How many of the values need no more questions. */
static int settled(const struct flags *f, value_set set)
{
    return decided(f, set) == UNDECIDED ? 0 : __builtin_popcountll(set);
}

/* The question that settles most values at once. The set is not decided, so
 * it has two values and some single bit tells them apart. */
static size_t best_question(const struct flags *f, value_set set)
{
    size_t best = 0, count = values_count(f->mask);
    int best_score = -1, all = __builtin_popcountll(set);
    for (size_t question = 1; question < count && best_score < all; question++) {
        value_set with = set & f->with_any[question], without = set & ~with;
        if (!with || !without)
            continue;
        int score = settled(f, with) + settled(f, without);
        if (score > best_score) {
            best_score = score;
            best = question;
        }
    }
    return best;
}

/* Notes the questions for a set; false if there are too many. */
static bool plan(struct flags *f, value_set set)
{
    if (decided(f, set) != UNDECIDED)
        return true;
    if (f->question_count == f->most)
        return false;
    size_t question = best_question(f, set);
    value_set with = set & f->with_any[question];
    f->questions[f->question_count++] = (uint8_t)question;
    return plan(f, with) && plan(f, set & ~with);
}

bool flags_plan(struct flags *f, uint32_t mask, const struct values *leads, size_t label_count,
                size_t most)
{
    size_t count = values_count(mask);
    f->mask = mask;
    f->leads = leads;
    f->label_count = label_count;
    f->question_count = 0;
    f->most = most < FLAGS_VALUES ? most : FLAGS_VALUES;
    f->with_any[0] = 0;
    for (size_t i = 1; i < count; i++)
        f->with_any[i] = f->with_any[i & (i - 1)] | values_with((size_t)__builtin_ctzll(i)).at[0];
    return plan(f, values_all(mask).at[0]);
}

/* `asked`: questions before this set's. */
static node build(struct graph *g, const struct flags *f, value_set set, size_t *asked,
                  const node *tails)
{
    size_t only = decided(f, set);
    if (only != UNDECIDED)
        return tails[only];
    size_t question = f->questions[(*asked)++];
    value_set with = set & f->with_any[question];
    node if_any = build(g, f, with, asked, tails);
    node if_none = build(g, f, set & ~with, asked, tails);
    return graph_test(g, INSN_JSET, values_nth(f->mask, question), if_any, if_none);
}

node flags_build(struct graph *g, struct flags *f, const node *tails)
{
    size_t asked = 0;
    return build(g, f, values_all(f->mask).at[0], &asked, tails);
}
