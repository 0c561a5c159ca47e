#include "landlock/landlock.h"

#include "policy/path.h"
#include "policy/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ABI ((LL_MAKE_SYM << 1) - 1)

uint32_t landlock_handled(int abi)
{
    return (abi >= 1 ? FIRST_ABI : 0) | (abi >= 2 ? LL_REFER : 0) | (abi >= 3 ? LL_TRUNCATE : 0) |
           (abi >= 5 ? LL_IOCTL_DEV : 0) | (abi >= 9 ? LL_RESOLVE_UNIX : 0);
}

/* What c grants: names by cpath, special files by dpath, sockets by unix. */
static uint32_t names_access(promise_set promises)
{
    uint32_t access = 0;
    if (promises & PROMISE(CPATH))
        access |=
            LL_REMOVE_DIR | LL_REMOVE_FILE | LL_MAKE_DIR | LL_MAKE_REG | LL_MAKE_SYM | LL_REFER;
    if (promises & PROMISE(DPATH))
        access |= LL_MAKE_CHAR | LL_MAKE_BLOCK | LL_MAKE_FIFO;
    if (promises & PROMISE(UNIX))
        access |= LL_MAKE_SOCK;
    return access;
}

uint32_t landlock_access(promise_set promises, const struct path_rule *rule)
{
    uint8_t perms = path_rule_perms(promises, rule);
    uint32_t access = 0;
    if (perms & PERM_READ)
        access |= LL_READ_FILE | LL_READ_DIR;
    if (perms & PERM_WRITE)
        access |= LL_WRITE_FILE | LL_TRUNCATE;
    if (perms & PERM_EXEC)
        access |= LL_EXECUTE | LL_READ_FILE; /* execve() reads, and is asked for both */
    if (perms & PERM_CREATE)
        access |= names_access(promises);
    if (rule->perms & PERM_WRITE && promises & PROMISE(UNIX))
        access |= LL_RESOLVE_UNIX;
    /* BPF judges the commands; this keeps them to the devices of /dev. */
    bool devices = path_covers("/dev", rule->real) || path_covers(rule->real, "/dev");
    if (devices && perms & (PERM_READ | PERM_WRITE))
        access |= LL_IOCTL_DEV;
    return access;
}

/* The rights that the rules above the last one of `count` grant together. */
static uint32_t inherited(const struct policy *p, size_t index)
{
    uint32_t access = 0;
    for (size_t i = 0; i < index; i++) /* sorted: what covers stands before */
        if (path_covers(p->paths[i].real, p->paths[index].real))
            access |= landlock_access(p->promises, &p->paths[i]);
    return access;
}

static int add_rules(const struct policy *p, struct landlock_plan *plan)
{
    for (size_t i = 0; i < p->path_count; i++) {
        const struct path_rule *rule = &p->paths[i];
        uint32_t access = landlock_access(p->promises, rule) & plan->handled;
        if ((access & ~inherited(p, i)) == 0)
            continue;
        void *rules = plan->rules;
        if (array_grow(&rules, &plan->rule_capacity, plan->rule_count, sizeof *plan->rules) < 0)
            return -ENOMEM;
        plan->rules = rules;
        plan->rules[plan->rule_count++] = (struct landlock_rule){
            .path = rule->path, .access = access, .optional = rule->optional};
    }
    return 0;
}

static void find_gaps(const struct policy *p, struct landlock_plan *plan)
{
    static const struct gap {
        int abi; /* the first that has no such gap */
        promise_set promises;
        const char *text;
    } gaps[] = {
        {2, PROMISE(CPATH), "renaming and linking from one directory to another fails"},
        {3, PROMISE(WPATH), "truncate() reaches every file that the user may write"},
        {6, PROMISE(STDIO) | PROMISE(PROC), "signals reach other processes of the same user"},
        {6, PROMISE(UNIX), "abstract unix sockets of other programs can be connected to"},
    };
    _Static_assert(ARRAY_COUNT(gaps) <= LANDLOCK_GAPS, "LANDLOCK_GAPS is too small");
    for (size_t i = 0; i < ARRAY_COUNT(gaps); i++)
        if (plan->abi < gaps[i].abi && p->promises & gaps[i].promises)
            snprintf(plan->gaps[plan->gap_count++], sizeof plan->gaps[0],
                     "%s (Landlock ABI %d; ABI %d is needed)", gaps[i].text, plan->abi,
                     gaps[i].abi);
}

int landlock_plan_make(const struct policy *p, int abi, struct landlock_plan *out, struct err *err)
{
    *out = (struct landlock_plan){.abi = abi};
    if (abi < 1)
        return err_set(err, -ENOSYS,
                       "this kernel has no Landlock: it takes Linux 5.13 or newer with "
                       "\"landlock\" among its security modules (lsm= at boot)");
    out->handled = landlock_handled(abi);
    out->scoped = abi >= 6 ? LL_SCOPE_ABSTRACT_UNIX | LL_SCOPE_SIGNAL : 0;
    find_gaps(p, out);
    if (add_rules(p, out) == 0)
        return 0;
    landlock_plan_free(out);
    return err_set(err, -ENOMEM, "out of memory");
}

void landlock_plan_free(struct landlock_plan *plan)
{
    free(plan->rules);
    *plan = (struct landlock_plan){0};
}
