/* view_words: what a view holds, in letters and in words. PURE. */
#include "enforce/view.h"

#include "policy/path.h"

#include <string.h>

uint8_t view_attrs(promise_set promises, const struct path_rule *rule)
{
    if (!path_rule_writable(promises, rule))
        return VIEW_READ_ONLY;
    bool exec = path_rule_perms(promises, rule) & PERM_EXEC;
    return exec || promises & PROMISE(PROT_EXEC) ? 0 : VIEW_NO_EXEC;
}

/* ------------------------------------------------------------------- printing */

static void print_attrs(struct str *out, uint8_t attrs)
{
    static const char *const words[] = {"read-only", "no exec", "no devices", "passable"};
    const char *separator = " (";
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (!(attrs & 1u << i))
            continue;
        str_addf(out, "%s%s", separator, words[i]);
        separator = ", ";
    }
    str_add(out, attrs ? ")\n" : "\n");
}

void view_plan_print(struct str *out, const struct view_plan *plan)
{
    static const char *const verbs[] = {
        [VIEW_DIRECTORY] = "directory",
        [VIEW_FILE] = "file",
        [VIEW_SYMLINK] = "link",
        [VIEW_BIND] = "bind",
        [VIEW_PIN] = "pin",
        [VIEW_OWN] = "own",
        [VIEW_HIDE] = "hide",
        [VIEW_HIDE_FILE] = "hide file",
    };
    str_add(out, plan->host_root ? "bind /" : "own /");
    print_attrs(out, plan->host_root ? plan->root_attrs : VIEW_READ_ONLY);
    for (size_t i = 0; i < plan->count; i++) {
        const struct view_action *action = &plan->actions[i];
        str_addf(out, "%s ", verbs[action->kind]);
        quote_visible(out, action->path, strlen(action->path));
        if (action->target) {
            str_add(out, " -> ");
            quote_visible(out, action->target, strlen(action->target));
        }
        print_attrs(out, action->attrs);
    }
}

/* ------------------------------------------------------------------------ fit */

/* The letters of a user's rule that count. */
static uint8_t cut(promise_set promises, uint8_t perms)
{
    struct path_rule rule = {.perms = perms};
    return path_rule_perms(promises, &rule);
}

static uint8_t attrs(promise_set promises, uint8_t perms)
{
    struct path_rule rule = {.perms = perms};
    return view_attrs(promises, &rule);
}

/* What a rule takes away from those above it; `above`: the letters that they
 * grant. With x goes reading a file. */
static uint8_t taken_from(promise_set promises, uint8_t above, uint8_t perms)
{
    uint8_t left = cut(promises, perms), lost = (uint8_t)(cut(promises, above) & ~left);
    return lost & PERM_EXEC && !(left & PERM_READ) ? lost | PERM_READ : lost;
}

static uint8_t taken(promise_set promises, const struct view_case *c)
{
    return c->below ? taken_from(promises, c->above_perms, c->perms) : 0;
}

static const char file_create[] = "removing and renaming a file is a right on its directory: "
                                  "grant that";

enum view_fit view_fit_alone(promise_set promises, const struct view_case *c, const char **why)
{
    if (taken(promises, c)) {
        *why = "Landlock's rights add up: what is granted above a path cannot be taken away "
               "at it; only a view can";
        return FIT_WIDER;
    }
    bool narrower = !c->directory && cut(promises, c->perms) & PERM_CREATE;
    *why = narrower ? file_create : "";
    return narrower ? FIT_NARROWER : FIT_EXACT;
}

/* Does a rule that does not hide take away what a mount cannot? */
static const char *too_fine(uint8_t perms, uint8_t lost)
{
    if (lost & PERM_READ)
        return "a view takes away everything, writing or executing, not reading alone";
    if ((lost & PERM_WRITE && perms & PERM_CREATE) || (lost & PERM_CREATE && perms & PERM_WRITE))
        return "a view takes away w and c together, not one of them";
    return NULL;
}

enum view_fit view_fit(promise_set promises, const struct view_case *c, const char **why)
{
    uint8_t perms = cut(promises, c->perms), above = cut(promises, c->above_perms);
    *why = c->perms ? too_fine(perms, taken(promises, c)) : NULL;
    if (*why)
        return FIT_WIDER;
    if (c->perms == 0 && c->below) {
        *why = "the name stays: stat sees an empty object that nobody can open";
        return FIT_NARROWER;
    }
    if (!c->directory && perms & PERM_CREATE) {
        *why = file_create;
        return FIT_NARROWER;
    }
    bool mount = taken(promises, c) & PERM_EXEC ||
                 attrs(promises, c->perms) != attrs(promises, c->above_perms);
    if (c->below && mount && above & PERM_CREATE) {
        *why = "a mount of its own: renaming or linking across its edge fails with EXDEV, "
               "and renaming the directories that lead to it with EBUSY";
        return FIT_NARROWER;
    }
    *why = "";
    return FIT_EXACT;
}

/* ---------------------------------------------------------------------- policy */

#define ALL_PERMS (PERM_READ | PERM_WRITE | PERM_EXEC | PERM_CREATE)

/* The letters that all rules above `below` grant together. */
static bool above(const struct policy *p, const struct path_rule *below, uint8_t *perms)
{
    bool found = false;
    *perms = 0;
    for (size_t i = 0; i < p->path_count; i++) {
        const struct path_rule *rule = &p->paths[i];
        if (!path_covers(rule->real, below->real) || strcmp(rule->real, below->real) == 0)
            continue;
        found = true;
        *perms |= path_rule_perms(p->promises, rule);
    }
    return found;
}

typedef enum view_fit (*fit_fn)(promise_set, const struct view_case *, const char **);

/* A rule is held wider only where it takes away something: whatever stands above
 * one that grants all that is promised, that one is not asked about. */
static const struct path_rule *first_wider(const struct policy *p, fit_fn fit, const char **why)
{
    for (size_t i = 0; i < p->path_count; i++) {
        const struct path_rule *rule = &p->paths[i];
        struct view_case c = {.perms = rule->perms, .directory = rule->kind != PATH_FILE};
        if (rule->adds || rule->origin == ORIGIN_PRIVATE ||
            !taken_from(p->promises, ALL_PERMS, rule->perms))
            continue;
        c.below = above(p, rule, &c.above_perms);
        if (fit(p->promises, &c, why) == FIT_WIDER)
            return rule;
    }
    *why = "";
    return NULL;
}

const struct path_rule *view_needed(const struct policy *p)
{
    const char *why;
    return first_wider(p, view_fit_alone, &why);
}

const struct path_rule *view_unheld(const struct policy *p, const char **why)
{
    return first_wider(p, view_fit, why);
}

/* May the program write to a path by these rules, and execute what it may
 * write? What promises open to write are devices: nothing comes back. */
static bool writes(const struct policy *p, bool *executes)
{
    bool any = false;
    *executes = false;
    for (size_t i = 0; i < p->path_count; i++) {
        uint8_t left = path_rule_perms(p->promises, &p->paths[i]);
        if (p->paths[i].origin == ORIGIN_PROMISE || !(left & PERM_WRITE))
            continue;
        any = true;
        *executes = *executes || left & PERM_EXEC;
    }
    return any;
}

void view_lost(struct str *out, const struct policy *p)
{
    bool executes;
    if (!(p->promises & PROMISE(PROT_EXEC)) && writes(p, &executes) && !executes)
        str_add(out, "without a view the program can map what it wrote as executable, though "
                     "prot_exec is not promised\n");
    if (p->promises & PROMISE(UNIX) && p->landlock_abi < 9)
        str_add(out, "without a view the program can connect to every unix socket that its user "
                     "may use (D-Bus, ssh-agent, docker)\n");
    if (p->promises & (PROMISE(FATTR) | PROMISE(CHOWN)))
        str_add(out, "without a view the program can change the mode, times and owner of every "
                     "file of its user\n");
}

void view_gaps(struct str *out, const struct policy *p, bool view)
{
    bool executes;
    if (writes(p, &executes) && executes && !(p->promises & PROMISE(PROT_EXEC)))
        str_add(out, "a path rule has x beside w or c: there the program can run what it wrote, "
                     "though prot_exec is not promised\n");
    if (view)
        return;
    str_add(out, "without a view stat shows the name, size and times of every file\n");
    view_lost(out, p);
}
