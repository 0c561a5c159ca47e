#include "policy/policy.h"
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Files by name, for includes. */
struct library {
    const char *name;
    const char *text;
    bool preset;
};

static int load(void *context, const char *name, bool preset, struct str *text, struct err *err)
{
    for (const struct library *at = context; at->name; at++)
        if (strcmp(at->name, name) == 0 && at->preset == preset) {
            str_add(text, at->text);
            return 0;
        }
    return err_set(err, -ENOENT, "no %s '%s'", preset ? "preset" : "file", name);
}

static int parse_with(struct policy *p, const char *text, struct library *library, struct err *err)
{
    policy_init(p);
    p->home = strdup("/home/u");
    struct policy_source source = {
        .name = "p.vow", .text = text, .size = strlen(text), .dir = "/d"};
    struct policy_loader loader = {load, library};
    return policy_parse(p, &source, library ? &loader : NULL, err);
}

static void refused_with(const char *text, struct library *library, const char *wanted)
{
    struct policy p;
    struct err err = {""};
    CHECK(parse_with(&p, text, library, &err) < 0);
    CHECK_STR(err.text, wanted);
    policy_free(&p);
}

static void refused(const char *text, const char *wanted)
{
    refused_with(text, NULL, wanted);
}

static void rule_is(const struct policy *p, size_t index, const char *path, uint8_t perms)
{
    CHECK(index < p->path_count);
    if (index >= p->path_count)
        return;
    CHECK_STR(p->paths[index].path, path);
    CHECK_EQ(p->paths[index].perms, perms);
}

TEST(every_keyword_does_its_work)
{
    struct policy p;
    struct err err = {""};
    CHECK_EQ(parse_with(&p,
                        "#!/usr/bin/vow run --policy\n"
                        "# a comment\n\n"
                        "promises stdio rpath  # and more below\n"
                        "promises inet\r\n"
                        "path rw /srv/data \"two words\"\n"
                        "path +r? ~/.gitconfig\n"
                        "hide ~/.ssh\n"
                        "hide? /absent\n"
                        "env EDITOR LESS\n"
                        "setenv LANG=C \"GREETING=say \\\"hi\\\" \\\\\"\n"
                        "setenv LANG=de_DE\n"
                        "env-all\n"
                        "limit mem=1G cpu=2m files=64\n"
                        "view none\n"
                        "kill\n"
                        "program /usr/bin/git",
                        NULL, &err),
             0);
    CHECK_STR(err.text, "");
    CHECK_EQ(p.promises, PROMISE(STDIO) | PROMISE(RPATH) | PROMISE(INET));
    CHECK(p.promises_given && p.paths_given && p.env_all && p.kill);
    CHECK_EQ(p.path_count, 5);
    rule_is(&p, 0, "/srv/data", PERM_READ | PERM_WRITE);
    rule_is(&p, 1, "/d/two words", PERM_READ | PERM_WRITE);
    rule_is(&p, 2, "/home/u/.gitconfig", PERM_READ);
    rule_is(&p, 3, "/home/u/.ssh", 0);
    rule_is(&p, 4, "/absent", 0);
    CHECK(!p.paths[0].optional && p.paths[2].optional && !p.paths[3].optional &&
          p.paths[4].optional);
    CHECK_STR(p.env[1], "LESS");
    CHECK_STR(p.setenv[0], "LANG=de_DE");
    CHECK_STR(p.setenv[1], "GREETING=say \"hi\" \\");
    CHECK(p.env[2] == NULL && p.setenv[2] == NULL);
    CHECK_EQ(p.limit[LIMIT_MEM], 1 << 30);
    CHECK_EQ(p.limit[LIMIT_CPU], 120);
    CHECK_EQ(p.limit[LIMIT_FILES], 64);
    CHECK(!p.limit_given[LIMIT_FSIZE] && !p.limit_given[LIMIT_PROCS]);
    CHECK_EQ(p.view, VIEW_NONE);
    CHECK_STR(p.programs[0], "/usr/bin/git");
    policy_free(&p);
}

TEST(rules_beside_the_defaults_do_not_replace_them)
{
    struct policy p;
    struct err err;
    CHECK_EQ(parse_with(&p, "path +r /a\nhide /b\n", NULL, &err), 0);
    CHECK(!p.paths_given);
    policy_free(&p);
    CHECK_EQ(parse_with(&p, "path +r /a\npath r /b\n", NULL, &err), 0);
    CHECK(p.paths_given);
    policy_free(&p);
}

TEST(a_later_rule_for_a_path_replaces_the_earlier)
{
    struct policy p;
    struct err err;
    CHECK_EQ(parse_with(&p, "path rwc /a\npath r /b\nhide /b/../a/\n", NULL, &err), 0);
    CHECK_EQ(p.path_count, 2);
    rule_is(&p, 0, "/a", 0);
    rule_is(&p, 1, "/b", PERM_READ);
    policy_free(&p);
}

TEST(errors_name_line_and_column_and_the_way_out)
{
    refused("promises stdio\npromise rpath", "p.vow:2:1: no keyword 'promise'; "
                                             "did you mean 'promises'?");
    refused("xyzzy", "p.vow:1:1: no keyword 'xyzzy'; vow-policy(5) lists them");
    refused("\n  promises stdio rpaht", "p.vow:2:18: no promise 'rpaht'; did you mean 'rpath'?");
    refused("path rz /etc", "p.vow:1:6: no permission 'z'; there are r (read), w (write), "
                            "x (execute) and c (create)");
    refused("path r", "p.vow:1:1: missing arguments; write: path r /etc");
    refused("path \"\" /etc", "p.vow:1:6: a path needs permissions; 'hide' takes all away");
    refused("path r \"\"", "p.vow:1:8: a path is missing");
    refused("kill now", "p.vow:1:1: too many arguments; write: kill");
    refused("limit meme=1G", "p.vow:1:7: no limit 'meme'; did you mean 'mem'?");
    refused("view sistem", "p.vow:1:6: no view 'sistem'; there are auto, system, all and none");
    refused("env A=b", "p.vow:1:5: env wants the name of a variable; setenv sets a value");
    refused("setenv =b", "p.vow:1:8: setenv wants NAME=VALUE");
    refused("program git", "p.vow:1:9: program wants an absolute path");
    refused("path r \"/größe\" \"/x", "p.vow:1:17: the quotes that open here are not closed");
    refused("path r \"/a\\n\"", "p.vow:1:11: inside quotes, '\\' stands before '\"' or '\\'");
    refused("\x1b[2J", "p.vow:1:1: no keyword '\\x1b[2J'; vow-policy(5) lists them");
    refused("include x", "p.vow:1:9: includes are not possible here");
}

TEST(a_binary_file_is_no_policy)
{
    struct policy p;
    struct err err;
    policy_init(&p);
    struct policy_source source = {.name = "p",
                                   .text = "kill\n\x7f"
                                           "ELF\0\0",
                                   .size = 11,
                                   .dir = "/"};
    CHECK_EQ(policy_parse(&p, &source, NULL, &err), -EINVAL);
    CHECK_STR(err.text, "p:2:5: a NUL byte; this is no text");
    policy_free(&p);
}

TEST(tilde_needs_a_home_and_relative_paths_a_directory)
{
    struct policy p;
    struct err err;
    policy_init(&p);
    struct policy_source source = {.name = "p", .text = "path r ~/x", .size = 10};
    CHECK_EQ(policy_parse(&p, &source, NULL, &err), -EINVAL);
    CHECK_STR(err.text, "p:1:8: '~' has no meaning: HOME is not set to an absolute path");
    source.text = "path r? ~x";
    CHECK_EQ(policy_parse(&p, &source, NULL, &err), -EINVAL);
    source.text = "path r? ~/";
    CHECK_EQ(policy_parse(&p, &source, NULL, &err), 0);
    CHECK_EQ(p.path_count, 0);
    source.text = "path r x/~";
    CHECK_EQ(policy_parse(&p, &source, NULL, &err), -EINVAL);
    CHECK_STR(err.text, "p:1:8: a path must start with '/' or '~/' here");
    policy_free(&p);
}

TEST(includes_add_and_are_relative_to_their_own_file)
{
    struct library library[] = {
        {"/d/sub/more.vow", "path r here\ninclude ../last.vow", false},
        {"/d/last.vow", "promises dns\n", false},
        {"git", "program /usr/bin/git\npromises rpath\npath +r? ~/.gitconfig\n", true},
        {NULL}};
    struct policy p;
    struct err err = {""};
    CHECK_EQ(parse_with(&p, "promises stdio\ninclude sub/more.vow\npreset git\n", library, &err),
             0);
    CHECK_STR(err.text, "");
    CHECK_EQ(p.promises, PROMISE(STDIO) | PROMISE(RPATH) | PROMISE(DNS));
    rule_is(&p, 0, "/d/sub/here", PERM_READ);
    rule_is(&p, 1, "/home/u/.gitconfig", PERM_READ);
    CHECK(!p.programs); /* the preset's is what it is for */
    policy_free(&p);
}

TEST(errors_in_includes_name_both_places)
{
    struct library library[] = {{"/d/a.vow", "kill\nlimit x=1\n", false}, {NULL}};
    refused_with("\ninclude a.vow", library,
                 "p.vow:2:9: /d/a.vow:2:7: no limit 'x'; there are cpu, files, fsize, mem and "
                 "procs");
    refused_with("preset gti", library, "p.vow:1:8: no preset 'gti'");
}

TEST(circles_are_named)
{
    struct library library[] = {
        {"/d/a.vow", "include b.vow", false}, {"/d/b.vow", "include a.vow", false}, {NULL}};
    refused_with("include a.vow", library,
                 "p.vow:1:9: /d/a.vow:1:9: /d/b.vow:1:9: includes go round: /d/a.vow ← /d/b.vow "
                 "← /d/a.vow");
}

TEST(depth_is_bounded)
{
    struct library library[21] = {{NULL}};
    static char names[20][16], texts[20][32];
    for (int i = 0; i < 20; i++) {
        struct str name = {0}, text = {0};
        str_addf(&name, "/d/%d", i);
        str_addf(&text, "include %d", i + 1);
        strcpy(names[i], str_get(&name));
        strcpy(texts[i], str_get(&text));
        library[i] = (struct library){names[i], texts[i], false};
        str_free(&name);
        str_free(&text);
    }
    struct policy p;
    struct err err;
    CHECK_EQ(parse_with(&p, "include 0", library, &err), -ELOOP);
    CHECK(strstr(err.text, "/d/6:1:9: includes are nested deeper than 8") != NULL);
    policy_free(&p);
}

static void limit_refused(const char *text, const char *wanted)
{
    struct policy p;
    struct err err;
    policy_init(&p);
    CHECK(policy_set_limit(&p, text, &err) < 0);
    CHECK_STR(err.text, wanted);
    policy_free(&p);
}

TEST(limits)
{
    struct policy p;
    struct err err;
    policy_init(&p);
    CHECK_EQ(policy_set_limit(&p, "fsize=3K", &err), 0);
    CHECK_EQ(p.limit[LIMIT_FSIZE], 3072);
    CHECK_EQ(policy_set_limit(&p, "cpu=1h", &err), 0);
    CHECK_EQ(p.limit[LIMIT_CPU], 3600);
    policy_free(&p);
    limit_refused("mem", "the limit 'mem' needs a value, as in mem=1G");
    limit_refused("mem=", "the limit 'mem' needs a value, as in mem=1G");
    limit_refused("mem=-1", "the limit 'mem' needs a value, as in mem=1G");
    limit_refused("mem=0", "the limit 'mem' needs a value, as in mem=1G");
    limit_refused("mem=1s", "the limit 'mem' needs a value, as in mem=1G");
    limit_refused("files=1K", "the limit 'files' needs a value, as in files=64");
    limit_refused("mem=99999999999999999999", "the limit 'mem' is too large");
    limit_refused("mem=99999999999T", "the limit 'mem' is too large");
}

TEST(rules_of_the_command_line)
{
    struct policy p;
    struct err err;
    policy_init(&p);
    CHECK_EQ(path_rule_parse(&p, "xcwr:a/./b//../c", "/cwd", &err), 0);
    rule_is(&p, 0, "/cwd/a/c", PERM_READ | PERM_WRITE | PERM_EXEC | PERM_CREATE);
    CHECK_EQ(path_rule_parse(&p, ":/x:y", "/cwd", &err), 0);
    rule_is(&p, 1, "/x:y", 0);
    CHECK(path_rule_parse(&p, "/etc", "/cwd", &err) < 0);
    CHECK_STR(err.text, "a path rule is PERMISSIONS:PATH, as in r:/etc or rwc:.");
    CHECK(path_rule_parse(&p, "r+:/etc", "/cwd", &err) < 0);
    CHECK(path_rule_parse(&p, "r:", "/cwd", &err) < 0);
    policy_free(&p);
}

TEST(includes_are_counted)
{
    struct library library[] = {{"/d/a", "", false}, {NULL}};
    struct str text CLEAN_STR = {0};
    for (int i = 0; i < 65; i++)
        str_add(&text, "include a\n");
    refused_with(str_get(&text), library, "p.vow:65:9: more than 64 includes");
}
