/* domain: promises → Landlock. Without a rule of the user the promises hold
 * for all paths; what is left to Landlock are the path exceptions of stdio,
 * dns, getpw and others, and the scopes. */
#include "pledge/pledge.h"

#include "host/landlock.h"
#include "landlock/landlock.h"
#include "policy/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The rule for all that there is, cut by the promises. */
static int add_root(struct policy *p, struct err *err)
{
    void *paths = p->paths;
    if (array_grow(&paths, &p->path_capacity, p->path_count, sizeof *p->paths) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    p->paths = paths;
    char *path = strdup("/");
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    p->paths[p->path_count++] = (struct path_rule){
        .path = path,
        .perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_CREATE,
        .origin = ORIGIN_SYSTEM,
        .adds = true,
        .optional = true, /* without rpath a later pledge cannot look at it */
    };
    return 0;
}

/* What the root grants need not be handled, except renaming between
 * directories: a domain that does not handle that forbids it. */
static void leave_out_granted(struct landlock_plan *plan)
{
    uint32_t free_access = 0;
    size_t kept = 0;
    for (size_t i = 0; i < plan->rule_count; i++)
        if (strcmp(plan->rules[i].path, "/") == 0)
            free_access = plan->rules[i].access & ~(uint32_t)LL_REFER;
    plan->handled &= ~free_access;
    for (size_t i = 0; i < plan->rule_count; i++) {
        struct landlock_rule rule = plan->rules[i];
        rule.access &= plan->handled;
        if (rule.access)
            plan->rules[kept++] = rule;
    }
    plan->rule_count = kept;
}

static uint32_t scopes(promise_set held, int abi)
{
    if (abi < 6)
        return 0;
    return (held & PROMISE(PROC) ? 0 : LL_SCOPE_SIGNAL) |
           (held & PROMISE(UNIX) ? 0 : LL_SCOPE_ABSTRACT_UNIX);
}

static int plan_domain(promise_set held, struct policy *p, struct landlock_plan *plan,
                       struct err *err)
{
    struct path_facts facts = {.lean = true};
    int abi = host_landlock_abi();
    p->promises = held;
    p->paths_given = true;
    int code = add_root(p, err);
    if (code == 0)
        code = paths_plan(p, &facts, err);
    if (code == 0)
        code = landlock_plan_make(p, abi, plan, err);
    if (code < 0)
        return code;
    plan->scoped = scopes(held, abi);
    leave_out_granted(plan);
    return 0;
}

/* The promises that a domain depends on. */
#define OF_DOMAIN                                                                                  \
    (PROMISE(STDIO) | PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH) | PROMISE(DPATH) |          \
     PROMISE(EXEC) | PROMISE(PROC) | PROMISE(UNIX) | PROMISE(INET) | PROMISE(DNS) |                \
     PROMISE(GETPW) | PROMISE(TTY) | PROMISE(PS) | PROMISE(VMINFO) | PROMISE(ROUTE) |              \
     PROMISE(WROUTE))

int pledge_plan(promise_set before, promise_set held, struct policy *p, struct landlock_plan *plan,
                struct err *err)
{
    *plan = (struct landlock_plan){0};
    policy_init(p);
    if (held == 0 || !(before & ~held & OF_DOMAIN))
        return 0;
    return plan_domain(held, p, plan, err);
}

int pledge_domain(promise_set before, promise_set held, int *ruleset, struct err *err)
{
    struct policy policy;
    struct landlock_plan plan;
    *ruleset = -1;
    int code = pledge_plan(before, held, &policy, &plan, err);
    if (code == 0 && (plan.handled || plan.scoped || plan.only_port))
        code = *ruleset = landlock_ruleset(&plan, err);
    landlock_plan_free(&plan);
    policy_free(&policy);
    return code < 0 ? code : 0;
}
