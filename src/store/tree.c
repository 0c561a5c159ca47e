/* tree: encoding a map into the extent tree on disk. */
#include "store/alloc.h"
#include "store/map.h"

#include <stdlib.h>

enum { ROOT_MAX = 4 };

struct entry {
    uint32_t first;
    uint64_t block;
};

static size_t block_max(const struct store *s)
{
    return (s->block_size - sizeof(struct ext3_extent_header)) / sizeof(struct ext3_extent);
}

static struct ext3_extent encode_run(const struct run *run)
{
    return (struct ext3_extent){
        .ee_block = run->logical,
        .ee_len = (uint16_t)(run->unwritten ? run->count + 32768 : run->count),
        .ee_start = (uint32_t)run->physical,
        .ee_start_hi = (uint16_t)(run->physical >> 32),
    };
}

static void encode_leaf(const struct leaf *leaf, size_t max, void *to)
{
    struct ext3_extent_header *h = to;
    struct ext3_extent *e = (struct ext3_extent *)(h + 1);
    *h = (struct ext3_extent_header){
        .eh_magic = EXT3_EXT_MAGIC, .eh_entries = (uint16_t)leaf->count, .eh_max = (uint16_t)max};
    for (size_t i = 0; i < leaf->count; i++)
        e[i] = encode_run(&leaf->runs[i]);
}

static void encode_index(const struct entry *entries, size_t count, struct ext3_extent_header shape,
                         void *to)
{
    struct ext3_extent_header *h = to;
    struct ext3_extent_idx *x = (struct ext3_extent_idx *)(h + 1);
    *h = shape;
    h->eh_magic = EXT3_EXT_MAGIC;
    h->eh_entries = (uint16_t)count;
    for (size_t i = 0; i < count; i++)
        x[i] = (struct ext3_extent_idx){.ei_block = entries[i].first,
                                        .ei_leaf = (uint32_t)entries[i].block,
                                        .ei_leaf_hi = (uint16_t)(entries[i].block >> 32)};
}

static struct use use_of(const struct store *s, const struct node *n)
{
    return (struct use){.owner = n->ino, .seal = SEAL_EXTENTS, .seed = node_seed(s, n)};
}

/* A new block of the tree, in the cache. */
static int add_block(struct store *s, struct node *n, struct block **out)
{
    uint64_t number;
    struct use use = use_of(s, n);
    int64_t count = blocks_alloc(s, node_goal(s, n), 1, &number);
    if (count < 0)
        return (int)count;
    node_charge(s, n, 1);
    return block_fresh(s, number, &use, out);
}

static int drop_block(struct store *s, struct node *n, uint64_t number)
{
    node_charge(s, n, -1);
    return blocks_free(s, number, 1);
}

/* The block of a leaf or an inner node, ready to be changed. */
static int edit_block(struct store *s, struct node *n, uint64_t number, struct block **out)
{
    struct use use = use_of(s, n);
    int r = block_get(s, number, &use, out);
    return r == 0 ? block_edit(s, *out) : r;
}

static int store_leaf(struct store *s, struct node *n, struct leaf *leaf)
{
    struct block *b;
    int r = leaf->block ? edit_block(s, n, leaf->block, &b) : add_block(s, n, &b);
    if (r != 0)
        return r;
    if (leaf->block == 0 || leaf->first != leaf->runs[0].logical)
        n->map->reshape = true;
    leaf->block = b->number;
    leaf->first = leaf->runs[0].logical;
    encode_leaf(leaf, block_max(s), b->data);
    leaf->dirty = false;
    return 0;
}

/* The index, level by level: the entries of the level at hand, and how many of
 * the map's inner blocks are used so far. */
struct level {
    struct entry *entries;
    size_t count, used;
    unsigned depth;
};

/* The next inner block: one that is there, or a new one. */
static int inner_block(struct store *s, struct node *n, struct level *l, struct block **out)
{
    struct map *m = n->map;
    if (l->used < m->inner_count)
        return edit_block(s, n, m->inner[l->used++], out);
    int r = array_grow((void **)&m->inner, &m->inner_capacity, m->inner_count, sizeof *m->inner);
    if (r == 0)
        r = add_block(s, n, out);
    if (r == 0)
        m->inner[m->inner_count++] = (*out)->number;
    l->used++;
    return r;
}

/* Puts a level into blocks: its entries become those of the level above. */
static int store_level(struct store *s, struct node *n, struct level *l)
{
    size_t above = 0;
    struct ext3_extent_header shape = {.eh_max = (uint16_t)block_max(s),
                                       .eh_depth = (uint16_t)l->depth};
    for (size_t at = 0; at < l->count;) {
        size_t part = (size_t)min_u64(l->count - at, block_max(s));
        struct block *b;
        int r = inner_block(s, n, l, &b);
        if (r != 0)
            return r;
        encode_index(l->entries + at, part, shape, b->data);
        l->entries[above++] = (struct entry){l->entries[at].first, b->number};
        at += part;
    }
    l->count = above;
    l->depth++;
    return 0;
}

/* The index above the leaves, and its root in the inode. */
static int store_index(struct store *s, struct node *n)
{
    struct map *m = n->map;
    struct level l = {.count = m->count, .depth = 1};
    int r = 0;
    l.entries = malloc(l.count * sizeof *l.entries);
    if (!l.entries)
        return -ENOMEM;
    for (size_t i = 0; i < l.count; i++)
        l.entries[i] = (struct entry){m->leaves[i].first, m->leaves[i].block};
    while (l.count > ROOT_MAX && r == 0)
        r = store_level(s, n, &l);
    while (r == 0 && m->inner_count > l.used)
        r = drop_block(s, n, m->inner[--m->inner_count]);
    if (r == 0) {
        struct ext3_extent_header shape = {.eh_max = ROOT_MAX, .eh_depth = (uint16_t)l.depth};
        encode_index(l.entries, l.count, shape, n->raw->i_block);
    }
    free(l.entries);
    return r;
}

/* All runs in the inode: no blocks are needed. */
static int store_root(struct store *s, struct node *n)
{
    struct map *m = n->map;
    int r = 0;
    struct leaf *leaf = &m->leaves[0];
    if (leaf->block)
        r = drop_block(s, n, leaf->block);
    leaf->block = 0;
    leaf->dirty = false;
    while (r == 0 && m->inner_count > 0)
        r = drop_block(s, n, m->inner[--m->inner_count]);
    if (r == 0)
        encode_leaf(leaf, ROOT_MAX, n->raw->i_block);
    m->reshape = r != 0;
    return r;
}

int map_store(struct store *s, struct node *n)
{
    struct map *m = n->map;
    int r = 0;
    if (m->old) { /* the blocks of the old map go; the tree takes their place */
        while (r == 0 && m->inner_count > 0)
            r = drop_block(s, n, m->inner[--m->inner_count]);
        memset(n->raw->i_block, 0, sizeof n->raw->i_block);
        n->raw->i_flags |= EXT4_EXTENTS_FL;
        for (size_t i = 0; i < m->count; i++)
            m->leaves[i].dirty = true;
        m->old = false;
        m->reshape = true;
    }
    while (r == 0 && m->dropped_count > 0)
        r = drop_block(s, n, m->dropped[--m->dropped_count]);
    if (r == 0 && m->count == 1 && m->leaves[0].count <= ROOT_MAX)
        r = store_root(s, n);
    else {
        for (size_t i = 0; i < m->count && r == 0; i++)
            if (m->leaves[i].dirty || m->leaves[i].block == 0)
                r = store_leaf(s, n, &m->leaves[i]);
        if (r == 0 && m->reshape)
            r = store_index(s, n);
        m->reshape = r != 0;
    }
    m->edited = r != 0;
    return r;
}
