/* The library carries the architecture that it runs on and the 32-bit one
 * whose programs the same kernel runs. src/meson.build links the same ones. */
#include "arch/tables.h"

const struct arch_table *const arch_tables[ARCH_COUNT] = {
#if defined(__x86_64__) || defined(__i386__)
    [ARCH_X86_64] = &table_x86_64,
    [ARCH_I386] = &table_i386,
#elif defined(__aarch64__) || defined(__arm__)
    [ARCH_AARCH64] = &table_aarch64,
    [ARCH_ARM] = &table_arm,
#elif defined(__riscv)
    [ARCH_RISCV64] = &table_riscv64,
#elif defined(__powerpc64__)
    [ARCH_PPC64LE] = &table_ppc64le,
#elif defined(__s390x__)
    [ARCH_S390X] = &table_s390x,
#elif defined(__loongarch64)
    [ARCH_LOONGARCH64] = &table_loongarch64,
#elif defined(__mips64)
    [ARCH_MIPS64EL] = &table_mips64el,
#else
#error "no table for this architecture; CONTRIBUTING.md says how to add one"
#endif
};
