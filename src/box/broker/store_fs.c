/* store_fs: the image's files as nodes. One node an inode, found by number. */
#include <stdlib.h>

#include "box/broker/node.h"

enum { BUCKETS = 4096 };

struct store_node {
    struct node node;
    struct store_node *next;
};

static struct store_node *buckets[BUCKETS];
static const struct node_ops store_ops;

int store_fs_node(uint32_t ino, struct node **out)
{
    struct store_attr attr;
    for (struct store_node *s = buckets[ino % BUCKETS]; s; s = s->next)
        if (s->node.ino == ino) {
            *out = node_hold(&s->node);
            return 0;
        }
    int result = store_getattr(box.store, ino, &attr);
    if (result == 0)
        result = store_hold(box.store, ino);
    if (result != 0)
        return result;
    struct store_node *s = calloc(1, sizeof *s);
    if (!s) {
        store_drop(box.store, ino);
        return -ENOMEM;
    }
    s->node =
        (struct node){.ops = &store_ops, .references = 1, .ino = ino, .type = attr.mode & S_IFMT};
    s->next = buckets[ino % BUCKETS];
    buckets[ino % BUCKETS] = s;
    *out = &s->node;
    return 0;
}

bool store_fs_is_root(const struct node *n)
{
    return n->ops == &store_ops && n->ino == STORE_ROOT;
}

static void release(struct node *n)
{
    struct store_node **at = &buckets[n->ino % BUCKETS], *s;
    while (&(*at)->node != n)
        at = &(*at)->next;
    s = *at;
    *at = s->next;
    store_drop(box.store, n->ino);
    free(s);
}

static int attr(struct node *n, struct store_attr *out)
{
    return store_getattr(box.store, n->ino, out);
}

static int set_attr(struct node *n, unsigned which, const struct store_attr *to)
{
    return store_setattr(box.store, n->ino, which, to);
}

static int lookup(struct node *dir, const char *name, size_t size, struct node **out)
{
    uint32_t ino;
    int result = store_lookup(box.store, dir->ino, name, size, &ino);
    return result == 0 ? store_fs_node(ino, out) : result;
}

static int readdir(struct node *dir, uint64_t *position,
                   int (*take)(void *context, const struct store_entry *entry), void *context)
{
    return store_readdir(box.store, dir->ino, position, take, context);
}

static int64_t readlink(struct node *n, struct thread *t, char *to, size_t size)
{
    (void)t;
    return store_readlink(box.store, n->ino, to, size);
}

static int create(struct node *dir, const char *name, size_t size, const struct store_new *what,
                  struct node **out)
{
    uint32_t ino;
    int result = store_create(box.store, &(struct store_name){dir->ino, name, size}, what, &ino);
    return result == 0 ? store_fs_node(ino, out) : result;
}

static int link(struct node *n, struct node *dir, const char *name, size_t size)
{
    return store_link(box.store, n->ino, dir->ino, name, size);
}

static int remove_name(struct node *dir, const char *name, size_t size, bool directory)
{
    return directory ? store_rmdir(box.store, dir->ino, name, size)
                     : store_unlink(box.store, dir->ino, name, size);
}

static int rename_name(struct node *from, const struct store_name *a, struct node *to,
                       const struct store_name *b, unsigned flags)
{
    struct store_name old = *a, new = *b;
    old.dir = from->ino;
    new.dir = to->ino;
    return store_rename(box.store, &old, &new, flags);
}

static int64_t read(struct node *n, uint64_t offset, void *to, size_t size)
{
    return store_read(box.store, n->ino, offset, to, size);
}

static int64_t write(struct node *n, uint64_t offset, const void *from, size_t size)
{
    return store_write(box.store, n->ino, offset, from, size);
}

static int truncate(struct node *n, uint64_t size)
{
    if (n->window)
        window_flush(n);
    int result = store_truncate(box.store, n->ino, size);
    if (result == 0 && n->window)
        window_truncate(n, size);
    return result;
}

static int sync_node(struct node *n)
{
    int result = n->window ? window_flush(n) : 0;
    return result == 0 ? store_sync(box.store, n->ino) : result;
}

static int open_special(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    (void)t;
    if (n->type == S_IFLNK)
        return -ELOOP;
    return n->type == S_IFIFO ? fifo_open(n, t, flags, out) : -ENXIO;
}

static const struct node_ops store_ops = {
    .attr = attr,
    .set_attr = set_attr,
    .lookup = lookup,
    .readdir = readdir,
    .readlink = readlink,
    .create = create,
    .link = link,
    .remove = remove_name,
    .rename = rename_name,
    .read = read,
    .write = write,
    .truncate = truncate,
    .sync = sync_node,
    .open = open_special,
    .release = release,
    .device = 0x0801,
};
