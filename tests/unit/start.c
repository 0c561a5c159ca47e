#include "enforce/start.h"

#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int parse(const char *text, struct shebang *out)
{
    return shebang_parse(text, strlen(text), out);
}

TEST(first_line)
{
    struct shebang line;
    CHECK_EQ(parse("#!/bin/sh\nrest", &line), 1);
    CHECK_STR(line.interpreter, "/bin/sh");
    CHECK_STR(line.argument, "");
    CHECK_EQ(parse("#! \t/bin/sh  -e -u \t\n", &line), 1);
    CHECK_STR(line.interpreter, "/bin/sh");
    CHECK_STR(line.argument, "-e -u");
    CHECK_EQ(parse("#!/bin/sh", &line), 1);
    CHECK_EQ(parse("#/bin/sh\n", &line), 0);
    CHECK_EQ(parse("", &line), 0);
    CHECK_EQ(parse("#! \n/bin/sh", &line), -ENOEXEC);
}

TEST(first_line_that_is_too_long)
{
    char text[SHEBANG_SIZE];
    struct shebang line;
    memset(text, 'a', sizeof text);
    memcpy(text, "#!/", 3);
    CHECK_EQ(shebang_parse(text, sizeof text, &line), -ENOEXEC);
    text[100] = ' '; /* a cut argument is passed as it is */
    CHECK_EQ(shebang_parse(text, sizeof text, &line), 1);
    CHECK_EQ(strlen(line.interpreter), 98);
    CHECK_EQ(strlen(line.argument), SHEBANG_SIZE - 101);
    text[SHEBANG_SIZE - 1] = '\n';
    text[100] = 'a';
    CHECK_EQ(shebang_parse(text, sizeof text, &line), 1);
}

TEST(env_in_the_first_line)
{
    struct env_words words;
    CHECK_EQ(shebang_env("python3", &words), 0);
    CHECK_EQ(words.count, 1);
    CHECK_STR(words.words[0], "python3");
    CHECK_EQ(shebang_env("-S  perl -w  -T", &words), 0);
    CHECK_EQ(words.count, 3);
    CHECK_STR(words.words[2], "-T");
    static const char *const more[] = {"perl -w", "-i perl",    "-S A=1 perl", "-S perl 'x'",
                                       "-S $X",   "-S perl\\t", "-S",          "-u X"};
    for (size_t i = 0; i < ARRAY_COUNT(more); i++)
        CHECK_EQ(shebang_env(more[i], &words), -ENOTSUP);
}

/* A directory of its own for each test; returns its path. */
static const char *directory(void)
{
    static char path[] = "/tmp/vow-start-XXXXXX";
    if (!mkdtemp(path) || chdir(path) < 0)
        SKIP("no directory in /tmp can be made");
    return path;
}

static void clean(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", getcwd((char[64]){0}, 64));
    CHECK_EQ(system(command), 0);
}

static void make(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

struct result {
    struct start start;
    int rc, exit_status;
    struct err err;
};

static void find(struct result *r, bool exec, const char *name)
{
    char *argv[] = {(char *)name, "one", "two", NULL};
    char *envp[] = {"PATH=/nowhere::/bin", NULL};
    *r = (struct result){0};
    struct start_request request = {argv, envp, exec};
    r->rc = start_find(&request, &r->start, &r->exit_status, &r->err);
}

static void check_words(const struct result *r, const char *wanted)
{
    CLEAN_STR struct str words = {0};
    for (char **word = r->start.argv; word && *word; word++)
        str_addf(&words, "%s|", *word);
    CHECK_STR(str_get(&words), wanted);
}

TEST(a_program_of_the_path)
{
    struct result r;
    find(&r, false, "sh");
    CHECK_EQ(r.rc, 0);
    CHECK_STR(start_last(&r.start)->path, "/bin/sh");
    CHECK(!start_last(&r.start)->script && start_last(&r.start)->readable);
    check_words(&r, "sh|one|two|");
    start_free(&r.start);
}

TEST(scripts_of_scripts)
{
    struct result r;
    char text[128];
    const char *dir = directory();
    make("inner", "#!/bin/sh -e\n", 0755);
    snprintf(text, sizeof text, "#!%s/inner x y\n", dir);
    make("outer", text, 0755);
    find(&r, false, "outer");
    CHECK_EQ(r.rc, 0);
    CHECK_EQ(r.start.step_count, 3);
    CHECK_STR(r.start.steps[0].path, "./outer");
    CHECK(r.start.steps[0].script && r.start.steps[1].script);
    CHECK_STR(start_last(&r.start)->path, "/bin/sh");
    char wanted[128];
    snprintf(wanted, sizeof wanted, "/bin/sh|-e|%s/inner|x y|./outer|one|two|", dir);
    check_words(&r, wanted);
    start_free(&r.start);
    clean();
}

TEST(a_script_that_interprets_itself)
{
    struct result r;
    char text[128];
    snprintf(text, sizeof text, "#!%s/me\n", directory());
    make("me", text, 0755);
    find(&r, false, "./me");
    CHECK_EQ(r.rc, -ELOOP);
    CHECK_EQ(r.exit_status, 126);
    clean();
}

TEST(scripts_through_env)
{
    struct result r;
    directory();
    make("plain", "#!/usr/bin/env sh\n", 0755);
    make("words", "#!/usr/bin/env -S sh -e\n", 0755);
    make("more", "#!/usr/bin/env -S A=1 sh\n", 0755);
    make("nobody", "#!/usr/bin/env no-such-program\n", 0755);
    find(&r, false, "./plain");
    CHECK_EQ(r.rc, 0);
    CHECK_STR(start_last(&r.start)->path, "/bin/sh");
    check_words(&r, "sh|./plain|one|two|");
    start_free(&r.start);
    find(&r, false, "./words");
    check_words(&r, "sh|-e|./words|one|two|");
    start_free(&r.start);
    find(&r, false, "./more");
    CHECK_EQ(r.rc, -ENOEXEC);
    CHECK_EQ(r.exit_status, 126);
    CHECK(strstr(r.err.text, "promise exec"));
    find(&r, true, "./more");
    CHECK_EQ(r.rc, 0);
    CHECK_STR(start_last(&r.start)->path, "/usr/bin/env");
    check_words(&r, "/usr/bin/env|-S A=1 sh|./more|one|two|");
    start_free(&r.start);
    find(&r, false, "./nobody");
    CHECK_EQ(r.rc, -ENOENT);
    CHECK_EQ(r.exit_status, 127);
    CHECK_STR(r.err.text, "./nobody: its interpreter no-such-program: not found in PATH");
    clean();
}

TEST(text_without_a_first_line_is_the_shells)
{
    struct result r;
    directory();
    make("text", "exit 3\n", 0755);
    find(&r, false, "./text");
    CHECK_EQ(r.rc, 0);
    check_words(&r, "/bin/sh|./text|one|two|");
    start_free(&r.start);
    FILE *file = fopen("binary", "w");
    CHECK(file && fwrite("\0\1\2\n", 1, 4, file) == 4 && fclose(file) == 0);
    CHECK_EQ(chmod("binary", 0755), 0);
    find(&r, false, "./binary");
    CHECK_EQ(r.rc, -ENOEXEC);
    CHECK_EQ(r.exit_status, 126);
    clean();
}

TEST(what_cannot_be_started)
{
    struct result r;
    directory();
    make("plain", "#!/bin/sh\n", 0644);
    make("lost", "#!/no/such/interpreter\n", 0755);
    CHECK_EQ(mkdir("dir", 0755), 0);
    static const struct {
        const char *name;
        int status;
        const char *message;
    } rows[] = {
        {"no-such-program", 127, "no-such-program: not found in PATH"},
        {"", 127, "the program's name is empty"},
        {"./no-such-program", 127, "./no-such-program: No such file or directory"},
        {"./plain/below", 127, "./plain/below: Not a directory"},
        {"plain", 126, "plain is not executable"},
        {"./plain", 126, "./plain is not executable"},
        {"./dir", 126, "./dir: Is a directory"},
        {"./lost", 127, "./lost: its interpreter /no/such/interpreter: No such file or directory"},
        {"/dev/null", 126, "/dev/null is not executable"},
        {"./\033[2Jx", 127, "./\\x1b[2Jx: No such file or directory"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        find(&r, false, rows[i].name);
        CHECK(r.rc < 0);
        CHECK_EQ(r.exit_status, rows[i].status);
        CHECK_STR(r.err.text, rows[i].message);
    }
    clean();
}
