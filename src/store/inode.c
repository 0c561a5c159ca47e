#include "store/inode.h"

#include <stdlib.h>

#include "store/alloc.h"
#include "store/dir.h"
#include "store/map.h"

enum {
    BUCKETS = 1 << 10,       /* at first */
    TABLE_UNITS = 512,       /* of i_blocks */
    DIRECTORY_MAX = 1 << 30, /* bytes */
};

static const struct use system_use = {.owner = OWNER_SYSTEM};

static struct node **bucket(const struct store *s, uint32_t ino)
{
    return &s->nodes[ino * 0x9E3779B1u >> 8 & (s->node_buckets - 1)];
}

/* More buckets, so that chains stay short; without memory they get longer. */
static void spread(struct store *s)
{
    size_t count = s->node_buckets;
    struct node **old = s->nodes, **wider = calloc(count * 2, sizeof(void *));
    if (!wider)
        return;
    s->nodes = wider;
    s->node_buckets = count * 2;
    for (size_t i = 0; i < count; i++)
        for (struct node *n = old[i], *next; n; n = next) {
            next = n->next;
            n->next = *bucket(s, n->ino);
            *bucket(s, n->ino) = n;
        }
    free(old);
}

static struct node *node_alloc(struct store *s, uint32_t ino)
{
    if (!s->nodes && (s->nodes = calloc(BUCKETS, sizeof(void *))))
        s->node_buckets = BUCKETS;
    size_t size = s->inode_size < sizeof(struct ext2_inode_large) ? sizeof(struct ext2_inode_large)
                                                                  : s->inode_size;
    struct node *n = s->nodes ? calloc(1, sizeof *n + size) : NULL;
    if (n)
        n->ino = ino;
    return n;
}

static void keep(struct store *s, struct node *n)
{
    if (s->node_count > 2 * s->node_buckets)
        spread(s);
    n->next = *bucket(s, n->ino);
    *bucket(s, n->ino) = n;
    s->node_count++;
}

/* Where an inode is in the inode tables. */
static int table_block(struct store *s, uint32_t ino, struct block **b, uint32_t *offset)
{
    struct group_info info;
    uint32_t group = (ino - 1) / s->inodes_per_group, index = (ino - 1) % s->inodes_per_group;
    uint64_t at = (uint64_t)index * s->inode_size;
    int r = group_read(s, group, &info);
    if (r != 0)
        return r;
    *offset = (uint32_t)(at & (s->block_size - 1));
    return block_get(s, info.inode_table + (at >> s->block_bits), &system_use, b);
}

/* Checksums of inodes that were never used may be anything. */
static bool is_sealed(const struct store *s, const struct node *n)
{
    if (!s->checksums || (n->raw->i_mode == 0 && n->raw->i_links_count == 0))
        return true;
    uint32_t sum = csum_inode(s, n->ino, n->raw), have = n->raw->i_checksum_lo;
    if (s->inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
        n->raw->i_extra_isize >= EXT4_INODE_CSUM_HI_EXTRA_END)
        have |= (uint32_t)n->raw->i_checksum_hi << 16;
    return sum == have;
}

/* Is what the inode says of itself possible? */
static bool is_sane(const struct store *s, const struct node *n)
{
    const struct ext2_inode_large *raw = n->raw;
    uint64_t size = node_size(n), blocks_max = (uint64_t)MAP_END << s->block_bits;
    if (s->inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
        (raw->i_extra_isize > s->inode_size - EXT2_GOOD_OLD_INODE_SIZE || raw->i_extra_isize % 4))
        return false;
    if (raw->i_flags &
        (EXT4_INLINE_DATA_FL | EXT4_ENCRYPT_FL | EXT4_EA_INODE_FL | EXT2_COMPRBLK_FL))
        return false;
    switch (node_type(n)) {
    case S_IFREG: return size <= blocks_max;
    case S_IFDIR:
        return size > 0 && size % s->block_size == 0 && size <= DIRECTORY_MAX &&
               size >> s->block_bits <= s->block_count;
    case S_IFLNK: return size > 0 && size < s->block_size;
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK: return true;
    default: return false;
    }
}

static struct node *node_find(struct store *s, uint32_t ino)
{
    struct node *n = s->nodes ? *bucket(s, ino) : NULL;
    while (n && n->ino != ino)
        n = n->next;
    return n;
}

int node_load(struct store *s, uint32_t ino, struct node **out)
{
    struct block *b;
    uint32_t offset;
    if ((*out = node_find(s, ino)))
        return 0;
    if (ino == 0 || ino > s->inode_count)
        return -ENOENT;
    int r = table_block(s, ino, &b, &offset);
    if (r != 0)
        return r;
    struct node *n = node_alloc(s, ino);
    if (!n)
        return -ENOMEM;
    memcpy(n->raw, b->data + offset, s->inode_size);
    if (n->raw->i_mode == 0 || !is_sealed(s, n) || !is_sane(s, n)) {
        r = n->raw->i_mode == 0 ? -ENOENT : -EUCLEAN;
        free(n);
        return r;
    }
    keep(s, n);
    *out = n;
    return 0;
}

int node_get(struct store *s, uint32_t ino, struct node **out)
{
    if (ino != STORE_ROOT && ino < s->first_inode)
        return -ENOENT;
    store_trim(s);
    int r = node_load(s, ino, out);
    return r == 0 && (*out)->raw->i_links_count == 0 && (*out)->holds == 0 ? -ENOENT : r;
}

int node_write(struct store *s, struct node *n)
{
    struct block *b;
    uint32_t offset;
    int r = table_block(s, n->ino, &b, &offset);
    if (r == 0)
        r = block_edit(s, b);
    if (r != 0)
        return r;
    if (s->checksums) {
        uint32_t sum = csum_inode(s, n->ino, n->raw);
        n->raw->i_checksum_lo = (uint16_t)sum;
        if (s->inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
            n->raw->i_extra_isize >= EXT4_INODE_CSUM_HI_EXTRA_END)
            n->raw->i_checksum_hi = (uint16_t)(sum >> 16);
    }
    memcpy(b->data + offset, n->raw, s->inode_size);
    n->dirty = false;
    return 0;
}

/* New inodes ----------------------------------------------------------------*/

static void set_owner(struct ext2_inode_large *raw, uint32_t uid, uint32_t gid)
{
    raw->i_uid = (uint16_t)uid;
    raw->osd2.linux2.l_i_uid_high = (uint16_t)(uid >> 16);
    raw->i_gid = (uint16_t)gid;
    raw->osd2.linux2.l_i_gid_high = (uint16_t)(gid >> 16);
}

/* An empty extent tree. */
static void set_no_extents(struct ext2_inode_large *raw)
{
    struct ext3_extent_header h = {.eh_magic = EXT3_EXT_MAGIC, .eh_max = 4};
    raw->i_flags |= EXT4_EXTENTS_FL;
    memcpy(raw->i_block, &h, sizeof h);
}

/* Device numbers that fit are kept in the old form, as the kernel does. */
static void set_device(struct ext2_inode_large *raw, uint32_t major, uint32_t minor)
{
    if (major < 256 && minor < 256)
        raw->i_block[0] = major << 8 | minor;
    else
        raw->i_block[1] = (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffu) << 12;
}

/* The node of a number that was allocated: empty. An inode that had the number
 * before may still be in memory, and comes back if the operation fails. */
static int take_node(struct store *s, uint32_t ino, struct node **out)
{
    struct node *n = node_find(s, ino);
    if (n) {
        if (n->raw->i_links_count || n->holds || n->touched)
            return -EUCLEAN; /* the bitmap says that it is free */
        int r = op_node(s, n);
        if (r != 0)
            return r;
        node_forget_parts(s, n);
        uint32_t generation = n->raw->i_generation;
        memset(n->raw, 0, s->inode_size);
        n->raw->i_generation = generation;
        *out = n;
        return 0;
    }
    n = node_alloc(s, ino);
    if (!n)
        return -ENOMEM;
    keep(s, n);
    int r = op_made(s, n);
    if (r != 0)
        node_forget(s, n);
    *out = n;
    return r;
}

int node_make(struct store *s, uint32_t ino, const struct store_new *what, struct node **out)
{
    struct timespec now = {0};
    int r = take_node(s, ino, out);
    if (r != 0)
        return r;
    struct node *n = *out;
    struct ext2_inode_large *raw = n->raw;
    raw->i_mode = (uint16_t)what->mode;
    set_owner(raw, what->uid, what->gid);
    if (s->inode_size > EXT2_GOOD_OLD_INODE_SIZE)
        raw->i_extra_isize = sizeof *raw - EXT2_GOOD_OLD_INODE_SIZE;
    if (s->options.now)
        s->options.now(s->options.context, &now);
    for (enum node_time t = NODE_ATIME; t <= NODE_BTIME; t++)
        node_set_time(s, n, t, &now);
    raw->i_generation += (uint32_t)(now.tv_nsec ^ now.tv_sec) ^ (uint32_t)s->transaction << 16 ^ 1;
    uint32_t type = node_type(n);
    if (type == S_IFREG || type == S_IFDIR || type == S_IFLNK)
        set_no_extents(raw);
    else if (type == S_IFCHR || type == S_IFBLK)
        set_device(raw, what->major, what->minor);
    return 0;
}

/* Memory --------------------------------------------------------------------*/

void node_forget_parts(struct store *s, struct node *n)
{
    map_free(n->map);
    dir_free(s, n->dir);
    n->map = NULL;
    n->dir = NULL;
}

void node_forget(struct store *s, struct node *n)
{
    struct node **at = bucket(s, n->ino);
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    s->node_count--;
    node_forget_parts(s, n);
    free(n);
}

static void trim(struct store *s, bool all)
{
    for (size_t i = 0; s->nodes && i < s->node_buckets; i++)
        for (struct node *n = s->nodes[i], *next; n; n = next) {
            next = n->next;
            if (all || (n->holds == 0 && !n->dirty))
                node_forget(s, n);
            else if (s->name_count > s->name_limit)
                node_forget_parts(s, n);
        }
}

void nodes_trim(struct store *s)
{
    if (s->node_count <= s->node_limit && s->name_count <= s->name_limit)
        return;
    trim(s, false);
    if (s->node_limit < 2 * s->node_count) /* most are held: look less often */
        s->node_limit = 2 * s->node_count;
}

void nodes_free(struct store *s)
{
    trim(s, true);
    free(s->nodes);
    s->nodes = NULL;
}

/* Members -------------------------------------------------------------------*/

uint32_t node_type(const struct node *n)
{
    return n->raw->i_mode & S_IFMT;
}

bool node_is_short_link(const struct node *n)
{
    return node_size(n) < sizeof n->raw->i_block && !(n->raw->i_flags & EXT4_EXTENTS_FL);
}

uint64_t node_size(const struct node *n)
{
    return n->raw->i_size | (uint64_t)n->raw->i_size_high << 32;
}

void node_set_size(struct store *s, struct node *n, uint64_t size)
{
    n->raw->i_size = (uint32_t)size;
    n->raw->i_size_high = (uint32_t)(size >> 32);
    (void)s;
}

uint64_t node_blocks(const struct store *s, const struct node *n)
{
    uint64_t blocks = n->raw->i_blocks | (uint64_t)n->raw->osd2.linux2.l_i_blocks_hi << 32;
    return n->raw->i_flags & EXT4_HUGE_FILE_FL ? blocks * (s->block_size / TABLE_UNITS) : blocks;
}

void node_charge(struct store *s, struct node *n, int64_t blocks)
{
    uint64_t units = node_blocks(s, n) + (uint64_t)(blocks * (s->block_size / TABLE_UNITS));
    n->raw->i_flags &= ~(uint32_t)EXT4_HUGE_FILE_FL;
    n->raw->i_blocks = (uint32_t)units;
    n->raw->osd2.linux2.l_i_blocks_hi = (uint16_t)(units >> 32);
}

uint32_t node_seed(const struct store *s, const struct node *n)
{
    return csum_inode_seed(s, n->ino, n->raw->i_generation);
}

uint64_t node_goal(const struct store *s, const struct node *n)
{
    return group_first(s, (n->ino - 1) / s->inodes_per_group);
}

/* A time's seconds and its extra word: nanoseconds and two more bits. */
static uint32_t *time_words(const struct store *s, const struct node *n, enum node_time which,
                            uint32_t **extra)
{
    struct ext2_inode_large *raw = (struct ext2_inode_large *)n->raw;
    uint32_t *seconds[] = {&raw->i_atime, &raw->i_mtime, &raw->i_ctime, &raw->i_crtime};
    uint32_t *extras[] = {&raw->i_atime_extra, &raw->i_mtime_extra, &raw->i_ctime_extra,
                          &raw->i_crtime_extra};
    size_t end = (size_t)((uint8_t *)(extras[which] + 1) - (uint8_t *)raw);
    bool there = s->inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
                 end <= (size_t)EXT2_GOOD_OLD_INODE_SIZE + raw->i_extra_isize;
    *extra = there ? extras[which] : NULL;
    return which == NODE_BTIME && !there ? NULL : seconds[which];
}

void node_set_time(const struct store *s, struct node *n, enum node_time which,
                   const struct timespec *t)
{
    uint32_t *extra, *seconds = time_words(s, n, which, &extra);
    if (!seconds)
        return;
    *seconds = (uint32_t)t->tv_sec;
    if (extra)
        *extra = (uint32_t)t->tv_nsec << 2 |
                 ((uint32_t)((t->tv_sec - (int32_t)t->tv_sec) >> 32) & EXT4_EPOCH_MASK);
}

struct timespec node_time(const struct store *s, const struct node *n, enum node_time which)
{
    uint32_t *extra, *seconds = time_words(s, n, which, &extra);
    if (!seconds)
        return (struct timespec){0};
    struct timespec t = {.tv_sec = (int32_t)*seconds};
    if (extra) {
        t.tv_sec += (int64_t)(*extra & EXT4_EPOCH_MASK) << 32;
        t.tv_nsec = *extra >> 2;
    }
    return t.tv_nsec < 1000000000 ? t : (struct timespec){.tv_sec = t.tv_sec};
}

void node_changed(struct store *s, struct node *n, bool contents)
{
    struct timespec now = {0};
    if (s->options.now)
        s->options.now(s->options.context, &now);
    node_set_time(s, n, NODE_CTIME, &now);
    if (contents)
        node_set_time(s, n, NODE_MTIME, &now);
}
