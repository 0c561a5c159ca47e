/* assemble: lays a graph out as a program.
 *
 * The program is written from its end, every successor before the node, so that
 * all jumps go forward and each distance is known when its jump is written.
 * A successor that is out of a conditional jump's reach (255) gets a stand-in
 * in front of it: a copy of the node where that is one instruction that ends
 * or branches within reach, else a JA. Later jumps use the nearest stand-in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/graph.h"
#include "bpf/insn.h"

struct assembly {
    const struct graph *g;
    struct insn *at; /* the program fills the end of it */
    size_t count, most;
    uint16_t *near; /* by node: where it or its nearest stand-in was written + 1; 0: not yet */
    int error;      /* the first; nothing is written after it */
};

/* The distance of a jump that is written next. */
static size_t distance(const struct assembly *a, node to)
{
    return a->count - a->near[to];
}

static void put(struct assembly *a, struct insn insn)
{
    if (a->count == a->most)
        a->error = -E2BIG;
    if (!a->error)
        a->at[a->most - ++a->count] = insn;
}

/* A test of which the successors are written; false if one is out of reach. */
static bool aim(const struct assembly *a, const struct graph_node *n, struct insn *out)
{
    size_t yes = distance(a, n->next[0]), no = distance(a, n->next[1]);
    *out = (struct insn){n->code, (uint8_t)yes, (uint8_t)no, n->k};
    return yes <= INSN_REACH && no <= INSN_REACH;
}

/* Writes a stand-in for a node that is written already. */
static void put_stand_in(struct assembly *a, node to)
{
    const struct graph_node *n = &a->g->nodes[to];
    struct insn insn = {n->code, 0, 0, n->k};
    if (n->code != INSN_RET && !(insn_is_test(n->code) && aim(a, n, &insn)))
        insn = (struct insn){INSN_JUMP, 0, 0, (uint32_t)distance(a, to)};
    put(a, insn);
    a->near[to] = (uint16_t)a->count;
}

/* Writes one node whose successors are written. */
static void put_node(struct assembly *a, node at)
{
    const struct graph_node *n = &a->g->nodes[at];
    struct insn insn = {n->code, 0, 0, n->k};
    if (insn_is_test(n->code)) {
        for (int i = 0; !aim(a, n, &insn) && !a->error; i ^= 1)
            if (distance(a, n->next[i]) > INSN_REACH)
                put_stand_in(a, n->next[i]);
    } else if (n->code != INSN_RET && distance(a, n->next[0]) > 0) {
        put_stand_in(a, n->next[0]);
    }
    put(a, insn);
    a->near[at] = (uint16_t)a->count;
}

/* Successors first. Every node on the path from the root becomes an
 * instruction, so a deep path means a long program. */
static void put_tail(struct assembly *a, node at, size_t depth)
{
    const struct graph_node *n = &a->g->nodes[at];
    if (depth == INSN_MAX)
        a->error = -E2BIG;
    if (a->error)
        return;
    if (insn_is_test(n->code) && !a->near[n->next[1]])
        put_tail(a, n->next[1], depth + 1);
    if (n->code != INSN_RET && !a->near[n->next[0]])
        put_tail(a, n->next[0], depth + 1);
    put_node(a, at);
}

static int assemble(struct assembly *a, node root, struct program *out)
{
    put_tail(a, root, 0);
    if (a->error)
        return a->error;
    memmove(a->at, a->at + a->most - a->count, a->count * sizeof *a->at);
    *out = (struct program){take_ptr(a->at), a->count, a->most};
    return 0;
}

int graph_assemble(const struct graph *g, node root, struct program *out)
{
    *out = (struct program){0};
    if (g->error)
        return g->error;
    /* With its successors' stand-ins a node takes three instructions at most. */
    size_t most = 3 * g->count < INSN_MAX ? 3 * g->count : INSN_MAX;
    struct assembly a = {.g = g, .most = most};
    a.at = malloc(most * sizeof *a.at);
    a.near = calloc(g->count, sizeof *a.near);
    int result = a.at && a.near ? assemble(&a, root, out) : -ENOMEM;
    free(a.near);
    free(a.at);
    return result;
}
