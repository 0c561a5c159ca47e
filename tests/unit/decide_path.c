#include "harness.h"
#include "policy/decide.h"
#include "policy/paths.h"

#include <stdlib.h>
#include <string.h>

#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DEFAULTS ((const char *const[]){NULL})

struct scene {
    const char *words;
    const char *const *rules;
    enum view_mode view;
};

/* /link leads to /target; every other path to itself. */
static int look(void *context, const char *path, char **real, enum path_kind *kind)
{
    (void)context;
    *kind = PATH_UNKNOWN;
    *real = strdup(strcmp(path, "/link") == 0 ? "/target" : path);
    return 0;
}

static void make(struct policy *p, const struct scene *scene)
{
    struct err err = {""};
    struct path_facts facts = {.home = "/home/u", .cwd = "/w", .tty = "/dev/pts/3", .look = look};
    policy_init(p);
    p->view = scene->view;
    CHECK_EQ(promises_parse(scene->words, &p->promises, &err), 0);
    for (const char *const *rule = scene->rules; *rule; rule++)
        CHECK_EQ(path_rule_parse(p, *rule, "/", &err), 0);
    CHECK_EQ(paths_plan(p, &facts, &err), 0);
    CHECK_STR(err.text, "");
}

/* "bpf landlock view", then what is missing: "+promise", ":letters", "^:letters"
 * for the directory above. */
static void describe(struct str *out, const struct path_verdict *v)
{
    static const char *const answers[] = {"-", "yes", "no", "hidden"};
    str_addf(out, "%s %s %s", answers[v->bpf], answers[v->landlock], answers[v->view]);
    if (v->missing) {
        str_add(out, " +");
        promises_print(out, v->missing);
    }
    if (v->missing_perms) {
        str_add(out, v->on_parent ? " ^:" : " :");
        perms_print(out, v->missing_perms);
    }
}

static void decides(const struct scene *scene, enum operation_kind kind, const char *path,
                    const char *wanted)
{
    struct policy p;
    struct path_verdict verdict;
    struct str got CLEAN_STR = {0};
    make(&p, scene);
    decide_path(&p, &(struct path_event){kind, path}, &verdict);
    describe(&got, &verdict);
    CHECK_STR(str_get(&got), wanted);
    bool refused = strstr(wanted, "no") || strstr(wanted, "hidden");
    CHECK_EQ(verdict.allowed, !refused);
    policy_free(&p);
}

TEST(without_a_view)
{
    struct scene s = {"stdio rpath", DEFAULTS, VIEW_NONE};
    decides(&s, OP_OPEN_READ, "/usr/x", "yes yes -");
    decides(&s, OP_OPEN_READ, "/etc/shadow", "yes no - :r");
    decides(&s, OP_OPEN_READ, "/w/x", "yes yes -");
    decides(&s, OP_OPEN_WRITE, "/w/x", "yes no - +wpath");
    decides(&s, OP_OPEN_WRITE, "/etc/passwd", "yes no - +wpath :w");
    decides(&s, OP_OPEN_READ_WRITE, "/srv/x", "yes no - +wpath :rw");
    decides(&s, OP_CREATE, "/w/x", "no no - +cpath");
    decides(&s, OP_CREATE, "/srv/x", "no no - +cpath ^:c");
    decides(&s, OP_MKNOD, "/w/x", "no no - +dpath");
    decides(&s, OP_REMOVE, "/w/x", "no no - +cpath");
    decides(&s, OP_RENAME, "/w/x", "no no - +cpath");
    decides(&s, OP_TRUNCATE, "/w/x", "no no - +wpath");
    decides(&s, OP_ATTR, "/w/x", "no - - +fattr");
    decides(&s, OP_CHOWN, "/w/x", "no - - +fattr");
    decides(&s, OP_EXEC, "/usr/x", "no no - +exec");
    decides(&s, OP_EXEC, "/w/x", "no no - +exec :x");
    decides(&s, OP_CONNECT, "/run/x", "no no - +unix :w");
    decides(&s, OP_BIND, "/w/x", "no no - +unix");
    decides(&s, OP_STAT, "/etc/shadow", "yes - -");
    decides(&s, OP_CHDIR, "/root", "yes - -");
    decides(&s, OP_LIST, "/w", "yes yes -");
    decides(&s, OP_SIGNAL, "/w", "- - -");
}

TEST(a_view_hides_and_is_read_only)
{
    struct scene s = {"stdio rpath wpath cpath fattr unix", RULES("r:/a", "rwc:/a/b", ":/a/c"),
                      VIEW_SYSTEM};
    decides(&s, OP_STAT, "/a/x", "yes - yes");
    decides(&s, OP_STAT, "/x", "yes - hidden :r");
    decides(&s, OP_STAT, "/", "yes - yes");
    decides(&s, OP_STAT, "/a/c/x", "yes - hidden :r");
    decides(&s, OP_CHDIR, "/x", "yes - hidden :r");
    decides(&s, OP_OPEN_READ, "/x", "yes no hidden :r");
    decides(&s, OP_OPEN_WRITE, "/a/x", "yes no no :w");
    decides(&s, OP_OPEN_WRITE, "/a/b/x", "yes yes yes");
    decides(&s, OP_ATTR, "/a/x", "yes - no :w");
    decides(&s, OP_ATTR, "/a/b/x", "yes - yes");
    decides(&s, OP_CONNECT, "/a/x", "yes no yes :w");
    decides(&s, OP_CONNECT, "/x", "yes no hidden :w");
    decides(&s, OP_CREATE, "/a/b/x", "yes yes yes");
    decides(&s, OP_REMOVE, "/a/b", "yes no yes ^:c");
}

TEST(a_view_shows_the_link_that_a_rule_is_for)
{
    struct scene s = {"stdio rpath", RULES("r:/link"), VIEW_SYSTEM};
    decides(&s, OP_STAT, "/link", "yes - yes");
    decides(&s, OP_STAT, "/target", "yes - yes");
    decides(&s, OP_STAT, "/links", "yes - hidden :r");
}

TEST(a_view_takes_away_what_landlock_cannot)
{
    struct scene s = {"stdio rpath wpath cpath exec", RULES("rwxc:/a", "r:/a/b", ":/a/c"),
                      VIEW_SYSTEM};
    decides(&s, OP_OPEN_WRITE, "/a/b/x", "yes yes no :w");
    decides(&s, OP_OPEN_READ, "/a/c/x", "yes yes hidden :r");
    decides(&s, OP_REMOVE, "/a/b/x", "yes yes no ^:c");
    s.view = VIEW_NONE; /* such a policy is refused before: see enforce/view.h */
    decides(&s, OP_OPEN_WRITE, "/a/b/x", "yes yes -");
}

TEST(what_can_be_written_is_not_executed)
{
    struct scene s = {"stdio rpath wpath exec", RULES("rw:/a", "rwx:/b"), VIEW_SYSTEM};
    decides(&s, OP_EXEC, "/a/x", "yes no no :x");
    decides(&s, OP_EXEC, "/b/x", "yes yes yes");
}

TEST(the_whole_host_is_read_only)
{
    struct scene s = {"stdio rpath wpath fattr", RULES("rw:/a", ":/b"), VIEW_ALL};
    decides(&s, OP_STAT, "/x", "yes - yes");
    decides(&s, OP_OPEN_READ, "/x", "yes no yes :r");
    decides(&s, OP_ATTR, "/x", "yes - no :w");
    decides(&s, OP_ATTR, "/a/x", "yes - yes");
    decides(&s, OP_STAT, "/b/x", "yes - hidden :r");
}

TEST(proc_is_shown_whole)
{
    struct scene s = {"stdio rpath", RULES("r:/proc/self"), VIEW_SYSTEM};
    decides(&s, OP_STAT, "/proc/1/stat", "yes - yes");
    decides(&s, OP_OPEN_READ, "/proc/1/stat", "yes no yes +ps");
    s.rules = RULES("r:/a");
    decides(&s, OP_STAT, "/proc/1/stat", "yes - yes"); /* stdio shows a file of it */
    s.words = "rpath";
    decides(&s, OP_STAT, "/proc/1/stat", "yes - hidden :r");
}

TEST(the_promise_that_opens_a_path_is_offered)
{
    struct scene s = {"stdio", DEFAULTS, VIEW_NONE};
    decides(&s, OP_OPEN_READ, "/etc/passwd", "yes no - +getpw");
    decides(&s, OP_OPEN_READ, "/etc/hosts", "yes no - +rpath");
    decides(&s, OP_OPEN_READ, "/srv/x", "yes no - +rpath :r");
    decides(&s, OP_OPEN_READ_WRITE, "/dev/tty", "yes no - +tty");
    s.rules = RULES("r:/a");
    decides(&s, OP_OPEN_READ, "/etc/hosts", "yes no - +dns");
    s.words = "stdio rpath";
    decides(&s, OP_OPEN_READ, "/etc/hosts", "yes no - :r");
    decides(&s, OP_OPEN_READ, "/etc/passwd", "yes no - +getpw");
    s.words = "stdio rpath getpw tty dns ps";
    decides(&s, OP_OPEN_READ, "/etc/passwd", "yes yes -");
    decides(&s, OP_OPEN_READ_WRITE, "/dev/tty", "yes yes -");
    decides(&s, OP_OPEN_READ, "/etc/hosts", "yes yes -");
    decides(&s, OP_OPEN_WRITE, "/etc/hosts", "yes no - +wpath :w");
    decides(&s, OP_OPEN_READ, "/proc/1/stat", "yes yes -");
}

TEST(a_view_shows_the_name_of_the_own_terminal)
{
    struct scene s = {"stdio rpath", DEFAULTS, VIEW_SYSTEM};
    decides(&s, OP_STAT, "/dev/pts/3", "yes - yes");
    decides(&s, OP_STAT, "/dev/pts", "yes - yes");
    decides(&s, OP_STAT, "/dev/pts/4", "yes - hidden :r");
    decides(&s, OP_OPEN_READ, "/dev/pts/3", "yes no yes +tty");
    decides(&s, OP_OPEN_READ, "/dev/pts/4", "yes no hidden :r");
    s.words = "stdio rpath tty";
    decides(&s, OP_OPEN_READ_WRITE, "/dev/pts/3", "yes yes yes");
    s.rules = RULES(":/dev/pts/3");
    decides(&s, OP_STAT, "/dev/pts/3", "yes - hidden :r");
}

TEST(letters_need_their_promises)
{
    struct scene s = {"stdio", RULES("rwxc:/a"), VIEW_NONE};
    decides(&s, OP_OPEN_READ, "/a/x", "yes no - +rpath");
    decides(&s, OP_OPEN_READ_WRITE, "/a/x", "yes no - +rpath wpath");
    s.words = "stdio exec";
    decides(&s, OP_OPEN_READ, "/a/x", "yes yes -"); /* x reads what it executes */
    decides(&s, OP_LIST, "/a/x", "no no - +rpath");
    decides(&s, OP_EXEC, "/a/x", "yes yes -");
    s.words = "";
    decides(&s, OP_OPEN_READ, "/a/x", "no no - +rpath");
    decides(&s, OP_STAT, "/a/x", "no - - +stdio");
}

TEST(older_kernels_look_at_less)
{
    struct policy p;
    struct path_verdict v;
    struct scene s = {"stdio rpath wpath unix", RULES("r:/a"), VIEW_NONE};
    make(&p, &s);
    static const struct {
        enum operation_kind kind;
        int abi;
    } since[] = {{OP_OPEN_WRITE, 1}, {OP_TRUNCATE, 3}, {OP_CONNECT, 9}};
    for (size_t i = 0; i < ARRAY_COUNT(since); i++)
        for (p.landlock_abi = 0; p.landlock_abi < 10; p.landlock_abi++) {
            decide_path(&p, &(struct path_event){since[i].kind, "/a/x"}, &v);
            CHECK_EQ(v.landlock, p.landlock_abi < since[i].abi ? ANSWER_NONE : ANSWER_DENY);
            CHECK_EQ(v.allowed, p.landlock_abi < since[i].abi);
        }
    policy_free(&p);
}

static const char protected_path[] = "/w/.git/hooks";

/* Is it allowed with these promises and one rule more (NULL: none)? */
static bool allowed_with(const struct scene *scene, promise_set promises, const char *rule,
                         const struct path_event *event)
{
    struct policy p;
    struct path_verdict v;
    struct str words CLEAN_STR = {0};
    const char *rules[] = {scene->rules[0] ? scene->rules[0] : rule, rule, NULL};
    promises_print(&words, promises);
    make(&p, &(struct scene){str_get(&words), rules, scene->view});
    decide_path(&p, event, &v);
    policy_free(&p);
    return v.allowed;
}

/* What is missing makes the operation allowed, and nothing of it can be left
 * out. */
static void remedy_is_exact(const struct scene *scene, const struct path_event *event)
{
    struct policy p;
    struct path_verdict v;
    make(&p, scene);
    decide_path(&p, event, &v);
    char *parent CLEAN_FREE = strdup(event->path);
    *strrchr(parent + 1, '/') = '\0';
    struct str rule CLEAN_STR = {0};
    str_add_char(&rule, '+');
    perms_print(&rule, v.missing_perms);
    str_addf(&rule, ":%s", v.on_parent ? parent : event->path);
    const char *wanted = v.missing_perms ? str_get(&rule) : NULL;
    promise_set all = p.promises | v.missing;
    bool exact = allowed_with(scene, all, wanted, event) && !(v.missing & p.promises);
    for (promise_set rest = v.missing; rest; rest &= rest - 1)
        exact &= !allowed_with(scene, all & ~(rest & -rest), wanted, event);
    /* What takes away from the rule above it needs a view and is refused without. */
    bool takes_away = strcmp(event->path, protected_path) == 0;
    exact &= !wanted || takes_away || !allowed_with(scene, all, NULL, event);
    if (!exact)
        test_fail(__FILE__, __LINE__, "'%s' %s, kind %d on %s: %s is not what is missing",
                  scene->words, scene->rules[0] ? scene->rules[0] : "", event->kind, event->path,
                  str_get(&rule));
    CHECK_EQ(v.allowed, v.missing == 0 && v.missing_perms == 0);
    policy_free(&p);
}

TEST(what_is_missing_is_what_helps)
{
    static const char *const words[] = {
        "", "stdio", "stdio rpath", "stdio exec", "stdio rpath wpath", "stdio cpath fattr unix"};
    static const char *const rules[] = {NULL, "r:/srv/d", "rwxc:/srv/d", "x:/srv"};
    static const char *const paths[] = {"/srv/d/x", "/etc/passwd", "/usr/bin/x", "/dev/tty",
                                        protected_path};
    static const enum view_mode views[] = {VIEW_NONE, VIEW_SYSTEM, VIEW_ALL};
    for (size_t w = 0; w < ARRAY_COUNT(words); w++)
        for (size_t r = 0; r < ARRAY_COUNT(rules); r++)
            for (size_t i = 0; i < ARRAY_COUNT(paths) * OP_KIND_COUNT * ARRAY_COUNT(views); i++) {
                struct scene s = {words[w], RULES(rules[r]), views[i % ARRAY_COUNT(views)]};
                size_t rest = i / ARRAY_COUNT(views);
                struct path_event event = {rest % OP_KIND_COUNT, paths[rest / OP_KIND_COUNT]};
                remedy_is_exact(&s, &event);
            }
}
