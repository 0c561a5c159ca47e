#include "bpf/graph.h"

#include <errno.h>
#include <stdlib.h>

#include "bpf/insn.h"

#define NODE_LIMIT 32768 /* far above what fits into a program; a power of two */

void graph_free(struct graph *g)
{
    free(g->nodes);
    free(g->slots);
    arena_release(&g->scratch, (struct arena_mark){0});
    *g = (struct graph){0};
}

void *graph_scratch(struct graph *g, size_t count, size_t size)
{
    void *at = g->error ? NULL : arena_take(&g->scratch, count, size);
    if (!at && !g->error)
        g->error = -ENOMEM;
    return at;
}

static size_t hash(const struct graph_node *n)
{
    uint64_t h = ((uint64_t)n->code << 32 | n->k) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= (uint64_t)n->next[0] << 32 | n->next[1];
    return (size_t)(h * UINT64_C(0xbf58476d1ce4e5b9) >> 40);
}

static bool same(const struct graph_node *a, const struct graph_node *b)
{
    return a->code == b->code && a->k == b->k && a->next[0] == b->next[0] &&
           a->next[1] == b->next[1];
}

/* The slot that has `n`, or the free one where it belongs. */
static uint16_t *find(const struct graph *g, const struct graph_node *n)
{
    size_t at = hash(n) & (g->slot_count - 1);
    while (g->slots[at] && !same(&g->nodes[g->slots[at] - 1], n))
        at = (at + 1) & (g->slot_count - 1);
    return &g->slots[at];
}

/* Makes room for more nodes, and keeps the slots at most half full. */
static int grow(struct graph *g)
{
    if (g->count >= NODE_LIMIT)
        return -E2BIG;
    size_t slot_count = g->slot_count ? g->slot_count * 2 : 1024;
    struct graph_node *nodes = reallocarray(g->nodes, slot_count / 2, sizeof *nodes);
    g->nodes = nodes ? nodes : g->nodes;
    uint16_t *slots = nodes ? calloc(slot_count, sizeof *slots) : NULL;
    if (!slots)
        return -ENOMEM;
    free(g->slots);
    g->slots = slots;
    g->slot_count = slot_count;
    for (size_t i = 0; i < g->count; i++)
        *find(g, &g->nodes[i]) = (uint16_t)(i + 1);
    return 0;
}

static node intern(struct graph *g, struct graph_node n)
{
    if (!g->error && g->count * 2 >= g->slot_count)
        g->error = grow(g);
    if (g->error)
        return 0;
    uint16_t *slot = find(g, &n);
    if (!*slot) {
        g->nodes[g->count] = n;
        *slot = (uint16_t)++g->count;
    }
    return *slot - 1u;
}

node graph_ret(struct graph *g, uint32_t value)
{
    node *end = &g->ends[(value ^ value >> 16) % END_SLOTS];
    if (g->error)
        return 0;
    if (!*end || g->nodes[*end - 1].k != value)
        *end = intern(g, (struct graph_node){.code = INSN_RET, .k = value}) + 1;
    return *end - 1;
}

node graph_test(struct graph *g, uint16_t code, uint32_t k, node if_true, node if_false)
{
    if (if_true == if_false)
        return if_true;
    return intern(g, (struct graph_node){code, k, {if_true, if_false}});
}

node graph_look(struct graph *g, struct held have, struct held want, node body)
{
    if (g->error)
        return 0;
    uint16_t first = g->nodes[body].code;
    bool reads = first == INSN_AND || insn_is_test(first);
    bool loaded = have.offset == want.offset && (have.mask & want.mask) == want.mask;
    if (!reads || (loaded && have.mask == want.mask))
        return body;
    if (want.mask != UINT32_MAX)
        body = intern(g, (struct graph_node){INSN_AND, want.mask, {body, 0}});
    if (!loaded)
        body = intern(g, (struct graph_node){INSN_LOAD, want.offset, {body, 0}});
    return body;
}
