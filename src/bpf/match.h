/* match: the argument checks of one call. */
#ifndef VOW_BPF_MATCH_H
#define VOW_BPF_MATCH_H

#include "bpf/graph.h"

/* match_build: the answer of a rule that depends on arguments, entered while the register holds
 * `held`. */
node match_build(struct graph *g, const struct arch *arch, const struct rule *rule,
                 struct held held);

#endif
