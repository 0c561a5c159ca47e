/* What follows a syscall, and whether it can make room for a jump. */
#include <errno.h>
#include <string.h>

#include "box/arch/x86_64/insn.h"
#include "box/arch/x86_64/site.h"
#include "box/layout.h"
#include "harness.h"

enum { GATE = 56 };

/* Behind a syscall at an address that ends in `low`. */
static int read_site(const char *behind, size_t size, unsigned low, struct site *out)
{
    uint8_t code[SITE_REACH] = {0x0f, 0x05};
    memcpy(code + 2, behind, size);
    return site_read(code, size + 2, low, out);
}
#define READ(behind, low, out) read_site(behind, sizeof(behind) - 1, low, out)

TEST(what_libcs_have_behind_a_syscall)
{
    struct site s;
    CHECK_EQ(READ("\x48\x3d\x00\xf0\xff\xff", 0, &s), 0); /* cmp $-4096, %rax */
    CHECK_EQ(s.size, 8);
    CHECK_EQ(s.guarded, 1 << 2);
    CHECK(!s.ends);
    CHECK_EQ(READ("\x89\xc3\x85\xc0", 0, &s), 0); /* mov %eax, %ebx; test %eax, %eax */
    CHECK_EQ(s.count, 2);
    CHECK_EQ(s.guarded, 1 << 2 | 1 << 4);
    CHECK_EQ(READ("\xeb\x10\x0f\x1f\x00", 0, &s), 0); /* jmp; padding */
    CHECK(s.ends);
    CHECK_EQ(s.guarded, 1 << 2);
}

TEST(what_stays_in_its_place)
{
    static const char *const stays[] = {"\xe8\x01\x02\x03\x04", "\x0f\x05\x90", "\xcc\x90\x90",
                                        "\xf4\x90\x90",         "\xff\xd0\x90", "\xe3\x10\x90",
                                        "\xf0\x0f\xb1\x0f"};
    struct site s;
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
        CHECK_EQ(read_site(stays[i], strlen(stays[i]), 0, &s), -ENOTSUP);
    CHECK_EQ(READ("\x89\xc3\x85", 0, &s), -ENOTSUP); /* not whole */
    CHECK_EQ(READ("\x89\xc3\x85\xc0", 0, &s), 0);
    CHECK_EQ(site_read((const uint8_t *)"\x0f\x34\x90\x90\x90", 5, 0, &s), -EINVAL);
}

/* Padding behind a return may make room, the next function may not. */
TEST(the_next_function)
{
    struct site s;
    CHECK_EQ(READ("\xc3\x90\x90\x90", 0, &s), 0);
    CHECK_EQ(READ("\xc3\xcc\xcc\xcc", 13, &s), 0);
    CHECK_EQ(READ("\xc3\x55\x53\x90", 0, &s), -ENOTSUP);
    CHECK_EQ(READ("\xc3\x90\x90\x90", 13, &s),
             -ENOTSUP); /* behind it an address that functions have */
    CHECK_EQ(READ("\xc3\x90\x90\x90", 12, &s), -ENOTSUP);
    CHECK_EQ(READ("\xc3\x90\x90\x90", 11, &s), 0); /* the jump ends there */
}

/* Where somebody may come to, the jump has a byte that is no instruction. */
TEST(the_distance)
{
    static const uint8_t none[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f,
                                   0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xea};
    struct site s;
    struct stub out;
    uint8_t code[SITE_REACH] = {0x0f, 0x05, 0x89, 0xc3, 0x85, 0xc0};
    unsigned fits = 0;
    CHECK_EQ(site_read(code, sizeof code, 0, &s), 0);
    for (int64_t distance = TEXT_STUBS; distance < (int64_t)TEXT_STUBS + 65536;
         distance += STUB_SIZE) {
        if (!site_fits(&s, distance))
            continue;
        fits++;
        CHECK_EQ(site_write(&s, code, distance, GATE, &out), 0);
        CHECK(memchr(none, out.jump[2], sizeof none) != NULL);
        CHECK(memchr(none, out.jump[4], sizeof none) != NULL);
    }
    CHECK(fits >= 64); /* of 1024: there is room for many on a few pages */
    CHECK(!site_fits(&s, INT64_C(1) << 40));
}
