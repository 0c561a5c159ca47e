/* match: the argument checks of one call. */
#ifndef VOW_BPF_MATCH_H
#define VOW_BPF_MATCH_H

#include "bpf/graph.h"
#include "bpf/words.h"

/* Matches one rule after the other; made as {graph, {.arch = …, .memory = &graph->scratch}}, ended
 * by words_free. */
struct matcher {
    struct graph *g;
    struct words words; /* empty between two rules; its memory serves the next one */
};

/* match_build: the answer of a rule that depends on arguments, entered while the register holds
 * `held`. */
node match_build(struct matcher *matcher, const struct rule *rule, struct held held);

#endif
