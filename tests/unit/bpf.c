/* The compiler, instruction by instruction, on rule sets made by hand; that
 * whole policies are compiled right is proved in tests/sim. */
#include "bpf/bpf.h"
#include "bpf/graph.h"
#include "bpf/insn.h"
#include "bpf/values.h"
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KILL RET_KILL_PROCESS
#define EPERM_ RET_ERRNO(1)
#define ENOSYS_ RET_ERRNO(38)

/* A call with a rule of its own. */
struct own {
    uint32_t nr;
    struct rule rule;
};

/* For ruleset_free. */
static struct ruleset set_of(enum arch_id arch, uint32_t unknown, const struct own *own,
                             size_t count)
{
    struct ruleset set = {.arch = &archs[arch], .unknown = unknown};
    struct sys_call *calls = arena_take(&set.memory, count, sizeof *calls);
    set.rules = arena_take(&set.memory, count, sizeof *set.rules);
    CHECK(calls && set.rules);
    set.calls = calls;
    set.call_count = set.rule_count = count;
    for (size_t i = 0; i < count; i++) {
        calls[i] = (struct sys_call){.nr = own[i].nr & INT32_MAX, .rules = (uint16_t)i};
        set.rules[i] = own[i].rule;
    }
    return set;
}

/* Compiles or fails the test. */
static struct program compile(enum arch_id arch, const struct own *own, size_t count)
{
    struct ruleset set = set_of(arch, ENOSYS_, own, count);
    const struct ruleset *sets[] = {&set};
    struct program program;
    struct err err = {""};
    if (bpf_compile(sets, 1, KILL, &program, &err) != 0 || bpf_check(&program, &err) != 0)
        test_fail(__FILE__, __LINE__, "%s", err.text);
    ruleset_free(&set);
    return program;
}

static uint32_t run(const struct program *program, enum arch_id arch, uint32_t nr,
                    const uint64_t args[6])
{
    struct seccomp_event event = {.nr = nr, .arch = archs[arch].audit};
    memcpy(event.args, args, sizeof event.args);
    uint32_t ret = 0;
    CHECK_EQ(bpf_run(program, &archs[arch], &event, &ret, NULL), 0);
    return ret;
}

#define ARGS(...) ((uint64_t[6]){__VA_ARGS__})

static void expect(const struct program *program, const struct insn *wanted, size_t count)
{
    CHECK_EQ(program->count, count);
    for (size_t i = 0; i < count && i < program->count; i++) {
        const struct insn *got = &program->at[i];
        if (memcmp(got, &wanted[i], sizeof *got) != 0)
            test_fail(__FILE__, __LINE__, "instruction %zu is %#x %u %u %#x, not %#x %u %u %#x", i,
                      got->code, got->jt, got->jf, got->k, wanted[i].code, wanted[i].jt,
                      wanted[i].jf, wanted[i].k);
    }
}

/* --- numbers --- */

TEST(one_allowed_number_is_one_test)
{
    struct own rules[] = {{7, {.allow = RET_ALLOW, .deny = EPERM_, .always = true}}};
    struct program p = compile(ARCH_AARCH64, rules, 1);
    static const struct insn wanted[] = {
        {INSN_LOAD, 0, 0, DATA_ARCH}, {INSN_JEQ, 0, 4, 0xc00000b7}, {INSN_LOAD, 0, 0, DATA_NR},
        {INSN_JEQ, 0, 1, 7},          {INSN_RET, 0, 0, RET_ALLOW},  {INSN_RET, 0, 0, ENOSYS_},
        {INSN_RET, 0, 0, KILL},
    };
    expect(&p, wanted, ARRAY_COUNT(wanted));
    program_free(&p);
}

TEST(equal_neighbours_are_one_range)
{
    struct own rules[40];
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
        rules[i] = (struct own){(uint32_t)i, {.allow = RET_ALLOW, .always = true}};
    struct program p = compile(ARCH_AARCH64, rules, ARRAY_COUNT(rules));
    CHECK_EQ(p.count, 7);
    CHECK_EQ(p.at[3].code, INSN_JGE);
    CHECK_EQ(p.at[3].k, 40);
    program_free(&p);
}

TEST(single_values_within_a_range_take_one_test_each)
{
    struct own rules[21];
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
        rules[i] = (struct own){
            (uint32_t)i,
            {.deny = EPERM_, .allow = RET_ALLOW, .always = i == 5 || i == 10 || i == 15}};
    struct program p = compile(ARCH_AARCH64, rules, ARRAY_COUNT(rules));
    CHECK_EQ(p.count, 3 + 3 + 1 + 4); /* entry, three values, end of the table, ends */
    static const uint64_t none[6];
    for (uint32_t nr = 0; nr < 25; nr++)
        CHECK_EQ(run(&p, ARCH_AARCH64, nr, none), nr > 20                           ? ENOSYS_
                                                  : nr == 5 || nr == 10 || nr == 15 ? RET_ALLOW
                                                                                    : EPERM_);
    program_free(&p);
}

TEST(foreign_calls_end_the_program)
{
    struct own rules[] = {{0, {.allow = RET_ALLOW, .always = true}}};
    struct program p = compile(ARCH_X86_64, rules, 1);
    static const uint64_t none[6];
    CHECK_EQ(run(&p, ARCH_X86_64, 0, none), RET_ALLOW);
    CHECK_EQ(run(&p, ARCH_X86_64, 1, none), ENOSYS_);
    CHECK_EQ(run(&p, ARCH_X86_64, X32_FIRST - 1, none), ENOSYS_);
    CHECK_EQ(run(&p, ARCH_X86_64, X32_FIRST, none), KILL);
    CHECK_EQ(run(&p, ARCH_X86_64, X32_LAST, none), KILL);
    CHECK_EQ(run(&p, ARCH_X86_64, X32_LAST + 1, none), ENOSYS_);
    CHECK_EQ(run(&p, ARCH_X86_64, UINT32_MAX, none), ENOSYS_);
    CHECK_EQ(run(&p, ARCH_I386, 0, none), KILL);
    CHECK_EQ(run(&p, ARCH_AARCH64, 0, none), KILL);
    program_free(&p);
}

TEST(two_architectures_have_their_own_numbers)
{
    struct own a[] = {{1, {.allow = RET_ALLOW, .always = true}}};
    struct own b[] = {{2, {.allow = RET_ALLOW, .always = true}}};
    struct ruleset x = set_of(ARCH_X86_64, EPERM_, a, 1), i = set_of(ARCH_I386, ENOSYS_, b, 1);
    const struct ruleset *sets[] = {&x, &i};
    struct program p;
    struct err err;
    CHECK_EQ(bpf_compile(sets, 2, KILL, &p, &err), 0);
    static const uint64_t none[6];
    CHECK_EQ(run(&p, ARCH_X86_64, 1, none), RET_ALLOW);
    CHECK_EQ(run(&p, ARCH_X86_64, 2, none), EPERM_);
    CHECK_EQ(run(&p, ARCH_I386, 1, none), ENOSYS_);
    CHECK_EQ(run(&p, ARCH_I386, 2, none), RET_ALLOW);
    CHECK_EQ(run(&p, ARCH_I386, X32_FIRST, none), ENOSYS_);
    CHECK_EQ(run(&p, ARCH_ARM, 2, none), KILL);
    program_free(&p);
    ruleset_free(&x);
    ruleset_free(&i);
}

TEST(calls_share_a_rule)
{
    static const struct range ranges[] = {{4, 4}};
    static const struct clause clause = {
        {{.arg = 1, .width = 32, .range_count = 1, .mask = UINT32_MAX, .ranges = ranges}}, 1};
    struct rule rules[] = {
        {.allow = RET_ALLOW, .deny = EPERM_, .clauses = &clause, .clause_count = 1},
        {.deny = RET_ERRNO(5)}};
    struct sys_call calls[] = {
        {.nr = 2, .rules = 1}, {.nr = 3}, {.nr = 7, .rules = 1}, {.nr = 8}, {.nr = 9}};
    struct ruleset shared = {.arch = &archs[ARCH_AARCH64],
                             .unknown = ENOSYS_,
                             .calls = calls,
                             .call_count = ARRAY_COUNT(calls),
                             .rules = rules,
                             .rule_count = ARRAY_COUNT(rules)};
    struct own own[ARRAY_COUNT(calls)];
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
        own[i] = (struct own){calls[i].nr, rules[calls[i].rules]};
    struct program apart = compile(ARCH_AARCH64, own, ARRAY_COUNT(own)), program;
    struct err err;
    CHECK_EQ(bpf_compile((const struct ruleset *[]){&shared}, 1, KILL, &program, &err), 0);
    expect(&program, apart.at, apart.count);
    CHECK_EQ(run(&program, ARCH_AARCH64, 8, (uint64_t[6]){0, 4}), RET_ALLOW);
    CHECK_EQ(run(&program, ARCH_AARCH64, 7, (uint64_t[6]){0, 4}), RET_ERRNO(5));
    program_free(&apart);
    program_free(&program);
}

/* --- arguments --- */

static const struct range zero[] = {{0, 0}}, one[] = {{1, 1}}, few[] = {{1, 1}, {5, 5}},
                          wide[] = {{UINT64_C(0x1fffffff0), UINT64_C(0x500000005)}};

#define ATOM(a, w, m, r)                                                                           \
    {                                                                                              \
        .arg = a, .width = w, .range_count = ARRAY_COUNT(r), .mask = m, .ranges = r                \
    }

/* One call, number 9, that is allowed under the clauses. */
static struct program compile_clauses(enum arch_id arch, const struct clause *clauses,
                                      uint16_t count)
{
    struct own rule = {
        9, {.allow = RET_ALLOW, .deny = EPERM_, .clauses = clauses, .clause_count = count}};
    return compile(arch, &rule, 1);
}

/* The instructions for the clauses alone, without number and ends. */
static size_t size_of_check(enum arch_id arch, const struct clause *clauses, uint16_t count)
{
    struct program p = compile_clauses(arch, clauses, count);
    size_t ends = 4, entry = 4;
    size_t size = p.count - ends - entry;
    program_free(&p);
    return size;
}

TEST(an_int_is_compared_in_its_low_word)
{
    static const struct clause c = {{ATOM(1, 32, UINT32_MAX, one)}, 1};
    struct program little = compile_clauses(ARCH_AARCH64, &c, 1);
    struct program big = compile_clauses(ARCH_S390X, &c, 1);
    CHECK_EQ(run(&little, ARCH_AARCH64, 9, ARGS(0, UINT64_C(0xdead00000001))), RET_ALLOW);
    CHECK_EQ(run(&big, ARCH_S390X, 9, ARGS(0, UINT64_C(0xdead00000001))), RET_ALLOW);
    CHECK_EQ(run(&little, ARCH_AARCH64, 9, ARGS(0, UINT64_C(0x100000000))), EPERM_);
    CHECK_EQ(run(&big, ARCH_S390X, 9, ARGS(0, UINT64_C(0x100000000))), EPERM_);
    CHECK_EQ(size_of_check(ARCH_AARCH64, &c, 1), 2);
    size_t loads[2] = {0};
    for (size_t i = 0; i < little.count; i++)
        loads[0] += little.at[i].code == INSN_LOAD && little.at[i].k == DATA_ARGS + 8;
    for (size_t i = 0; i < big.count; i++)
        loads[1] += big.at[i].code == INSN_LOAD && big.at[i].k == DATA_ARGS + 12;
    CHECK_EQ(loads[0], 1);
    CHECK_EQ(loads[1], 1);
    program_free(&little);
    program_free(&big);
}

TEST(a_long_is_compared_in_both_words_but_on_32_bits)
{
    static const struct clause c = {{ATOM(4, 64, UINT64_MAX, zero)}, 1};
    CHECK_EQ(size_of_check(ARCH_AARCH64, &c, 1), 4);
    CHECK_EQ(size_of_check(ARCH_ARM, &c, 1), 2);
    struct program p = compile_clauses(ARCH_S390X, &c, 1);
    CHECK_EQ(run(&p, ARCH_S390X, 9, ARGS(0, 0, 0, 0, 0)), RET_ALLOW);
    CHECK_EQ(run(&p, ARCH_S390X, 9, ARGS(0, 0, 0, 0, 1)), EPERM_);
    CHECK_EQ(run(&p, ARCH_S390X, 9, ARGS(0, 0, 0, 0, UINT64_C(1) << 32)), EPERM_);
    program_free(&p);
}

TEST(ranges_cross_the_words)
{
    static const struct clause c = {{ATOM(0, 64, UINT64_MAX, wide)}, 1};
    struct program p = compile_clauses(ARCH_X86_64, &c, 1);
    static const struct {
        uint64_t value;
        uint32_t ret;
    } cases[] = {
        {UINT64_C(0x1ffffffef), EPERM_},    {UINT64_C(0x1fffffff0), RET_ALLOW},
        {UINT64_C(0x1ffffffff), RET_ALLOW}, {UINT64_C(0x200000000), RET_ALLOW},
        {UINT64_C(0x4ffffffff), RET_ALLOW}, {UINT64_C(0x500000005), RET_ALLOW},
        {UINT64_C(0x500000006), EPERM_},    {UINT64_C(0x0fffffff5), EPERM_},
        {UINT64_C(0x600000000), EPERM_},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        CHECK_EQ(run(&p, ARCH_X86_64, 9, ARGS(cases[i].value)), cases[i].ret);
    program_free(&p);
}

TEST(clear_bits_are_one_test)
{
    static const struct clause c = {{ATOM(2, 32, 0x413, zero)}, 1};
    CHECK_EQ(size_of_check(ARCH_AARCH64, &c, 1), 2); /* load, JSET */
}

TEST(flags_are_decided_together)
{
    /* Read-only, or write-only, never with 0x40 or 0x400: what open asks for. */
    static const struct clause c[] = {{{ATOM(1, 32, 0x443, zero)}, 1},
                                      {{ATOM(1, 32, 0x443, one)}, 1}};
    struct program p = compile_clauses(ARCH_X86_64, c, 2);
    CHECK_EQ(size_of_check(ARCH_AARCH64, c, 2), 2);
    for (uint64_t flags = 0; flags < 0x1000; flags++)
        CHECK_EQ(run(&p, ARCH_X86_64, 9, ARGS(0, flags)), flags & 0x442 ? EPERM_ : RET_ALLOW);
    program_free(&p);
}

TEST(one_word_under_two_masks)
{
    static const struct range low[] = {{5, 5}, {7, 9}}, high[] = {{0x400, 0xc00}};
    static const struct clause c = {{ATOM(0, 32, 0x3ff, low), ATOM(0, 32, 0x7fc00, high)}, 2};
    struct program p = compile_clauses(ARCH_X86_64, &c, 1);
    for (uint64_t a = 0; a < 0x100000; a++) {
        uint64_t l = a & 0x3ff, h = a & 0x7fc00;
        bool holds = (l == 5 || (l >= 7 && l <= 9)) && h >= 0x400 && h <= 0xc00;
        if (run(&p, ARCH_X86_64, 9, ARGS(a)) != (holds ? RET_ALLOW : EPERM_))
            test_fail(__FILE__, __LINE__, "wrong for %#x", (unsigned)a);
    }
    program_free(&p);
}

TEST(common_conditions_are_asked_once)
{
    static const struct clause same_word[] = {
        {{ATOM(0, 32, UINT32_MAX, one), ATOM(2, 64, UINT64_MAX, zero)}, 2},
        {{ATOM(0, 32, UINT32_MAX, few), ATOM(2, 64, UINT64_MAX, zero)}, 2}};
    static const struct clause two_words[] = {
        {{ATOM(0, 32, UINT32_MAX, one), ATOM(2, 64, UINT64_MAX, zero)}, 2},
        {{ATOM(1, 32, UINT32_MAX, few), ATOM(2, 64, UINT64_MAX, zero)}, 2}};
    CHECK_EQ(size_of_check(ARCH_AARCH64, same_word, 2), 4 + 3); /* the long, then 1 or 5 */
    CHECK_EQ(size_of_check(ARCH_AARCH64, two_words, 2), 4 + 2 + 3);
}

TEST(calls_share_their_checks)
{
    static const struct clause c = {{ATOM(3, 64, UINT64_MAX, few)}, 1};
    struct own rules[8];
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
        rules[i] =
            (struct own){(uint32_t)i * 10,
                         {.allow = RET_ALLOW, .deny = EPERM_, .clauses = &c, .clause_count = 1}};
    struct program p = compile(ARCH_X86_64, rules, ARRAY_COUNT(rules));
    size_t loads = 0;
    for (size_t i = 0; i < p.count; i++)
        loads += p.at[i].code == INSN_LOAD && p.at[i].k >= DATA_ARGS;
    CHECK_EQ(loads, 2);
    program_free(&p);
}

TEST(conditions_that_always_or_never_hold_cost_nothing)
{
    static const struct range all[] = {{0, UINT64_MAX}}, beyond[] = {{0x20, 0x2f}};
    static const struct clause always = {{ATOM(0, 64, UINT64_MAX, all)}, 1};
    static const struct clause never[] = {{{ATOM(0, 32, 0x10, beyond)}, 1},
                                          {{{.arg = 1, .width = 32, .mask = UINT32_MAX}}, 1}};
    struct program p = compile_clauses(ARCH_X86_64, &always, 1);
    CHECK(bpf_constant(&p, archs[ARCH_X86_64].audit, 9));
    program_free(&p);
    p = compile_clauses(ARCH_X86_64, never, 2);
    for (size_t i = 0; i < p.count; i++)
        CHECK(p.at[i].code != INSN_LOAD || p.at[i].k < DATA_IP);
    CHECK_EQ(run(&p, ARCH_X86_64, 9, ARGS(0x20)), EPERM_);
    program_free(&p);
}

TEST(hundreds_of_clauses_for_one_call)
{
    enum { COUNT = 150 };
    static struct range ranges[COUNT][2];
    static struct clause clauses[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        ranges[i][0] = (struct range){i * 3, i * 3 + 1};
        ranges[i][1] = (struct range){i, i};
        clauses[i] = (struct clause){
            {{.arg = 0, .width = 32, .range_count = 1, .mask = UINT32_MAX, .ranges = &ranges[i][0]},
             {.arg = 5,
              .width = 32,
              .range_count = 1,
              .mask = UINT32_MAX,
              .ranges = &ranges[i][1]}},
            2};
    }
    struct program p = compile_clauses(ARCH_X86_64, clauses, COUNT);
    for (uint64_t a = 0; a < 3 * COUNT + 3; a++)
        for (uint64_t b = a / 3; b < a / 3 + 2; b++)
            CHECK_EQ(run(&p, ARCH_X86_64, 9, ARGS(a, 0, 0, 0, 0, b)),
                     a % 3 < 2 && b == a / 3 && b < COUNT ? RET_ALLOW : EPERM_);
    program_free(&p);
}

/* --- far jumps and limits --- */

/* `count` rules with a verdict of their own each. */
static struct own *make_rules(size_t count)
{
    struct own *rules = calloc(count, sizeof *rules);
    for (size_t i = 0; rules && i < count; i++)
        rules[i] = (struct own){(uint32_t)(3 * i),
                                {.always = true, .allow = i % 2 ? RET_ALLOW : RET_ERRNO(i)}};
    return rules;
}

TEST(jumps_beyond_255)
{
    enum { COUNT = 600 };
    CLEAN_FREE struct own *rules = make_rules(COUNT);
    struct program p = compile(ARCH_X86_64, rules, COUNT);
    CHECK(p.count > 2 * INSN_REACH);
    static const uint64_t none[6];
    for (uint32_t nr = 0; nr < 3 * COUNT + 3; nr++)
        CHECK_EQ(run(&p, ARCH_X86_64, nr, none), nr % 3 || nr >= 3 * COUNT ? ENOSYS_
                                                 : nr / 3 % 2              ? RET_ALLOW
                                                                           : RET_ERRNO(nr / 3));
    program_free(&p);
}

TEST(too_large_is_an_error)
{
    CLEAN_FREE struct own *rules = make_rules(4000);
    struct ruleset set = set_of(ARCH_X86_64, 0, rules, 4000);
    const struct ruleset *sets[] = {&set};
    struct program p;
    struct err err;
    CHECK_EQ(bpf_compile(sets, 1, KILL, &p, &err), -E2BIG);
    CHECK_STR(err.text, "the rules need more than 4096 instructions");
    CHECK(p.at == NULL && p.count == 0);
    ruleset_free(&set);
}

TEST(wrong_rule_sets_are_refused)
{
    struct rule rule = {.deny = EPERM_};
    struct sys_call calls[] = {{.nr = 4}, {.nr = 4}, {.nr = X32_FIRST}},
                    ruleless = {.nr = 4, .rules = 1};
    struct ruleset x86_64 = {.arch = &archs[ARCH_X86_64],
                             .calls = calls,
                             .call_count = 1,
                             .rules = &rule,
                             .rule_count = 1};
    struct ruleset x32 = x86_64, twice = x86_64, far = x86_64, lost = x86_64;
    x32.arch = &archs[ARCH_X32];
    twice.call_count = 2;
    far.calls += 1;
    far.call_count = 2;
    lost.calls = &ruleless;
    struct program p;
    struct err err;
    CHECK_EQ(bpf_compile(NULL, 0, KILL, &p, &err), -EINVAL);
    CHECK_EQ(bpf_compile((const struct ruleset *[]){&x32}, 1, KILL, &p, &err), -EINVAL);
    CHECK_STR(err.text, "x32 is always denied and has no rules");
    CHECK_EQ(bpf_compile((const struct ruleset *[]){&twice}, 1, KILL, &p, &err), -EINVAL);
    CHECK_STR(err.text, "x86_64: call 4 is out of order");
    CHECK_EQ(bpf_compile((const struct ruleset *[]){&far}, 1, KILL, &p, &err), -EINVAL);
    CHECK_STR(err.text, "x86_64: call 1073741824 is for x32");
    CHECK_EQ(bpf_compile((const struct ruleset *[]){&lost}, 1, KILL, &p, &err), -EINVAL);
    CHECK_STR(err.text, "x86_64: call 4 has no rule");
    CHECK_EQ(bpf_compile((const struct ruleset *[]){&x86_64, &x86_64}, 2, KILL, &p, &err), -EINVAL);
    CHECK_STR(err.text, "two rule sets for x86_64");
}

/* --- the simulator --- */

static struct program program_of(struct insn *at, size_t count)
{
    return (struct program){.at = at, .count = count};
}

static void refused(struct insn *at, size_t count, const char *why)
{
    struct program p = program_of(at, count);
    struct err err = {""};
    struct seccomp_event event = {.nr = 1};
    uint32_t ret;
    CHECK_EQ(bpf_check(&p, &err), -EINVAL);
    CHECK_STR(err.text, why);
    CHECK_EQ(bpf_run(&p, &archs[ARCH_X86_64], &event, &ret, NULL), -EINVAL);
}

TEST(what_the_kernel_refuses_is_refused)
{
    struct insn empty[1], odd[] = {{INSN_LOAD, 0, 0, 2}, {INSN_RET, 0, 0, 0}},
                          outside[] = {{INSN_LOAD, 0, 0, DATA_SIZE}, {INSN_RET, 0, 0, 0}},
                          open_end[] = {{INSN_LOAD, 0, 0, 0}},
                          behind[] = {{INSN_JEQ, 1, 0, 0}, {INSN_RET, 0, 0, 0}},
                          far[] = {{INSN_JUMP, 0, 0, UINT32_MAX}, {INSN_RET, 0, 0, 0}},
                          other[] = {{0x87, 0, 0, 0}, {INSN_RET, 0, 0, 0}};
    refused(empty, 0, "0 instructions, not 1 to 4096");
    refused(odd, 2, "instruction 0 loads outside of what a filter sees");
    refused(outside, 2, "instruction 0 loads outside of what a filter sees");
    refused(open_end, 1, "instruction 0 runs over the end");
    refused(behind, 2, "instruction 0 jumps behind the end");
    refused(far, 2, "instruction 0 jumps behind the end");
    refused(other, 2, "instruction 0 is not an instruction that vow uses");
}

TEST(the_allow_bitmap_has_what_needs_no_argument)
{
    static const struct clause c = {{ATOM(0, 32, UINT32_MAX, one)}, 1};
    struct own rules[] = {
        {1, {.allow = RET_ALLOW, .always = true}},
        {2, {.allow = RET_ALLOW, .deny = EPERM_, .clauses = &c, .clause_count = 1}},
        {3, {.allow = RET_LOG, .always = true}}};
    struct program p = compile(ARCH_X86_64, rules, 3);
    CHECK(bpf_constant(&p, archs[ARCH_X86_64].audit, 1));
    CHECK(!bpf_constant(&p, archs[ARCH_X86_64].audit, 2)); /* looks at an argument */
    CHECK(!bpf_constant(&p, archs[ARCH_X86_64].audit, 3)); /* not RET_ALLOW */
    CHECK(!bpf_constant(&p, archs[ARCH_X86_64].audit, 4));
    CHECK(!bpf_constant(&p, archs[ARCH_I386].audit, 1));
    program_free(&p);
    struct insn idle[] = {{0x00, 0, 0, 7}, {INSN_RET, 0, 0, RET_ALLOW}}; /* LD IMM */
    p = program_of(idle, 2);
    CHECK(!bpf_constant(&p, archs[ARCH_X86_64].audit, 1));
}

/* A few random bits, at most so many. */
static uint32_t some_bits(size_t most)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < most; i++)
        bits |= UINT32_C(1) << rand() % 32;
    return bits;
}

static bool in_ranges(uint32_t value, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (value >= ranges[i].lo && value <= ranges[i].hi)
            return true;
    return false;
}

TEST(sets_of_values_are_what_plain_search_finds)
{
    srand(1);
    for (int round = 0; round < 3000; round++) {
        uint32_t mask = some_bits(VALUES_BITS), part = mask & some_bits(31);
        struct range ranges[3];
        for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
            ranges[i].lo = part & some_bits(20);
            ranges[i].hi = rand() % 2 ? ranges[i].lo : ranges[i].lo | some_bits(8);
        }
        struct values set = values_where(mask, part, ranges, ARRAY_COUNT(ranges)), edges = {{0}};
        size_t count = values_count(mask), edge = 0;
        uint32_t differ = 0, wanted = 0;
        values_edges(&set, &edges);
        for (size_t i = 0; i < count; i++) {
            uint32_t value = values_nth(mask, i);
            CHECK(i == 0 ? value == 0 : value > values_nth(mask, i - 1) && !(value & ~mask));
            CHECK_EQ(values_have(&set, i), in_ranges(value & part, ranges, ARRAY_COUNT(ranges)));
            bool begins = values_have(&set, i) != (i > 0 && values_have(&set, i - 1));
            CHECK_EQ(values_have(&edges, i), begins);
            if (begins) {
                CHECK_EQ(values_next(&edges, edge, count), i);
                edge = i + 1;
            }
            for (size_t j = 0; (size_t)1 << j < count; j++)
                wanted |= (uint32_t)(values_have(&set, i) != values_have(&set, i ^ (size_t)1 << j))
                          << j;
        }
        for (size_t j = 0; (size_t)1 << j < count; j++)
            differ |= (uint32_t)values_differ(&set, j) << j;
        CHECK_EQ(differ, wanted);
        CHECK_EQ(values_next(&edges, edge, count), count);
    }
}

TEST(ranges_out_of_order_are_refused)
{
    static const struct {
        struct range at[2];
        bool good;
    } lists[] = {
        {{{5, 6}, {1, 2}}, false}, {{{1, 5}, {5, 6}}, false}, {{{1, 1}, {1, 1}}, false},
        {{{1, 2}, {4, 3}}, false}, {{{1, 2}, {3, 4}}, true},
    };
    for (size_t i = 0; i < 3 * ARRAY_COUNT(lists); i++) {
        struct clause clauses[2] = {
            {.atoms = {ATOM(2, 32, UINT32_MAX, few), ATOM(3, 64, UINT64_MAX, lists[i / 3].at)},
             .atom_count = 2}};
        clauses[1] = clauses[0];
        /* the list in a clause that allows, in one that settles, in one that does not count */
        struct own rule = {9, {.clauses = clauses, .always = i % 3 == 2}};
        rule.rule.clause_count = i % 3 != 1;
        rule.rule.settled_count = i % 3 == 1;
        struct ruleset set = set_of(ARCH_X86_64, ENOSYS_, &rule, 1);
        struct program p;
        struct err err;
        bool good = lists[i / 3].good || rule.rule.always;
        CHECK_EQ(bpf_compile((const struct ruleset *[]){&set}, 1, KILL, &p, &err),
                 good ? 0 : -EINVAL);
        if (!good)
            CHECK_STR(err.text, "x86_64: call 9 has ranges that are out of order");
        program_free(&p);
        ruleset_free(&set);
    }
}
