#include "store/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

enum {
    BYTES_PER_INODE = 16384,
    SIZE_MIN = 8 << 20,
    JOURNAL_MIN = 1024, /* blocks */
    JOURNAL_MAX = 16384,
    JOURNAL_SHARE = 64, /* of the image, one part in */
    GROUPS_PER_FLEX_BITS = 4,
};

/* The device as libext2fs' io_manager -----------------------------------------*/

/* io_manager's open gets nothing but a name. */
static const struct device *opened;

static struct struct_io_manager device_manager;

static errcode_t io_open(const char *name, int flags, io_channel *out)
{
    (void)flags;
    io_channel c = calloc(1, sizeof *c);
    char *copy = c ? strdup(name) : NULL;
    if (!copy) {
        free(c);
        return ENOMEM;
    }
    c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    c->manager = &device_manager;
    c->name = copy;
    c->block_size = 1024;
    c->refcount = 1;
    c->private_data = (void *)opened;
    *out = c;
    return 0;
}

static errcode_t io_close(io_channel c)
{
    if (--c->refcount > 0)
        return 0;
    free(c->name);
    free(c);
    return 0;
}

static errcode_t io_set_block_size(io_channel c, int size)
{
    c->block_size = size;
    return 0;
}

/* The bytes of `count` blocks; a negative count is in bytes. */
static bool io_range(io_channel c, unsigned long long block, int count, uint64_t *offset,
                     size_t *size)
{
    const struct device *d = c->private_data;
    *offset = (uint64_t)block * (uint64_t)c->block_size;
    *size = count < 0 ? (size_t)-count : (size_t)count * (size_t)c->block_size;
    return *offset <= d->size && *size <= d->size - *offset;
}

static errcode_t io_read64(io_channel c, unsigned long long block, int count, void *to)
{
    const struct device *d = c->private_data;
    uint64_t offset;
    size_t size;
    return io_range(c, block, count, &offset, &size) ? -d->read(d->context, offset, to, size)
                                                     : EXT2_ET_SHORT_READ;
}

static errcode_t io_write64(io_channel c, unsigned long long block, int count, const void *from)
{
    const struct device *d = c->private_data;
    uint64_t offset;
    size_t size;
    return io_range(c, block, count, &offset, &size) ? -d->write(d->context, offset, from, size)
                                                     : EXT2_ET_SHORT_WRITE;
}

static errcode_t io_read(io_channel c, unsigned long block, int count, void *to)
{
    return io_read64(c, block, count, to);
}

static errcode_t io_write(io_channel c, unsigned long block, int count, const void *from)
{
    return io_write64(c, block, count, from);
}

static errcode_t io_flush(io_channel c)
{
    const struct device *d = c->private_data;
    return -d->flush(d->context);
}

static struct struct_io_manager device_manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "device",
    .open = io_open,
    .close = io_close,
    .set_blksize = io_set_block_size,
    .read_blk = io_read,
    .write_blk = io_write,
    .read_blk64 = io_read64,
    .write_blk64 = io_write64,
    .flush = io_flush,
};

/* Formatting ----------------------------------------------------------------*/

static errcode_t initialize(const struct device *device, const struct store_format *how,
                            ext2_filsys *fs)
{
    struct ext2_super_block sb = {0};
    uint32_t bits = 10;
    while (how->block_size ? how->block_size >> bits > 1 : bits < 12)
        bits++;
    uint64_t inodes = how->inodes ? how->inodes : device->size / BYTES_PER_INODE;
    ext2fs_blocks_count_set(&sb, device->size >> bits);
    sb.s_log_block_size = bits - 10;
    sb.s_log_cluster_size = bits - 10;
    sb.s_rev_level = EXT2_DYNAMIC_REV;
    sb.s_inode_size = 256;
    sb.s_inodes_count = (uint32_t)(inodes < UINT32_MAX / 2 ? inodes : UINT32_MAX / 2);
    sb.s_log_groups_per_flex = GROUPS_PER_FLEX_BITS;
    sb.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_DIR_INDEX |
                          EXT2_FEATURE_COMPAT_RESIZE_INODE;
    sb.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
                            EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG;
    sb.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER |
                             EXT2_FEATURE_RO_COMPAT_LARGE_FILE | EXT4_FEATURE_RO_COMPAT_HUGE_FILE |
                             EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;
    if (!how->no_checksums)
        sb.s_feature_ro_compat |= EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
    opened = device;
    return ext2fs_initialize("image", EXT2_FLAG_EXCLUSIVE | EXT2_FLAG_64BITS, &sb, &device_manager,
                             fs);
}

static void describe(ext2_filsys fs, const struct store_format *how)
{
    struct ext2_super_block *sb = fs->super;
    memcpy(sb->s_uuid, how->uuid, sizeof sb->s_uuid);
    memcpy(sb->s_hash_seed, how->hash_seed, sizeof sb->s_hash_seed);
    if (how->label)
        memcpy(sb->s_volume_name, how->label, strnlen(how->label, sizeof sb->s_volume_name));
    sb->s_def_hash_version = EXT2_HASH_HALF_MD4;
    sb->s_flags |= EXT2_FLAGS_UNSIGNED_HASH;
    sb->s_checksum_type = how->no_checksums ? 0 : EXT2_CRC32C_CHKSUM;
    sb->s_max_mnt_count = -1;
    sb->s_want_extra_isize = sb->s_min_extra_isize = sizeof(struct ext2_inode_large) - 128;
    fs->now = how->now;
    ext2fs_init_csum_seed(fs);
}

/* The inodes of the system, the root directory and lost+found. */
static errcode_t add_inodes(ext2_filsys fs)
{
    errcode_t r = ext2fs_mkdir(fs, EXT2_ROOT_INO, EXT2_ROOT_INO, NULL);
    for (ext2_ino_t ino = EXT2_ROOT_INO + 1; ino < EXT2_FIRST_INODE(fs->super); ino++)
        ext2fs_inode_alloc_stats2(fs, ino, 1, 0);
    ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, 1, 0);
    if (r == 0)
        r = ext2fs_update_bb_inode(fs, NULL);
    fs->umask = 077;
    return r == 0 ? ext2fs_mkdir(fs, EXT2_ROOT_INO, 0, "lost+found") : r;
}

static errcode_t fill(ext2_filsys fs)
{
    uint64_t blocks = ext2fs_blocks_count(fs->super), journal = blocks / JOURNAL_SHARE;
    journal = journal < JOURNAL_MIN ? JOURNAL_MIN : journal > JOURNAL_MAX ? JOURNAL_MAX : journal;
    errcode_t r = ext2fs_allocate_tables(fs);
    for (dgrp_t group = 0; group < fs->group_desc_count && r == 0; group++) {
        ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_ZEROED);
        ext2fs_group_desc_csum_set(fs, group);
    }
    if (r == 0)
        r = add_inodes(fs);
    if (r == 0)
        r = ext2fs_create_resize_inode(fs);
    if (r == 0)
        r = ext2fs_add_journal_inode2(fs, (blk_t)journal, ~0ull,
                                      EXT2_MKJOURNAL_NO_MNT_CHECK | EXT2_MKJOURNAL_LAZYINIT);
    return r;
}

int store_format(const struct device *device, const struct store_format *how, struct err *err)
{
    ext2_filsys fs;
    if (device->size < SIZE_MIN)
        return err_set(err, -EINVAL, "an image has at least 8 MiB");
    errcode_t r = initialize(device, how, &fs);
    if (r == 0) {
        describe(fs, how);
        r = fill(fs);
        errcode_t closed = ext2fs_close_free(&fs);
        r = r == 0 ? closed : r;
    }
    if (r == 0)
        return 0;
    bool known = r > 0 && r < 4096;
    return known ? err_set(err, -(int)r, "cannot make a file system: %s", strerror((int)r))
                 : err_set(err, -EINVAL, "cannot make a file system of this size (libext2fs %ld)",
                           (long)r);
}
