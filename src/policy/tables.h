/* tables: how promises and families are stored; only promise.c reads it.
 * Texts are offsets as in arch/tables.h. */
#ifndef VOW_POLICY_TABLES_H
#define VOW_POLICY_TABLES_H

#include "policy/promise.h"

struct promise_row {
    uint16_t name_at, words_at;
    bool inert;
};

struct family_row {
    uint16_t name_at, words_at;
    uint8_t set_at, set_count; /* a run of table_promise_sets */
};

extern const struct promise_row table_promises[];
extern const struct family_row table_families[];
extern const promise_set table_promise_sets[];

#endif
