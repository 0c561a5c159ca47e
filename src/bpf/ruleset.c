#include "bpf/bpf.h"

#include <stdlib.h>

void ruleset_free(struct ruleset *rules)
{
    free(rules->rules);
    free(rules->clauses);
    free(rules->launch);
    *rules = (struct ruleset){0};
}

static bool rule_allows(const struct rule *rule, const uint64_t args[6])
{
    for (size_t i = 0; i < rule->clause_count; i++)
        if (clause_holds(&rule->clauses[i], args))
            return true;
    return rule->always;
}

uint32_t ruleset_eval(const struct ruleset *rules, const struct seccomp_event *event)
{
    for (size_t i = 0; i < rules->rule_count; i++) {
        const struct rule *rule = &rules->rules[i];
        if (rule->nr == event->nr)
            return rule_allows(rule, event->args) ? rule->allow : rule->deny;
    }
    return rules->unknown;
}
