#include "store/fs.h"

#include <stddef.h>

#include <ext2fs/ext2_ext_attr.h>
#include <ext2fs/ext2fs.h>

uint32_t csum(uint32_t seed, const void *bytes, size_t size)
{
    return ext2fs_crc32c_le(seed, bytes, size);
}

uint32_t csum_inode_seed(const struct store *s, uint32_t ino, uint32_t generation)
{
    return csum(csum(s->seed, &ino, sizeof ino), &generation, sizeof generation);
}

/* Feeds bytes to a checksum, those of a field of `size` at `skip` as zeros. */
static uint32_t csum_without(uint32_t seed, const uint8_t *bytes, size_t size, size_t skip,
                             size_t skip_size)
{
    static const uint8_t zeros[4];
    seed = csum(seed, bytes, skip);
    seed = csum(seed, zeros, skip_size);
    return csum(seed, bytes + skip + skip_size, size - skip - skip_size);
}

uint32_t csum_inode(const struct store *s, uint32_t ino, const void *raw)
{
    const struct ext2_inode_large *inode = raw;
    const size_t low = offsetof(struct ext2_inode_large, i_checksum_lo);
    const size_t high = offsetof(struct ext2_inode_large, i_checksum_hi);
    uint32_t sum = csum_inode_seed(s, ino, inode->i_generation);
    bool wide = s->inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
                inode->i_extra_isize >= EXT4_INODE_CSUM_HI_EXTRA_END;
    if (!wide)
        return csum_without(sum, raw, s->inode_size, low, 2) & 0xffff;
    sum = csum_without(sum, raw, high, low, 2);
    return csum_without(sum, (const uint8_t *)raw + high, s->inode_size - high, 0, 2);
}

/* The end of a directory block: an entry that is none, with the checksum. */
static struct ext2_dir_entry_tail *directory_tail(const struct store *s, const struct block *b)
{
    return (struct ext2_dir_entry_tail *)(b->data + s->block_size -
                                          sizeof(struct ext2_dir_entry_tail));
}

static uint32_t directory_csum(const struct store *s, const struct block *b)
{
    return csum(b->use.seed, b->data, s->block_size - sizeof(struct ext2_dir_entry_tail));
}

static size_t extents_end(const struct store *s)
{
    return (s->block_size - 12) / 12 * 12 + 12;
}

static uint32_t xattrs_csum(const struct store *s, const struct block *b)
{
    uint64_t number = b->number;
    return csum_without(csum(s->seed, &number, sizeof number), b->data, s->block_size,
                        offsetof(struct ext2_ext_attr_header, h_checksum), 4);
}

void block_seal(const struct store *s, struct block *b)
{
    if (!s->checksums)
        return;
    uint32_t sum;
    switch (b->use.seal) {
    case SEAL_NONE: break;
    case SEAL_INDEXED:
    case SEAL_DIRECTORY: directory_tail(s, b)->det_checksum = directory_csum(s, b); break;
    case SEAL_EXTENTS:
        sum = csum(b->use.seed, b->data, extents_end(s));
        memcpy(b->data + extents_end(s), &sum, sizeof sum);
        break;
    case SEAL_XATTRS: ((struct ext2_ext_attr_header *)b->data)->h_checksum = xattrs_csum(s, b);
    }
}

bool block_sealed(const struct store *s, const struct block *b)
{
    if (!s->checksums)
        return true;
    const struct ext2_dir_entry_tail *tail = directory_tail(s, b);
    uint32_t sum;
    switch (b->use.seal) {
    case SEAL_NONE: break;
    case SEAL_INDEXED: /* inner blocks of an index are not read */
        if (tail->det_rec_len != sizeof *tail ||
            tail->det_reserved_name_len != EXT2_DIR_NAME_LEN_CSUM)
            return true;
        return tail->det_checksum == directory_csum(s, b);
    case SEAL_DIRECTORY:
        return tail->det_rec_len == sizeof *tail && tail->det_reserved_zero1 == 0 &&
               tail->det_reserved_name_len == EXT2_DIR_NAME_LEN_CSUM &&
               tail->det_checksum == directory_csum(s, b);
    case SEAL_EXTENTS:
        memcpy(&sum, b->data + extents_end(s), sizeof sum);
        return sum == csum(b->use.seed, b->data, extents_end(s));
    case SEAL_XATTRS:
        return ((const struct ext2_ext_attr_header *)b->data)->h_checksum == xattrs_csum(s, b);
    }
    return true;
}
