/* What is said about programs: how long their ways are, in words, and how two
 * of them differ. */
#include "bpf/bpf.h"
#include "bpf/insn.h"
#include "harness.h"

#include <errno.h>
#include <string.h>

#define EPERM_ RET_ERRNO(1)

/* nr 5: allowed where a0 is 0; 6: where a1 & 0x30 is 0x10. */
static struct insn example[] = {
    {INSN_LOAD, 0, 0, DATA_ARCH}, {INSN_JEQ, 0, 9, 0xc00000b7},
    {INSN_LOAD, 0, 0, DATA_NR},   {INSN_JEQ, 0, 2, 5},
    {INSN_LOAD, 0, 0, DATA_ARGS}, {INSN_JEQ, 4, 6, 0},
    {INSN_JEQ, 0, 5, 6},          {INSN_LOAD, 0, 0, DATA_ARGS + 12},
    {INSN_AND, 0, 0, 0x30},       {INSN_JEQ, 0, 2, 0x10},
    {INSN_RET, 0, 0, RET_ALLOW},  {INSN_RET, 0, 0, RET_KILL_PROCESS},
    {INSN_RET, 0, 0, EPERM_},
};

static struct program program_of(struct insn *at, size_t count)
{
    struct program program = {.at = at, .count = count};
    struct err err = {""};
    CHECK_EQ(bpf_check(&program, &err), 0);
    return program;
}

static size_t longest(const struct program *p, uint32_t nr, uint32_t end)
{
    return bpf_longest_way(
        p, &(struct bpf_way){.audit = archs[ARCH_AARCH64].audit, .nr = nr, .end = end});
}

TEST(the_longest_way_counts_what_may_run)
{
    struct program p = program_of(example, ARRAY_COUNT(example));
    CHECK_EQ(bpf_longest_way(&p, &(struct bpf_way){.any_call = true, .any_end = true}), 9);
    CHECK_EQ(longest(&p, 5, RET_ALLOW), 7);
    CHECK_EQ(longest(&p, 6, RET_ALLOW), 9);
    CHECK_EQ(longest(&p, 7, RET_ALLOW), 0);
    CHECK_EQ(longest(&p, 7, EPERM_), 6);
    struct bpf_way six = {.audit = archs[ARCH_AARCH64].audit, .nr = 6};
    CHECK(bpf_reaches(&p, &six, 8));
    CHECK(!bpf_reaches(&p, &six, 4));
}

TEST(programs_in_words)
{
    struct program p = program_of(example, ARRAY_COUNT(example));
    CLEAN_STR struct str text = {0};
    bpf_print(&text, &p, &archs[ARCH_AARCH64]);
    CHECK_STR(str_get(&text), "   0: load arch\n"
                              "   1: if == 0xc00000b7 aarch64: 2, else 11\n"
                              "   2: load number\n"
                              "   3: if == 5 setxattr: 4, else 6\n"
                              "   4: load a0  of setxattr\n"
                              "   5: if == 0: 10, else 12\n"
                              "   6: if == 6 lsetxattr: 7, else 12\n"
                              "   7: load a1 high  of lsetxattr\n"
                              "   8: and 0x30\n"
                              "   9: if == 0x10: 10, else 12\n"
                              "  10: allow\n"
                              "  11: kill\n"
                              "  12: deny with EPERM\n");
}

static void ret(uint32_t value, enum arch_id arch, const char *words)
{
    CLEAN_STR struct str text = {0};
    bpf_print_ret(&text, value, &archs[arch]);
    CHECK_STR(str_get(&text), words);
}

TEST(return_values_in_words)
{
    ret(RET_ERRNO(38), ARCH_X86_64, "deny with ENOSYS");
    ret(RET_ERRNO(38), ARCH_MIPS64EL, "deny with error 38");
    ret(RET_ERRNO(89), ARCH_MIPS64EL, "deny with ENOSYS");
    ret(RET_USER_NOTIF, ARCH_X86_64, "notify");
    ret(0x12345678, ARCH_X86_64, "return 0x12345678");
}

struct found {
    size_t known, unknown, allowed_by_second;
    struct seccomp_event last; /* of a known call */
};

static void note(void *context, const struct sys_call *call, const struct difference *d)
{
    struct found *found = context;
    CHECK(d->first != d->second);
    CHECK(!call || call->nr == d->event.nr);
    if (call)
        found->last = d->event;
    found->known += call != NULL;
    found->unknown += call == NULL;
    found->allowed_by_second += d->second == RET_ALLOW;
}

static struct found compare(struct insn *a, size_t a_count, struct insn *b, size_t b_count)
{
    struct program first = program_of(a, a_count), second = program_of(b, b_count);
    struct found found = {0};
    CHECK_EQ(bpf_compare(&first, &second, &archs[ARCH_AARCH64], note, &found), 0);
    return found;
}

TEST(a_program_does_not_differ_from_itself)
{
    struct found found = compare(example, ARRAY_COUNT(example), example, ARRAY_COUNT(example));
    CHECK_EQ(found.known + found.unknown, 0);
}

TEST(one_changed_constant_is_found)
{
    for (size_t i = 0; i < ARRAY_COUNT(example); i++) {
        struct insn changed[ARRAY_COUNT(example)];
        if (example[i].code == INSN_LOAD || example[i].code == INSN_AND || i == 1 || i == 11)
            continue; /* other words, or other architectures */
        memcpy(changed, example, sizeof example);
        changed[i].k ^= 0x20;
        struct found found = compare(example, ARRAY_COUNT(example), changed, ARRAY_COUNT(example));
        CHECK(found.known > 0);
        if (i == 9) /* 0x30 instead of 0x10 */
            CHECK_EQ(found.last.args[1] >> 32 & 0x30, 0x30);
    }
}

/* if (word & mask) … k: allow, else EPERM */
#define ASK(code, mask, k)                                                                         \
    {                                                                                              \
        {INSN_LOAD, 0, 0, DATA_ARGS}, {INSN_AND, 0, 0, mask}, {code, 0, 1, k},                     \
            {INSN_RET, 0, 0, RET_ALLOW},                                                           \
        {                                                                                          \
            INSN_RET, 0, 0, EPERM_                                                                 \
        }                                                                                          \
    }

TEST(different_words_for_the_same_are_equal)
{
    struct insn bit_set[] = ASK(INSN_JSET, UINT32_MAX, 8), bit_left[] = ASK(INSN_JEQ, 8, 8),
                above[] = ASK(INSN_JGE, UINT32_MAX, 8), beyond[] = ASK(INSN_JGT, UINT32_MAX, 7),
                high_bits[] = ASK(INSN_JSET, UINT32_MAX, 0xfffffff8),
                one_less[] = ASK(INSN_JSET, UINT32_MAX, 0x7ffffff8);
    struct found found = compare(bit_set, 5, bit_left, 5);
    CHECK_EQ(found.known + found.unknown, 0);
    found = compare(above, 5, beyond, 5);
    CHECK_EQ(found.known + found.unknown, 0);
    found = compare(above, 5, high_bits, 5);
    CHECK_EQ(found.known + found.unknown, 0);
    found = compare(above, 5, one_less, 5);
    CHECK(found.known > 0 && found.unknown > 0);
    CHECK_EQ(found.last.args[0], 0x80000000);
    CHECK_EQ(found.allowed_by_second, 0);
}

TEST(unknown_numbers_are_compared_too)
{
    struct insn all[] = {{INSN_RET, 0, 0, EPERM_}};
    struct insn but_one[] = {{INSN_LOAD, 0, 0, DATA_NR},
                             {INSN_JEQ, 0, 1, 123456},
                             {INSN_RET, 0, 0, RET_ALLOW},
                             {INSN_RET, 0, 0, EPERM_}};
    struct found found = compare(all, 1, but_one, 4);
    CHECK_EQ(found.known, 0);
    CHECK_EQ(found.unknown, 1);
    CHECK_EQ(found.allowed_by_second, 1);
}

TEST(what_does_not_load_is_not_compared)
{
    struct insn open_end[] = {{INSN_LOAD, 0, 0, 0}}, end[] = {{INSN_RET, 0, 0, 0}};
    struct program wrong = {.at = open_end, .count = 1}, right = {.at = end, .count = 1};
    CHECK_EQ(bpf_compare(&wrong, &right, &archs[ARCH_X86_64], note, NULL), -EINVAL);
    CHECK_EQ(bpf_compare(&right, &wrong, &archs[ARCH_X86_64], note, NULL), -EINVAL);
}
