/* The command carries every architecture: it explains, exports and compares
 * filters of machines that it does not run on. */
#include "arch/tables.h"

const struct arch_table *const arch_tables[ARCH_COUNT] = {
    [ARCH_X86_64] = &table_x86_64,
    [ARCH_I386] = &table_i386,
    [ARCH_X32] = &table_x32,
    [ARCH_AARCH64] = &table_aarch64,
    [ARCH_ARM] = &table_arm,
    [ARCH_RISCV64] = &table_riscv64,
    [ARCH_PPC64LE] = &table_ppc64le,
    [ARCH_S390X] = &table_s390x,
    [ARCH_LOONGARCH64] = &table_loongarch64,
    [ARCH_MIPS64EL] = &table_mips64el,
};
