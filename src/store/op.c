#include "store/alloc.h"
#include "store/inode.h"
#include "store/map.h"

#include <stdlib.h>

#include "store/dir.h"

enum {
    CACHE_MAX = 16384, /* blocks; clean ones beyond are dropped */
    OP_RESERVE = 128,  /* blocks that an operation may change, about */
};

void store_trim(struct store *s)
{
    if (s->in_op)
        return;
    if (s->cache.count > CACHE_MAX)
        cache_drop(s);
    nodes_trim(s);
}

int op_begin(struct store *s)
{
    assert(!s->in_op);
    if (s->read_only || s->failed)
        return -EROFS;
    if (s->cache.dirty.count + OP_RESERVE > journal_limit(s)) {
        int r = store_commit(s);
        if (r != 0)
            return r;
    }
    store_trim(s);
    s->op.rest_count = s->rest_count;
    s->in_op = true;
    return 0;
}

bool op_is_large(const struct store *s)
{
    return s->cache.dirty.count > journal_limit(s);
}

static int remember(struct store *s, struct node *n, bool made)
{
    struct op *op = &s->op;
    assert(s->in_op);
    if (array_grow((void **)&op->nodes, &op->node_capacity, op->node_count, sizeof *op->nodes) != 0)
        return -ENOMEM;
    struct undo_node u = {.node = n, .changed = n->changed, .dirty = n->dirty};
    if (!made) {
        u.raw = malloc(s->inode_size);
        if (!u.raw)
            return -ENOMEM;
        memcpy(u.raw, n->raw, s->inode_size);
    }
    if (!n->dirty) {
        int r = array_grow((void **)&s->changed, &s->changed_capacity, s->changed_count,
                           sizeof *s->changed);
        if (r != 0)
            return free(u.raw), r;
        s->changed[s->changed_count++] = n->ino;
    }
    op->nodes[op->node_count++] = u;
    n->touched = true;
    n->dirty = true;
    n->changed = s->transaction;
    return 0;
}

int op_node(struct store *s, struct node *n)
{
    return n->touched ? 0 : remember(s, n, false);
}

int op_made(struct store *s, struct node *n)
{
    return remember(s, n, true);
}

static int finish(struct store *s)
{
    for (size_t i = 0; i < s->op.node_count; i++) {
        struct node *n = s->op.nodes[i].node;
        int r = n->map && n->map->edited ? map_store(s, n) : 0;
        if (r != 0)
            return r;
    }
    return 0;
}

static void undo(struct store *s)
{
    struct op *op = &s->op;
    op_undo_blocks(s);
    rests_cut(s, op->rest_count);
    while (op->node_count > 0) {
        struct undo_node *u = &op->nodes[--op->node_count];
        u->node->touched = false;
        if (!u->raw) {
            node_forget(s, u->node);
            continue;
        }
        memcpy(u->node->raw, u->raw, s->inode_size);
        free(u->raw);
        u->node->changed = u->changed;
        u->node->dirty = u->dirty;
        node_forget_parts(s, u->node);
    }
}

static void keep(struct store *s)
{
    struct op *op = &s->op;
    op_keep_blocks(s);
    while (op->node_count > 0) {
        struct undo_node *u = &op->nodes[--op->node_count];
        u->node->touched = false;
        free(u->raw);
    }
}

int64_t op_end(struct store *s, int64_t result)
{
    assert(s->in_op);
    if (result >= 0) {
        int r = finish(s);
        result = r < 0 ? r : result;
    }
    if (result < 0)
        undo(s);
    else
        keep(s);
    s->in_op = false;
    return result;
}

bool op_retry(struct store *s, int64_t result)
{
    if (result != -ENOSPC || s->rest_count == 0)
        return false;
    s->journal.checkpoint_asked = true;
    return store_commit(s) == 0;
}

void op_free(struct store *s)
{
    struct op *op = &s->op;
    for (size_t i = 0; i < op->spare_count; i++)
        free(op->spare[i]);
    free(op->spare);
    free(op->blocks);
    free(op->nodes);
}
