/* filter: promises → BPF. PURE. */
#include "pledge/pledge.h"

#include <errno.h>

#ifndef OWNER_RULES   /* a test makes it small */
#define OWNER_RULES 4 /* at most, of one architecture: more are denied */
#endif

/* What a violation is: a trap, with which the handler deals, also while `error`
 * is held; but a program that is executed has none. `""` leaves only the end, so
 * nothing can be said. */
static struct filter_mode mode_of(promise_set held, bool executes)
{
    struct filter_mode mode = {.deny = RET_TRAP, .spare_probes = true};
    if (held & PROMISE(ERROR) && executes)
        mode.deny = RET_ERRNO(arch_native()->enosys);
    if (held == 0)
        mode = (struct filter_mode){.deny = RET_KILL_PROCESS, .unknown = RET_KILL_PROCESS};
    return mode;
}

/* keep_owners: fattr lets a file be given to its own user and to his groups, as
 * the kernel does where nobody has a capability; else it fails. Compared by 32
 * bits, also where a call reads 16 of them. */
static void keep_owners(struct ruleset *set, const struct pledge_owners *owners,
                        struct clause clauses[OWNER_RULES])
{
    size_t count = 0;
    for (size_t i = 0; i < set->call_count; i++) {
        struct rule *rule = &set->rules[set->calls[i].rules];
        const struct operation *o = call_operation(arch_call(set->arch, set->calls[i].nr));
        if (!o || o->kind != OP_CHOWN || !rule->always)
            continue;
        rule->always = false;
        rule->deny = RET_ERRNO(EPERM);
        if (count == OWNER_RULES)
            continue;
        uint8_t user = (uint8_t)((o->path >= 0 ? o->path : o->fd) + 1);
        struct clause *clause = &clauses[count++];
        *clause = (struct clause){.atoms = {{.arg = user,
                                             .width = 32,
                                             .mask = UINT32_MAX,
                                             .ranges = owners->users,
                                             .range_count = ARRAY_COUNT(owners->users)},
                                            {.arg = (uint8_t)(user + 1),
                                             .width = 32,
                                             .mask = UINT32_MAX,
                                             .ranges = owners->groups,
                                             .range_count = owners->group_count}},
                                  .atom_count = 2};
        rule->clauses = clause;
        rule->clause_count = 1;
    }
}

/* trap_packed: glibc makes every socket call of i386 through this one, whose other
 * arguments no filter sees. The handler makes the call that it stands for, which is
 * judged as everywhere; but what stdio may do with any socket passes at once. A
 * program that is executed has no handler: for it the tables say what they can. */
#define NR_SOCKETCALL 102
static void trap_packed(struct ruleset *set, promise_set held, uint32_t deny)
{
    static const struct range plain[] = {{9, 10}, {12, 12}}; /* send, recv, recvfrom */
    static const struct clause clause = {.atoms = {{.arg = 0,
                                                    .width = 32,
                                                    .mask = UINT32_MAX,
                                                    .ranges = plain,
                                                    .range_count = ARRAY_COUNT(plain)}},
                                         .atom_count = 1};
    for (size_t i = 0; i < set->call_count; i++)
        if (set->calls[i].nr == NR_SOCKETCALL)
            set->rules[set->calls[i].rules] =
                (struct rule){.allow = RET_ALLOW,
                              .deny = deny,
                              .clauses = &clause,
                              .clause_count = held & PROMISE(STDIO) ? 1 : 0};
}

/* What a filter is made from, beside the policy. */
struct making {
    struct filter_mode mode;
    bool all_archs;
    bool handled; /* nothing else is executed: a trap leads to the handler */
    const struct pledge_owners *owners;
};

static int compile(const struct policy *policy, const struct making *making, struct program *out,
                   struct err *err)
{
    struct clause clauses[ARCH_COUNT][OWNER_RULES];
    struct ruleset rules[ARCH_COUNT] = {0};
    const struct ruleset *sets[ARCH_COUNT];
    size_t count = 0;
    int code = 0;
    for (int id = 0; id < ARCH_COUNT && code == 0; id++) {
        const struct arch *arch = &archs[id];
        if (!arch_table(arch->id) || (arch != arch_native() && !making->all_archs))
            continue;
        code = ruleset_from_policy(policy, arch, &making->mode, &rules[count], err);
        if (code == 0 && arch->id == ARCH_I386 && making->handled)
            trap_packed(&rules[count], policy->promises, making->mode.deny);
        if (code == 0 && making->owners)
            keep_owners(&rules[count], making->owners, clauses[count]);
        sets[count] = &rules[count];
        count++;
    }
    if (code == 0)
        code = bpf_compile(sets, count, RET_KILL_PROCESS, out, err);
    while (count > 0)
        ruleset_free(&rules[--count]);
    return code;
}

int pledge_filter(promise_set held, const struct pledge_filter_for *process, struct program *out,
                  struct err *err)
{
    uint8_t families[FAMILY_COUNT];
    bool executes = held & PROMISE(EXEC), owns = !(held & PROMISE(CHOWN));
    struct policy policy = {.promises = held, .families = families};
    struct making making = {.mode = mode_of(held, executes),
                            .all_archs = executes,
                            .handled = !executes,
                            .owners = owns ? process->owners : NULL};
    pledge_families(held, process->broker, families);
    return compile(&policy, &making, out, err);
}

int pledge_exec_filter(promise_set held, uint64_t secret, struct program *out, struct err *err)
{
    uint8_t families[FAMILY_COUNT];
    struct policy policy = {.promises = held, .families = families, .launch_secret = secret};
    /* Its own filter, with the owners of files, stays. */
    struct making making = {.mode = mode_of(held, true), .all_archs = true};
    pledge_families(held | PROMISE(EXEC), false, families);
    return compile(&policy, &making, out, err);
}
