/* The superblock and the group descriptors: geometry, features, free counts.
 * All that is derived from them is checked here, once, so that the rest can
 * compute with it: no multiplication of these numbers overflows. */
#include "store/fs.h"

#include <stdlib.h>

static const struct use system_use = {.owner = OWNER_SYSTEM};

enum { SUPER_OFFSET = 1024, SUPER_SIZE = 1024 };
_Static_assert(sizeof(struct ext2_super_block) == SUPER_SIZE, "ext4's superblock");

struct ext2_super_block *super_view(const struct store *s)
{
    return (struct ext2_super_block *)(s->super->data +
                                       (s->block_size > SUPER_OFFSET ? SUPER_OFFSET : 0));
}

struct ext2_super_block *super_edit(struct store *s)
{
    return block_edit(s, s->super) == 0 ? super_view(s) : NULL;
}

/* Features ------------------------------------------------------------------*/

struct feature {
    uint32_t bit;
    const char *name;
};
static const struct feature incompatible[] = {
    {EXT2_FEATURE_INCOMPAT_COMPRESSION, "compression"},
    {EXT3_FEATURE_INCOMPAT_JOURNAL_DEV, "journal_dev"},
    {EXT2_FEATURE_INCOMPAT_META_BG, "meta_bg"},
    {EXT4_FEATURE_INCOMPAT_MMP, "mmp"},
    {EXT4_FEATURE_INCOMPAT_EA_INODE, "ea_inode"},
    {EXT4_FEATURE_INCOMPAT_DIRDATA, "dirdata"},
    {EXT4_FEATURE_INCOMPAT_INLINE_DATA, "inline_data"},
    {EXT4_FEATURE_INCOMPAT_ENCRYPT, "encrypt"},
    {EXT4_FEATURE_INCOMPAT_CASEFOLD, "casefold"},
};
static const struct feature read_only_compatible[] = {
    {EXT4_FEATURE_RO_COMPAT_GDT_CSUM, "uninit_bg"},
    {EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT, "snapshot"},
    {EXT4_FEATURE_RO_COMPAT_QUOTA, "quota"},
    {EXT4_FEATURE_RO_COMPAT_BIGALLOC, "bigalloc"},
    {EXT4_FEATURE_RO_COMPAT_REPLICA, "replica"},
    {EXT4_FEATURE_RO_COMPAT_READONLY, "read-only"},
    {EXT4_FEATURE_RO_COMPAT_PROJECT, "project"},
    {EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS, "shared_blocks"},
    {EXT4_FEATURE_RO_COMPAT_VERITY, "verity"},
    {EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT, "orphan_present"},
};
enum {
    INCOMPATIBLE_KNOWN = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER |
                         EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT |
                         EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_CSUM_SEED |
                         EXT4_FEATURE_INCOMPAT_LARGEDIR,
    WRITABLE_KNOWN = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                     EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                     EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM,
};

static const char *feature_name(const struct feature *table, size_t count, uint32_t bits)
{
    for (size_t i = 0; i < count; i++)
        if (bits & table[i].bit)
            return table[i].name;
    return "unknown to this version";
}

static int check_features(const struct store *s, const struct ext2_super_block *sb, struct err *err)
{
    uint32_t unknown = sb->s_feature_incompat & ~(uint32_t)INCOMPATIBLE_KNOWN;
    if (unknown)
        return err_set(err, -EOPNOTSUPP, "the image has a feature that cannot be read: %s",
                       feature_name(incompatible, ARRAY_COUNT(incompatible), unknown));
    if (sb->s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_BIGALLOC)
        return err_set(err, -EOPNOTSUPP, "the image has a feature that cannot be read: bigalloc");
    if (s->read_only)
        return 0;
    unknown = sb->s_feature_ro_compat & ~(uint32_t)WRITABLE_KNOWN;
    if (unknown & EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)
        return err_set(err, -EUCLEAN, "the image was not unmounted: run e2fsck first");
    if (unknown)
        return err_set(
            err, -EOPNOTSUPP, "the image has a feature that cannot be written: %s",
            feature_name(read_only_compatible, ARRAY_COUNT(read_only_compatible), unknown));
    if (!(sb->s_feature_incompat & EXT3_FEATURE_INCOMPAT_EXTENTS) ||
        !(sb->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL) || sb->s_journal_inum == 0)
        return err_set(err, -EOPNOTSUPP,
                       "the image cannot be written without extents and a journal of its own: "
                       "'tune2fs -O extents,has_journal IMAGE' adds them");
    return 0;
}

/* Geometry ------------------------------------------------------------------*/

static bool power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

static uint64_t wide(const struct ext2_super_block *sb, uint32_t low, uint32_t high)
{
    return low | (sb->s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT ? (uint64_t)high << 32 : 0);
}

/* The sizes and counts, each alone. */
static bool sizes_are_sane(const struct ext2_super_block *sb)
{
    uint32_t block = 1024u << (sb->s_log_block_size & 3);
    uint32_t desc = sb->s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT ? sb->s_desc_size : 32;
    return sb->s_log_block_size <= 2 && sb->s_rev_level == 1 && power_of_two(sb->s_inode_size) &&
           sb->s_inode_size >= 128 && sb->s_inode_size <= block && power_of_two(desc) &&
           desc >= 32 && desc <= 1024 &&
           (desc >= 64 || !(sb->s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT)) &&
           sb->s_first_data_block == (block == 1024) && sb->s_blocks_per_group >= 256 &&
           sb->s_blocks_per_group <= block * 8 && sb->s_blocks_per_group % 8 == 0 &&
           sb->s_inodes_per_group >= block / sb->s_inode_size &&
           sb->s_inodes_per_group <= block * 8 && sb->s_inodes_per_group % 8 == 0 &&
           sb->s_first_ino >= EXT2_GOOD_OLD_FIRST_INO;
}

/* Sets the geometry and checks the counts against each other. */
static bool geometry_is_sane(struct store *s, const struct ext2_super_block *sb)
{
    s->block_bits = sb->s_log_block_size + 10;
    s->block_size = 1u << s->block_bits;
    s->block_count = wide(sb, sb->s_blocks_count, sb->s_blocks_count_hi);
    s->first_block = sb->s_first_data_block;
    s->inode_count = sb->s_inodes_count;
    s->first_inode = sb->s_first_ino;
    s->inode_size = sb->s_inode_size;
    s->blocks_per_group = sb->s_blocks_per_group;
    s->inodes_per_group = sb->s_inodes_per_group;
    s->descriptor_size =
        sb->s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT ? sb->s_desc_size : 32;
    s->filetype = sb->s_feature_incompat & EXT2_FEATURE_INCOMPAT_FILETYPE;
    s->checksums = sb->s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
    s->seed = sb->s_feature_incompat & EXT4_FEATURE_INCOMPAT_CSUM_SEED
                  ? sb->s_checksum_seed
                  : csum(~0u, sb->s_uuid, sizeof sb->s_uuid);
    if (s->block_count <= s->first_block || s->block_count > s->device.size >> s->block_bits)
        return false;
    uint64_t groups =
        (s->block_count - s->first_block + s->blocks_per_group - 1) / s->blocks_per_group;
    uint64_t tables = groups * s->descriptor_size / s->block_size + 2;
    s->group_count = (uint32_t)groups;
    return groups <= UINT32_MAX / s->inodes_per_group &&
           groups * s->inodes_per_group == s->inode_count && s->first_inode < s->inode_count &&
           tables < min_u64(s->blocks_per_group, s->block_count);
}

int super_load(struct store *s, struct err *err)
{
    struct ext2_super_block sb;
    s->block_size = SUPER_SIZE; /* until it is known */
    if (s->device.size < 2 * SUPER_OFFSET || device_read(s, SUPER_OFFSET, &sb, sizeof sb) != 0)
        return err_set(err, -EINVAL, "the image is too small, or cannot be read");
    if (sb.s_magic != EXT2_SUPER_MAGIC)
        return err_set(err, -EINVAL, "this is no ext4 image");
    if (!sizes_are_sane(&sb))
        return err_set(err, -EINVAL, "the image's superblock is damaged, or of an unknown format");
    if (!geometry_is_sane(s, &sb))
        return err_set(err, -EINVAL,
                       "the image's superblock is damaged, or the image is cut short");
    if (s->checksums &&
        (sb.s_checksum_type != EXT2_CRC32C_CHKSUM ||
         sb.s_checksum != csum(~0u, &sb, offsetof(struct ext2_super_block, s_checksum))))
        return err_set(err, -EUCLEAN, "the superblock has a wrong checksum: run e2fsck first");
    int r = check_features(s, &sb, err);
    if (r == 0)
        r = block_get(s, s->first_block, &system_use, &s->super);
    if (r != 0)
        return *err->text ? r : err_set(err, r, "cannot read the superblock");
    s->super->state |= BLOCK_PINNED;
    s->groups = calloc(s->group_count, sizeof *s->groups);
    return s->groups ? 0 : err_set(err, -ENOMEM, "no memory");
}

uint64_t super_free_blocks(const struct store *s)
{
    const struct ext2_super_block *sb = super_view(s);
    return wide(sb, sb->s_free_blocks_count, sb->s_free_blocks_hi);
}

int super_count(struct store *s, int64_t blocks, int64_t inodes)
{
    struct ext2_super_block *sb = super_edit(s);
    if (!sb)
        return -ENOMEM;
    uint64_t free_blocks = super_free_blocks(s) + (uint64_t)blocks;
    uint64_t free_inodes = sb->s_free_inodes_count + (uint64_t)inodes;
    if (free_blocks > s->block_count || free_inodes > s->inode_count)
        return -EUCLEAN;
    sb->s_free_blocks_count = (uint32_t)free_blocks;
    sb->s_free_blocks_hi = (uint32_t)(free_blocks >> 32);
    sb->s_free_inodes_count = (uint32_t)free_inodes;
    return 0;
}

int super_seal(struct store *s)
{
    struct ext2_super_block *sb = super_edit(s);
    if (!sb)
        return -ENOMEM;
    if (s->checksums)
        sb->s_checksum = csum(~0u, sb, offsetof(struct ext2_super_block, s_checksum));
    return 0;
}

/* The rest of the home keeps its old contents: what changed since is in the
 * journal, or about to be. */
int super_mark(struct store *s, bool recover)
{
    struct ext2_super_block home;
    struct ext2_super_block *both[] = {&home, super_view(s)};
    int r = device_read(s, SUPER_OFFSET, &home, sizeof home);
    if (r != 0)
        return r;
    for (size_t i = 0; i < ARRAY_COUNT(both); i++)
        both[i]->s_feature_incompat =
            recover ? both[i]->s_feature_incompat | EXT3_FEATURE_INCOMPAT_RECOVER
                    : both[i]->s_feature_incompat & ~(uint32_t)EXT3_FEATURE_INCOMPAT_RECOVER;
    if (s->checksums)
        home.s_checksum = csum(~0u, &home, offsetof(struct ext2_super_block, s_checksum));
    r = device_write(s, SUPER_OFFSET, &home, sizeof home);
    return r == 0 ? device_flush(s) : r;
}

/* Groups --------------------------------------------------------------------*/

uint64_t group_first(const struct store *s, uint32_t group)
{
    return s->first_block + (uint64_t)group * s->blocks_per_group;
}

uint32_t group_blocks(const struct store *s, uint32_t group)
{
    return (uint32_t)min_u64(s->blocks_per_group, s->block_count - group_first(s, group));
}

int group_descriptor(struct store *s, uint32_t group, struct block **b,
                     const struct ext4_group_desc **raw)
{
    uint32_t per_block = s->block_size / s->descriptor_size;
    int r = block_get(s, s->first_block + 1 + group / per_block, &system_use, b);
    if (r == 0)
        *raw =
            (const struct ext4_group_desc *)((*b)->data + group % per_block * s->descriptor_size);
    return r;
}

static uint16_t descriptor_csum(const struct store *s, uint32_t group, const void *raw)
{
    static const uint16_t zero;
    const size_t at = offsetof(struct ext4_group_desc, bg_checksum), behind = at + 2;
    uint32_t sum = csum(csum(s->seed, &group, sizeof group), raw, at);
    sum = csum(sum, &zero, sizeof zero);
    return (uint16_t)csum(sum, (const uint8_t *)raw + behind, s->descriptor_size - behind);
}

static bool inside(const struct store *s, uint64_t first, uint64_t count)
{
    return first > s->first_block && first < s->block_count && count <= s->block_count - first;
}

static uint64_t table_blocks(const struct store *s)
{
    return ((uint64_t)s->inodes_per_group * s->inode_size + s->block_size - 1) >> s->block_bits;
}

int group_read(struct store *s, uint32_t group, struct group_info *out)
{
    struct block *b;
    const struct ext4_group_desc *d;
    int r = group_descriptor(s, group, &b, &d);
    if (r != 0)
        return r;
    bool high = s->descriptor_size >= 64;
    *out = (struct group_info){
        .block_bitmap = d->bg_block_bitmap | (high ? (uint64_t)d->bg_block_bitmap_hi << 32 : 0),
        .inode_bitmap = d->bg_inode_bitmap | (high ? (uint64_t)d->bg_inode_bitmap_hi << 32 : 0),
        .inode_table = d->bg_inode_table | (high ? (uint64_t)d->bg_inode_table_hi << 32 : 0),
        .free_blocks =
            d->bg_free_blocks_count | (high ? (uint32_t)d->bg_free_blocks_count_hi << 16 : 0),
        .free_inodes =
            d->bg_free_inodes_count | (high ? (uint32_t)d->bg_free_inodes_count_hi << 16 : 0),
        .directories =
            d->bg_used_dirs_count | (high ? (uint32_t)d->bg_used_dirs_count_hi << 16 : 0),
        .unused_inodes = d->bg_itable_unused | (high ? (uint32_t)d->bg_itable_unused_hi << 16 : 0),
        .flags = d->bg_flags,
    };
    bool sane =
        inside(s, out->block_bitmap, 1) && inside(s, out->inode_bitmap, 1) &&
        inside(s, out->inode_table, table_blocks(s)) && out->free_blocks <= s->blocks_per_group &&
        out->free_inodes <= s->inodes_per_group && out->directories <= s->inodes_per_group &&
        out->unused_inodes <= s->inodes_per_group;
    return sane ? 0 : -EUCLEAN;
}

int group_write(struct store *s, uint32_t group, const struct group_info *info)
{
    struct block *b;
    const struct ext4_group_desc *raw;
    int r = group_descriptor(s, group, &b, &raw);
    if (r == 0)
        r = block_edit(s, b);
    if (r != 0)
        return r;
    struct ext4_group_desc *d = (struct ext4_group_desc *)raw;
    d->bg_free_blocks_count = (uint16_t)info->free_blocks;
    d->bg_free_inodes_count = (uint16_t)info->free_inodes;
    d->bg_used_dirs_count = (uint16_t)info->directories;
    d->bg_itable_unused = (uint16_t)info->unused_inodes;
    d->bg_flags = (uint16_t)info->flags;
    if (s->descriptor_size >= 64) {
        d->bg_free_blocks_count_hi = (uint16_t)(info->free_blocks >> 16);
        d->bg_free_inodes_count_hi = (uint16_t)(info->free_inodes >> 16);
        d->bg_used_dirs_count_hi = (uint16_t)(info->directories >> 16);
        d->bg_itable_unused_hi = (uint16_t)(info->unused_inodes >> 16);
    }
    s->groups[group].changed = true;
    return 0;
}

int group_seal(struct store *s, uint32_t group)
{
    struct block *b, *blocks, *inodes;
    const struct ext4_group_desc *raw;
    struct group_info info;
    int r = group_read(s, group, &info);
    if (r == 0)
        r = group_descriptor(s, group, &b, &raw);
    if (r == 0)
        r = block_edit(s, b);
    if (r == 0)
        r = block_get(s, info.block_bitmap, &system_use, &blocks);
    if (r == 0)
        r = block_get(s, info.inode_bitmap, &system_use, &inodes);
    if (r != 0 || !s->checksums)
        return r;
    struct ext4_group_desc *d = (struct ext4_group_desc *)raw;
    uint32_t sums[] = {csum(s->seed, blocks->data, s->blocks_per_group / 8),
                       csum(s->seed, inodes->data, s->inodes_per_group / 8)};
    if (!(info.flags & EXT2_BG_BLOCK_UNINIT))
        d->bg_block_bitmap_csum_lo = (uint16_t)sums[0];
    if (!(info.flags & EXT2_BG_INODE_UNINIT))
        d->bg_inode_bitmap_csum_lo = (uint16_t)sums[1];
    if (s->descriptor_size >= 64 && !(info.flags & EXT2_BG_BLOCK_UNINIT))
        d->bg_block_bitmap_csum_hi = (uint16_t)(sums[0] >> 16);
    if (s->descriptor_size >= 64 && !(info.flags & EXT2_BG_INODE_UNINIT))
        d->bg_inode_bitmap_csum_hi = (uint16_t)(sums[1] >> 16);
    d->bg_checksum = descriptor_csum(s, group, d);
    return 0;
}

/* Zones ---------------------------------------------------------------------*/

int zone_add(struct store *s, uint64_t first, uint64_t count)
{
    if (array_grow((void **)&s->zones, &s->zone_capacity, s->zone_count, sizeof *s->zones) != 0)
        return -ENOMEM;
    s->zones[s->zone_count++] = (struct zone){first, count};
    return 0;
}

static int by_first(const void *a, const void *b)
{
    const struct zone *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

int zones_sort(struct store *s)
{
    if (s->zone_count > 0)
        qsort(s->zones, s->zone_count, sizeof *s->zones, by_first);
    size_t kept = 0;
    for (size_t i = 0; i < s->zone_count; i++) {
        struct zone *last = kept ? &s->zones[kept - 1] : NULL, z = s->zones[i];
        if (last && z.first < last->first + last->count)
            return -EUCLEAN;
        if (last && z.first == last->first + last->count)
            last->count += z.count;
        else
            s->zones[kept++] = z;
    }
    s->zone_count = kept;
    return 0;
}

bool zone_find(const struct store *s, uint64_t first, uint64_t count)
{
    size_t low = 0, high = s->zone_count;
    while (low < high) { /* the first zone that ends behind `first` */
        size_t middle = (low + high) / 2;
        if (s->zones[middle].first + s->zones[middle].count <= first)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->zone_count && s->zones[low].first < first + count;
}

static bool is_power_of(uint32_t n, uint32_t base)
{
    while (n > base && n % base == 0)
        n /= base;
    return n == base;
}

/* Does the group begin with a copy of superblock and descriptors? */
static bool has_super(const struct store *s, uint32_t group)
{
    const struct ext2_super_block *sb = super_view(s);
    if (group == 0)
        return true;
    if (sb->s_feature_compat & EXT4_FEATURE_COMPAT_SPARSE_SUPER2)
        return group == sb->s_backup_bgs[0] || group == sb->s_backup_bgs[1];
    if (group == 1 || !(sb->s_feature_ro_compat & EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER))
        return true;
    return is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

static int add_group(struct store *s, uint32_t group)
{
    struct block *b;
    const struct ext4_group_desc *raw;
    struct group_info info;
    int r = group_descriptor(s, group, &b, &raw);
    if (r == 0 && s->checksums && raw->bg_checksum != descriptor_csum(s, group, raw))
        return -EUCLEAN;
    if (r == 0)
        r = group_read(s, group, &info);
    if (r == 0 && has_super(s, group)) {
        uint32_t per_block = s->block_size / s->descriptor_size;
        uint64_t count =
            1 + (s->group_count + per_block - 1) / per_block + super_view(s)->s_reserved_gdt_blocks;
        r = zone_add(s, group_first(s, group), min_u64(count, group_blocks(s, group)));
    }
    if (r == 0)
        r = zone_add(s, info.block_bitmap, 1);
    if (r == 0)
        r = zone_add(s, info.inode_bitmap, 1);
    return r == 0 ? zone_add(s, info.inode_table, table_blocks(s)) : r;
}

int super_zones(struct store *s, struct err *err)
{
    int r = 0;
    for (uint32_t group = 0; group < s->group_count && r == 0; group++)
        r = add_group(s, group);
    if (r == 0)
        r = zones_sort(s);
    return r == 0 ? 0
                  : err_set(err, r, "the image's group descriptors are damaged: run e2fsck first");
}
