/* view_plan: from planned path rules to the ordered list of mounts. PURE.
 *
 * Three steps:
 *
 *   collect  every rule becomes an item at its real path; each symbolic link
 *            on the way becomes an item of its own. The terminal and the
 *            working directory are items, too.
 *   sort     ancestors before descendants; items at the same path become one.
 *   place    each item meets its cover, the innermost mount above it so far.
 *            Where the cover shows it already as it should be, nothing is to
 *            be done. Else a mount is added, and where the cover is a tmpfs of
 *            our own, what is to be mounted on is made first.
 *
 * A mount that takes away from a cover in which the program may rename is
 * worth nothing alone: `mv .git .old; mkdir -p .git/hooks` would walk around
 * a read-only .git/hooks. So each directory in between is pinned: mounted on
 * itself, which makes renaming and removing it fail with EBUSY.
 *
 * Some directories are shown whole (policy/whole.h): rules about parts of them
 * need no mount. */
#include "enforce/view.h"

#include "policy/path.h"
#include "policy/whole.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 40 /* as the kernel has it */

struct item {
    char *path; /* real: no component is a link, but the last where `link` is set */
    char *link; /* a symbolic link's text, else NULL */
    const struct path_rule *rule; /* NULL: no rule is about it */
    uint8_t kind;                 /* enum path_kind */
    bool whole, workdir, tty;
};

/* A mount that is already in the plan. */
struct cover {
    const char *path;
    size_t action; /* index of a VIEW_HIDE */
    uint8_t attrs;
    uint8_t perms; /* letters that the program has in it */
    bool fresh;    /* a tmpfs of our own: shows only what we make in it */
    bool hides;    /* a VIEW_HIDE */
};

struct planner {
    const struct policy *policy;
    const struct view_facts *facts;
    struct view_plan *plan;
    struct err *err;
    struct item *items;
    size_t item_count, item_capacity;
    struct cover *covers; /* each covers the next */
    size_t cover_count, cover_capacity;
    const char *made;        /* the last path whose ancestors were made */
    bool whole[WHOLE_COUNT]; /* those that are shown */
};

static int out_of_memory(struct planner *b)
{
    return err_set(b->err, -ENOMEM, "view: out of memory");
}

/* ------------------------------------------------------------------ collect */

static void item_free(struct item *item)
{
    free(item->path);
    free(item->link);
}

/* Takes path and link, also on failure. */
static int add_item(struct planner *b, struct item item)
{
    void *items = b->items;
    if (!item.path || array_grow(&items, &b->item_capacity, b->item_count, sizeof item) < 0) {
        item_free(&item);
        return out_of_memory(b);
    }
    b->items = items;
    b->items[b->item_count++] = item;
    return 0;
}

/* Cuts the last component off. */
static void pop(struct str *path)
{
    while (path->size > 0 && path->at[--path->size] != '/')
        ;
    if (path->at)
        path->at[path->size] = '\0';
}

/* A path on its way through the links. */
struct walk {
    struct str done; /* real so far; "" is the root */
    struct str todo; /* what is still to be walked */
    size_t at;       /* where in todo */
    int links;
};

/* Puts the text of the link that `done` ends with in its place. */
static int follow(struct planner *b, struct walk *w, char *text)
{
    struct item link = {.path = strdup(str_get(&w->done)), .link = text, .kind = PATH_FILE};
    struct str todo = {0};
    str_add(&todo, text);
    str_add(&todo, str_get(&w->todo) + w->at);
    if (text[0] == '/')
        str_clear(&w->done);
    else
        pop(&w->done);
    str_free(&w->todo);
    w->todo = todo;
    w->at = 0;
    w->links++;
    return add_item(b, link);
}

/* Does some rule lead over this path? Then it is no link. */
static bool leads_over(const struct policy *p, const char *path)
{
    for (size_t i = 0; i < p->path_count; i++)
        if (path_covers(path, p->paths[i].real))
            return true;
    return false;
}

static int step(struct planner *b, struct walk *w, const char *name, size_t size)
{
    if (size == 1 && name[0] == '.')
        return 0;
    if (size == 2 && memcmp(name, "..", 2) == 0) {
        pop(&w->done);
        return 0;
    }
    str_add_char(&w->done, '/');
    str_add_bytes(&w->done, name, size);
    bool end = w->done.failed || w->links == LINKS_MAX || leads_over(b->policy, w->done.at);
    char *text = end ? NULL : b->facts->link(b->facts->context, w->done.at);
    return text ? follow(b, w, text) : 0;
}

/* Makes an item of each link on the way to where path leads. */
static int add_links(struct planner *b, const char *path)
{
    struct walk w = {0};
    int failed = 0;
    str_add(&w.todo, path);
    while (!failed) {
        const char *name = str_get(&w.todo) + w.at;
        name += strspn(name, "/");
        size_t size = strcspn(name, "/");
        if (size == 0)
            break;
        w.at = (size_t)(name + size - str_get(&w.todo));
        failed = step(b, &w, name, size);
        if (w.todo.failed || w.done.failed)
            failed = out_of_memory(b);
    }
    str_free(&w.done);
    str_free(&w.todo);
    return failed;
}

static bool in_whole(const struct planner *b, const char *path)
{
    for (size_t i = 0; i < WHOLE_COUNT; i++)
        if (b->whole[i] && path_covers(whole_paths[i], path))
            return true;
    return false;
}

static int add_rule(struct planner *b, const struct path_rule *rule)
{
    /* No part of /proc can be mounted, and of the others none needs to be that
     * is only to be read. */
    bool plain = rule->adds && !path_rule_writable(b->policy->promises, rule);
    bool proc = path_covers(whole_paths[WHOLE_PROC], rule->real);
    int failed = 0;
    if (!rule->perms || !in_whole(b, rule->real) || (!plain && !proc)) {
        struct item item = {.path = strdup(rule->real), .rule = rule, .kind = rule->kind};
        failed = add_item(b, item);
    }
    bool straight = strcmp(rule->path, rule->real) == 0 || in_whole(b, rule->path);
    return failed || straight ? failed : add_links(b, rule->path);
}

static int add_directory(struct planner *b, const char *path, struct item item)
{
    item.path = strdup(path);
    item.kind = PATH_DIRECTORY;
    return add_item(b, item);
}

static int add_link(struct planner *b, const char *path, const char *target)
{
    struct item item = {.path = strdup(path), .link = strdup(target), .kind = PATH_FILE};
    if (item.link)
        return add_item(b, item);
    item_free(&item);
    return out_of_memory(b);
}

/* What is shown whole, the links that shells and programs expect beside /proc,
 * the terminal, and the working directory. */
static int add_surroundings(struct planner *b)
{
    static const char *const links[][2] = {
        {"/dev/fd", "/proc/self/fd"},
        {"/dev/stdin", "/proc/self/fd/0"},
        {"/dev/stdout", "/proc/self/fd/1"},
        {"/dev/stderr", "/proc/self/fd/2"},
    };
    int failed = 0;
    for (size_t i = 0; i < WHOLE_COUNT && !failed; i++)
        if (b->whole[i])
            failed = add_directory(b, whole_paths[i], (struct item){.whole = true});
    for (size_t i = 0; i < ARRAY_COUNT(links) && b->whole[WHOLE_PROC] && !failed; i++)
        failed = add_link(b, links[i][0], links[i][1]);
    if (!failed && b->facts->tty) {
        struct item tty = {.path = strdup(b->facts->tty), .kind = PATH_FILE, .tty = true};
        failed = add_item(b, tty);
    }
    return failed ? failed : add_directory(b, b->facts->cwd, (struct item){.workdir = true});
}

static int collect(struct planner *b)
{
    int failed = 0;
    for (size_t i = 0; i < WHOLE_COUNT; i++)
        b->whole[i] = whole_shown(b->policy, i);
    for (size_t i = 0; i < b->policy->path_count && !failed; i++)
        failed = add_rule(b, &b->policy->paths[i]);
    return failed ? failed : add_surroundings(b);
}

/* --------------------------------------------------------------------- sort */

static bool hides(const struct item *item)
{
    return item->rule && item->rule->perms == 0;
}

static bool owns(const struct item *item)
{
    return item->rule && item->rule->origin == ORIGIN_PRIVATE;
}

/* What is about the same path stands together, a rule that hides first, then
 * other rules, then what is shown whole, then the rest. */
static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    int order = path_compare(a->path, b->path);
    if (order == 0)
        order = hides(b) - hides(a);
    if (order == 0)
        order = (b->rule != NULL) - (a->rule != NULL);
    return order ? order : b->whole - a->whole;
}

/* The first item about a path stands for all. */
static void sort(struct planner *b)
{
    qsort(b->items, b->item_count, sizeof *b->items, compare_items);
    size_t kept = 0;
    for (size_t i = 0; i < b->item_count; i++) {
        struct item *item = &b->items[i], *previous = kept ? &b->items[kept - 1] : NULL;
        if (!previous || strcmp(previous->path, item->path) != 0) {
            b->items[kept++] = *item;
            continue;
        }
        previous->workdir |= item->workdir;
        item_free(item);
    }
    b->item_count = kept;
}

/* -------------------------------------------------------------------- place */

static uint8_t item_perms(const struct planner *b, const struct item *item)
{
    return item->rule ? path_rule_perms(b->policy->promises, item->rule) : 0;
}

/* A rule that takes x away from the rules above makes its mount noexec. */
static uint8_t rule_attrs(const struct planner *b, const struct cover *cover,
                          const struct path_rule *rule)
{
    promise_set promises = b->policy->promises;
    bool takes = !rule->adds && cover->perms & ~path_rule_perms(promises, rule) & PERM_EXEC;
    return view_attrs(promises, rule) | (takes ? VIEW_NO_EXEC : 0);
}

static uint8_t item_attrs(const struct planner *b, const struct cover *cover,
                          const struct item *item)
{
    uint8_t attrs = item->rule ? rule_attrs(b, cover, item->rule) : VIEW_READ_ONLY;
    if (strcmp(item->path, whole_paths[WHOLE_PROC]) == 0)
        attrs |= VIEW_NO_EXEC;
    /* A device is written to whatever its mount says; its mode and owner are
     * not. */
    bool device = path_covers("/dev", item->path) && !path_covers("/dev/shm", item->path);
    if (device && item->kind == PATH_FILE)
        attrs = VIEW_READ_ONLY;
    return device || b->plan->host_root ? attrs : attrs | VIEW_NO_DEVICES;
}

/* Takes path and target, also on failure. */
static int add_action(struct planner *b, struct view_action action)
{
    struct view_plan *plan = b->plan;
    void *actions = plan->actions;
    bool complete = action.path && (action.target || action.kind != VIEW_SYMLINK);
    if (!complete || array_grow(&actions, &plan->capacity, plan->count, sizeof action) < 0) {
        free(action.path);
        free(action.target);
        return out_of_memory(b);
    }
    plan->actions = actions;
    plan->actions[plan->count++] = action;
    return 0;
}

static int add_cover(struct planner *b, struct cover cover)
{
    void *covers = b->covers;
    if (array_grow(&covers, &b->cover_capacity, b->cover_count, sizeof cover) < 0)
        return out_of_memory(b);
    b->covers = covers;
    b->covers[b->cover_count++] = cover;
    return 0;
}

static struct cover *cover_of(struct planner *b, const char *path)
{
    while (!path_covers(b->covers[b->cover_count - 1].path, path))
        b->cover_count--;
    return &b->covers[b->cover_count - 1];
}

/* The next ancestor of path strictly below the first `*size` bytes, malloc'd;
 * NULL and *size 0 when there is none left. */
static char *next_ancestor(const char *path, size_t *size)
{
    const char *end = strchr(path + *size + 1, '/');
    *size = end ? (size_t)(end - path) : 0;
    return end ? strndup(path, *size) : NULL;
}

static size_t inner_start(const char *cover)
{
    return strcmp(cover, "/") == 0 ? 0 : strlen(cover);
}

/* Makes the directories between a fresh cover and path. */
static int make_ancestors(struct planner *b, const struct cover *cover, const char *path)
{
    size_t size = inner_start(cover->path);
    for (;;) {
        char *ancestor = next_ancestor(path, &size);
        if (size == 0)
            break;
        if (ancestor && b->made && path_covers(ancestor, b->made)) {
            free(ancestor);
            continue;
        }
        int failed = add_action(b, (struct view_action){.kind = VIEW_DIRECTORY, .path = ancestor});
        if (failed)
            return failed;
    }
    b->made = path;
    return 0;
}

/* Pins the directories between a cover and path. */
static int pin_ancestors(struct planner *b, const struct cover *cover, const char *path)
{
    struct cover pin = *cover;
    size_t size = inner_start(cover->path);
    for (;;) {
        char *ancestor = next_ancestor(path, &size);
        if (size == 0)
            return 0;
        struct view_action action = {.kind = VIEW_PIN, .path = ancestor};
        int failed = add_action(b, action);
        pin.path = ancestor;
        if (!failed)
            failed = add_cover(b, pin);
        if (failed)
            return failed;
    }
}

/* Makes sure that there is something at item->path to mount on. */
static int prepare_place(struct planner *b, const struct cover *cover, const struct item *item)
{
    if (!cover->fresh)
        return cover->perms & PERM_CREATE ? pin_ancestors(b, cover, item->path) : 0;
    if (cover->hides)
        b->plan->actions[cover->action].attrs |= VIEW_PASSABLE;
    int failed = make_ancestors(b, cover, item->path);
    if (failed)
        return failed;
    struct view_action action = {.path = strdup(item->path), .kind = VIEW_DIRECTORY};
    if (item->link) {
        action.kind = VIEW_SYMLINK;
        action.target = strdup(item->link);
    } else if (item->kind == PATH_FILE) {
        action.kind = VIEW_FILE;
    }
    return add_action(b, action);
}

static int mount_item(struct planner *b, const struct cover *above, const struct item *item)
{
    struct view_action action = {.kind = VIEW_BIND, .path = strdup(item->path)};
    struct cover cover = {.path = item->path, .action = b->plan->count};
    action.attrs = item_attrs(b, above, item);
    if (hides(item)) {
        action.kind = item->kind == PATH_FILE ? VIEW_HIDE_FILE : VIEW_HIDE;
        action.attrs = VIEW_READ_ONLY | VIEW_NO_EXEC | VIEW_NO_DEVICES;
        cover.fresh = cover.hides = true;
    } else if (owns(item)) {
        action.kind = VIEW_OWN;
        cover.fresh = true;
    }
    cover.attrs = action.attrs;
    cover.perms = item_perms(b, item);
    int failed = add_action(b, action);
    return failed ? failed : add_cover(b, cover);
}

/* What no rule is about: links, the terminal, the working directory. They are
 * made where nothing else shows them. */
static int place_bare(struct planner *b, const struct cover *cover, const struct item *item)
{
    if (!cover->fresh || strcmp(cover->path, item->path) == 0)
        return 0;
    if (item->workdir && cover->hides)
        return err_set(b->err, -EACCES,
                       "view: the working directory %s lies in %s, which a path rule hides",
                       item->path, cover->path);
    int failed = prepare_place(b, cover, item);
    return failed || !item->tty ? failed : mount_item(b, cover, item);
}

/* Is there nothing to be done for a rule? */
static bool is_settled(const struct planner *b, const struct cover *cover, const struct item *item)
{
    if (hides(item))
        return cover->fresh || item->kind == PATH_ABSENT;
    if (owns(item))
        return !cover->fresh && item->kind == PATH_ABSENT;
    return item->kind == PATH_ABSENT ||
           (!cover->fresh && cover->attrs == item_attrs(b, cover, item));
}

static int place(struct planner *b, const struct item *item)
{
    struct cover cover = *cover_of(b, item->path);
    if (!item->rule && !item->whole)
        return place_bare(b, &cover, item);
    if (hides(item) && item->workdir)
        return err_set(b->err, -EACCES, "view: a path rule hides the working directory %s",
                       item->path);
    if (strcmp(item->path, "/") == 0 || is_settled(b, &cover, item))
        return 0; /* the root is the first cover */
    int failed = prepare_place(b, &cover, item);
    return failed ? failed : mount_item(b, &cover, item);
}

/* The first cover: the host's tree or nothing. */
static int start(struct planner *b)
{
    struct cover root = {.path = "/", .fresh = true};
    const struct item *first = &b->items[0];
    bool rule = strcmp(first->path, "/") == 0 && first->rule && !hides(first);
    if (b->policy->view == VIEW_ALL || rule) {
        b->plan->host_root = true;
        root.fresh = false;
        root.attrs = rule ? item_attrs(b, &root, first) : VIEW_READ_ONLY;
        root.perms = rule ? item_perms(b, first) : 0;
        b->plan->root_attrs = root.attrs;
    }
    return add_cover(b, root);
}

static int build(struct planner *b)
{
    int failed = collect(b);
    if (failed)
        return failed;
    sort(b);
    failed = start(b);
    for (size_t i = 0; i < b->item_count && !failed; i++)
        failed = place(b, &b->items[i]);
    if (!failed && !(b->plan->cwd = strdup(b->facts->cwd)))
        failed = out_of_memory(b);
    return failed;
}

int view_plan_make(const struct policy *p, const struct view_facts *facts, struct view_plan *out,
                   struct err *err)
{
    *out = (struct view_plan){0};
    struct planner b = {.policy = p, .facts = facts, .plan = out, .err = err};
    int failed = build(&b);
    for (size_t i = 0; i < b.item_count; i++)
        item_free(&b.items[i]);
    free(b.items);
    free(b.covers);
    if (failed)
        view_plan_free(out);
    return failed;
}

void view_plan_free(struct view_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->actions[i].path);
        free(plan->actions[i].target);
    }
    free(plan->actions);
    free(plan->cwd);
    *plan = (struct view_plan){0};
}
