/* The runs of a map are sorted and do not overlap, over all leaves; map_load
 * holds the image to that. A leaf never has more runs than its block. */
#include "store/map.h"

#include <stdlib.h>

#include "store/alloc.h"

enum {
    ROOT_MAX = 4,        /* runs, or index entries, in the inode */
    RUNS_MAX = 1 << 20,  /* of a file */
    INNER_MAX = 1 << 16, /* blocks of numbers of a block map */
    WRITTEN_MAX = 32768, /* blocks of a run */
    UNWRITTEN_MAX = 32767,
};

static size_t leaf_max(const struct store *s)
{
    return (s->block_size - sizeof(struct ext3_extent_header)) / sizeof(struct ext3_extent);
}

/* Memory --------------------------------------------------------------------*/

void map_free(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++)
        free(m->leaves[i].runs);
    free(m->leaves);
    free(m->inner);
    free(m->dropped);
    free(m);
}

static int leaf_insert(struct map *m, size_t at, const struct leaf *leaf)
{
    int r = array_grow((void **)&m->leaves, &m->capacity, m->count, sizeof *m->leaves);
    if (r != 0)
        return r;
    memmove(&m->leaves[at + 1], &m->leaves[at], (m->count - at) * sizeof *m->leaves);
    m->leaves[at] = *leaf;
    m->count++;
    m->reshape = true;
    return 0;
}

static int number_add(uint64_t **list, size_t *capacity, size_t *count, uint64_t number)
{
    int r = array_grow((void **)list, capacity, *count, sizeof **list);
    if (r == 0)
        (*list)[(*count)++] = number;
    return r;
}

static int run_append(struct leaf *leaf, const struct run *run)
{
    int r = array_grow((void **)&leaf->runs, &leaf->capacity, leaf->count, sizeof *leaf->runs);
    if (r == 0)
        leaf->runs[leaf->count++] = *run;
    return r;
}

size_t map_runs(const struct map *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        count += m->leaves[i].count;
    return count;
}

uint64_t map_end(const struct map *m)
{
    const struct leaf *leaf = &m->leaves[m->count - 1];
    const struct run *last = leaf->count ? &leaf->runs[leaf->count - 1] : NULL;
    return last ? (uint64_t)last->logical + last->count : 0;
}

/* Loading -------------------------------------------------------------------*/

struct loading {
    struct store *s;
    struct node *n;
    struct map *map;
    uint64_t next; /* logical: nothing more may begin before it */
    size_t runs;
};

/* A run as it was found, to be appended; checks it. */
static int load_run(struct loading *l, const struct run *run)
{
    struct store *s = l->s;
    struct leaf *leaf = &l->map->leaves[l->map->count - 1];
    if (run->logical < l->next || run->count == 0 ||
        (uint64_t)run->logical + run->count > MAP_END || run->physical <= s->first_block ||
        run->physical >= s->block_count || run->count > s->block_count - run->physical ||
        zone_find(s, run->physical, run->count) || ++l->runs > RUNS_MAX)
        return -EUCLEAN;
    l->next = (uint64_t)run->logical + run->count;
    return run_append(leaf, run);
}

static int load_leaf(struct loading *l, const struct ext3_extent_header *h, uint64_t block)
{
    const struct ext3_extent *e = (const struct ext3_extent *)(h + 1);
    struct leaf leaf = {.block = block, .first = h->eh_entries ? e->ee_block : 0};
    int r = leaf_insert(l->map, l->map->count, &leaf);
    for (size_t i = 0; i < h->eh_entries && r == 0; i++) {
        bool unwritten = e[i].ee_len > WRITTEN_MAX;
        struct run run = {.logical = e[i].ee_block,
                          .count = unwritten ? e[i].ee_len - (uint32_t)WRITTEN_MAX : e[i].ee_len,
                          .physical = e[i].ee_start | (uint64_t)e[i].ee_start_hi << 32,
                          .unwritten = unwritten};
        r = load_run(l, &run);
    }
    return r;
}

static int load_tree(struct loading *l, const struct ext3_extent_header *h, uint64_t block,
                     size_t max);

/* A block of the tree below the inode. */
static int load_below(struct loading *l, const struct ext3_extent_idx *idx, unsigned depth)
{
    struct store *s = l->s;
    uint64_t number = idx->ei_leaf | (uint64_t)idx->ei_leaf_hi << 32;
    struct use use = {.owner = l->n->ino, .seal = SEAL_EXTENTS, .seed = node_seed(s, l->n)};
    struct block *b;
    if (number <= s->first_block || zone_find(s, number, 1))
        return -EUCLEAN;
    int r = block_get(s, number, &use, &b);
    if (r != 0)
        return r;
    const struct ext3_extent_header *h = (const struct ext3_extent_header *)b->data;
    if (h->eh_depth != depth || h->eh_entries == 0 || h->eh_max != leaf_max(s) ||
        idx->ei_block < l->next)
        return -EUCLEAN;
    return load_tree(l, h, number, leaf_max(s));
}

/* Trees that are not empty below the root, and whose runs ascend, have no
 * block twice: so this ends. */
static int load_tree(struct loading *l, const struct ext3_extent_header *h, uint64_t block,
                     size_t max)
{
    if (h->eh_magic != EXT3_EXT_MAGIC || h->eh_entries > max || h->eh_depth > 5)
        return -EUCLEAN;
    if (h->eh_depth == 0)
        return load_leaf(l, h, block);
    int r = block ? number_add(&l->map->inner, &l->map->inner_capacity, &l->map->inner_count, block)
                  : 0;
    const struct ext3_extent_idx *idx = (const struct ext3_extent_idx *)(h + 1);
    for (size_t i = 0; i < h->eh_entries && r == 0; i++)
        r = load_below(l, &idx[i], h->eh_depth - 1u);
    return r;
}

/* One number of a block map: of a block of contents. */
static int load_mapped(struct loading *l, uint64_t logical, uint32_t physical)
{
    struct leaf *leaf = &l->map->leaves[l->map->count - 1];
    struct run *last = leaf->count ? &leaf->runs[leaf->count - 1] : NULL;
    if (physical == 0)
        return 0;
    if (logical >= MAP_END)
        return -EUCLEAN;
    if (last && last->logical + last->count == logical &&
        last->physical + last->count == physical && last->count < WRITTEN_MAX) {
        if (physical >= l->s->block_count || zone_find(l->s, physical, 1))
            return -EUCLEAN;
        last->count++;
        l->next = logical + 1;
        return 0;
    }
    if (leaf->count == leaf_max(l->s)) {
        int r = leaf_insert(l->map, l->map->count, &(struct leaf){.first = (uint32_t)logical});
        if (r != 0)
            return r;
    }
    return load_run(l,
                    &(struct run){.logical = (uint32_t)logical, .count = 1, .physical = physical});
}

/* A block of numbers of ext2's block map, `depth` levels above the contents.
 * A damaged map may name a block twice; INNER_MAX bounds what that costs. */
static int load_indirect(struct loading *l, uint64_t logical, uint32_t number, unsigned depth)
{
    struct store *s = l->s;
    struct use use = {.owner = l->n->ino};
    struct block *b;
    if (number == 0)
        return 0;
    if (zone_find(s, number, 1) || l->map->inner_count == INNER_MAX)
        return -EUCLEAN;
    int r = block_get(s, number, &use, &b);
    if (r == 0)
        r = number_add(&l->map->inner, &l->map->inner_capacity, &l->map->inner_count, number);
    uint64_t each = 1;
    for (unsigned i = 1; i < depth; i++)
        each *= s->block_size / 4;
    for (size_t i = 0; i < s->block_size / 4 && r == 0; i++) {
        uint32_t entry;
        memcpy(&entry, b->data + i * 4, sizeof entry);
        r = depth == 1 ? load_mapped(l, logical, entry)
                       : load_indirect(l, logical, entry, depth - 1);
        logical += each;
    }
    return r;
}

static int load_old(struct loading *l)
{
    const uint32_t *numbers = l->n->raw->i_block;
    uint64_t logical = EXT2_NDIR_BLOCKS, each = 1;
    l->map->old = true;
    int r = leaf_insert(l->map, 0, &(struct leaf){0});
    for (size_t i = 0; i < EXT2_NDIR_BLOCKS && r == 0; i++)
        r = load_mapped(l, i, numbers[i]);
    for (unsigned depth = 1; depth <= 3 && r == 0; depth++) {
        r = load_indirect(l, logical, numbers[EXT2_NDIR_BLOCKS + depth - 1], depth);
        each *= l->s->block_size / 4;
        logical += each;
    }
    return r;
}

int map_load(struct store *s, struct node *n)
{
    if (n->map)
        return 0;
    struct map *map = calloc(1, sizeof *map);
    if (!map)
        return -ENOMEM;
    struct loading l = {.s = s, .n = n, .map = map};
    int r = n->raw->i_flags & EXT4_EXTENTS_FL
                ? load_tree(&l, (const struct ext3_extent_header *)n->raw->i_block, 0, ROOT_MAX)
                : load_old(&l);
    if (r == 0 && map->count == 0) /* an index without entries */
        r = leaf_insert(map, 0, &(struct leaf){0});
    if (r != 0) {
        map_free(map);
        return r;
    }
    map->reshape = map->old;
    n->map = map;
    return 0;
}

/* Looking up ----------------------------------------------------------------*/

/* The leaf where `logical` is, or would be. */
static size_t find_leaf(const struct map *m, uint32_t logical)
{
    size_t low = 0, high = m->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (m->leaves[middle].runs[0].logical <= logical)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The first run of a leaf that ends behind `logical`. */
static size_t find_run(const struct leaf *leaf, uint32_t logical)
{
    size_t low = 0, high = leaf->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (leaf->runs[middle].logical + leaf->runs[middle].count <= logical)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct run map_find(const struct map *m, uint32_t logical)
{
    size_t i = find_leaf(m, logical);
    const struct leaf *leaf = &m->leaves[i];
    size_t at = find_run(leaf, logical);
    if (at == leaf->count && i + 1 < m->count) {
        leaf++;
        at = 0;
    }
    if (at == leaf->count)
        return (struct run){.logical = logical, .count = MAP_END - logical};
    struct run run = leaf->runs[at];
    if (run.logical > logical)
        return (struct run){.logical = logical, .count = run.logical - logical};
    uint32_t skip = logical - run.logical;
    run.logical += skip;
    run.physical += skip;
    run.count -= skip;
    return run;
}

/* Changing ------------------------------------------------------------------*/

static void touch(struct map *m, struct leaf *leaf)
{
    leaf->dirty = true;
    m->edited = true;
}

/* Puts a run into leaf `i` at `at`; a full leaf is split. */
static int insert_run(struct store *s, struct map *m, size_t i, size_t at, const struct run *run)
{
    struct leaf *leaf = &m->leaves[i];
    if (leaf->count == leaf_max(s)) {
        /* Files are mostly appended to: then the old leaf stays full. */
        size_t half = at == leaf->count ? leaf->count - 1 : leaf->count / 2;
        struct leaf right = {.dirty = true};
        for (size_t k = half; k < leaf->count; k++) {
            int r = run_append(&right, &leaf->runs[k]);
            if (r != 0)
                return free(right.runs), r;
        }
        int r = leaf_insert(m, i + 1, &right);
        if (r != 0)
            return free(right.runs), r;
        m->leaves[i].count = half;
        touch(m, &m->leaves[i]);
        i += at > half;
        at -= at > half ? half : 0;
        leaf = &m->leaves[i];
    }
    int r = run_append(leaf, run);
    if (r != 0)
        return r;
    memmove(&leaf->runs[at + 1], &leaf->runs[at], (leaf->count - 1 - at) * sizeof *leaf->runs);
    leaf->runs[at] = *run;
    touch(m, leaf);
    return 0;
}

/* Makes a boundary at `logical`: no run goes across it. */
static int split_at(struct store *s, struct map *m, uint32_t logical)
{
    size_t i = find_leaf(m, logical), at = find_run(&m->leaves[i], logical);
    struct leaf *leaf = &m->leaves[i];
    if (at == leaf->count || leaf->runs[at].logical >= logical)
        return 0;
    struct run right = leaf->runs[at];
    uint32_t skip = logical - right.logical;
    right.logical += skip;
    right.physical += skip;
    right.count -= skip;
    leaf->runs[at].count = skip;
    touch(m, leaf);
    return insert_run(s, m, i, at + 1, &right);
}

/* Takes the runs of leaf `i` from `at` on that begin before `end`; an empty
 * leaf goes. Returns whether it stayed. */
static int take_runs(struct map *m, size_t i, size_t at, uint64_t end)
{
    struct leaf *leaf = &m->leaves[i];
    size_t stop = at;
    while (stop < leaf->count && leaf->runs[stop].logical < end)
        stop++;
    if (stop == at)
        return 1;
    memmove(&leaf->runs[at], &leaf->runs[stop], (leaf->count - stop) * sizeof *leaf->runs);
    leaf->count -= stop - at;
    touch(m, leaf);
    if (leaf->count > 0 || m->count == 1)
        return 1;
    if (leaf->block) {
        int r = number_add(&m->dropped, &m->dropped_capacity, &m->dropped_count, leaf->block);
        if (r != 0)
            return r;
    }
    free(leaf->runs);
    memmove(leaf, leaf + 1, (m->count - i - 1) * sizeof *leaf);
    m->count--;
    m->reshape = true;
    return 0;
}

static int take_range(struct store *s, struct map *m, uint32_t logical, uint64_t end)
{
    int r = split_at(s, m, logical);
    if (r == 0 && end < MAP_END)
        r = split_at(s, m, (uint32_t)end);
    if (r != 0)
        return r;
    for (size_t i = find_leaf(m, logical); i < m->count;) {
        size_t at = find_run(&m->leaves[i], logical);
        if (at < m->leaves[i].count && m->leaves[i].runs[at].logical >= end)
            return 0;
        r = take_runs(m, i, at, end);
        if (r < 0)
            return r;
        i += (size_t)r;
    }
    return 0;
}

static bool joins(const struct run *a, const struct run *b)
{
    uint32_t max = a->unwritten ? UNWRITTEN_MAX : WRITTEN_MAX;
    return a->unwritten == b->unwritten && a->logical + a->count == b->logical &&
           a->physical + a->count == b->physical && a->count + b->count <= max;
}

/* One run, not too long, into a hole. */
static int put_run(struct store *s, struct map *m, const struct run *run)
{
    size_t i = find_leaf(m, run->logical), at = find_run(&m->leaves[i], run->logical);
    struct leaf *leaf = &m->leaves[i];
    struct run *before = at > 0 ? &leaf->runs[at - 1] : NULL;
    struct run *after = at < leaf->count ? &leaf->runs[at] : NULL;
    if (before && joins(before, run)) {
        before->count += run->count;
        touch(m, leaf);
        if (after && joins(before, after)) {
            before->count += after->count;
            memmove(after, after + 1, (leaf->count - at - 1) * sizeof *after);
            leaf->count--;
        }
        return 0;
    }
    if (after && joins(run, after)) {
        after->logical = run->logical;
        after->physical = run->physical;
        after->count += run->count;
        touch(m, leaf);
        return 0;
    }
    return insert_run(s, m, i, at, run);
}

int map_set(struct store *s, struct node *n, const struct run *run)
{
    struct map *m = n->map;
    struct run part = *run;
    uint32_t left = run->count, max = run->unwritten ? UNWRITTEN_MAX : WRITTEN_MAX;
    m->edited = true; /* so that a failure forgets the map */
    int r = take_range(s, m, run->logical, (uint64_t)run->logical + run->count);
    while (r == 0 && left > 0 && run->physical != 0) {
        part.count = left < max ? left : max;
        r = put_run(s, m, &part);
        part.logical += part.count;
        part.physical += part.count;
        left -= part.count;
    }
    if (r == 0 && map_runs(m) > RUNS_MAX)
        r = -EFBIG;
    return r;
}

int map_drop(struct store *s, struct node *n, uint32_t logical, uint64_t most)
{
    struct map *m = n->map;
    uint64_t freed = 0;
    int r = split_at(s, m, logical);
    while (r == 0) { /* from the end, so that what is left is a file */
        struct leaf *leaf = &m->leaves[m->count - 1];
        struct run *last = leaf->count ? &leaf->runs[leaf->count - 1] : NULL;
        if (!last || last->logical < logical)
            return 0;
        if (freed >= most || (freed > 0 && op_is_large(s)))
            return 1;
        struct run gone = *last;
        r = blocks_free(s, gone.physical, gone.count);
        if (r == 0) {
            freed += gone.count;
            node_charge(s, n, -(int64_t)gone.count);
            r = take_runs(m, m->count - 1, leaf->count - 1, MAP_END);
            r = r > 0 ? 0 : r;
        }
    }
    return r;
}
