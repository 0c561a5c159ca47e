/* contents: what store.h says of the contents of regular files. Data goes to
 * the device at once; only the map and the size wait for the commit.
 *
 * What lies in the last block behind the end of a file is zero, or is made so
 * when the file grows: it is never seen. */
#include "store/alloc.h"
#include "store/inode.h"
#include "store/map.h"

enum {
    WRITE_AT_ONCE = 1 << 24,  /* bytes written by one operation */
    BLOCKS_AT_ONCE = 1 << 18, /* blocks freed or reserved by one, about */
    ZEROS = 4096,
};

static int get_file(struct store *s, uint32_t ino, struct node **out)
{
    int r = node_get(s, ino, out);
    if (r != 0)
        return r;
    if (node_type(*out) != S_IFREG)
        return node_type(*out) == S_IFDIR ? -EISDIR : -EINVAL;
    return map_load(s, *out);
}

static int edit_file(struct store *s, uint32_t ino, struct node **out)
{
    int r = get_file(s, ino, out);
    return r == 0 ? op_node(s, *out) : r;
}

static uint64_t size_max(const struct store *s)
{
    return (uint64_t)MAP_END << s->block_bits;
}

/* Reading -------------------------------------------------------------------*/

ssize_t store_read(struct store *s, uint32_t ino, uint64_t offset, void *to, size_t size)
{
    struct node *n;
    int r = get_file(s, ino, &n);
    if (r != 0)
        return r;
    if (offset >= node_size(n))
        return 0;
    size = (size_t)min_u64(size, node_size(n) - offset);
    for (size_t done = 0; done < size;) {
        uint64_t at = offset + done, in_block = at & (s->block_size - 1);
        struct run run = map_find(n->map, (uint32_t)(at >> s->block_bits));
        uint64_t there = ((uint64_t)run.count << s->block_bits) - in_block;
        size_t part = (size_t)min_u64(size - done, there);
        if (run.physical == 0 || run.unwritten)
            memset((uint8_t *)to + done, 0, part);
        else
            r = device_read(s, (run.physical << s->block_bits) + in_block, (uint8_t *)to + done,
                            part);
        if (r != 0)
            return r;
        done += part;
    }
    return (ssize_t)size;
}

int64_t store_seek(struct store *s, uint32_t ino, uint64_t offset, bool hole)
{
    struct node *n;
    int r = get_file(s, ino, &n);
    if (r != 0)
        return r;
    if (offset >= node_size(n))
        return -ENXIO;
    for (uint64_t at = offset; at < node_size(n);) {
        struct run run = map_find(n->map, (uint32_t)(at >> s->block_bits));
        bool is_hole = run.physical == 0 || run.unwritten;
        if (is_hole == hole)
            return (int64_t)at;
        at = ((uint64_t)run.logical + run.count) << s->block_bits;
    }
    return hole ? (int64_t)node_size(n) : -ENXIO;
}

/* Writing -------------------------------------------------------------------*/

/* Data goes to blocks that no metadata uses. */
static int write_data(struct store *s, uint64_t physical, uint64_t in_block, const void *from,
                      size_t size)
{
    uint64_t last = physical + ((in_block + size - 1) >> s->block_bits);
    for (uint64_t b = physical; b <= last; b++)
        if (block_cached(s, b))
            return -EUCLEAN;
    s->data_written = true;
    return device_write(s, (physical << s->block_bits) + in_block, from, size);
}

static int write_zeros(struct store *s, uint64_t physical, uint64_t in_block, size_t size)
{
    static const uint8_t zeros[ZEROS];
    return size ? write_data(s, physical, in_block, zeros, size) : 0;
}

/* Zeros in what is written of [from, to), which lies in one block. */
static int zero_part(struct store *s, struct node *n, uint64_t from, uint64_t to)
{
    struct run run = map_find(n->map, (uint32_t)(from >> s->block_bits));
    if (from >= to || run.physical == 0 || run.unwritten)
        return 0;
    return write_zeros(s, run.physical, from & (s->block_size - 1), (size_t)(to - from));
}

/* Makes zeros of what lies behind the end in the last block, before the file
 * grows to have something at `offset`. */
static int zero_tail(struct store *s, struct node *n, uint64_t offset)
{
    uint64_t size = node_size(n), end = (size | (s->block_size - 1)) + 1;
    return size & (s->block_size - 1) && offset > size ? zero_part(s, n, size, min_u64(offset, end))
                                                       : 0;
}

/* A piece of a write: bytes [at, end) of the file from `from`. */
struct piece {
    uint64_t at, end;
    const uint8_t *from;
};

/* A whole block, in which what there is no data for becomes zeros. */
static int write_padded(struct store *s, uint64_t physical, uint64_t in_block, const void *from,
                        size_t size)
{
    uint8_t buffer[STORE_BLOCK_MAX];
    memset(buffer, 0, in_block);
    memcpy(buffer + in_block, from, size);
    memset(buffer + in_block + size, 0, s->block_size - in_block - size);
    return write_data(s, physical, 0, buffer, s->block_size);
}

/* Fills new blocks: what the piece does not cover becomes zeros. */
static int fill(struct store *s, const struct run *run, const struct piece *p)
{
    uint64_t begin = (uint64_t)run->logical << s->block_bits;
    uint64_t to = min_u64(p->end, begin + ((uint64_t)run->count << s->block_bits));
    const uint8_t *from = p->from;
    int r = 0;
    for (uint64_t at = p->at, part; at < to && r == 0; at += part, from += part) {
        uint64_t in_block = at & (s->block_size - 1);
        uint64_t physical = run->physical + ((at - begin) >> s->block_bits);
        bool whole = in_block == 0 && to - at >= s->block_size;
        part = whole ? (to - at) & ~(uint64_t)(s->block_size - 1)
                     : min_u64(to - at, s->block_size - in_block);
        r = whole ? write_data(s, physical, 0, from, part)
                  : write_padded(s, physical, in_block, from, part);
    }
    return r;
}

/* Where new blocks at `logical` would best be. */
static uint64_t goal_at(const struct store *s, const struct node *n, uint32_t logical)
{
    struct run before = logical ? map_find(n->map, logical - 1) : (struct run){0};
    return before.physical ? before.physical + 1 : node_goal(s, n);
}

/* New blocks for the hole that begins at run->logical: fills in the rest. */
static int allocate(struct store *s, struct node *n, struct run *run)
{
    int64_t count = blocks_alloc(s, goal_at(s, n, run->logical), run->count, &run->physical);
    if (count < 0)
        return (int)count;
    run->count = (uint32_t)count;
    node_charge(s, n, count);
    return 0;
}

/* Writes the beginning of a piece, up to the end of a run; returns bytes. */
static int64_t write_run(struct store *s, struct node *n, const struct piece *p)
{
    uint32_t logical = (uint32_t)(p->at >> s->block_bits);
    uint64_t in_block = p->at & (s->block_size - 1);
    uint64_t blocks = ((p->end - 1) >> s->block_bits) - logical + 1;
    struct run run = map_find(n->map, logical);
    int r = 0;
    run.count = (uint32_t)min_u64(run.count, blocks);
    bool fresh = run.physical == 0 || run.unwritten;
    if (run.physical == 0)
        r = allocate(s, n, &run);
    if (r != 0)
        return r;
    int64_t size =
        (int64_t)min_u64(p->end - p->at, ((uint64_t)run.count << s->block_bits) - in_block);
    run.unwritten = false;
    if (fresh)
        r = fill(s, &run, p);
    else
        r = write_data(s, run.physical, in_block, p->from, (size_t)size);
    if (r == 0 && fresh)
        r = map_set(s, n, &run);
    return r == 0 ? size : r;
}

static int64_t write_some(struct store *s, uint32_t ino, struct piece p)
{
    struct node *n;
    uint64_t begin = p.at;
    int64_t r = edit_file(s, ino, &n);
    if (r == 0)
        r = zero_tail(s, n, p.at);
    while (r >= 0 && p.at < p.end && (p.at == begin || !op_is_large(s))) {
        r = write_run(s, n, &p);
        if (r > 0) {
            p.at += (uint64_t)r;
            p.from += r;
        }
    }
    if (r < 0 && (r != -ENOSPC || p.at == begin))
        return r;
    if (p.at > node_size(n))
        node_set_size(s, n, p.at);
    node_changed(s, n, true);
    return (int64_t)(p.at - begin);
}

ssize_t store_write(struct store *s, uint32_t ino, uint64_t offset, const void *from, size_t size)
{
    size_t done = 0;
    if (offset > size_max(s) || size > size_max(s) - offset)
        return -EFBIG;
    while (done < size) {
        size_t part = (size_t)min_u64(size - done, WRITE_AT_ONCE);
        struct piece p = {
            .at = offset + done, .end = offset + done + part, .from = (const uint8_t *)from + done};
        int64_t r = OPERATION(s, write_some(s, ino, p));
        if (r < 0)
            return done ? (ssize_t)done : (ssize_t)r;
        done += (size_t)r;
    }
    return (ssize_t)done;
}

/* Sizes ---------------------------------------------------------------------*/

/* The last block of a file that is cut inside it: a copy with zeros behind the
 * end takes its place, so that a crash shows the old contents or the new. */
static int cut_last_block(struct store *s, struct node *n, uint64_t size)
{
    uint32_t logical = (uint32_t)(size >> s->block_bits);
    uint32_t keep = (uint32_t)(size & (s->block_size - 1));
    struct run old = map_find(n->map, logical), new = {.logical = logical, .count = 1};
    uint8_t buffer[STORE_BLOCK_MAX];
    if (keep == 0 || old.physical == 0 || old.unwritten)
        return 0;
    int r = allocate(s, n, &new);
    if (r == -ENOSPC)
        return write_zeros(s, old.physical, keep, s->block_size - keep);
    if (r == 0)
        r = device_read(s, old.physical << s->block_bits, buffer, keep);
    if (r != 0)
        return r;
    memset(buffer + keep, 0, s->block_size - keep);
    r = write_data(s, new.physical, 0, buffer, s->block_size);
    if (r == 0)
        r = map_set(s, n, &new);
    node_charge(s, n, -1);
    return r == 0 ? blocks_free(s, old.physical, 1) : r;
}

/* One step towards a smaller size; 1: there are more. */
static int shrink(struct store *s, struct node *n, uint64_t size)
{
    uint32_t keep = (uint32_t)((size + s->block_size - 1) >> s->block_bits);
    int r = map_drop(s, n, keep, BLOCKS_AT_ONCE);
    if (r == 1) { /* what is left is a file, too */
        const struct leaf *leaf = &n->map->leaves[n->map->count - 1];
        const struct run *last = &leaf->runs[leaf->count - 1];
        uint64_t end = ((uint64_t)last->logical + last->count) << s->block_bits;
        node_set_size(s, n, min_u64(node_size(n), end));
    } else if (r == 0) {
        r = size < node_size(n) ? cut_last_block(s, n, size) : 0;
        node_set_size(s, n, size);
    }
    return r;
}

static int truncate_step(struct store *s, uint32_t ino, uint64_t size)
{
    struct node *n;
    int r = edit_file(s, ino, &n);
    if (r != 0)
        return r;
    uint64_t blocks = (size + s->block_size - 1) >> s->block_bits;
    r = zero_tail(s, n, size);
    if (r == 0 && (size < node_size(n) || map_end(n->map) > blocks))
        r = shrink(s, n, size);
    else if (r == 0)
        node_set_size(s, n, size);
    node_changed(s, n, true);
    return r;
}

int store_truncate(struct store *s, uint32_t ino, uint64_t size)
{
    int64_t r;
    if (size > size_max(s))
        return -EFBIG;
    do
        r = OPERATION(s, truncate_step(s, ino, size));
    while (r > 0);
    return (int)r;
}

/* Ranges --------------------------------------------------------------------*/

/* What becomes of whole blocks of a range. */
enum change { RESERVE, PUNCH, ZERO };

/* Changes the run at `logical`, or its beginning; returns its blocks. */
static int64_t change_run(struct store *s, struct node *n, enum change change, uint32_t logical,
                          uint32_t most)
{
    struct run run = map_find(n->map, logical);
    int r = 0;
    run.count = run.count < most ? run.count : most;
    if (change == PUNCH && run.physical) {
        r = blocks_free(s, run.physical, run.count);
        node_charge(s, n, -(int64_t)run.count);
        run.physical = 0;
        if (r == 0)
            r = map_set(s, n, &run);
    } else if (change != PUNCH && run.physical == 0) {
        r = allocate(s, n, &run);
        run.unwritten = true;
        if (r == 0)
            r = map_set(s, n, &run);
    } else if (change == ZERO && !run.unwritten) {
        run.unwritten = true;
        r = map_set(s, n, &run);
    }
    return r == 0 ? (int64_t)run.count : r;
}

struct range {
    enum change change;
    uint64_t at, end; /* bytes */
    bool grow;
};

/* The bytes before the first whole block, and behind the last. */
static int change_edges(struct store *s, struct node *n, const struct range *g)
{
    uint64_t mask = s->block_size - 1;
    uint64_t first = min_u64((g->at + mask) & ~mask, g->end), last = g->end & ~mask;
    int r = zero_part(s, n, g->at, first);
    return r == 0 && last >= first ? zero_part(s, n, last, g->end) : r;
}

/* A step of a range: moves range->at behind what was done. */
static int64_t change_some(struct store *s, uint32_t ino, const struct range *g)
{
    struct node *n;
    uint64_t mask = s->block_size - 1, at = g->at, done = 0;
    bool edges = g->change != RESERVE;
    uint64_t first = (edges ? at + mask : at) >> s->block_bits;
    uint64_t last = (edges ? g->end : g->end + mask) >> s->block_bits;
    int64_t r = edit_file(s, ino, &n);
    if (r == 0 && edges)
        r = change_edges(s, n, g);
    while (r >= 0 && first < last && done < BLOCKS_AT_ONCE && (done == 0 || !op_is_large(s))) {
        uint32_t most = (uint32_t)min_u64(last - first, BLOCKS_AT_ONCE - done);
        r = change_run(s, n, g->change, (uint32_t)first, most);
        if (r > 0) {
            first += (uint64_t)r;
            done += (uint64_t)r;
        }
    }
    if (r < 0)
        return r;
    uint64_t reached = first < last ? first << s->block_bits : g->end;
    if (g->grow && reached > node_size(n)) {
        r = zero_tail(s, n, reached);
        node_set_size(s, n, reached);
    }
    node_changed(s, n, true);
    return r < 0 ? r : (int64_t)(reached - at);
}

int store_fallocate(struct store *s, uint32_t ino, unsigned mode, uint64_t offset, uint64_t size)
{
    struct range g = {.change = mode & STORE_PUNCH_HOLE   ? PUNCH
                                : mode & STORE_ZERO_RANGE ? ZERO
                                                          : RESERVE,
                      .at = offset,
                      .end = offset + size,
                      .grow = !(mode & STORE_KEEP_SIZE)};
    if (mode & ~(unsigned)(STORE_KEEP_SIZE | STORE_PUNCH_HOLE | STORE_ZERO_RANGE) ||
        ((mode & STORE_PUNCH_HOLE) && mode != (STORE_PUNCH_HOLE | STORE_KEEP_SIZE)))
        return -EOPNOTSUPP;
    if (size == 0)
        return -EINVAL;
    if (offset > size_max(s) || size > size_max(s) - offset)
        return -EFBIG;
    while (g.at < g.end) {
        int64_t r = OPERATION(s, change_some(s, ino, &g));
        if (r < 0)
            return (int)r;
        g.at += (uint64_t)r;
    }
    return 0;
}
