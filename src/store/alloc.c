/* Blocks and inodes are free or used by the bitmaps of their group, which are
 * cached blocks like any other. A bitmap is checked against the checksum in
 * its group's descriptor when it is read; the descriptor gets the new one when
 * the transaction is committed. */
#include "store/alloc.h"

#include <stdlib.h>

static const struct use system_use = {.owner = OWNER_SYSTEM};

/* Bits ----------------------------------------------------------------------*/

static bool bit_get(const uint8_t *bits, uint32_t at)
{
    return bits[at / 8] >> (at % 8) & 1;
}

static void bits_set(uint8_t *bits, uint32_t at, uint32_t count, bool value)
{
    while (count > 0) {
        uint32_t part = 8 - at % 8 < count ? 8 - at % 8 : count;
        uint32_t mask = ((1u << part) - 1) << (at % 8);
        bits[at / 8] = (uint8_t)(value ? bits[at / 8] | mask : bits[at / 8] & ~mask);
        at += part;
        count -= part;
    }
}

static uint64_t word(const uint8_t *bits, uint32_t at)
{
    uint64_t w;
    memcpy(&w, bits + at / 64 * 8, sizeof w);
    return w;
}

/* The first bit from `from` on that is `value` in `bits` or `also` together;
 * `end` if there is none. */
static uint32_t next_bit(const uint8_t *bits, const uint8_t *also, uint32_t from, uint32_t end,
                         bool value)
{
    while (from < end) {
        uint64_t w = word(bits, from) | (also ? word(also, from) : 0);
        w = (value ? w : ~w) >> (from % 64);
        if (w) {
            from += (uint32_t)__builtin_ctzll(w);
            return from < end ? from : end;
        }
        from = from / 64 * 64 + 64;
    }
    return end;
}

/* Bitmaps of a group --------------------------------------------------------*/

/* An unused group has no block bitmap yet: what the system has there is used,
 * and what lies behind the end. */
static void fill_block_bitmap(struct store *s, uint32_t group, uint8_t *bits)
{
    uint64_t first = group_first(s, group), end = first + group_blocks(s, group);
    memset(bits, 0, s->block_size);
    for (size_t i = 0; i < s->zone_count; i++) {
        uint64_t from = s->zones[i].first, to = from + s->zones[i].count;
        from = from < first ? first : from;
        to = min_u64(to, end);
        if (from < to)
            bits_set(bits, (uint32_t)(from - first), (uint32_t)(to - from), true);
    }
    bits_set(bits, group_blocks(s, group), s->block_size * 8 - group_blocks(s, group), true);
}

/* Is the bitmap the one whose checksum the descriptor has? */
static bool bitmap_is_sealed(struct store *s, uint32_t group, const struct block *b, bool inodes)
{
    if (!s->checksums)
        return true;
    struct block *d;
    const struct ext4_group_desc *raw;
    if (group_descriptor(s, group, &d, &raw) != 0)
        return false;
    bool wide = s->descriptor_size >= 64;
    uint32_t sum = csum(s->seed, b->data, (inodes ? s->inodes_per_group : s->blocks_per_group) / 8);
    uint32_t low = inodes ? raw->bg_inode_bitmap_csum_lo : raw->bg_block_bitmap_csum_lo;
    uint32_t high = !wide    ? 0
                    : inodes ? raw->bg_inode_bitmap_csum_hi
                             : raw->bg_block_bitmap_csum_hi;
    return (sum & 0xffff) == low && (!wide || sum >> 16 == high);
}

/* The bitmap of a group's blocks or inodes; an uninitialised one is made. */
static int bitmap_get(struct store *s, uint32_t group, struct group_info *info, bool inodes,
                      struct block **out)
{
    uint64_t number = inodes ? info->inode_bitmap : info->block_bitmap;
    uint32_t unused = inodes ? EXT2_BG_INODE_UNINIT : EXT2_BG_BLOCK_UNINIT;
    bool fresh = !block_cached(s, number);
    int r = block_get(s, number, &system_use, out);
    if (r != 0)
        return r;
    if (!s->checksums || !(info->flags & unused))
        return fresh && !bitmap_is_sealed(s, group, *out, inodes) ? -EUCLEAN : 0;
    r = block_edit(s, *out);
    if (r != 0)
        return r;
    if (inodes) {
        memset((*out)->data, 0, s->block_size);
        bits_set((*out)->data, s->inodes_per_group, s->block_size * 8 - s->inodes_per_group, true);
    } else {
        fill_block_bitmap(s, group, (*out)->data);
    }
    info->flags &= ~unused;
    return group_write(s, group, info);
}

/* Blocks --------------------------------------------------------------------*/

struct search {
    uint32_t group, from, want;
    uint32_t at, count; /* the best so far: bit and length */
};

/* The first range of `want` free blocks in a group, or the longest. */
static int search_group(struct store *s, struct search *q)
{
    struct group_info info;
    struct block *bitmap;
    int r = group_read(s, q->group, &info);
    if (r != 0 || info.free_blocks == 0)
        return r;
    r = bitmap_get(s, q->group, &info, false, &bitmap);
    if (r != 0)
        return r;
    const uint8_t *resting = s->groups[q->group].resting;
    uint32_t end = group_blocks(s, q->group);
    for (uint32_t at = q->from; q->count < q->want;) {
        at = next_bit(bitmap->data, resting, at, end, false);
        if (at == end)
            break;
        uint32_t most = (uint32_t)min_u64(end, (uint64_t)at + q->want);
        uint32_t stop = next_bit(bitmap->data, resting, at, most, true);
        if (stop - at > q->count) {
            q->at = at;
            q->count = stop - at;
        }
        at = stop;
    }
    return 0;
}

static int take_blocks(struct store *s, const struct search *q)
{
    struct group_info info;
    struct block *bitmap;
    int r = group_read(s, q->group, &info);
    if (r == 0)
        r = bitmap_get(s, q->group, &info, false, &bitmap);
    if (r == 0)
        r = block_edit(s, bitmap);
    if (r != 0)
        return r;
    if (info.free_blocks < q->count ||
        zone_find(s, group_first(s, q->group) + q->at, q->count)) /* marked free, but not */
        return -EUCLEAN;
    bits_set(bitmap->data, q->at, q->count, true);
    info.free_blocks -= q->count;
    r = group_write(s, q->group, &info);
    return r == 0 ? super_count(s, -(int64_t)q->count, 0) : r;
}

enum { GROUPS_TRIED = 8 }; /* before a shorter range is good enough */

int64_t blocks_alloc(struct store *s, uint64_t goal, uint32_t want, uint64_t *first)
{
    struct search best = {0};
    if (goal < s->first_block || goal >= s->block_count)
        goal = s->first_block;
    uint32_t start = (uint32_t)((goal - s->first_block) / s->blocks_per_group);
    for (uint32_t i = 0; i <= s->group_count && best.count < want; i++) {
        if (best.count > 0 && i >= GROUPS_TRIED)
            break;
        struct search q = {.group = (start + i) % s->group_count, .want = want};
        if (i == 0)
            q.from = (uint32_t)(goal - group_first(s, start));
        int r = search_group(s, &q);
        if (r != 0)
            return r;
        if (q.count > best.count)
            best = q;
    }
    if (best.count == 0)
        return -ENOSPC;
    int r = take_blocks(s, &best);
    *first = group_first(s, best.group) + best.at;
    return r != 0 ? r : (int64_t)best.count;
}

/* Freed blocks rest, see struct rest. */
static int rest_add(struct store *s, uint32_t group, uint32_t at, const struct rest *rest)
{
    if (!s->groups[group].resting)
        s->groups[group].resting = calloc(1, s->block_size);
    if (!s->groups[group].resting ||
        array_grow((void **)&s->rests, &s->rest_capacity, s->rest_count, sizeof *s->rests) != 0)
        return -ENOMEM;
    s->rests[s->rest_count++] = *rest;
    bits_set(s->groups[group].resting, at, (uint32_t)rest->count, true);
    return 0;
}

/* Frees blocks of one group. */
static int free_in_group(struct store *s, uint32_t group, uint64_t first, uint32_t count)
{
    struct group_info info;
    struct block *bitmap;
    uint32_t at = (uint32_t)(first - group_first(s, group));
    int r = group_read(s, group, &info);
    if (r == 0)
        r = bitmap_get(s, group, &info, false, &bitmap);
    if (r == 0)
        r = block_edit(s, bitmap);
    if (r != 0)
        return r;
    if (next_bit(bitmap->data, NULL, at, at + count, false) != at + count ||
        info.free_blocks + count > s->blocks_per_group)
        return -EUCLEAN;
    struct rest rest = {.first = first, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        r = block_forget(s, first + i);
        if (r < 0)
            return r;
        rest.until_checkpoint |= r == 1;
    }
    r = rest_add(s, group, at, &rest);
    if (r != 0)
        return r;
    bits_set(bitmap->data, at, count, false);
    info.free_blocks += count;
    r = group_write(s, group, &info);
    return r == 0 ? super_count(s, count, 0) : r;
}

int blocks_free(struct store *s, uint64_t first, uint64_t count)
{
    if (first < s->first_block || first >= s->block_count || count > s->block_count - first ||
        zone_find(s, first, count))
        return -EUCLEAN;
    while (count > 0) {
        uint32_t group = (uint32_t)((first - s->first_block) / s->blocks_per_group);
        uint64_t end = group_first(s, group) + s->blocks_per_group;
        uint32_t part = (uint32_t)min_u64(count, end - first);
        int r = free_in_group(s, group, first, part);
        if (r != 0)
            return r;
        first += part;
        count -= part;
    }
    return 0;
}

static void wake(struct store *s, const struct rest *rest)
{
    uint32_t group = (uint32_t)((rest->first - s->first_block) / s->blocks_per_group);
    bits_set(s->groups[group].resting, (uint32_t)(rest->first - group_first(s, group)),
             (uint32_t)rest->count, false);
}

void rests_wake(struct store *s, bool checkpointed)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->rest_count; i++)
        if (s->rests[i].until_checkpoint && !checkpointed)
            s->rests[kept++] = s->rests[i];
        else
            wake(s, &s->rests[i]);
    s->rest_count = kept;
}

void rests_cut(struct store *s, size_t count)
{
    while (s->rest_count > count)
        wake(s, &s->rests[--s->rest_count]);
}

/* Inodes --------------------------------------------------------------------*/

/* Takes the first free number of a group: 0 if there is none. */
static int take_inode(struct store *s, uint32_t group, bool directory, uint32_t *ino)
{
    struct group_info info;
    struct block *bitmap;
    *ino = 0;
    int r = group_read(s, group, &info);
    if (r != 0 || info.free_inodes == 0)
        return r;
    r = bitmap_get(s, group, &info, true, &bitmap);
    if (r != 0)
        return r;
    uint32_t from = group == 0 ? s->first_inode - 1 : 0;
    uint32_t at = next_bit(bitmap->data, NULL, from, s->inodes_per_group, false);
    if (at == s->inodes_per_group)
        return 0;
    r = block_edit(s, bitmap);
    if (r != 0)
        return r;
    bits_set(bitmap->data, at, 1, true);
    info.free_inodes--;
    info.directories += directory;
    if (s->inodes_per_group - info.unused_inodes < at + 1)
        info.unused_inodes = s->inodes_per_group - (at + 1);
    *ino = group * s->inodes_per_group + at + 1;
    r = group_write(s, group, &info);
    return r == 0 ? super_count(s, 0, -1) : r;
}

int inode_alloc(struct store *s, uint32_t parent, bool directory, uint32_t *ino)
{
    uint32_t start = (parent - 1) / s->inodes_per_group;
    for (uint32_t i = 0; i < s->group_count; i++) {
        int r = take_inode(s, (start + i) % s->group_count, directory, ino);
        if (r != 0 || *ino != 0)
            return r;
    }
    return -ENOSPC;
}

int inode_free(struct store *s, uint32_t ino, bool directory)
{
    struct group_info info;
    struct block *bitmap;
    uint32_t group = (ino - 1) / s->inodes_per_group, at = (ino - 1) % s->inodes_per_group;
    int r = group_read(s, group, &info);
    if (r == 0)
        r = bitmap_get(s, group, &info, true, &bitmap);
    if (r == 0)
        r = block_edit(s, bitmap);
    if (r != 0)
        return r;
    if (!bit_get(bitmap->data, at) || info.free_inodes >= s->inodes_per_group ||
        (directory && info.directories == 0))
        return -EUCLEAN;
    bits_set(bitmap->data, at, 1, false);
    info.free_inodes++;
    info.directories -= directory;
    r = group_write(s, group, &info);
    return r == 0 ? super_count(s, 0, 1) : r;
}
