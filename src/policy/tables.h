/* tables: how promises and families are stored; only promise.c reads it.
 * Texts are offsets as in arch/tables.h. Names and words that only the command
 * says have tables of their own. */
#ifndef VOW_POLICY_TABLES_H
#define VOW_POLICY_TABLES_H

#include "policy/promise.h"

extern const char table_promise_texts[], table_promise_words[];
extern const char table_family_texts[], table_family_words[];

struct promise_row {
    uint8_t name_at;
    bool inert;
};

struct family_row {
    uint16_t words_at;
    uint8_t set_at, set_count; /* a run of table_promise_sets */
};

extern const struct promise_row table_promises[];
extern const uint16_t table_promise_words_at[];
extern const struct family_row table_families[];
extern const uint16_t table_family_names_at[];
extern const promise_set table_promise_sets[];

#endif
