/* naive: rule sets → BPF without any art: every number in turn, every clause in
 * turn, every range in turn, nothing shared. Too simple to be wrong in the way
 * in which the compiler could be; bpf_compare then shows the two to be equal
 * for all events. */
#ifndef TEST_NAIVE_H
#define TEST_NAIVE_H

#include "bpf/bpf.h"

/* naive_compile: room for INSN_MAX instructions in `out`; false if that is too
 * few. */
bool naive_compile(const struct ruleset *set, uint32_t foreign, struct program *out);

#endif
