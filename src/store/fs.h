/* fs: the open file system: what every part of the store shares.
 *
 * How it works. All metadata (superblock, group descriptors, bitmaps, inode
 * tables, extent trees, directories, attribute blocks) is changed in the block
 * cache alone (cache.h). An operation runs between op_begin and op_end; what
 * it changed is undone if it fails, so it is atomic without any care of its
 * own. What succeeded gathers in the running transaction until commit
 * (journal.h) seals the blocks with their checksums and writes them to the
 * journal, and later home. File data goes to the device directly.
 *
 *   names.c  contents.c  attrs.c  xattr.c    the operations of store.h
 *   dir.c    map.c       inode.c  orphan.c   one inode's parts
 *   alloc.c              super.c             blocks and inode numbers; the whole
 *   journal.c  recover.c                     durability
 *   cache.c  op.c  csum.c                    blocks, atomicity, checksums
 *
 * The image is an attacker's. Every number from it is checked where it is
 * read: geometry once in super.c, group descriptors in super_zones, block
 * numbers in map.c and block_get, entries where they are walked. */
#ifndef VOW_STORE_FS_H
#define VOW_STORE_FS_H

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext3_extents.h>

#include "store/cache.h"
#include "store/journal.h"
#include "store/store.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "ext4 is little-endian, and so far this code is, too");

/* A range of blocks that no file may have: superblocks, descriptors, bitmaps,
 * inode tables, the journal. */
struct zone {
    uint64_t first, count;
};

enum {
    STORE_BLOCK_MAX = 4096,    /* bytes of the largest block */
    STORE_NODES_KEPT = 32768,  /* inodes in memory, if nobody holds them */
    STORE_NAMES_KEPT = 1 << 20 /* names in directories' hash tables */
};

struct group {
    uint8_t *resting; /* bitmap of freed blocks that must not be used yet, or NULL */
    bool changed;     /* its bitmaps or descriptor, since the last commit */
};

/* A group's descriptor, decoded. */
struct group_info {
    uint64_t block_bitmap, inode_bitmap, inode_table;
    uint32_t free_blocks, free_inodes, directories, unused_inodes, flags;
};

/* A freed range that rests: until the transaction that freed it is committed,
 * or, if an old version of it is in the journal, until the checkpoint: else a
 * replay would write over its new contents. */
struct rest {
    uint64_t first, count;
    bool until_checkpoint;
};

struct store {
    struct device device;
    struct device *replayed; /* read-only with a journal left: its replay, in memory */
    struct store_options options;
    bool read_only;
    bool failed;       /* a commit failed: nothing is written any more */
    bool data_written; /* … since the device was last flushed */
    bool in_op;

    uint64_t block_count;
    uint32_t block_size, block_bits, first_block;
    uint32_t inode_count, first_inode, inode_size;
    uint32_t group_count, blocks_per_group, inodes_per_group, descriptor_size;
    uint32_t seed; /* of checksums */
    bool checksums, filetype;
    struct block *super; /* pinned */
    struct group *groups;
    struct zone *zones; /* sorted; only if not read_only */
    size_t zone_count, zone_capacity;
    struct rest *rests;
    size_t rest_count, rest_capacity;

    struct cache cache;
    struct op op;
    struct node **nodes;           /* hash by number */
    size_t node_buckets;           /* a power of two */
    size_t node_count, node_limit; /* beyond the limit those that nobody holds go */
    size_t name_count, name_limit; /* of names in directories' hash tables */
    uint32_t *changed;             /* inodes that became dirty in the running transaction */
    size_t changed_count, changed_capacity;
    uint64_t transaction; /* number of the running one, from 1 */
    struct journal journal;
    struct store_counters counters;
};

/* super.c -------------------------------------------------------------------*/

/* super_load: reads and checks the superblock, sets the geometry, pins its
 * block. super_zones: checks all group descriptors and lists what they cover. */
int super_load(struct store *s, struct err *err);
int super_zones(struct store *s, struct err *err);
/* zone_add: one more; zone_find: is a block of this range in any? */
int zone_add(struct store *s, uint64_t first, uint64_t count);
int zones_sort(struct store *s);
bool zone_find(const struct store *s, uint64_t first, uint64_t count);
struct ext2_super_block *super_view(const struct store *s);
/* super_edit: the same, to be changed. NULL: no memory. */
struct ext2_super_block *super_edit(struct store *s);
uint64_t super_free_blocks(const struct store *s);
/* super_count: changes the numbers of free blocks and inodes. */
int super_count(struct store *s, int64_t blocks, int64_t inodes);
/* group_descriptor: the bytes of a group's descriptor in its block. */
int group_descriptor(struct store *s, uint32_t group, struct block **b,
                     const struct ext4_group_desc **raw);
int group_read(struct store *s, uint32_t group, struct group_info *out);
int group_write(struct store *s, uint32_t group, const struct group_info *info);
/* group_seal: the checksums of a group that changed; super_seal: superblock;
 * super_mark: writes home, at once, whether the journal must be replayed. */
int group_seal(struct store *s, uint32_t group);
int super_seal(struct store *s);
int super_mark(struct store *s, bool recover);
/* group_first: its first block; group_blocks: how many it has. */
uint64_t group_first(const struct store *s, uint32_t group);
uint32_t group_blocks(const struct store *s, uint32_t group);

/* csum.c --------------------------------------------------------------------*/

uint32_t csum(uint32_t seed, const void *bytes, size_t size);
/* csum_inode_seed: what all checksums of an inode's blocks begin with. */
uint32_t csum_inode_seed(const struct store *s, uint32_t ino, uint32_t generation);
/* csum_inode: of the bytes of an inode, with its own field as zero. */
uint32_t csum_inode(const struct store *s, uint32_t ino, const void *raw);
/* block_seal: writes a block's checksum into it; block_sealed: is it right? */
void block_seal(const struct store *s, struct block *b);
bool block_sealed(const struct store *s, const struct block *b);

/* Device --------------------------------------------------------------------*/

/* device_read, device_write, device_flush: with the bounds checked. */
int device_read(struct store *s, uint64_t offset, void *to, size_t size);
int device_write(struct store *s, uint64_t offset, const void *from, size_t size);
int device_flush(struct store *s);

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
