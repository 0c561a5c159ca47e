/* The numbers of the tables against libseccomp's, as far as both know a name. */
#include "arch/arch.h"
#include "harness.h"

#include <seccomp.h>
#include <stdlib.h>

static const struct {
    const char *name;
    uint32_t token;
} tokens[] = {
    {"x86_64", SCMP_ARCH_X86_64},
    {"i386", SCMP_ARCH_X86},
    {"x32", SCMP_ARCH_X32},
    {"aarch64", SCMP_ARCH_AARCH64},
    {"arm", SCMP_ARCH_ARM},
    {"ppc64le", SCMP_ARCH_PPC64LE},
    {"s390x", SCMP_ARCH_S390X},
    {"mips64el", SCMP_ARCH_MIPSEL64},
#ifdef SCMP_ARCH_RISCV64
    {"riscv64", SCMP_ARCH_RISCV64},
#endif
#ifdef SCMP_ARCH_LOONGARCH64
    {"loongarch64", SCMP_ARCH_LOONGARCH64},
#endif
};

TEST(numbers_agree_with_libseccomp)
{
    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
        const struct arch_table *table = arch_table(arch_by_name(tokens[i].name)->id);
        size_t known = 0;
        for (size_t k = 0; k < table->call_count; k++) {
            const char *name = call_name(&table->calls[k]);
            int nr = seccomp_syscall_resolve_name_arch(tokens[i].token, name);
            if (nr < 0)
                continue; /* newer than libseccomp, or multiplexed there */
            known++;
            if ((uint32_t)nr != table->calls[k].nr)
                test_fail(__FILE__, __LINE__, "%s is %#x on %s, libseccomp says %#x", name,
                          table->calls[k].nr, tokens[i].name, nr);
        }
        CHECK(known > 300);
    }
}

/* And the other way: what libseccomp has under a number is in the table. */
TEST(libseccomps_numbers_are_in_the_tables)
{
    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
        const struct arch *arch = arch_by_name(tokens[i].name);
        uint32_t base = arch->id == ARCH_X32 ? X32_BIT : arch->id == ARCH_MIPS64EL ? 5000 : 0;
        for (uint32_t nr = base; nr < base + 600; nr++) {
            char *name = seccomp_syscall_resolve_num_arch(tokens[i].token, (int)nr);
            if (name && !arch_call(arch, nr))
                test_fail(__FILE__, __LINE__, "libseccomp has %s, %#x, on %s", name, nr,
                          tokens[i].name);
            free(name);
        }
    }
}
