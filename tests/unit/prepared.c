/* The filters that were compiled when vow was built are those that it would compile. */
#include "enforce/filter.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static size_t differences;

static void differs(void *context, const struct sys_call *call, const struct difference *d)
{
    (void)context;
    (void)call;
    (void)d;
    differences++;
}

static size_t different_calls(const struct program *a, const struct program *b,
                              const struct arch *arch)
{
    differences = 0;
    CHECK_EQ(bpf_compare(a, b, arch, differs, NULL), 0);
    return differences;
}

/* Whatever the secret is, they answer alike; one whose halves are like no other word is
 * also compared in the same place. */
static void check_equal(promise_set promises, uint64_t secret)
{
    struct policy policy = {.promises = promises, .launch_secret = secret};
    struct filter_mode mode = {.path_kinds = 1 << OP_OPEN};
    struct program prepared, compiled;
    struct err err = {""};
    CHECK(filter_prepared(&policy, arch_native(), &mode, &prepared));
    CHECK_EQ(filter_compile(&policy, arch_native(), &mode, &compiled, &err), 0);
    CHECK_EQ(bpf_check(&prepared, &err), 0);
    CHECK_EQ(different_calls(&prepared, &compiled, arch_native()), 0);
    const struct arch *other = filter_companion(arch_native());
    if (other)
        CHECK_EQ(different_calls(&prepared, &compiled, other), 0);
    if (secret == 0 || (secret >> 32 > 1 << 20 && (uint32_t)secret > 1 << 20)) {
        CHECK_EQ(prepared.count, compiled.count);
        CHECK(memcmp(prepared.at, compiled.at, compiled.count * sizeof *compiled.at) == 0);
    }
    program_free(&prepared);
    program_free(&compiled);
}

TEST(each_is_what_would_be_compiled)
{
    if (prepared_filters[0].count == 0)
        SKIP("prepared-filters: vow was built where they could not be compiled");
    static const uint64_t secrets[] = {1,
                                       UINT32_MAX,
                                       UINT64_C(1) << 32,
                                       UINT64_C(0x200000002),
                                       UINT64_C(0xfedcba9876543210),
                                       UINT64_MAX};
    for (const struct prepared_filter *at = prepared_filters; at->count; at++) {
        if (at->promises & PROMISE(EXEC))
            check_equal(at->promises, 0);
        for (size_t i = 0; !(at->promises & PROMISE(EXEC)) && i < ARRAY_COUNT(secrets); i++)
            check_equal(at->promises, (uintptr_t)secrets[i] ? (uintptr_t)secrets[i] : 1);
    }
}

/* The comparison above finds what differs. */
TEST(another_secret_is_another_filter)
{
    struct policy one = {.promises = PROMISE(STDIO) | PROMISE(RPATH), .launch_secret = 7},
                  other = one;
    struct filter_mode mode = {0};
    struct program prepared, compiled;
    struct err err;
    if (prepared_filters[0].count == 0)
        SKIP("prepared-filters: vow was built where they could not be compiled");
    other.launch_secret = 8;
    CHECK(filter_prepared(&one, arch_native(), &mode, &prepared));
    CHECK_EQ(filter_compile(&other, arch_native(), &mode, &compiled, &err), 0);
    CHECK(different_calls(&prepared, &compiled, arch_native()) > 0);
    program_free(&prepared);
    program_free(&compiled);
}

TEST(what_is_asked_for_otherwise_is_not_prepared)
{
    static uint8_t families[FAMILY_COUNT];
    struct policy policy = {.promises = PROMISE(STDIO) | PROMISE(RPATH), .launch_secret = 7},
                  more = policy, changed = policy, open = policy;
    const struct arch *native = arch_native(), *other = filter_companion(native);
    struct filter_mode plain = {0}, kill = {.deny = RET_KILL_PROCESS},
                       watch = {.path_allow = RET_USER_NOTIF}, unknown = {.unknown = RET_TRAP};
    struct program out;
    more.promises |= PROMISE(AUDIO) | PROMISE(SETTIME);
    changed.families = families;
    open.launch_secret = 0;
    CHECK(!filter_prepared(&more, native, &plain, &out));
    CHECK(!filter_prepared(&changed, native, &plain, &out));
    CHECK(!filter_prepared(&open, native, &plain, &out));
    CHECK(!filter_prepared(&policy, native, &kill, &out));
    CHECK(!filter_prepared(&policy, native, &watch, &out));
    CHECK(!filter_prepared(&policy, native, &unknown, &out));
    CHECK(!other || !filter_prepared(&policy, other, &plain, &out));
}
