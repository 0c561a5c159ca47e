#include "policy/promise.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static promise_set parsed(const char *text)
{
    struct err err = {""};
    promise_set set = UINT64_MAX;
    CHECK_EQ(promises_parse(text, &set, &err), 0);
    CHECK_STR(err.text, "");
    return set;
}

static void refused(const char *text, const char *wanted)
{
    struct err err = {""};
    promise_set set = 42;
    CHECK_EQ(promises_parse(text, &set, &err), -EINVAL);
    CHECK_STR(err.text, wanted);
    CHECK_EQ(set, 42);
}

TEST(words_become_a_set)
{
    CHECK_EQ(parsed(""), 0);
    CHECK_EQ(parsed(" \t "), 0);
    CHECK_EQ(parsed("stdio"), PROMISE(STDIO));
    CHECK_EQ(parsed("  rpath\tstdio  rpath\n"), PROMISE(STDIO) | PROMISE(RPATH));
}

TEST(every_promise_of_openbsd_parses)
{
    static const char *const words[] = {
        "stdio",  "rpath",  "wpath", "cpath",  "dpath",     "fattr",     "chown",
        "flock",  "inet",   "mcast", "unix",   "dns",       "getpw",     "sendfd",
        "recvfd", "tty",    "proc",  "exec",   "prot_exec", "id",        "settime",
        "ps",     "vminfo", "route", "wroute", "unveil",    "error",     "audio",
        "video",  "drm",    "bpf",   "pf",     "tape",      "disklabel", "vmm",
    };
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        promise_set set = parsed(words[i]);
        CHECK(set != 0 && (set & (set - 1)) == 0);
        CHECK_STR(promise_name((enum promise)__builtin_ctzll(set)), words[i]);
    }
}

TEST(unknown_words_name_their_column_and_the_nearest)
{
    refused("rpaht", "column 1: no promise 'rpaht'; did you mean 'rpath'?");
    refused("stdio  rpathh", "column 8: no promise 'rpathh'; did you mean 'rpath'?");
    refused("stdio stdi", "column 7: no promise 'stdi'; did you mean 'stdio'?");
    refused("STDIO", "column 1: no promise 'STDIO'; 'vow promises' lists them");
    refused("prot-exec", "column 1: no promise 'prot-exec'; did you mean 'prot_exec'?");
    refused("internetsockets", "column 1: no promise 'internetsockets'; 'vow promises' lists them");
    refused("a\x1b[2J", "column 1: no promise 'a\\x1b[2J'; 'vow promises' lists them");
}

TEST(a_very_long_word_is_cut_in_the_message)
{
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct err err;
    promise_set set;
    CHECK_EQ(promises_parse(text, &set, &err), -EINVAL);
    CHECK(strlen(err.text) < 150);
}

TEST(printing_is_in_table_order_and_parses_back)
{
    CLEAN_STR struct str text = {0};
    promises_print(&text, parsed("exec rpath stdio"));
    CHECK_STR(str_get(&text), "stdio rpath exec");
    str_clear(&text);
    promise_set all = (UINT64_C(1) << PROMISE_COUNT) - 1;
    promises_print(&text, all);
    CHECK_EQ(parsed(str_get(&text)), all);
    str_clear(&text);
    promises_print(&text, 0);
    CHECK_STR(str_get(&text), "");
}

TEST(families_follow_their_promise_sets)
{
    CHECK(!family_granted(FAMILY_LAUNCH, UINT64_MAX));
    for (unsigned f = 0; f < FAMILY_COUNT; f++) {
        size_t count;
        const promise_set *sets = family_sets(f, &count);
        bool ungranted = f == FAMILY_LAUNCH || f == FAMILY_PROBE || f == FAMILY_SETTLED ||
                         f == FAMILY_SERVED || f == FAMILY_KEEP_HANDLER ||
                         f == FAMILY_OPEN_SERVED || f == FAMILY_ASK_BROKER ||
                         f == FAMILY_START_BROKER;
        CHECK_EQ(count == 0, ungranted);
        CHECK(family_name(f)[0] && family_words(f)[0]);
        CHECK_EQ(family_granted(f, 0), count > 0 && sets[0] == 0);
        for (size_t i = 0; i < count; i++) {
            CHECK(family_granted(f, sets[i]));
            for (enum promise p = 0; p < PROMISE_COUNT; p++)
                CHECK(!(sets[i] >> p & 1) || !promise_inert(p));
        }
    }
}

TEST(a_family_of_two_promises_needs_both)
{
    CHECK(family_granted(FAMILY_OPEN_READ_WRITE, PROMISE(RPATH) | PROMISE(WPATH)));
    CHECK(!family_granted(FAMILY_OPEN_READ_WRITE, ~PROMISE(RPATH)));
    CHECK(!family_granted(FAMILY_OPEN_READ_WRITE, ~PROMISE(WPATH)));
}
