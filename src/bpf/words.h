/* words: clauses on arguments become clauses on the 32-bit words that BPF sees.
 *
 * A condition on 64 bits becomes one on the high and one on the low word;
 * ranges that have several high words become several clauses. Conditions that
 * always hold are left out, and clauses that never do. */
#ifndef VOW_BPF_WORDS_H
#define VOW_BPF_WORDS_H

#include "arch/arch.h"

#define WORDS 12                           /* two an argument */
#define WORD_CONDITIONS (2 * CLAUSE_ATOMS) /* in one clause */
#define WORD_CLAUSES 4096                  /* at most */

/* (word & mask) lies in one of the ranges. */
struct condition {
    uint8_t word; /* 2 * argument, + 1 if the high half */
    uint32_t mask;
    const struct range *ranges; /* those of the clause, where they need no splitting */
    size_t range_count;
};

/* All of these conditions hold. Equal conditions have one index. */
struct word_clause {
    uint16_t at[WORD_CONDITIONS];
    uint16_t count;
};

struct words {
    const struct arch *arch;
    struct arena *memory; /* of ranges that are split */
    struct condition *conditions;
    struct word_clause *clauses;
    size_t condition_count, condition_capacity;
    size_t clause_count, clause_capacity;
    int error; /* the first; later calls do nothing */
};

void words_add(struct words *w, const struct clause *clause);
/* words_clear: forgets all clauses, so that their ranges may go; keeps the other memory. */
void words_clear(struct words *w);
void words_free(struct words *w);

#endif
