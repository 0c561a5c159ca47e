/* tables: how the generated tables are stored; only src/arch/ and promise.c
 * read them. What calls have in common is there once for all architectures and
 * is named by its index: most constants are the same everywhere, so the ten
 * share nearly all. Nothing here is a pointer (arch.h says why). */
#ifndef VOW_TABLES_H
#define VOW_TABLES_H

#include "arch/arch.h"

/* The names of calls, and versions; those of promises and families; every
 * reason and all words. Each is ended by NUL and named by its offset. */
extern const char table_call_names[];
extern const char table_names[];
extern const char table_sentences[];
#define NO_TEXT 0xffff /* a grant_at that is no reason */

/* since_at and operation_at index these; row 0 stands for none. */
extern const uint16_t table_since[];
extern const struct operation table_operations[];

struct stored_atom {
    uint64_t mask;
    uint16_t range_at, range_count;
    uint8_t arg, width;
    bool launch; /* the value is $launch_secret */
};

struct stored_clause {
    uint16_t ref_at;
    uint16_t ref_count;
};

extern const struct range table_ranges[];
extern const struct stored_atom table_atoms[];
extern const uint16_t table_refs[]; /* indices of atoms; a clause is a run of them */
extern const struct stored_clause table_clauses[];
extern const struct grant table_grants[];

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
