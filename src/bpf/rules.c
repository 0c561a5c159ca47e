/* rules: what a policy means on one architecture, as rules by number. */
#include <errno.h>
#include <stdlib.h>

#include "bpf/bpf.h"

static bool granted(const struct policy *p, const struct grant *grant)
{
    return grant->family == FAMILY_LAUNCH ? p->launch_fd >= 0
                                          : family_granted(grant->family, p->promises);
}

/* A denial that means "this kernel does not have it" stays one in every mode:
 * libcs make such calls (clone3, openat2) to fall back to others. */
static uint32_t denial(const struct arch *arch, const struct sys_call *call,
                       const struct filter_mode *mode)
{
    return mode->deny && call->denial != arch->enosys ? mode->deny : RET_ERRNO(call->denial);
}

static uint32_t allowance(const struct sys_call *call, const struct filter_mode *mode)
{
    const struct operation *o = call_operation(call);
    bool on_path = o && (o->path >= 0 || o->path2 >= 0);
    return on_path && mode->path_allow ? mode->path_allow : RET_ALLOW;
}

/* Fills the rule; its clauses are appended to those of the set. */
static void make_rule(const struct policy *p, const struct filter_mode *mode,
                      const struct sys_call *call, struct ruleset *set, size_t *clause_count)
{
    const struct grant *grants = call_grants(call);
    struct rule *rule = &set->rules[set->rule_count++];
    *rule = (struct rule){.nr = call->nr,
                          .allow = allowance(call, mode),
                          .deny = denial(set->arch, call, mode),
                          .clauses = set->clauses + *clause_count};
    for (size_t i = 0; i < call->grant_count; i++) {
        if (!granted(p, &grants[i]))
            continue;
        struct clause *clause = &set->clauses[*clause_count + rule->clause_count++];
        grant_clause(&grants[i], set->launch, clause);
        rule->always = rule->always || clause->atom_count == 0;
    }
    if (rule->always)
        rule->clause_count = 0;
    *clause_count += rule->clause_count;
}

int ruleset_from_policy(const struct policy *p, const struct arch *arch,
                        const struct filter_mode *mode, struct ruleset *out, struct err *err)
{
    *out = (struct ruleset){.arch = arch};
    const struct arch_table *table = arch_table(arch->id);
    if (!table)
        return err_set(err, -ENOENT, "this build has no system calls of %s", arch->name);
    size_t most_clauses = 1;
    for (size_t i = 0; i < table->call_count; i++)
        most_clauses += table->calls[i].grant_count;
    out->rules = calloc(table->call_count, sizeof *out->rules);
    out->clauses = calloc(most_clauses, sizeof *out->clauses);
    out->launch = p->launch_fd >= 0 ? calloc(1, sizeof *out->launch) : NULL;
    if (!out->rules || !out->clauses || (p->launch_fd >= 0 && !out->launch)) {
        ruleset_free(out);
        return err_set(err, -ENOMEM, "out of memory");
    }
    if (out->launch)
        *out->launch = (struct range){(uint64_t)p->launch_fd, (uint64_t)p->launch_fd};
    out->unknown = mode->unknown ? mode->unknown : RET_ERRNO(arch->enosys);
    size_t clause_count = 0;
    for (size_t i = 0; i < table->call_count; i++)
        make_rule(p, mode, &table->calls[i], out, &clause_count);
    return 0;
}
