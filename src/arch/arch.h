/* arch: the facts of each architecture, generated from data/. PURE.
 *
 * One `struct arch_table` an architecture holds its system calls, sorted by
 * number, and for each call the grants: the family that allows it and the
 * clause under which it does. The constants in the clauses (O_CREAT,
 * TIOCSTI, …) already have the values of that architecture. data/README.md
 * has the text formats, tools/gen-tables.py writes the C.
 *
 * The stored tables hold offsets and indices, never pointers: libvow carries
 * them into other people's programs, where each pointer would cost a
 * relocation of 24 bytes and a dirty page. So names, reasons and clauses are
 * had through functions.
 */
#ifndef VOW_ARCH_H
#define VOW_ARCH_H

#include "base/base.h"

enum arch_id {
    ARCH_X86_64,
    ARCH_I386,
    ARCH_X32, /* numbers carry bit 30; never allowed, kept to name calls */
    ARCH_AARCH64,
    ARCH_ARM,
    ARCH_RISCV64,
    ARCH_PPC64LE,
    ARCH_S390X,
    ARCH_LOONGARCH64,
    ARCH_MIPS64EL,
    ARCH_COUNT,
};

/* The numbers that x86_64's kernel takes for x32's: bit 30 is set. Negative
 * ones are nobody's, though the bit may be set in them. */
#define X32_BIT 0x40000000u
#define X32_FIRST X32_BIT
#define X32_LAST 0x7fffffffu

struct arch {
    enum arch_id id;
    char name[12];        /* as in `--arch`; uname -m's word where there is one */
    char oci_name[24];    /* SCMP_ARCH_… */
    uint32_t audit;       /* AUDIT_ARCH_…, seccomp_data.arch */
    uint16_t elf_machine; /* EM_… */
    uint8_t bits;         /* width of a system call argument: 32 or 64 */
    bool elf64;           /* ELFCLASS64 */
    bool big_endian;      /* decides which half of an argument comes first */
    uint16_t enosys;      /* ENOSYS: 38, on mips 89 */
};

/* One inclusive range of values. */
struct range {
    uint64_t lo, hi;
};

/* (args[arg] & mask) lies in one of the ranges. width is what the kernel
 * reads: 32 looks at the low word alone, 64 at both (on a 32-bit
 * architecture the high word is always 0 and is not looked at). mask and
 * ranges are already cut to the width. Ranges are sorted and disjoint. */
struct atom {
    uint8_t arg;
    uint8_t width;
    uint16_t range_count;
    uint64_t mask;
    const struct range *ranges; /* none: no value fits */
};

/* All atoms hold. No atoms: always. Atoms are sorted by argument. */
#define CLAUSE_ATOMS 6
struct clause {
    struct atom atoms[CLAUSE_ATOMS];
    size_t atom_count;
};

/* `family` (enum family) allows the call where its clause holds. */
struct grant {
    uint8_t family;
    uint8_t clause; /* for grant_clause() */
};

/* What a call does to which object; for the watcher and the words.
 * Argument indices, -1 where there is none. */
struct operation {
    uint8_t kind; /* enum operation_kind (policy/decide.h) */
    int8_t dir, path, flags, mode;
    int8_t dir2, path2;
    int8_t fd, address, size;
};

/* What calls that are judged alike have in common. */
struct call_rules {
    uint16_t grant_at;
    uint8_t grant_count; /* 0: no promise has it */
    uint8_t denial;      /* errno of a denial: EPERM, or ENOSYS where libcs
                            fall back (clone3, openat2, …) */
    uint8_t operation_at;
};

struct sys_call {
    uint32_t nr : 31;    /* as in seccomp_data.nr: x32's with bit 30 */
    uint32_t opaque : 1; /* the kernel takes what matters from memory (s390x's mmap,
                            i386's socketcall): BPF cannot judge; docs name each */
    uint16_t rules, words;
};

struct arch_table {
    const struct arch *arch;
    const struct sys_call *calls; /* sorted by nr */
    size_t call_count;
};

extern const struct arch archs[ARCH_COUNT];

/* arch_table: NULL for an architecture that this build does not carry
 * (libvow carries its own and the 32-bit companion only). */
const struct arch_table *arch_table(enum arch_id id);
/* arch_native: the architecture that this code was compiled for. */
const struct arch *arch_native(void);
/* arch_by_name, arch_by_audit, arch_by_elf: NULL if unknown. arch_by_audit
 * tells x86_64 from x32 by nr. */
const struct arch *arch_by_name(const char *name);
const struct arch *arch_by_audit(uint32_t audit, uint32_t nr);
const struct arch *arch_by_elf(uint16_t machine, bool elf64, bool big_endian);
/* arch_call: by number or by name on one architecture, NULL if it has none. */
const struct sys_call *arch_call(const struct arch *arch, uint32_t nr);
const struct sys_call *arch_call_by_name(const struct arch *arch, const char *name);

/* call_rules: how a call is judged; sys_call.rules is below call_rules_count(). */
const struct call_rules *call_rules(const struct sys_call *call);
size_t call_rules_count(void);
const char *call_name(const struct sys_call *call);
/* call_since: the kernel that first had it ("5.9"; "<=5.10": that one has it,
 * the first is not known), NULL where nothing can be shown. */
const char *call_since(const struct sys_call *call);
/* call_reason: why no promise has it; NULL if a family does. */
const char *call_reason(const struct sys_call *call);
/* call_operation: NULL if there is nothing to say but the name. */
const struct operation *call_operation(const struct sys_call *call);
/* call_grants: as many as its rules say, in the order of the families. */
const struct grant *call_grants(const struct sys_call *call);
/* grant_is_free: does it ask nothing of the arguments? */
bool grant_is_free(const struct grant *grant);
/* grant_clause: the clause of a grant. `launch` stands for $launch_secret, as the
 * range from it to itself; it must outlive `out`. NULL, or a number that is
 * wider than the word: no value fits. */
void grant_clause(const struct grant *grant, const struct range *launch, struct clause *out);
/* grant_words: what the clause asks, as data/families/ writes it, without what
 * this architecture does not have: "a1 in TCGETS FIONREAD"; "" for always. The
 * command has it, libvow has not. */
const char *grant_words(const struct arch *arch, const struct grant *grant);
/* arch_is_x32: is it a number of x86_64's that the kernel takes for x32's? */
bool arch_is_x32(const struct arch *arch, uint32_t nr);
/* clause_holds: args cut to the architecture's width as the kernel hands
 * them to a filter. */
bool clause_holds(const struct clause *clause, const uint64_t args[6]);

#endif
