/* attrs: what store.h says of inodes as such, and of the whole. */
#include "store/inode.h"
#include "store/map.h"

static void get_device(const struct ext2_inode_large *raw, struct store_attr *out)
{
    uint32_t old = raw->i_block[0], new = raw->i_block[1];
    out->major = old ? old >> 8 & 0xff : new >> 8 & 0xfff;
    out->minor = old ? old & 0xff : (new & 0xff) | (new >> 12 & ~0xffu);
}

int store_getattr(struct store *s, uint32_t ino, struct store_attr *out)
{
    struct node *n;
    int r = node_get(s, ino, &n);
    if (r != 0)
        return r;
    const struct ext2_inode_large *raw = n->raw;
    *out = (struct store_attr){
        .ino = ino,
        .mode = raw->i_mode,
        .uid = raw->i_uid | (uint32_t)raw->osd2.linux2.l_i_uid_high << 16,
        .gid = raw->i_gid | (uint32_t)raw->osd2.linux2.l_i_gid_high << 16,
        .nlink = raw->i_links_count,
        .generation = raw->i_generation,
        .block_size = s->block_size,
        .size = node_size(n),
        .blocks = node_blocks(s, n),
        .atime = node_time(s, n, NODE_ATIME),
        .mtime = node_time(s, n, NODE_MTIME),
        .ctime = node_time(s, n, NODE_CTIME),
        .btime = node_time(s, n, NODE_BTIME),
    };
    if (node_type(n) == S_IFCHR || node_type(n) == S_IFBLK)
        get_device(raw, out);
    return 0;
}

static int set(struct store *s, uint32_t ino, unsigned which, const struct store_attr *to)
{
    struct node *n;
    int r = node_get(s, ino, &n);
    if (r == 0)
        r = op_node(s, n);
    if (r != 0)
        return r;
    struct ext2_inode_large *raw = n->raw;
    if (which & STORE_MODE)
        raw->i_mode = (uint16_t)((raw->i_mode & S_IFMT) | (to->mode & 07777));
    if (which & STORE_UID) {
        raw->i_uid = (uint16_t)to->uid;
        raw->osd2.linux2.l_i_uid_high = (uint16_t)(to->uid >> 16);
    }
    if (which & STORE_GID) {
        raw->i_gid = (uint16_t)to->gid;
        raw->osd2.linux2.l_i_gid_high = (uint16_t)(to->gid >> 16);
    }
    if (which & STORE_ATIME)
        node_set_time(s, n, NODE_ATIME, &to->atime);
    if (which & STORE_MTIME)
        node_set_time(s, n, NODE_MTIME, &to->mtime);
    node_changed(s, n, false);
    return 0;
}

int store_setattr(struct store *s, uint32_t ino, unsigned which, const struct store_attr *to)
{
    return (int)OPERATION(s, set(s, ino, which, to));
}

int store_hold(struct store *s, uint32_t ino)
{
    struct node *n;
    int r = node_get(s, ino, &n);
    if (r == 0)
        n->holds++;
    return r;
}

int store_drop(struct store *s, uint32_t ino)
{
    struct node *n;
    int r = node_get(s, ino, &n);
    if (r != 0)
        return r;
    assert(n->holds > 0);
    n->holds--;
    if (n->holds == 0 && n->raw->i_links_count == 0)
        (void)orphan_free(s, ino); /* else it stays in the list of orphans, and is freed later */
    return 0;
}

int store_statfs(struct store *s, struct store_statfs *out)
{
    const struct ext2_super_block *sb = super_view(s);
    uint64_t reserved = sb->s_r_blocks_count | (uint64_t)sb->s_r_blocks_count_hi << 32;
    uint64_t free = super_free_blocks(s);
    *out = (struct store_statfs){.block_size = s->block_size,
                                 .blocks = s->block_count,
                                 .free_blocks = free,
                                 .available_blocks = free > reserved ? free - reserved : 0,
                                 .inodes = s->inode_count,
                                 .free_inodes = sb->s_free_inodes_count};
    memcpy(out->uuid, sb->s_uuid, sizeof out->uuid);
    return 0;
}

void store_counters(const struct store *s, struct store_counters *out)
{
    *out = s->counters;
    out->cached_blocks = s->cache.count;
    out->cached_inodes = s->node_count;
    out->cached_names = s->name_count;
}
