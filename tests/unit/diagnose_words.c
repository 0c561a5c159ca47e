/* What is said of a denial, word for word, and of what nothing is said. */
#include "diagnose_kit.h"

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
