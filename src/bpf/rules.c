/* rules: what a policy means on one architecture, as rules by number. */
#include <errno.h>

#include "bpf/bpf.h"

/* What add_rule asks. */
struct rule_maker {
    const struct filter_mode *mode;
    struct ruleset *set;
    bool granted[FAMILY_COUNT]; /* by the policy */
    bool settles[FAMILY_COUNT]; /* the call succeeds without being made, or fails where a
                                   denial would end the program */
};

static void judge_families(const struct policy *p, struct rule_maker *maker)
{
    for (unsigned family = 0; family < FAMILY_COUNT; family++)
        maker->granted[family] = policy_grants(p, family);
    maker->settles[FAMILY_SETTLED] = true;
    maker->settles[FAMILY_PROBE] = maker->mode->spare_probes;
}

/* A denial that means "this kernel does not have it" stays one in every mode:
 * libcs make such calls (clone3, openat2) to fall back to others. */
static uint32_t denial(const struct arch *arch, const struct call_rules *judged,
                       const struct filter_mode *mode)
{
    bool absent = judged->denial == arch->enosys;
    return mode->deny && !absent ? mode->deny : RET_ERRNO(judged->denial);
}

/* Is somebody told when this call is allowed? Of calls with an address those
 * that are about nothing else: connect and bind, not sendto. Of signals those
 * to a process: tgkill is how threads are signalled, often. */
static bool is_watched(const struct sys_call *call, const struct filter_mode *mode)
{
    const struct operation *o = mode->path_allow ? call_operation(call) : NULL;
    if (!o || !(mode->path_kinds >> o->kind & 1))
        return false;
    if (o->kind == OP_SIGNAL)
        return o->fd == 0;
    return o->path >= 0 || o->path2 >= 0 || (o->address >= 0 && o->flags < 0);
}

/* A question about a descriptor names nothing: since glibc 2.33 every fstat is
 * a newfstatat. */
static int pass_descriptors(const struct sys_call *call, struct ruleset *set, struct rule *rule)
{
    static const struct range empty_path = {0x1000, 0x1000}; /* AT_EMPTY_PATH, on all */
    const struct operation *o = call_operation(call);
    if (o->kind != OP_STAT || o->flags < 0)
        return 0;
    struct clause *clause = arena_take(&set->memory, 1, sizeof *clause);
    if (!clause)
        return -ENOMEM;
    *clause = (struct clause){.atoms = {{.arg = (uint8_t)o->flags,
                                         .width = 32,
                                         .mask = empty_path.lo,
                                         .ranges = &empty_path,
                                         .range_count = 1}},
                              .atom_count = 1};
    *rule = (struct rule){
        .allow = RET_ALLOW, .deny = rule->allow, .clauses = clause, .clause_count = 1};
    return 0;
}

/* Fills the `count` clauses of a rule that looks at arguments: first those
 * that allow the call, then those that settle it. */
static int add_clauses(const struct rule_maker *maker, const struct sys_call *call, size_t count,
                       struct rule *rule)
{
    const struct grant *grants = call_grants(call);
    size_t grant_count = call_rules(call)->grant_count;
    struct ruleset *set = maker->set;
    struct clause *clauses = arena_take(&set->memory, count, sizeof *clauses);
    if (!clauses)
        return -ENOMEM;
    rule->clauses = clauses;
    for (size_t i = 0; i < grant_count; i++)
        if (maker->granted[grants[i].family])
            grant_clause(&grants[i], set->launch, &clauses[rule->clause_count++]);
    for (size_t i = 0; i < grant_count; i++) {
        if (!maker->settles[grants[i].family])
            continue;
        grant_clause(&grants[i], set->launch, &clauses[rule->clause_count + rule->settled_count++]);
        /* No call has both kinds. */
        rule->settled = RET_ERRNO(grants[i].family == FAMILY_PROBE ? call_rules(call)->denial : 0);
    }
    return 0;
}

/* The rule of all calls that are judged like this one. */
static int make_rule(const struct rule_maker *maker, const struct sys_call *call, struct rule *rule)
{
    const struct call_rules *judged = call_rules(call);
    const struct grant *grants = call_grants(call);
    bool watched = is_watched(call, maker->mode);
    size_t count = 0; /* of clauses, if it looks at arguments */
    *rule = (struct rule){.allow = watched ? maker->mode->path_allow : RET_ALLOW,
                          .deny = denial(maker->set->arch, judged, maker->mode)};
    for (size_t i = 0; i < judged->grant_count && !rule->always; i++) {
        bool granted = maker->granted[grants[i].family];
        rule->always = granted && grant_is_free(&grants[i]);
        count += granted + maker->settles[grants[i].family];
    }
    if (rule->always)
        return watched ? pass_descriptors(call, maker->set, rule) : 0;
    return count ? add_clauses(maker, call, count, rule) : 0;
}

/* One rule for each kind of call: that an architecture lacks some costs less than to ask. */
static int make_rules(const struct rule_maker *maker)
{
    struct ruleset *set = maker->set;
    size_t kinds = call_rules_count();
    set->rules = arena_take(&set->memory, kinds, sizeof *set->rules);
    if (!set->rules)
        return -ENOMEM;
    for (; set->rule_count < kinds; set->rule_count++) {
        struct sys_call any = {.rules = (uint16_t)set->rule_count};
        if (make_rule(maker, &any, &set->rules[set->rule_count]))
            return -ENOMEM;
    }
    return 0;
}

static int add_rules(const struct policy *p, const struct filter_mode *mode, struct ruleset *set)
{
    struct rule_maker maker = {.mode = mode, .set = set};
    if (p->launch_secret) {
        set->launch = arena_take(&set->memory, 1, sizeof *set->launch);
        if (!set->launch)
            return -ENOMEM;
        *set->launch = (struct range){p->launch_secret, p->launch_secret};
    }
    judge_families(p, &maker);
    return make_rules(&maker);
}

int ruleset_from_policy(const struct policy *p, const struct arch *arch,
                        const struct filter_mode *mode, struct ruleset *out, struct err *err)
{
    *out = (struct ruleset){.arch = arch};
    const struct arch_table *table = arch_table(arch->id);
    if (!table)
        return err_set(err, -ENOENT, "this build has no system calls of %s", arch->name);
    out->unknown = mode->unknown ? mode->unknown : RET_ERRNO(arch->enosys);
    out->calls = table->calls;
    out->call_count = table->call_count;
    int result = add_rules(p, mode, out);
    if (result) {
        ruleset_free(out);
        return err_set(err, result, "out of memory");
    }
    return 0;
}
