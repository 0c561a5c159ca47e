/* tables: how the generated tables are stored; only src/arch/ and promise.c
 * read them. What calls have in common is there once for all architectures and
 * is named by its index: most constants are the same everywhere, so the ten
 * share nearly all. Nothing here is a pointer (arch.h says why). */
#ifndef VOW_TABLES_H
#define VOW_TABLES_H

#include "arch/arch.h"

/* Texts, each ended by NUL and named by its offset. What libvow never says
 * stands apart from what it does, so that the linker leaves it out. */
extern const char table_call_texts[]; /* names, versions, reasons */
#define NO_TEXT 0xffff

/* What is said of a call; sys_call.words indexes it. */
struct call_words {
    uint16_t name_at;
    uint16_t since_at, reason_at; /* or NO_TEXT */
};
extern const struct call_words table_call_words[];

/* sys_call.rules and operation_at index these; operation 0 stands for none. */
extern const struct call_rules table_rules[];
extern const uint16_t table_rule_count;
extern const struct operation table_operations[];

struct stored_atom {
    uint32_t mask;
    uint16_t range_at;
    uint8_t range_count;
    uint8_t arg : 3;
    uint8_t wide : 1, above : 1; /* 64 bits; all bits of its mask above these 32 are set */
    uint8_t launch : 1;          /* the value is $launch_secret */
};

/* A run of refs. */
struct stored_clause {
    uint16_t ref_at : 12, ref_count : 4;
};

extern const struct range table_ranges[];
extern const struct stored_atom table_atoms[];
extern const uint8_t table_refs[]; /* indices of atoms */
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
