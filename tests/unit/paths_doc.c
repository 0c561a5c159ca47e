/* The tables of docs/paths.md, from the code. Fails where they differ; with
 * VOW_UPDATE=1 writes them. */
#include "enforce/view.h"
#include "harness.h"
#include "landlock/landlock.h"
#include "policy/decide.h"
#include "policy/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_PROMISES                                                                               \
    (PROMISE(STDIO) | PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH) | PROMISE(DPATH) |          \
     PROMISE(FATTR) | PROMISE(UNIX) | PROMISE(EXEC))

/* -------------------------------------------------------- letters and rights */

static const char *const rights[] = {
    "execute",       "write a file", "read a file", "list",      "remove a directory",
    "remove a file", "make char",    "make dir",    "make file", "make socket",
    "make fifo",     "make block",   "make link",   "move",      "truncate",
    "ioctl",         "connect"};

static void print_rights(struct str *out, promise_set promises, const char *path)
{
    struct path_rule rule = {.path = (char *)path, .real = (char *)path};
    for (rule.perms = 1; rule.perms <= PERM_CREATE; rule.perms = (uint8_t)(rule.perms << 1)) {
        uint32_t access = landlock_access(promises, &rule);
        const char *separator = "";
        str_add(out, " | ");
        for (size_t i = 0; i < ARRAY_COUNT(rights); i++)
            if (access >> i & 1) {
                str_addf(out, "%s%s", separator, rights[i]);
                separator = ", ";
            }
    }
}

static void print_letters(struct str *out)
{
    static const enum promise shown[] = {PROMISE_RPATH, PROMISE_WPATH, PROMISE_EXEC,
                                         PROMISE_CPATH, PROMISE_DPATH, PROMISE_UNIX};
    str_add(out, "## What a letter grants under a promise\n\n"
                 "Landlock's rights; what a promise does not stand for counts for nothing.\n\n"
                 "| | `r` | `w` | `x` | `c` |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_COUNT(shown); i++) {
        str_addf(out, "| `%s`", promise_name(shown[i]));
        print_rights(out, UINT64_C(1) << shown[i], "/srv");
        str_add(out, " |\n");
    }
    str_add(out, "\nBelow `/dev`, `r` and `w` also grant ioctls, which seccomp judges.\n\n");
}

/* ---------------------------------------------------------------- operations */

static const struct {
    enum operation_kind kind;
    const char *words;
} operations[] = {{OP_OPEN_READ, "open for reading"},
                  {OP_OPEN_WRITE, "open for writing"},
                  {OP_LIST, "list"},
                  {OP_EXEC, "execute"},
                  {OP_TRUNCATE, "truncate by name"},
                  {OP_CREATE, "create"},
                  {OP_REMOVE, "remove"},
                  {OP_RENAME, "rename"},
                  {OP_MKNOD, "make a fifo or node"},
                  {OP_BIND, "bind a unix socket"},
                  {OP_CONNECT, "connect to a unix socket"},
                  {OP_ATTR, "change mode, times, attributes"},
                  {OP_CHOWN, "change the owner"},
                  {OP_STAT, "stat, access, readlink"},
                  {OP_CHDIR, "chdir"}};

static void make(struct policy *p, promise_set promises, uint8_t above, int below)
{
    struct err err = {""};
    struct path_facts facts = {.cwd = "/"};
    policy_init(p);
    p->promises = promises;
    p->paths_given = true;
    struct path_perms perms = {.letters = above};
    CHECK_EQ(policy_add_path(p, "/a", "/", &perms, &err), 0);
    perms.letters = (uint8_t)below;
    if (below >= 0)
        CHECK_EQ(policy_add_path(p, "/a/b", "/", &perms, &err), 0);
    CHECK_EQ(paths_plan(p, &facts, &err), 0);
}

static struct path_verdict decide(const struct policy *p, enum operation_kind kind,
                                  const char *path)
{
    struct path_verdict verdict;
    decide_path(p, &(struct path_event){kind, path}, &verdict);
    return verdict;
}

/* The first ABI with which Landlock looks at it, 0: none. */
static int first_abi(struct policy *p, enum operation_kind kind)
{
    for (p->landlock_abi = 1; p->landlock_abi <= LANDLOCK_ABI_NEWEST; p->landlock_abi++)
        if (decide(p, kind, "/a/x").landlock != ANSWER_NONE)
            return p->landlock_abi;
    return 0;
}

static void print_operations(struct str *out)
{
    struct policy p, reader;
    make(&p, 0, 0, -1);
    make(&reader, ALL_PROMISES, PERM_READ, -1);
    reader.view = VIEW_SYSTEM;
    str_add(out, "## Who looks at what\n\n| operation | promise | letter | Landlock | a view: not "
                 "shown | shown read-only |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        enum operation_kind kind = operations[i].kind;
        int abi = first_abi(&p, kind);
        str_addf(out, "| %s | `", operations[i].words);
        promises_print(out, decide(&p, kind, "/a/x").missing);
        str_add(out, "` | ");
        str_add(out, operation_letters(kind) ? "`" : "any");
        perms_print(out, operation_letters(kind));
        str_add(out, operation_letters(kind) ? "` | " : " | ");
        if (abi)
            str_addf(out, "from ABI %d", abi);
        else
            str_add(out, "does not look");
        str_addf(out, " | %s | %s |\n",
                 decide(&reader, kind, "/x").view == ANSWER_HIDE ? "not there" : "there",
                 decide(&reader, kind, "/a/x").view == ANSWER_ALLOW ? "works" : "refused");
    }
    str_add(out, "\nFor `c` the letter counts on the directory. An open that creates also needs "
                 "the letter of its access mode. A socket that is shown can be connected to: "
                 "before ABI 9 always, from then on where any rule above it grants `w`.\n\n");
    policy_free(&p);
    policy_free(&reader);
}

/* --------------------------------------------------------------- fit of rules */

static const uint8_t above_letters[] = {PERM_READ, PERM_READ | PERM_EXEC, PERM_READ | PERM_WRITE,
                                        PERM_READ | PERM_WRITE | PERM_CREATE,
                                        PERM_READ | PERM_WRITE | PERM_CREATE | PERM_EXEC};
static const uint8_t rule_letters[] = {0,
                                       PERM_READ,
                                       PERM_WRITE,
                                       PERM_READ | PERM_EXEC,
                                       PERM_READ | PERM_WRITE,
                                       PERM_READ | PERM_CREATE,
                                       PERM_READ | PERM_WRITE | PERM_CREATE,
                                       PERM_READ | PERM_WRITE | PERM_CREATE | PERM_EXEC};

typedef enum view_fit (*fit_fn)(promise_set, const struct view_case *, const char **);

/* The notes: each reason once. */
struct notes {
    const char *at[16];
    size_t count;
};

static size_t note(struct notes *notes, const char *why)
{
    size_t i = 0;
    while (i < notes->count && strcmp(notes->at[i], why) != 0)
        i++;
    if (i == notes->count)
        notes->at[notes->count++] = why;
    return i + 1;
}

static void print_cell(struct str *out, struct notes *notes, fit_fn fit, const struct view_case *c)
{
    static const char *const words[] = {"exact", "narrower", "refused"};
    const char *why = "";
    enum view_fit how = fit(ALL_PROMISES, c, &why);
    str_addf(out, " | %s", words[how]);
    if (how != FIT_EXACT)
        str_addf(out, " %zu", note(notes, why));
}

static void print_letters_of(struct str *out, uint8_t letters)
{
    str_add(out, letters ? "`" : "hidden");
    perms_print(out, letters);
    str_add(out, letters ? "`" : "");
}

/* Rows: the rule; columns: what is granted above it. */
static void print_fit(struct str *out, struct notes *notes, fit_fn fit, bool directory)
{
    str_addf(out, "### %s, %s\n\n| rule \\ above | nothing", directory ? "A directory" : "A file",
             fit == view_fit ? "with a view" : "Landlock alone");
    for (size_t a = 0; a < ARRAY_COUNT(above_letters); a++) {
        str_add(out, " | ");
        print_letters_of(out, above_letters[a]);
    }
    str_add(out, " |\n|---|---|---|---|---|---|---|\n");
    for (size_t r = 0; r < ARRAY_COUNT(rule_letters); r++) {
        struct view_case c = {.perms = rule_letters[r], .directory = directory};
        str_add(out, "| ");
        print_letters_of(out, c.perms);
        print_cell(out, notes, fit, &c);
        c.below = true;
        for (size_t a = 0; a < ARRAY_COUNT(above_letters); a++) {
            c.above_perms = above_letters[a];
            print_cell(out, notes, fit, &c);
        }
        str_add(out, " |\n");
    }
    str_add_char(out, '\n');
}

static void print_fits(struct str *out)
{
    struct notes notes = {.count = 0};
    str_add(out, "## How a rule below another is held\n\n"
                 "With all promises for paths. *Narrower*: something that is allowed does not "
                 "work. *Refused*: something that is not allowed would work.\n\n");
    print_fit(out, &notes, view_fit_alone, true);
    print_fit(out, &notes, view_fit, true);
    print_fit(out, &notes, view_fit_alone, false);
    print_fit(out, &notes, view_fit, false);
    for (size_t i = 0; i < notes.count; i++)
        str_addf(out, "%zu. %c%s.\n", i + 1, notes.at[i][0] - ('a' <= notes.at[i][0] ? 32 : 0),
                 notes.at[i] + 1);
}

/* ---------------------------------------------------------------------- tests */

static char *read_all(const char *path)
{
    struct str text = {0};
    char buffer[4096];
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    for (size_t size; file && (size = fread(buffer, 1, sizeof buffer, file)) > 0;)
        str_add_bytes(&text, buffer, size);
    if (file)
        fclose(file);
    return str_take(&text);
}

TEST(the_document_has_what_the_code_says)
{
    struct str path CLEAN_STR = {0}, wanted CLEAN_STR = {0};
    str_addf(&path, "%s/docs/paths.md", getenv("SOURCE") ? getenv("SOURCE") : ".");
    char *text CLEAN_FREE = read_all(str_get(&path));
    char *head = strstr(text, "<!-- generated"), *end = strstr(text, "<!-- end -->");
    CHECK(head && end);
    if (!head || !end)
        return;
    head = strchr(head, '\n') + 1;
    str_add_bytes(&wanted, text, (size_t)(head - text));
    print_letters(&wanted);
    print_operations(&wanted);
    print_fits(&wanted);
    str_add(&wanted, end);
    if (getenv("VOW_UPDATE")) {
        FILE *file = fopen(str_get(&path), "w");
        CHECK(file && fputs(str_get(&wanted), file) >= 0 && fclose(file) == 0);
        return;
    }
    CHECK_STR(text, str_get(&wanted));
}

/* Does the rule allow it, by the letters of the most specific one alone? */
static bool meant(const struct policy *p, enum operation_kind kind, const char *path)
{
    const struct path_rule *rule = paths_most_specific(p, path);
    return rule && (operation_letters(kind) & ~path_rule_perms(p->promises, rule)) == 0;
}

/* Would an operation that is not meant be allowed by the mechanisms? Reading a
 * file is part of the letter x; a socket that is shown can be connected to
 * where anything above it grants w, which the document says. */
static bool is_wider(const struct policy *p)
{
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        enum operation_kind kind = operations[i].kind;
        if (kind == OP_CONNECT)
            continue;
        struct path_verdict verdict = decide(p, kind, "/a/b/x");
        const struct path_rule *rule = paths_most_specific(p, "/a/b/x");
        bool by_x = kind == OP_OPEN_READ && rule->perms & PERM_EXEC;
        if (verdict.landlock != ANSWER_NONE && verdict.allowed && !meant(p, kind, "/a/b/x") &&
            !by_x)
            return true;
    }
    return false;
}

TEST(what_is_refused_is_what_would_be_wider)
{
    for (unsigned above = 0; above < 16; above++)
        for (unsigned below = 0; below < 16; below++) {
            struct policy p;
            struct view_case c = {.perms = (uint8_t)below,
                                  .directory = true,
                                  .below = true,
                                  .above_perms = (uint8_t)above};
            const char *why = "";
            make(&p, ALL_PROMISES, (uint8_t)above, (int)below);
            p.view = VIEW_NONE;
            bool alone = is_wider(&p);
            p.view = VIEW_SYSTEM;
            bool with_view = is_wider(&p);
            if (alone != (view_fit_alone(ALL_PROMISES, &c, &why) == FIT_WIDER) ||
                with_view != (view_fit(ALL_PROMISES, &c, &why) == FIT_WIDER))
                test_fail(__FILE__, __LINE__, "above %u, rule %u: alone %d, with a view %d", above,
                          below, alone, with_view);
            policy_free(&p);
        }
}
