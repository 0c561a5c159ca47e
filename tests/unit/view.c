/* The plan of a view: made from rules that are written down here, on a host
 * that is a table. What the plan does to the real system: view_apply.c. */
#include "enforce/view.h"
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVERYTHING                                                                                 \
    (PROMISE(STDIO) | PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH) | PROMISE(EXEC))

/* The symbolic links of the host, path and text in turn. */
static const char *const *links = (const char *const[]){NULL};

static char *find_link(UNUSED void *context, const char *path)
{
    for (const char *const *link = links; *link; link += 2)
        if (strcmp(link[0], path) == 0)
            return strdup(link[1]);
    return NULL;
}

#define DIR_RULE(letters, at)                                                                      \
    {                                                                                              \
        .path = (char *)(at), .real = (char *)(at), .perms = (letters), .kind = PATH_DIRECTORY     \
    }
#define FILE_RULE(letters, at)                                                                     \
    {                                                                                              \
        .path = (char *)(at), .real = (char *)(at), .perms = (letters), .kind = PATH_FILE          \
    }
#define R PERM_READ
#define RX (PERM_READ | PERM_EXEC)
#define RWC (PERM_READ | PERM_WRITE | PERM_CREATE)

struct setting {
    promise_set promises;
    enum view_mode mode;
    int landlock_abi;
    const char *cwd, *tty;
    struct path_rule *rules;
    size_t rule_count;
};

static int make(const struct setting *s, struct view_plan *plan, struct err *err)
{
    struct policy p = {.promises = s->promises,
                       .view = s->mode,
                       .landlock_abi = s->landlock_abi,
                       .paths = s->rules,
                       .path_count = s->rule_count};
    struct view_facts facts = {.cwd = s->cwd, .tty = s->tty, .link = find_link};
    return view_plan_make(&p, &facts, plan, err);
}

static void check_plan(const struct setting *s, const char *wanted)
{
    struct view_plan plan;
    struct err err = {""};
    CHECK_EQ(make(s, &plan, &err), 0);
    CHECK_STR(err.text, "");
    struct str text CLEAN_STR = {0};
    view_plan_print(&text, &plan);
    CHECK_STR(str_get(&text), wanted);
    CHECK_STR(plan.cwd, s->cwd);
    view_plan_free(&plan);
}

#define PLAN(promise_words, wanted_mode, where, wanted, ...)                                       \
    do {                                                                                           \
        struct path_rule plan_rules[] = {__VA_ARGS__};                                             \
        struct setting plan_setting = {.promises = promise_words,                                  \
                                       .mode = wanted_mode,                                        \
                                       .cwd = where,                                               \
                                       .rules = plan_rules,                                        \
                                       .rule_count = ARRAY_COUNT(plan_rules)};                     \
        check_plan(&plan_setting, wanted);                                                         \
    } while (0)

TEST(only_what_is_granted_is_there)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/usr",
         "own / (read-only)\n"
         "directory /etc\n"
         "file /etc/hosts\n"
         "bind /etc/hosts (read-only, no devices)\n"
         "directory /usr\n"
         "bind /usr (read-only, no devices)\n",
         FILE_RULE(R, "/etc/hosts"), DIR_RULE(RX, "/usr"));
}

TEST(directories_between_are_made_once)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "own / (read-only)\n"
         "directory /a\n"
         "directory /a/b\n"
         "directory /a/b/c\n"
         "bind /a/b/c (read-only, no devices)\n"
         "directory /a/b/d\n"
         "bind /a/b/d (read-only, no devices)\n"
         "directory /a/b-c\n"
         "bind /a/b-c (read-only, no devices)\n"
         "directory /a/e\n"
         "bind /a/e (read-only, no devices)\n",
         DIR_RULE(R, "/a/e"), DIR_RULE(R, "/a/b-c"), DIR_RULE(R, "/a/b/d"), DIR_RULE(R, "/a/b/c"));
}

TEST(what_can_be_written_cannot_be_executed)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/w",
         "own / (read-only)\n"
         "directory /w\n"
         "bind /w (no exec, no devices)\n"
         "directory /x\n"
         "bind /x (no devices)\n",
         DIR_RULE(RWC, "/w"), DIR_RULE(RWC | PERM_EXEC, "/x"));
    PLAN(EVERYTHING | PROMISE(PROT_EXEC), VIEW_SYSTEM, "/w",
         "own / (read-only)\n"
         "directory /w\n"
         "bind /w (no devices)\n",
         DIR_RULE(RWC, "/w"));
}

TEST(without_a_promise_that_writes_all_is_read_only)
{
    PLAN(PROMISE(STDIO) | PROMISE(RPATH), VIEW_SYSTEM, "/w",
         "own / (read-only)\n"
         "directory /w\n"
         "bind /w (read-only, no devices)\n",
         DIR_RULE(RWC, "/w"));
}

TEST(a_rule_that_changes_nothing_mounts_nothing)
{
    struct path_rule library = FILE_RULE(R, "/usr/lib/libc.so.6");
    library.origin = ORIGIN_CLOSURE;
    library.adds = true;
    PLAN(EVERYTHING, VIEW_SYSTEM, "/w",
         "own / (read-only)\n"
         "directory /usr\n"
         "bind /usr (read-only, no devices)\n"
         "directory /w\n"
         "bind /w (no exec, no devices)\n",
         DIR_RULE(RX, "/usr"), library, DIR_RULE(RWC, "/w"), DIR_RULE(RWC, "/w/deep/er"));
}

TEST(what_may_not_be_executed_below_what_may)
{
    struct path_rule library = FILE_RULE(R, "/opt/lib.so");
    library.origin = ORIGIN_CLOSURE;
    library.adds = true;
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "own / (read-only)\n"
         "directory /opt\n"
         "bind /opt (read-only, no devices)\n"
         "bind /opt/data (read-only, no exec, no devices)\n",
         DIR_RULE(RX, "/opt"), DIR_RULE(R, "/opt/data"), library);
}

TEST(what_a_program_is_made_of_is_not_written)
{
    struct path_rule library = FILE_RULE(RWC | PERM_EXEC, "/w/lib.so"); /* as inherited */
    library.origin = ORIGIN_CLOSURE;
    library.adds = true;
    PLAN(EVERYTHING, VIEW_SYSTEM, "/w",
         "own / (read-only)\n"
         "directory /w\n"
         "bind /w (no exec, no devices)\n"
         "bind /w/lib.so (read-only, no devices)\n",
         DIR_RULE(RWC, "/w"), library);
}

TEST(what_leads_to_a_narrower_rule_is_pinned)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/w",
         "own / (read-only)\n"
         "directory /w\n"
         "bind /w (no exec, no devices)\n"
         "pin /w/.git\n"
         "bind /w/.git/hooks (read-only, no devices)\n"
         "hide file /w/.git/secret (read-only, no exec, no devices)\n"
         "pin /w/sub\n"
         "pin /w/sub/.git\n"
         "bind /w/sub/.git/hooks (read-only, no devices)\n",
         DIR_RULE(RWC, "/w"), DIR_RULE(R, "/w/.git/hooks"), FILE_RULE(0, "/w/.git/secret"),
         DIR_RULE(R, "/w/sub/.git/hooks"));
}

TEST(nothing_is_pinned_where_nothing_can_be_renamed)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "own / (read-only)\n"
         "directory /r\n"
         "bind /r (read-only, no devices)\n"
         "bind /r/a/w (no exec, no devices)\n",
         DIR_RULE(R, "/r"), DIR_RULE(RWC, "/r/a/w"));
}

TEST(what_is_hidden_is_covered_where_it_would_show)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/r",
         "own / (read-only)\n"
         "directory /r\n"
         "bind /r (read-only, no devices)\n"
         "hide /r/dir (read-only, no exec, no devices)\n"
         "hide file /r/file (read-only, no exec, no devices)\n",
         DIR_RULE(R, "/r"), DIR_RULE(0, "/r/dir"), FILE_RULE(0, "/r/file"), DIR_RULE(0, "/other"));
}

TEST(something_shown_below_what_is_hidden)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/r",
         "own / (read-only)\n"
         "directory /r\n"
         "bind /r (read-only, no devices)\n"
         "hide /r/dir (read-only, no exec, no devices, passable)\n"
         "directory /r/dir/a\n"
         "directory /r/dir/a/b\n"
         "bind /r/dir/a/b (read-only, no devices)\n",
         DIR_RULE(R, "/r"), DIR_RULE(0, "/r/dir"), DIR_RULE(R, "/r/dir/a/b"));
}

TEST(links_on_the_way_are_there_and_so_is_what_they_lead_to)
{
    links = (const char *const[]){"/bin",    "usr/bin",     "/etc/alt/vi", "../../usr/bin/vim",
                                  "/opt/vi", "/etc/alt/vi", NULL};
    struct path_rule vi = FILE_RULE(RX, "/opt/vi"), bin = DIR_RULE(RX, "/bin");
    vi.real = (char *)"/usr/bin/vim";
    bin.real = (char *)"/usr/bin";
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "own / (read-only)\n"
         "link /bin -> usr/bin\n"
         "directory /etc\n"
         "directory /etc/alt\n"
         "link /etc/alt/vi -> ../../usr/bin/vim\n"
         "directory /opt\n"
         "link /opt/vi -> /etc/alt/vi\n"
         "directory /usr\n"
         "directory /usr/bin\n"
         "bind /usr/bin (read-only, no devices)\n",
         vi, bin);
}

TEST(a_circle_of_links_ends)
{
    links = (const char *const[]){"/a", "b", "/b", "a", NULL};
    struct path_rule a = FILE_RULE(R, "/a");
    a.real = (char *)"/nowhere";
    a.kind = PATH_ABSENT;
    PLAN(EVERYTHING, VIEW_SYSTEM, "/", "own / (read-only)\nlink /a -> b\nlink /b -> a\n", a);
}

TEST(tmp_is_private)
{
    struct path_rule tmp = DIR_RULE(RWC, "/tmp");
    tmp.origin = ORIGIN_PRIVATE;
    PLAN(EVERYTHING, VIEW_SYSTEM, "/tmp/work",
         "own / (read-only)\n"
         "directory /tmp\n"
         "own /tmp (no exec, no devices)\n"
         "directory /tmp/work\n"
         "bind /tmp/work (no exec, no devices)\n",
         tmp, DIR_RULE(RWC, "/tmp/work"));
    PLAN(EVERYTHING, VIEW_ALL, "/",
         "bind / (read-only)\n"
         "own /tmp (no exec)\n",
         tmp);
}

TEST(devices_work_below_dev_alone)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "own / (read-only)\n"
         "directory /dev\n"
         "file /dev/null\n"
         "bind /dev/null (read-only)\n"
         "directory /srv\n"
         "bind /srv (read-only, no devices)\n",
         FILE_RULE(RWC, "/dev/null"), DIR_RULE(R, "/srv"));
}

TEST(proc_is_shown_whole_with_the_links_of_dev)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "own / (read-only)\n"
         "directory /dev\n"
         "link /dev/fd -> /proc/self/fd\n"
         "link /dev/stderr -> /proc/self/fd/2\n"
         "link /dev/stdin -> /proc/self/fd/0\n"
         "link /dev/stdout -> /proc/self/fd/1\n"
         "directory /proc\n"
         "bind /proc (read-only, no exec, no devices)\n",
         FILE_RULE(R, "/proc/cpuinfo"), DIR_RULE(R, "/proc/self"));
}

TEST(dev_is_shown_whole_where_a_terminal_may_be_made)
{
    enum { BOTH = PERM_READ | PERM_WRITE };
    struct path_rule rules[] = {FILE_RULE(BOTH, "/dev/ptmx"), DIR_RULE(BOTH, "/dev/pts")};
    struct setting s = {EVERYTHING, VIEW_SYSTEM, 7, "/", NULL, rules, ARRAY_COUNT(rules)};
    check_plan(&s, "own / (read-only)\n"
                   "directory /dev\n"
                   "bind /dev (read-only)\n"
                   "bind /dev/pts (no exec)\n");
}

TEST(etc_is_shown_whole_where_landlock_keeps_the_rest_closed)
{
    struct path_rule rules[] = {FILE_RULE(R, "/etc/a"), FILE_RULE(R, "/etc/b"),
                                FILE_RULE(R, "/etc/c"), DIR_RULE(R, "/etc/d"),
                                FILE_RULE(0, "/etc/e"), DIR_RULE(RWC, "/etc/f")};
    struct setting s = {EVERYTHING, VIEW_SYSTEM, 7, "/", NULL, rules, ARRAY_COUNT(rules)};
    check_plan(&s, "own / (read-only)\n"
                   "directory /etc\n"
                   "bind /etc (read-only, no devices)\n"
                   "hide file /etc/e (read-only, no exec, no devices)\n"
                   "bind /etc/f (no exec, no devices)\n");
    s.rule_count = 2;
    const char *apart = "own / (read-only)\n"
                        "directory /etc\n"
                        "file /etc/a\n"
                        "bind /etc/a (read-only, no devices)\n"
                        "file /etc/b\n"
                        "bind /etc/b (read-only, no devices)\n";
    check_plan(&s, apart);
    s.landlock_abi = 0;
    check_plan(&s, apart);
    s.rule_count = ARRAY_COUNT(rules);
    struct view_plan plan;
    struct err err;
    CHECK_EQ(make(&s, &plan, &err), 0);
    for (size_t i = 0; i < plan.count; i++)
        CHECK(strcmp(plan.actions[i].path, "/etc") != 0 || plan.actions[i].kind == VIEW_DIRECTORY);
    view_plan_free(&plan);
}

TEST(the_terminal_is_shown)
{
    struct path_rule rules[] = {DIR_RULE(R, "/usr")};
    struct setting s = {EVERYTHING, VIEW_SYSTEM, 0, "/", "/dev/pts/3", rules, 1};
    check_plan(&s, "own / (read-only)\n"
                   "directory /dev\n"
                   "directory /dev/pts\n"
                   "file /dev/pts/3\n"
                   "bind /dev/pts/3 (read-only)\n"
                   "directory /usr\n"
                   "bind /usr (read-only, no devices)\n");
}

TEST(a_working_directory_that_no_rule_shows_is_empty)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/home/u/project",
         "own / (read-only)\n"
         "directory /home\n"
         "directory /home/u\n"
         "directory /home/u/project\n"
         "directory /usr\n"
         "bind /usr (read-only, no devices)\n",
         DIR_RULE(R, "/usr"));
}

TEST(a_hidden_working_directory_is_an_error)
{
    struct path_rule rules[] = {DIR_RULE(R, "/home"), DIR_RULE(0, "/home/u")};
    struct setting s = {EVERYTHING, VIEW_SYSTEM, 0, "/home/u/x", NULL, rules, 2};
    struct view_plan plan;
    struct err err;
    CHECK_EQ(make(&s, &plan, &err), -EACCES);
    CHECK_STR(err.text, "view: the working directory /home/u/x lies in /home/u, which a path rule "
                        "hides");
    CHECK_EQ(plan.count, 0);
    s.cwd = "/home/u";
    CHECK_EQ(make(&s, &plan, &err), -EACCES);
    CHECK_STR(err.text, "view: a path rule hides the working directory /home/u");
    s.cwd = "/home";
    CHECK_EQ(make(&s, &plan, &err), 0);
    view_plan_free(&plan);
}

TEST(all_shows_the_host_and_closes_what_no_rule_opens)
{
    PLAN(EVERYTHING, VIEW_ALL, "/somewhere",
         "bind / (read-only)\n"
         "hide /home/u/.ssh (read-only, no exec, no devices)\n"
         "bind /home/u/w (no exec)\n"
         "bind /home/u/w/r (read-only)\n",
         DIR_RULE(RX, "/usr"), DIR_RULE(0, "/home/u/.ssh"), DIR_RULE(RWC, "/home/u/w"),
         DIR_RULE(R, "/home/u/w/r"));
}

TEST(a_rule_for_the_root_shows_the_host)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "bind / (no exec)\n"
         "bind /usr (read-only)\n",
         DIR_RULE(RWC, "/"), DIR_RULE(RX, "/usr"));
}

TEST(absent_paths_are_not_shown)
{
    struct path_rule rule = FILE_RULE(RWC, "/w/absent");
    rule.kind = PATH_ABSENT;
    PLAN(EVERYTHING, VIEW_SYSTEM, "/", "own / (read-only)\n", rule);
}

TEST(a_path_cannot_forge_lines)
{
    PLAN(EVERYTHING, VIEW_SYSTEM, "/",
         "own / (read-only)\n"
         "directory /a\\nhide\n"
         "bind /a\\nhide (read-only, no devices)\n",
         DIR_RULE(R, "/a\nhide"));
}

/* ------------------------------------------------------------------------ fit */

static void check_fit(struct view_case c, enum view_fit view, enum view_fit alone)
{
    const char *why = NULL;
    CHECK_EQ(view_fit(EVERYTHING, &c, &why), view);
    CHECK_EQ(why[0] == '\0', view == FIT_EXACT);
    CHECK_EQ(view_fit_alone(EVERYTHING, &c, &why), alone);
    CHECK_EQ(why[0] == '\0', alone == FIT_EXACT);
}

TEST(fit_of_a_rule_by_itself)
{
    check_fit((struct view_case){.perms = R, .directory = true}, FIT_EXACT, FIT_EXACT);
    check_fit((struct view_case){.perms = RWC, .directory = true}, FIT_EXACT, FIT_EXACT);
    check_fit((struct view_case){.perms = R}, FIT_EXACT, FIT_EXACT);
    check_fit((struct view_case){.perms = RWC}, FIT_NARROWER, FIT_NARROWER);
    check_fit((struct view_case){.perms = 0, .directory = true}, FIT_EXACT, FIT_EXACT);
}

TEST(fit_of_a_rule_below_another)
{
    struct view_case c = {.directory = true, .below = true, .above_perms = R, .perms = R};
    check_fit(c, FIT_EXACT, FIT_EXACT);
    c.perms = RWC;
    check_fit(c, FIT_EXACT, FIT_EXACT);
    c.perms = 0; /* hidden: only a view can, and stat still sees the name */
    check_fit(c, FIT_NARROWER, FIT_WIDER);
    c.above_perms = RWC;
    c.perms = R; /* renaming across the edge fails */
    check_fit(c, FIT_NARROWER, FIT_WIDER);
    c.perms = PERM_READ | PERM_WRITE; /* c alone cannot be taken away */
    check_fit(c, FIT_WIDER, FIT_WIDER);
    c.perms = PERM_WRITE | PERM_CREATE; /* nor can r */
    check_fit(c, FIT_WIDER, FIT_WIDER);
    c.above_perms = RX;
    c.perms = R; /* by a mount that is noexec */
    check_fit(c, FIT_EXACT, FIT_WIDER);
}

static void check_held(const struct path_rule *rules, size_t count, const char *needed,
                       const char *unheld)
{
    struct policy p = {
        .promises = EVERYTHING, .paths = (struct path_rule *)rules, .path_count = count};
    const struct path_rule *rule = view_needed(&p);
    CHECK_STR(rule ? rule->real : "none", needed);
    const char *why;
    rule = view_unheld(&p, &why);
    CHECK_STR(rule ? rule->real : "none", unheld);
}

TEST(what_needs_a_view)
{
    struct path_rule apart[] = {DIR_RULE(RWC, "/a"), DIR_RULE(R, "/b"), DIR_RULE(0, "/c")};
    check_held(apart, 3, "none", "none");
    struct path_rule below[] = {DIR_RULE(RWC, "/a"), DIR_RULE(RWC, "/a/b"), DIR_RULE(R, "/a/b/c")};
    check_held(below, 3, "/a/b/c", "none");
    struct path_rule half[] = {DIR_RULE(RWC, "/a"), DIR_RULE(R | PERM_WRITE, "/a/b")};
    check_held(half, 2, "/a/b", "/a/b");
    struct path_rule closure[] = {DIR_RULE(RWC, "/a"), FILE_RULE(R, "/a/lib.so")};
    closure[1].origin = ORIGIN_CLOSURE;
    closure[1].adds = true;
    check_held(closure, 2, "none", "none");
}

TEST(gaps_are_named_once)
{
    struct path_rule rules[] = {DIR_RULE(RWC, "/a")};
    struct policy p = {.promises = EVERYTHING | PROMISE(UNIX), .paths = rules, .path_count = 1};
    struct str text CLEAN_STR = {0};
    view_gaps(&text, &p, true);
    CHECK_STR(str_get(&text), "");
    view_gaps(&text, &p, false);
    CHECK(strstr(str_get(&text), "map what it wrote") != NULL);
    CHECK(strstr(str_get(&text), "unix socket") != NULL);
    CHECK(strstr(str_get(&text), "owner of every") == NULL);
    rules[0].perms |= PERM_EXEC;
    str_clear(&text);
    view_gaps(&text, &p, true);
    CHECK(strstr(str_get(&text), "has x beside w or c") != NULL);
}
