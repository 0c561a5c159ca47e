/* What is printed, once, and never more than there is room for. */
#include "harness.h"

#include "watch/report.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *const argv[] = {"cat", NULL};
static struct watch_options options;
static struct report report;

static void begin(bool colour)
{
    options = (struct watch_options){.text_fd = memfd_create("text", MFD_CLOEXEC),
                                     .json_fd = memfd_create("json", MFD_CLOEXEC),
                                     .colour = colour,
                                     .line = {.argv = argv}};
    CHECK(options.text_fd >= 0 && options.json_fd >= 0);
    CHECK_EQ(report_init(&report, &options), 0);
}

/* Ends the report; all that was written to `fd`, malloc'd. */
static char *written(int fd)
{
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    char *text = calloc(1, size + 1);
    CHECK(text && pread(fd, text, size, 0) == (ssize_t)size);
    return text;
}

static void says(const char *wanted)
{
    report_end(&report, 0);
    char *text CLEAN_FREE = written(options.text_fd);
    CHECK_STR(text, wanted);
    report_free(&report);
}

static void deny(const char *program, const char *path, promise_set missing)
{
    struct denial denial = {.pid = 7,
                            .program = program,
                            .kind = OP_OPEN_READ,
                            .object = path,
                            .real = path,
                            .remedy = {.promises = missing}};
    report_denial(&report, &denial);
}

TEST(nothing_to_say)
{
    begin(false);
    says("");
}

TEST(each_denial_once)
{
    begin(false);
    deny("cat", "/a", PROMISE(RPATH));
    deny("dog", "/a", PROMISE(RPATH));
    deny("cat", "/b", PROMISE(RPATH));
    deny("cat", "/a", PROMISE(RPATH));
    says("vow: cat[7] may not open /a for reading: rpath is not promised; add the promise rpath\n"
         "vow: cat[7] may not open /b for reading: rpath is not promised; add the promise rpath\n"
         "vow: 2 operations were stopped (4 times); to allow them all: vow run -p rpath -- cat\n");
}

static void deny_call(const char *name, enum operation_kind kind, promise_set missing)
{
    static const struct policy none = {0};
    const struct arch *arch = arch_native();
    const struct sys_call *call = arch_call_by_name(arch, name);
    CHECK(call);
    struct denial denial = {
        .pid = 7, .program = "cat", .kind = kind, .call = {.arch = arch, .nr = call->nr}};
    decide_call(&none, &denial.call, &denial.verdict);
    denial.remedy.promises = missing;
    report_denial(&report, &denial);
}

TEST(two_calls_that_do_the_same_are_one)
{
    begin(false);
    deny_call("brk", OP_NONE, PROMISE(STDIO));
    deny_call("munmap", OP_NONE, PROMISE(STDIO));
    deny_call("sync", OP_NONE, PROMISE(STDIO));
    report_end(&report, 0);
    char *text CLEAN_FREE = written(options.text_fd);
    CHECK(strstr(text, "vow: 2 operations were stopped (3 times);"));
    report_free(&report);
}

static void search(const char *path, bool there)
{
    struct denial denial = {.pid = 7,
                            .program = "sh",
                            .kind = OP_EXEC,
                            .object = path,
                            .real = there ? path : NULL,
                            .remedy = {.promises = PROMISE(EXEC)}};
    report_denial(&report, &denial);
}

TEST(a_search_along_path_is_one)
{
    begin(false);
    search("/usr/bin/date", true);
    search("/usr/sbin/date", false);
    search("/bin/date", false);
    says("vow: sh[7] may not execute /usr/bin/date: exec is not promised; add the promise exec\n"
         "vow: 1 operation was stopped (3 times); to allow it: vow run -p exec -- cat\n");
}

/* A rule for each of many paths below one of the user's is that one, with more
 * letters; not for few, and not for a home directory. */
static void line_after(const char *rule, const char *dir, int files, const char *wanted)
{
    struct run_option option = {"-v", rule};
    struct str rerun CLEAN_STR = {0};
    begin(false);
    options.line.options = &option;
    options.line.option_count = 1;
    for (int i = 0; i < files; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%c", dir, 'a' + i);
        struct denial denial = {.pid = 7,
                                .program = "cat",
                                .kind = OP_OPEN_READ,
                                .object = path,
                                .real = path,
                                .path.missing_perms = PERM_READ,
                                .remedy = {.rules = {{path, PERM_READ, false}}, .rule_count = 1}};
        report_denial(&report, &denial);
    }
    denial_rerun(&rerun, report.denials, report.count, &options.line);
    CHECK_STR(str_get(&rerun), wanted);
    report_free(&report);
}

TEST(many_rules_become_one)
{
    line_after("+w:/home/u/cache", "/home/u/cache/x", 4, "vow run -v +rw:/home/u/cache -- cat");
    line_after("+w:/home/u/cache", "/home/u/cache", 3,
               "vow run -v +w:/home/u/cache -v +r:/home/u/cache/a -v +r:/home/u/cache/b -v "
               "+r:/home/u/cache/c -- cat");
    line_after("+c:/home/u", "/home/u", 4,
               "vow run -v +c:/home/u -v +r:/home/u/a -v +r:/home/u/b -v +r:/home/u/c -v "
               "+r:/home/u/d -- cat");
    line_after("+w:/home/u/cache", "/home/u/other", 4,
               "vow run -v +w:/home/u/cache -v +r:/home/u/other/a -v +r:/home/u/other/b -v "
               "+r:/home/u/other/c -v +r:/home/u/other/d -- cat");
    line_after(":/home/u/cache", "/home/u/cache", 4,
               "vow run -v :/home/u/cache -v +r:/home/u/cache/a -v +r:/home/u/cache/b -v "
               "+r:/home/u/cache/c -v +r:/home/u/cache/d -- cat");
}

TEST(what_nothing_would_allow)
{
    begin(false);
    deny("cat", "/a", 0);
    says("vow: cat[7] may not open /a for reading: no path rule allows it\n"
         "vow: 1 operation was stopped; no option allows it\n");
    begin(false);
    deny("cat", "/a", 0);
    deny("cat", "/b", PROMISE(TTY));
    says("vow: cat[7] may not open /a for reading: no path rule allows it\n"
         "vow: cat[7] may not open /b for reading: tty is not promised; add the promise tty\n"
         "vow: 2 operations were stopped; to allow 1 of them: vow run -p tty -- cat\n");
}

TEST(a_flood_is_counted)
{
    begin(false);
    for (int i = 0; i < 3 * REPORT_MAX; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%d", i);
        deny("cat", path, PROMISE(RPATH));
    }
    report_end(&report, 0);
    char *text CLEAN_FREE = written(options.text_fd);
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    CHECK_EQ(lines, REPORT_MAX + 2);
    CHECK(strstr(text, "vow: more is stopped than can be listed;"));
    CHECK(strstr(text, "vow: more than 100 operations were stopped (300 times);"));
    report_free(&report);
}

TEST(strangers_colour_nothing)
{
    begin(true);
    deny("\033[32mvow:", "/\033[2J\nvow: fine", PROMISE(RPATH));
    report_end(&report, 0);
    char *text CLEAN_FREE = written(options.text_fd);
    for (char *at = text; (at = strchr(at, '\033')); at++) {
        bool ours = strncmp(at, "\033[1;31mvow:", 11) == 0 || strncmp(at, "\033[0m ", 5) == 0;
        CHECK(ours && (at == text || at[-1] == '\n' || at[-1] == ':'));
    }
    CHECK(!strstr(text, "\nvow: fine"));
    report_free(&report);
}

TEST(json_is_one_object_a_line)
{
    begin(false);
    deny("c\"at", "/a\xff\n", PROMISE(RPATH));
    deny("cat", "/b", 0);
    deny("cat", "/b", 0);
    report_closed(&report, "cat", 8);
    report_closed(&report, "dog", 9);
    report_end(&report, 3 << 8);
    char *text CLEAN_FREE = written(options.json_fd), *rest = text, *line;
    static const char *const wanted[] = {"denial", "denial", "closed", "end"};
    size_t count = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        json_t *event = json_loads(line, 0, NULL);
        CHECK(event && count < ARRAY_COUNT(wanted));
        CHECK_STR(json_string_value(json_object_get(event, "event")), wanted[count]);
        if (count == 0)
            CHECK_STR(json_string_value(json_object_get(event, "real_hex")), "2f61ff0a");
        if (count == 3) {
            CHECK_EQ(json_integer_value(json_object_get(event, "exit")), 3);
            CHECK_EQ(json_integer_value(json_object_get(event, "denials")), 3);
        }
        json_decref(event);
        count++;
    }
    CHECK_EQ(count, ARRAY_COUNT(wanted));
    report_free(&report);
}
