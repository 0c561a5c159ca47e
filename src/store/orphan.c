/* The list begins in the superblock; each inode's deletion time is the number
 * of the next. */
#include "store/alloc.h"
#include "store/inode.h"
#include "store/map.h"
#include "store/xattr.h"

enum { FREE_AT_ONCE = 1 << 18 }; /* blocks freed by one operation, about */

int orphan_add(struct store *s, struct node *n)
{
    struct ext2_super_block *sb = super_edit(s);
    int r = sb ? op_node(s, n) : -ENOMEM;
    if (r != 0)
        return r;
    n->raw->i_dtime = sb->s_last_orphan;
    sb->s_last_orphan = n->ino;
    return 0;
}

int orphan_remove(struct store *s, struct node *n)
{
    struct ext2_super_block *sb = super_view(s);
    uint32_t ino = sb->s_last_orphan, next = n->raw->i_dtime;
    struct node *before = NULL;
    for (uint32_t i = 0; ino != n->ino; i++) {
        int r = i < s->inode_count ? node_load(s, ino, &before) : -EUCLEAN;
        if (r != 0)
            return -EUCLEAN;
        ino = before->raw->i_dtime;
    }
    int r = op_node(s, n);
    if (r == 0 && before)
        r = op_node(s, before);
    else if (r == 0 && !super_edit(s))
        r = -ENOMEM;
    if (r != 0)
        return r;
    if (before)
        before->raw->i_dtime = next;
    else
        sb->s_last_orphan = next;
    n->raw->i_dtime = 0;
    return 0;
}

static bool has_map(const struct node *n)
{
    uint32_t type = node_type(n);
    return type == S_IFREG || type == S_IFDIR || (type == S_IFLNK && !node_is_short_link(n));
}

/* Frees a part of an inode's blocks, in the end the inode: 1: there is more. */
static int free_part(struct store *s, struct node *n)
{
    int r = op_node(s, n);
    if (r == 0 && has_map(n))
        r = map_load(s, n);
    if (r == 0 && has_map(n))
        r = map_drop(s, n, 0, FREE_AT_ONCE);
    if (r == 0)
        r = xattr_free(s, n);
    if (r == 0)
        r = orphan_remove(s, n);
    if (r == 0)
        r = inode_free(s, n->ino, node_type(n) == S_IFDIR);
    if (r != 0)
        return r;
    if (n->map && n->map->edited) /* its last blocks: there will be no tree */
        r = map_store(s, n);
    struct timespec now = {0};
    if (s->options.now)
        s->options.now(s->options.context, &now);
    n->raw->i_dtime = now.tv_sec > 0 ? (uint32_t)now.tv_sec : 1;
    n->raw->i_links_count = 0;
    node_set_size(s, n, 0);
    return r;
}

int orphan_free(struct store *s, uint32_t ino)
{
    struct node *n;
    for (int64_t r = 1; r != 0;) {
        r = node_load(s, ino, &n);
        if (r == 0)
            r = OPERATION(s, (node_load(s, ino, &n) ?: free_part(s, n)));
        if (r < 0)
            return (int)r;
    }
    return 0;
}

/* The kernel lists, besides, files that it is cutting, so that a crash does not
 * leave blocks behind the end. 1: there is more. */
static int cut_part(struct store *s, struct node *n)
{
    uint64_t blocks = (node_size(n) + s->block_size - 1) >> s->block_bits;
    int r = node_type(n) == S_IFREG && blocks < MAP_END ? op_node(s, n) : -EUCLEAN;
    if (r == 0)
        r = map_load(s, n);
    if (r == 0)
        r = map_drop(s, n, (uint32_t)blocks, FREE_AT_ONCE);
    return r == 0 ? orphan_remove(s, n) : r;
}

static int orphan_cut(struct store *s, uint32_t ino)
{
    struct node *n;
    int64_t r;
    do
        r = OPERATION(s, (node_load(s, ino, &n) ?: cut_part(s, n)));
    while (r > 0);
    return (int)r;
}

int orphans_free(struct store *s)
{
    struct node *n;
    for (uint32_t ino; (ino = super_view(s)->s_last_orphan) != 0;) {
        int r = node_load(s, ino, &n);
        if (r != 0)
            return r == -ENOENT ? -EUCLEAN : r;
        r = n->raw->i_links_count ? orphan_cut(s, ino) : orphan_free(s, ino);
        if (r != 0)
            return r;
    }
    return 0;
}
