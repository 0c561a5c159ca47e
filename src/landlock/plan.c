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

static int add_rule(struct landlock_plan *plan, const struct path_rule *rule, uint32_t access)
{
    void *rules = plan->rules;
    if (array_grow(&rules, &plan->rule_capacity, plan->rule_count, sizeof *plan->rules) < 0)
        return -ENOMEM;
    plan->rules = rules;
    plan->rules[plan->rule_count++] = (struct landlock_rule){.path = rule->path,
                                                             .access = access,
                                                             .optional = rule->optional,
                                                             .file = rule->kind == PATH_FILE};
    return 0;
}

/* The rules that cover one, and what they grant together. Rules come sorted,
 * so that what covers one stands before it, the innermost last. */
struct cover {
    const struct path_rule *rule;
    uint32_t granted;
};

static int add_rules(const struct policy *p, struct landlock_plan *plan)
{
    struct cover *covers CLEAN_FREE = calloc(p->path_count + 1, sizeof *covers);
    size_t depth = 0;
    int result = covers ? 0 : -ENOMEM;
    for (size_t i = 0; i < p->path_count && result == 0; i++) {
        const struct path_rule *rule = &p->paths[i];
        while (depth > 0 && !path_covers(covers[depth - 1].rule->real, rule->real))
            depth--;
        uint32_t above = depth > 0 ? covers[depth - 1].granted : 0;
        uint32_t access = landlock_access(p->promises, rule) & plan->handled;
        if (access & ~above)
            result = add_rule(plan, rule, access);
        covers[depth++] = (struct cover){rule, above | access};
    }
    return result;
}

static void find_gaps(const struct policy *p, struct landlock_plan *plan)
{
    static const struct gap {
        int abi; /* the first that has no such gap, and the kernel that brought it */
        char kernel[8];
        promise_set promises;
        char text[64];
    } gaps[] = {
        {2, "5.19", PROMISE(CPATH), "renaming and linking from one directory to another fails"},
        {3, "6.2", PROMISE(WPATH), "truncate() reaches every file that the user may write"},
        {6, "6.12", PROMISE(STDIO) | PROMISE(PROC),
         "signals reach other processes of the same user"},
        {6, "6.12", PROMISE(UNIX), "abstract unix sockets of other programs can be connected to"},
    };
    _Static_assert(ARRAY_COUNT(gaps) <= LANDLOCK_GAPS, "LANDLOCK_GAPS is too small");
    for (size_t i = 0; i < ARRAY_COUNT(gaps); i++)
        if (plan->abi < gaps[i].abi && p->promises & gaps[i].promises)
            snprintf(plan->gaps[plan->gap_count++], sizeof plan->gaps[0],
                     "%s (Landlock ABI %d; ABI %d is needed, of Linux %s)", gaps[i].text, plan->abi,
                     gaps[i].abi, gaps[i].kernel);
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
    out->only_port = decide_only_port(p->promises, abi);
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
