/* filter: the seccomp filter of a run. PURE.
 *
 * What a filter is depends on the promises, the machine and a random number alone,
 * and the sets of promises that are asked for most are known: the one that is taken
 * where none is given, and those of the presets. Their filters are compiled when vow
 * is built (tools/prepare-filters.c), which saves a start an eighth of its time. */
#ifndef VOW_FILTER_H
#define VOW_FILTER_H

#include "bpf/bpf.h"

/* filter_companion: the 32-bit architecture that this machine's kernel runs besides, or
 * NULL. */
const struct arch *filter_companion(const struct arch *native);

/* filter_compile: for a program of this architecture, native or its companion. One
 * filter for what may run: where exec is off the program's architecture alone; a program
 * of the companion needs one native call more, our exec. */
int filter_compile(const struct policy *policy, const struct arch *program,
                   const struct filter_mode *mode, struct program *out, struct err *err);

/* filter_prepared: what filter_compile would make, if it was made at build time; false if
 * it was not, or if there is no memory. The tests hold both to be equal. */
bool filter_prepared(const struct policy *policy, const struct arch *program,
                     const struct filter_mode *mode, struct program *out);

struct prepared_filter {
    promise_set promises;
    uint32_t first;     /* of prepared_insns */
    uint16_t count;     /* 0: behind the last */
    uint16_t secret[2]; /* the instructions that compare the halves of the launch secret, the
                           low one first; 0: none */
};
extern const struct prepared_filter prepared_filters[];
extern const struct insn prepared_insns[];

#endif
