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
    uint32_t *near; /* by node: where it or its nearest stand-in was written + 1; 0: not yet */
};

static bool in_reach(const struct assembly *a, node to)
{
    return a->count - a->near[to] <= INSN_REACH;
}

/* The distance of a jump that is written next. */
static uint8_t distance(const struct assembly *a, node to)
{
    return (uint8_t)(a->count - a->near[to]);
}

static int put(struct assembly *a, struct insn insn)
{
    if (a->count == a->most)
        return -E2BIG;
    a->at[a->most - ++a->count] = insn;
    return 0;
}

static int put_test(struct assembly *a, const struct graph_node *n)
{
    return put(a, (struct insn){n->code, distance(a, n->next[0]), distance(a, n->next[1]), n->k});
}

/* Writes a stand-in for a node that is written already. */
static int put_stand_in(struct assembly *a, node to)
{
    const struct graph_node *n = &a->g->nodes[to];
    int result;
    if (n->code == INSN_RET)
        result = put(a, (struct insn){INSN_RET, 0, 0, n->k});
    else if (insn_is_test(n->code) && in_reach(a, n->next[0]) && in_reach(a, n->next[1]))
        result = put_test(a, n);
    else
        result = put(a, (struct insn){INSN_JUMP, 0, 0, (uint32_t)(a->count - a->near[to])});
    a->near[to] = (uint32_t)a->count;
    return result;
}

/* Writes one node whose successors are written. */
static int put_node(struct assembly *a, node at)
{
    const struct graph_node *n = &a->g->nodes[at];
    int result = 0;
    if (n->code == INSN_RET) {
        result = put(a, (struct insn){INSN_RET, 0, 0, n->k});
    } else if (insn_is_test(n->code)) {
        for (int i = 0; result == 0 && !(in_reach(a, n->next[0]) && in_reach(a, n->next[1]));
             i ^= 1)
            if (!in_reach(a, n->next[i]))
                result = put_stand_in(a, n->next[i]);
        if (result == 0)
            result = put_test(a, n);
    } else {
        if (a->near[n->next[0]] != a->count)
            result = put_stand_in(a, n->next[0]);
        if (result == 0)
            result = put(a, (struct insn){n->code, 0, 0, n->k});
    }
    a->near[at] = (uint32_t)a->count;
    return result;
}

/* Successors first. Every node on the path from the root becomes an
 * instruction, so a deep path means a long program. */
static int put_tail(struct assembly *a, node at, size_t depth)
{
    const struct graph_node *n = &a->g->nodes[at];
    int result = depth < INSN_MAX ? 0 : -E2BIG;
    if (result == 0 && insn_is_test(n->code) && !a->near[n->next[1]])
        result = put_tail(a, n->next[1], depth + 1);
    if (result == 0 && n->code != INSN_RET && !a->near[n->next[0]])
        result = put_tail(a, n->next[0], depth + 1);
    return result ? result : put_node(a, at);
}

static int assemble(struct assembly *a, node root, struct program *out)
{
    int result = put_tail(a, root, 0);
    if (result)
        return result;
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
    struct assembly a = {g, malloc(most * sizeof *a.at), 0, most, calloc(g->count, sizeof *a.near)};
    int result = a.at && a.near ? assemble(&a, root, out) : -ENOMEM;
    free(a.near);
    free(a.at);
    return result;
}
