/* tables: how the generated tables are stored; only arch.c and promise.c read
 * them. Everything that calls have in common is there once and is named by
 * its index. No pointers but one set an architecture (arch.h says why). */
#ifndef VOW_TABLES_H
#define VOW_TABLES_H

#include "arch/arch.h"

/* Every name and version; every reason and all words of promises and families.
 * Each is ended by NUL and named by its offset. */
extern const char table_names[];
extern const char table_sentences[];
#define NO_TEXT 0xffff

/* since_at and operation_at index these; row 0 stands for none. */
extern const uint16_t table_since[];
extern const struct operation table_operations[];

struct stored_atom {
    uint64_t mask;
    uint16_t range_at, range_count;
    uint8_t arg, width;
    bool launch; /* the value is $launch_fd */
};

struct stored_clause {
    uint16_t ref_at;
    uint16_t ref_count;
};

struct arch_pools {
    const struct range *ranges;
    const struct stored_atom *atoms;
    const uint16_t *refs; /* indices of atoms; a clause is a run of them */
    const struct stored_clause *clauses;
    const struct grant *grants;
};

/* One each in tables_ARCH.c. */
extern const struct arch_table table_x86_64, table_i386, table_x32, table_aarch64, table_arm,
    table_riscv64, table_ppc64le, table_s390x, table_loongarch64, table_mips64el;

/* Which of them this program carries: tables_all.c or tables_own.c. */
extern const struct arch_table *const arch_tables[ARCH_COUNT];

/* Each architecture's clauses in words, as offsets into table_word_texts;
 * the command alone carries them (words.c). */
extern const char table_word_texts[];
extern const uint16_t *const table_words[ARCH_COUNT];

#endif
