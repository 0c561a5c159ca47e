#include "bpf/bpf.h"

void ruleset_free(struct ruleset *rules)
{
    arena_release(&rules->memory, (struct arena_mark){0});
    *rules = (struct ruleset){0};
}

static bool any_holds(const struct clause *clauses, size_t count, const uint64_t args[6])
{
    for (size_t i = 0; i < count; i++)
        if (clause_holds(&clauses[i], args))
            return true;
    return false;
}

static uint32_t rule_eval(const struct rule *rule, const uint64_t args[6])
{
    if (rule->always || any_holds(rule->clauses, rule->clause_count, args))
        return rule->allow;
    bool settled = any_holds(rule->clauses + rule->clause_count, rule->settled_count, args);
    return settled ? rule->settled : rule->deny;
}

uint32_t ruleset_eval(const struct ruleset *rules, const struct seccomp_event *event)
{
    for (size_t i = 0; i < rules->call_count; i++)
        if (rules->calls[i].nr == event->nr)
            return rule_eval(&rules->rules[rules->calls[i].rules], event->args);
    return rules->unknown;
}
