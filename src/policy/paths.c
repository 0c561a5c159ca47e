/* paths: the plan of path rules.
 *
 * gather   the user's rules are there; to them come the closure, the path
 *          exceptions of the promises, private directories and, where the user
 *          granted no path, the system and the working directory.
 * resolve  each rule learns where it leads. Optional ones that lead to nothing
 *          go away.
 * unite    rules that lead to the same place get the same letters: a word of
 *          the user replaces the defaults there, otherwise letters add up.
 * inherit  a rule that adds takes over the letters of the rule above it, so
 *          that the most specific rule alone says what is allowed, and takes
 *          nothing away that was not meant to be. A default below something
 *          hidden goes away. */
#include "policy/paths.h"

#include "policy/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum system_path_kind {
    SYSTEM_PATH_SYSTEM,
    SYSTEM_PATH_PROMISE,
    SYSTEM_PATH_PROTECT,
    SYSTEM_PATH_SECRET,
    SYSTEM_PATH_NEVER,
};
#include "system-paths.h"

static const char *system_path_text(const struct system_path *row)
{
    return system_path_texts + row->path_at;
}

#define NAMING (PROMISE(CPATH) | PROMISE(DPATH) | PROMISE(UNIX))

struct planner {
    struct policy *policy;
    const struct path_facts *facts;
    struct err *err;
};

static int fail_memory(const struct planner *planner)
{
    return err_set(planner->err, -ENOMEM, "out of memory");
}

/* Is it a default that these promises make nothing of? */
static bool idle(const struct policy *p, const struct path_rule *rule)
{
    return rule->adds && !path_rule_perms(p->promises, rule) &&
           !path_rule_writable(p->promises, rule);
}

static int add_rule(struct planner *planner, const char *path, struct path_rule rule)
{
    struct policy *p = planner->policy;
    if (planner->facts->lean && idle(p, &rule))
        return 0;
    void *paths = p->paths;
    if (array_grow(&paths, &p->path_capacity, p->path_count, sizeof *p->paths) < 0)
        return fail_memory(planner);
    p->paths = paths;
    rule.path = strdup(path);
    if (!rule.path)
        return fail_memory(planner);
    p->paths[p->path_count++] = rule;
    return 0;
}

/* The same below a directory. */
static int add_rule_below(struct planner *planner, const char *dir, const char *name,
                          struct path_rule rule)
{
    char *path CLEAN_FREE = path_normalise(name, dir);
    return path ? add_rule(planner, path, rule) : fail_memory(planner);
}

/* ------------------------------------------------------------------ gather */

/* What one row of the table grants under this policy. */
static void add_row(const struct policy *p, const struct system_path *row, struct path_rule *rule)
{
    bool system = row->kind == SYSTEM_PATH_SYSTEM && !p->paths_given;
    bool opened = row->kind == SYSTEM_PATH_PROMISE && p->promises >> row->promise & 1;
    if (system)
        rule->origin = ORIGIN_SYSTEM;
    if (system || opened)
        rule->perms |= row->perms;
    if (opened)
        rule->kept |= row->perms;
}

/* The table has the rows of one path side by side: they make one rule. */
static int gather_table(struct planner *planner)
{
    static const struct path_rule none = {.origin = ORIGIN_PROMISE, .adds = true, .optional = true};
    struct path_rule rule = none;
    int result = 0;
    for (size_t i = 0; i < ARRAY_COUNT(system_paths) && result == 0; i++) {
        const struct system_path *row = &system_paths[i];
        add_row(planner->policy, row, &rule);
        bool last = i + 1 == ARRAY_COUNT(system_paths) || row[1].path_at != row->path_at;
        if (last && rule.perms) {
            result = add_rule(planner, system_path_text(row), rule);
            rule = none;
        }
    }
    return result;
}

static int gather_terminal(struct planner *planner)
{
    struct policy *p = planner->policy;
    if (!planner->facts->tty)
        return 0;
    free(p->tty);
    p->tty = strdup(planner->facts->tty);
    if (!p->tty)
        return fail_memory(planner);
    if (!(p->promises & PROMISE(TTY)))
        return 0;
    struct path_rule rule = {.origin = ORIGIN_PROMISE,
                             .perms = PERM_READ | PERM_WRITE,
                             .kept = PERM_READ | PERM_WRITE,
                             .adds = true,
                             .optional = true};
    return add_rule(planner, planner->facts->tty, rule);
}

static int gather_closure(struct planner *planner)
{
    for (size_t i = 0; i < planner->facts->closure_count; i++) {
        const struct closure_path *file = &planner->facts->closure[i];
        struct path_rule rule = {.origin = ORIGIN_CLOSURE,
                                 .perms = file->perms,
                                 .kept = file->perms,
                                 .adds = true,
                                 .optional = true};
        int result = add_rule(planner, file->path, rule);
        if (result < 0)
            return result;
    }
    return 0;
}

const char *const private_paths[] = {"/tmp", "/dev/shm", NULL};

/* Where the user granted one, it is the host's. */
static bool user_has(const struct policy *p, const char *path)
{
    for (size_t i = 0; i < p->path_count; i++)
        if (p->paths[i].origin == ORIGIN_USER && p->paths[i].perms &&
            path_covers(p->paths[i].path, path))
            return true;
    return false;
}

static int gather_private(struct planner *planner)
{
    int result = 0;
    for (size_t i = 0; planner->facts->has_private && private_paths[i] && result >= 0; i++)
        if (!user_has(planner->policy, private_paths[i]))
            result = add_rule(planner, private_paths[i],
                              (struct path_rule){.origin = ORIGIN_PRIVATE,
                                                 .perms = PERM_READ | PERM_WRITE | PERM_CREATE,
                                                 .optional = true});
    return result;
}

static bool is_in_private(const struct planner *planner, const char *path)
{
    for (size_t i = 0; planner->facts->has_private && private_paths[i]; i++)
        if (path_covers(path, private_paths[i]))
            return true;
    return false;
}

static bool touches(const char *a, const char *b)
{
    return path_covers(a, b) || path_covers(b, a);
}

static int take_as_is(const char *path, char **real, enum path_kind *kind)
{
    *kind = PATH_UNKNOWN;
    *real = strdup(path);
    return *real ? 0 : -ENOMEM;
}

static int look(struct planner *planner, const char *path, char **real, enum path_kind *kind)
{
    const struct path_facts *facts = planner->facts;
    if (facts->look)
        return facts->look(facts->context, path, real, kind);
    return take_as_is(path, real, kind);
}

static bool has_user_rule(const struct policy *p)
{
    for (size_t i = 0; i < p->path_count; i++)
        if (p->paths[i].origin == ORIGIN_USER)
            return true;
    return false;
}

/* Is `cwd` this home directory, around it, or where it keeps credentials? */
static bool is_private_of(const char *home, const char *cwd)
{
    if (path_covers(cwd, home))
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(system_paths); i++) {
        if (system_paths[i].kind != SYSTEM_PATH_SECRET)
            continue;
        char *secret CLEAN_FREE = path_normalise(system_path_text(&system_paths[i]), home);
        if (!secret || touches(secret, cwd))
            return true;
    }
    return false;
}

/* The same of whoever's home in /home it may be in: HOME can be set to anything. */
static bool is_private_of_somebody(const char *cwd)
{
    if (!path_covers("/home", cwd) || strlen(cwd) <= strlen("/home/"))
        return path_covers(cwd, "/home");
    size_t name = strcspn(cwd + strlen("/home/"), "/");
    char *home CLEAN_FREE = strndup(cwd, strlen("/home/") + name);
    return !home || is_private_of(home, cwd);
}

/* Is the working directory one that may be shown without having been named?
 * Not where home directories begin, not where credentials are kept, not the
 * system's own places; and not at all where nobody's home is known. */
static bool shows_workdir(struct planner *planner, const char *cwd)
{
    const struct path_facts *facts = planner->facts;
    char *home CLEAN_FREE = NULL;
    enum path_kind kind;
    if (!facts->home || look(planner, facts->home, &home, &kind) < 0)
        return false;
    if (is_in_private(planner, cwd) || is_private_of(home, cwd) || is_private_of_somebody(cwd))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(system_paths); i++) {
        const char *path = system_path_text(&system_paths[i]);
        if (system_paths[i].kind == SYSTEM_PATH_NEVER && touches(path, cwd) &&
            !path_covers(path, home))
            return false;
    }
    return true;
}

static int gather_workdir(struct planner *planner)
{
    char *cwd CLEAN_FREE = NULL;
    enum path_kind kind;
    if (!planner->facts->cwd || look(planner, planner->facts->cwd, &cwd, &kind) < 0 ||
        !shows_workdir(planner, cwd))
        return 0;
    struct path_rule rule = {.origin = ORIGIN_WORKDIR,
                             .perms = PERM_READ | PERM_WRITE | PERM_CREATE,
                             .adds = true,
                             .optional = true};
    int result = add_rule(planner, cwd, rule);
    rule.perms = PERM_READ;
    rule.adds = false;
    for (size_t i = 0; i < ARRAY_COUNT(system_paths) && result == 0; i++)
        if (system_paths[i].kind == SYSTEM_PATH_PROTECT)
            result = add_rule_below(planner, cwd, system_path_text(&system_paths[i]), rule);
    return result;
}

static int gather(struct planner *planner)
{
    int result = gather_private(planner);
    if (result == 0 && !planner->policy->paths_given)
        result = gather_workdir(planner);
    if (result == 0)
        result = gather_table(planner);
    if (result == 0)
        result = gather_terminal(planner);
    return result == 0 ? gather_closure(planner) : result;
}

/* ----------------------------------------------------------------- resolve */

static int refuse_absent(struct planner *planner, const struct path_rule *rule, int result)
{
    struct str shown CLEAN_STR = {0};
    if (rule->said_at)
        str_addf(&shown, "%s: ", rule->said_at);
    quote_visible(&shown, rule->path, strlen(rule->path));
    if (result < 0)
        return err_set(planner->err, result, "%s cannot be looked at: %s", str_get(&shown),
                       strerror(-result));
    return err_set(planner->err, -ENOENT,
                   "%s does not exist, and a rule is about what is there: create it first, allow "
                   "the directory that holds it, or let it be absent with '?', as in r?:PATH",
                   str_get(&shown));
}

static int resolve(struct planner *planner)
{
    struct policy *p = planner->policy;
    bool as_is = planner->facts->lean && !has_user_rule(p);
    size_t kept = 0, i = 0;
    int result = 0;
    for (; i < p->path_count && result == 0; i++) {
        struct path_rule *rule = &p->paths[i];
        enum path_kind kind = PATH_UNKNOWN;
        int looked = 0;
        if (as_is && rule->origin != ORIGIN_WORKDIR)
            rule->real = rule->path;
        else
            looked = look(planner, rule->path, &rule->real, &kind);
        rule->kind = (uint8_t)kind;
        if (looked == 0 && kind != PATH_ABSENT) {
            p->paths[kept++] = *rule;
            continue;
        }
        if (!rule->optional)
            result = refuse_absent(planner, rule, looked);
        path_rule_clear(rule);
    }
    for (; i < p->path_count; i++)
        path_rule_clear(&p->paths[i]);
    p->path_count = kept;
    return result;
}

/* ------------------------------------------------------------------- unite */

static int compare_rules(const struct path_rule *a, const struct path_rule *b)
{
    static const uint8_t rank[] = {[ORIGIN_USER] = 0,   [ORIGIN_PRIVATE] = 1, [ORIGIN_WORKDIR] = 2,
                                   [ORIGIN_SYSTEM] = 3, [ORIGIN_PROMISE] = 4, [ORIGIN_CLOSURE] = 5};
    int order = path_compare(a->real, b->real);
    if (order == 0)
        order = path_compare(a->path, b->path);
    return order ? order : rank[a->origin] - rank[b->origin];
}

/* Merges what is sorted. Most rules come in order, from the table: then one
 * comparison for each is all. `spare`: room for half of them. */
static void sort_rules(struct path_rule *rules, size_t count, struct path_rule *spare)
{
    size_t half = count / 2;
    if (count < 2)
        return;
    sort_rules(rules, half, spare);
    sort_rules(rules + half, count - half, spare);
    if (compare_rules(&rules[half - 1], &rules[half]) <= 0)
        return;
    memcpy(spare, rules, half * sizeof *rules);
    for (size_t left = 0, right = half, out = 0; left < half; out++) {
        bool later = right < count && compare_rules(&rules[right], &spare[left]) < 0;
        rules[out] = later ? rules[right++] : spare[left++];
    }
}

/* Gives `count` rules that lead to the same place the same letters. */
static void unite_group(struct path_rule *rules, size_t count)
{
    uint8_t plain = 0, added = 0, defaults = 0, kept = 0;
    bool user = false, hidden = false, adds = true;
    for (size_t i = 0; i < count; i++) {
        const struct path_rule *rule = &rules[i];
        adds &= rule->adds;
        kept |= rule->kept;
        if (rule->origin != ORIGIN_USER) {
            defaults |= rule->perms;
        } else if (rule->adds) {
            added |= rule->perms;
        } else {
            user = true;
            plain |= rule->perms;
            hidden |= rule->perms == 0;
        }
    }
    uint8_t perms = (user ? plain : defaults) | added | kept;
    for (size_t i = 0; i < count; i++) {
        rules[i].perms = hidden ? 0 : perms;
        rules[i].kept = hidden ? 0 : kept;
        rules[i].adds = adds;
    }
}

/* Sorts, unites and leaves one rule for each path. */
static int unite(struct planner *planner)
{
    struct policy *p = planner->policy;
    struct path_rule *spare CLEAN_FREE = calloc(p->path_count / 2 + 1, sizeof *spare);
    size_t out = 0;
    if (!spare)
        return fail_memory(planner);
    sort_rules(p->paths, p->path_count, spare);
    for (size_t i = 0, end; i < p->path_count; i = end) {
        for (end = i + 1; end < p->path_count; end++)
            if (strcmp(p->paths[end].real, p->paths[i].real) != 0)
                break;
        unite_group(p->paths + i, end - i);
        for (size_t k = i; k < end; k++) {
            if (k > i && strcmp(p->paths[k].path, p->paths[out - 1].path) == 0)
                path_rule_clear(&p->paths[k]);
            else
                p->paths[out++] = p->paths[k];
        }
    }
    p->path_count = out;
    return 0;
}

/* ----------------------------------------------------------------- inherit */

#define NO_RULE SIZE_MAX

static int inherit(struct planner *planner)
{
    struct policy *p = planner->policy;
    size_t *above CLEAN_FREE = calloc(p->path_count + 1, sizeof *above);
    size_t out = 0;
    if (!above)
        return fail_memory(planner);
    for (size_t i = 0; i < p->path_count; i++) {
        struct path_rule rule = p->paths[i];
        size_t up = out ? out - 1 : NO_RULE;
        while (up != NO_RULE && !path_covers(p->paths[up].real, rule.real))
            up = above[up];
        const struct path_rule *parent = up == NO_RULE ? NULL : &p->paths[up];
        bool is_default = rule.origin == ORIGIN_SYSTEM || rule.origin == ORIGIN_WORKDIR;
        if (parent && parent->perms == 0 && is_default) {
            path_rule_clear(&rule);
            continue;
        }
        if (parent && rule.adds && parent->origin != ORIGIN_PRIVATE) {
            rule.perms |= parent->perms;
            rule.kept |= parent->kept;
        }
        above[out] = up;
        p->paths[out++] = rule;
    }
    p->path_count = out;
    return 0;
}

int paths_plan(struct policy *p, const struct path_facts *facts, struct err *err)
{
    struct planner planner = {p, facts, err};
    int result = gather(&planner);
    if (result == 0)
        result = resolve(&planner);
    if (result == 0)
        result = unite(&planner);
    return result == 0 ? inherit(&planner) : result;
}

/* --------------------------------------------------------------- questions */

uint8_t path_rule_perms(promise_set promises, const struct path_rule *rule)
{
    uint8_t held = 0;
    if (promises & PROMISE(RPATH))
        held |= PERM_READ;
    if (promises & PROMISE(WPATH))
        held |= PERM_WRITE;
    if (promises & PROMISE(EXEC))
        held |= PERM_EXEC;
    if (promises & NAMING)
        held |= PERM_CREATE;
    return (rule->perms & held) | rule->kept;
}

bool path_rule_writable(promise_set promises, const struct path_rule *rule)
{
    uint8_t left = path_rule_perms(promises, rule);
    if (rule->origin == ORIGIN_CLOSURE && !(promises & PROMISE(PROT_EXEC)))
        return false;
    if (promises & (PROMISE(FATTR) | PROMISE(CHOWN)))
        left |= rule->perms & PERM_WRITE;
    return left & (PERM_WRITE | PERM_CREATE);
}

const struct path_rule *paths_most_specific(const struct policy *p, const char *path)
{
    const struct path_rule *found = NULL;
    for (size_t i = 0; i < p->path_count; i++)
        if (path_covers(p->paths[i].real, path))
            found = &p->paths[i]; /* sorted: a later one that covers is longer */
    return found;
}

promise_set paths_exception(const char *path, uint8_t letters)
{
    promise_set promises = 0;
    if (strstr(path, "/..")) /* it may lead anywhere */
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(system_paths); i++)
        if (system_paths[i].kind == SYSTEM_PATH_PROMISE &&
            (system_paths[i].perms & letters) == letters &&
            path_covers(system_path_text(&system_paths[i]), path))
            promises |= UINT64_C(1) << system_paths[i].promise;
    return promises;
}

promise_set policy_exception(const struct policy *p, const char *path, uint8_t letters)
{
    bool tty = p->tty && strcmp(path, p->tty) == 0 && !(letters & ~(PERM_READ | PERM_WRITE));
    return paths_exception(path, letters) | (tty ? PROMISE(TTY) : 0);
}
