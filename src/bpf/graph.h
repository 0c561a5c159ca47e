/* graph: programs while they are built.
 *
 * A node is one instruction that knows its successors, so a node is a whole
 * program tail. Nodes are hash-consed: equal tails are one node, whoever asks
 * for them, and cost their instructions once. The graph has no cycles, since
 * successors exist before the node; classic BPF could not express one.
 *
 * What the register holds is not stored in nodes. Builders pass it along as
 * `struct held`, and graph_look() puts a load before a tail only where the
 * register does not hold already what the tail wants.
 *
 * Failure sticks: after the first one `error` is set, every function returns
 * node 0 and does nothing, and the caller checks once at the end. */
#ifndef VOW_BPF_GRAPH_H
#define VOW_BPF_GRAPH_H

#include "bpf/bpf.h"

typedef uint32_t node;

struct graph_node {
    uint16_t code;
    uint32_t k;
    node next[2]; /* if true, if false; load and AND have next[0] alone */
};

#define END_SLOTS 8

struct graph {
    struct graph_node *nodes;
    size_t count;
    uint16_t *slots;      /* open addressing, 0 is free, else node + 1 */
    size_t slot_count;    /* room for half as many nodes */
    node ends[END_SLOTS]; /* of the return values asked for last, + 1 */
    struct arena scratch; /* of the builders; each gives back what it took */
    int error;
};

/* The register holds the word at `offset`, cut to `mask`. */
struct held {
    uint16_t offset;
    uint32_t mask;
};
#define HELD_NOTHING ((struct held){UINT16_MAX, 0})
#define HELD_WORD(offset) ((struct held){offset, UINT32_MAX})

void graph_free(struct graph *g);
/* graph_scratch: arena_take from the scratch; NULL if anything failed. */
void *graph_scratch(struct graph *g, size_t count, size_t size);
node graph_ret(struct graph *g, uint32_t value);
/* graph_test: code is one of INSN_JEQ, JGT, JGE, JSET. */
node graph_test(struct graph *g, uint16_t code, uint32_t k, node if_true, node if_false);
/* graph_look: enters `body`, which wants the register to hold `want`, when it
 * holds `have`. */
node graph_look(struct graph *g, struct held have, struct held want, node body);

/* graph_assemble: lays the tail `root` out as a program (assemble.c). */
int graph_assemble(const struct graph *g, node root, struct program *out);

#endif
