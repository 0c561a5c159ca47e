#include "cli/settle.h"

#include "enforce/view.h"
#include "host/look.h"
#include "host/probe.h"
#include "policy/paths.h"

#include <unistd.h>

/* VIEW_AUTO becomes what can be had. */
static int settle_view(struct policy *p, const char *name)
{
    struct err err;
    if (p->view == VIEW_NONE)
        return 0;
    if (view_probe(&err) == 0) {
        p->view = p->view == VIEW_AUTO ? VIEW_SYSTEM : p->view;
        return 0;
    }
    if (p->view != VIEW_AUTO) {
        cli_error(name, "there can be no view: %s", err.text);
        return EXIT_SETUP;
    }
    p->view = VIEW_NONE;
    return 0;
}

static int plan(struct policy_options *o, const char *name)
{
    struct policy *p = &o->policy;
    struct err err;
    char terminal[64];
    struct look_cache cache = {0};
    struct path_facts facts = {
        .home = p->home,
        .cwd = o->cwd,
        .has_private = p->view != VIEW_NONE,
        .tty = ttyname_r(STDERR_FILENO, terminal, sizeof terminal) == 0 ? terminal : NULL,
        .look = host_look,
        .context = &cache,
    };
    int result = paths_plan(p, &facts, &err);
    look_cache_free(&cache);
    if (result < 0)
        cli_error(name, "%s", err.text);
    return result < 0 ? EXIT_SETUP : 0;
}

/* Would a run refuse it? */
static int check(const struct policy *p, const char *name)
{
    const char *why = "it takes away from the rule above it, and there is no view to do that";
    const struct path_rule *rule = view_unheld(p, &why);
    if (!rule && p->view == VIEW_NONE)
        rule = view_needed(p);
    if (!rule)
        return 0;
    struct str words CLEAN_STR = {0};
    path_rule_words(&words, rule);
    cli_error(name, "%s cannot be held: %s", str_get(&words), why);
    return EXIT_SETUP;
}

int settle_policy(struct policy_options *o, const char *name)
{
    struct err err;
    int abi = probe_landlock(&err);
    o->policy.landlock_abi = abi < 0 ? 0 : abi;
    if (abi < 0)
        cli_error(name, "%s", err.text);
    int status = settle_view(&o->policy, name);
    if (status == 0)
        status = plan(o, name);
    return status == 0 ? check(&o->policy, name) : status;
}
