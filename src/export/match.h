/* match: clauses in the one form that other tools' filters have, too: masked
 * bits of each argument equal a value. PURE. */
#ifndef VOW_EXPORT_MATCH_H
#define VOW_EXPORT_MATCH_H

#include "bpf/bpf.h"

/* (args[i] & mask[i]) == value[i] for every i; mask 0 asks for nothing. */
struct match {
    uint64_t mask[6], value[6];
};

struct matches {
    struct match *at;
    size_t count, capacity;
    bool narrower; /* some clause could not be said and was left out */
};

/* matches_of_rule: the calls that the rule allows under its clauses; none that
 * another one covers. 0 or -ENOMEM. */
int matches_of_rule(const struct rule *rule, struct matches *out);
void matches_free(struct matches *matches);

#endif
