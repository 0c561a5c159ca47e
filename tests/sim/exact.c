/* What the compiler makes of a policy is equal to what a naive compiler makes
 * of it, for all numbers and arguments: shown by walking all ways, not by
 * trying values. (equal.c shows by trying that both mean what decide says.) */
#include "bpf/insn.h"
#include "harness.h"
#include "naive.h"
#include "probe.h"

#include <stdlib.h>

static void report(void *context, const struct sys_call *call, const struct difference *d)
{
    (void)context;
    test_fail(__FILE__, __LINE__, "%s (%u): %#x, naively %#x", call ? call_name(call) : "unknown",
              d->event.nr, d->first, d->second);
}

static struct program compile(const struct arch *arch, const struct ruleset *set)
{
    struct program program = {0};
    struct err err = {""};
    if (bpf_compile(&set, 1, RET_KILL_PROCESS, &program, &err) != 0)
        test_fail(__FILE__, __LINE__, "%s: %s", arch->name, err.text);
    return program;
}

/* One architecture under one set of promises. */
static void check(enum arch_id id, promise_set promises)
{
    const struct arch *arch = &archs[id];
    struct policy policy = {.promises = promises, .launch_secret = UINT64_C(0x123456789abcdef0)};
    struct filter_mode mode = {0};
    struct ruleset set;
    struct err err;
    CHECK_EQ(ruleset_from_policy(&policy, arch, &mode, &set, &err), 0);
    struct program program = compile(arch, &set);
    CLEAN_FREE struct insn *room = calloc(INSN_MAX, sizeof *room);
    struct program naive = {room, 0, INSN_MAX};
    CHECK(room && naive_compile(&set, RET_KILL_PROCESS, &naive));
    CHECK_EQ(bpf_compare(&program, &naive, arch, report, NULL), 0);
    program_free(&program);
    ruleset_free(&set);
}

static promise_set parse(const char *words)
{
    promise_set set = 0;
    struct err err;
    CHECK_EQ(promises_parse(words, &set, &err), 0);
    return set;
}

TEST(no_promise_at_all)
{
    for (enum arch_id id = 0; id < ARCH_COUNT; id++)
        if (id != ARCH_X32)
            check(id, 0);
}

TEST(stdio)
{
    for (enum arch_id id = 0; id < ARCH_COUNT; id++)
        if (id != ARCH_X32)
            check(id, parse("stdio"));
}

TEST(files)
{
    for (enum arch_id id = 0; id < ARCH_COUNT; id++)
        if (id != ARCH_X32)
            check(id, parse("stdio rpath wpath cpath fattr"));
}

TEST(net)
{
    check(ARCH_X86_64, parse("stdio rpath inet unix dns mcast"));
    check(ARCH_I386, parse("stdio inet unix dns"));
    check(ARCH_AARCH64, parse("stdio inet proc exec tty"));
    check(ARCH_S390X, parse("stdio inet unix"));
}

TEST(everything)
{
    check(ARCH_X86_64, ~(promise_set)0);
    check(ARCH_AARCH64, ~(promise_set)0);
}

TEST(random_sets)
{
    uint64_t random = 7;
    for (int i = 0; i < 6; i++)
        check(i % 2 ? ARCH_X86_64 : ARCH_S390X, probe_random(&random) >> 16);
}
