/* store_fs: the image's files as nodes. One node an inode, found by number. What
 * was asked once is kept: attributes here, names and contents in their caches. An
 * operation that changes them makes them unknown before it answers. */
#include <stdlib.h>
#include <string.h>

#include "box/broker/arena.h"
#include "box/broker/devices.h"
#include "box/broker/name_cache.h"
#include "box/broker/page_cache.h"
#include "box/broker/publish.h"

enum { BUCKETS = 4096 };
#define COMMIT_AFTER INT64_C(5000000000) /* nanoseconds that a change stays in memory */

struct store_node {
    struct node node;
    struct store_node *next;
    struct store_attr attr;
    bool known; /* attr is what the store has */
};

static struct store_node *buckets[BUCKETS];
static const struct node_ops store_ops;

/* The node of an inode, if there is one now. */
static struct node *present(uint32_t ino)
{
    for (struct store_node *s = buckets[ino % BUCKETS]; s; s = s->next)
        if (s->node.ino == ino)
            return &s->node;
    return NULL;
}

int store_fs_node(uint32_t ino, struct node **out)
{
    struct store_attr attr;
    struct node *now = present(ino);
    if (now) {
        *out = node_hold(now);
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
    s->node.published = publish_inode(&s->node);
    s->next = buckets[ino % BUCKETS];
    buckets[ino % BUCKETS] = s;
    if (ino == STORE_ROOT)
        publish_root(node_hold(&s->node)->published);
    *out = &s->node;
    return 0;
}

bool store_fs_is_root(const struct node *n)
{
    return n->ops == &store_ops && n->ino == STORE_ROOT;
}

static int attr(struct node *n, struct store_attr *out);

static void release(struct node *n)
{
    struct store_node **at = &buckets[n->ino % BUCKETS], *s;
    struct store_attr last;
    window_free(n);
    while (&(*at)->node != n)
        at = &(*at)->next;
    s = *at;
    *at = s->next;
    publish_drop_inode(n->published);
    n->published = 0;
    if (n->type == S_IFREG && attr(n, &last) == 0 && last.nlink == 0)
        page_cache_drop(n->ino, 0, last.size); /* the number may come again */
    store_drop(box.store, n->ino);
    free(s);
}

/* Attributes -----------------------------------------------------------------------------*/

static void publish(struct node *n, const struct store_attr *a)
{
    const struct timespec *times[4] = {&a->atime, &a->mtime, &a->ctime, &a->btime};
    char target[TARGET_ROOM];
    struct published_attr to = {.ino = a->ino,
                                .mode = a->mode,
                                .uid = a->uid,
                                .gid = a->gid,
                                .nlink = a->nlink,
                                .device = n->ops->device,
                                .major = a->major,
                                .minor = a->minor,
                                .block_size = a->block_size,
                                .size = a->size,
                                .blocks = a->blocks};
    for (int i = 0; i < 4; i++) {
        to.times[i][0] = times[i]->tv_sec;
        to.times[i][1] = times[i]->tv_nsec;
    }
    if (n->type == S_IFLNK && a->size < sizeof target &&
        store_readlink(box.store, n->ino, target, sizeof target) == (ssize_t)a->size)
        to.target_size = (uint32_t)a->size;
    publish_attr(n->published, &to, n->type == S_IFREG && !window_covers(n) ? INODE_HAS_PAGES : 0,
                 target);
}

static int attr(struct node *n, struct store_attr *out)
{
    struct store_node *s = (struct store_node *)n;
    if (!s->known) {
        int result = store_getattr(box.store, n->ino, &s->attr);
        if (result != 0)
            return result;
        s->known = true;
        if (n->published)
            publish(n, &s->attr);
    }
    *out = s->attr;
    return 0;
}

static int64_t commit_at = INT64_MAX; /* the clock; there is something to commit */

int64_t store_fs_next_commit(void)
{
    return commit_at;
}

int store_fs_commit(void)
{
    commit_at = INT64_MAX;
    return store_commit(box.store);
}

/* Between begin and changed nobody sees its attributes or bytes. */
static void begin(struct node *n)
{
    if (commit_at == INT64_MAX)
        commit_at = time_now() + COMMIT_AFTER;
    ((struct store_node *)n)->known = false;
    publish_changing(n->published);
}

static void changed(struct node *n)
{
    begin(n);
    publish_changed(n->published);
}

/* And its bytes from `start` on, of which there were so many. */
static void changed_from(struct node *n, uint64_t start, uint64_t size)
{
    begin(n);
    if (size > start)
        page_cache_drop(n->ino, start, size);
    publish_changed(n->published);
}

void store_fs_changed(struct node *n)
{
    if (n->ops == &store_ops)
        changed(n);
}

static int set_attr(struct node *n, unsigned which, const struct store_attr *to)
{
    int result = store_setattr(box.store, n->ino, which, to);
    changed(n);
    return result;
}

/* Names ----------------------------------------------------------------------------------*/

static int lookup(struct node *dir, const char *name, size_t size, struct node **out)
{
    struct store_attr a;
    uint32_t ino;
    if (name_cache_find(dir, name, size, out))
        return *out ? 0 : -ENOENT;
    int result = store_lookup(box.store, dir->ino, name, size, &ino);
    if (result == 0)
        result = store_fs_node(ino, out);
    /* What has no name itself goes when its last user does: the cache is none. */
    if ((result == 0 || result == -ENOENT) && attr(dir, &a) == 0 && a.nlink)
        name_cache_put(dir, name, size, result == 0 ? *out : NULL);
    return result;
}

/* A name is about to go or to lead elsewhere: what it led to, which no cache may
 * hold, and whose own names, `..` among them, may not last. */
struct leaving {
    uint32_t ino; /* 0: no such name */
    struct store_attr attr;
};

static struct leaving leave(struct node *dir, const struct store_name *name)
{
    struct leaving l = {0};
    if (store_lookup(box.store, dir->ino, name->name, name->size, &l.ino) != 0 ||
        store_getattr(box.store, l.ino, &l.attr) != 0)
        l.ino = 0;
    struct node *n = l.ino ? present(l.ino) : NULL;
    if (n && n->type == S_IFDIR)
        name_cache_forget_in(n);
    name_cache_forget(dir, name->name, name->size);
    return l;
}

static void left(const struct leaving *l)
{
    struct store_attr now;
    struct node *n = l->ino ? present(l->ino) : NULL;
    if (n) {
        changed(n);
        arena_unlinked(n);
    } else if (l->ino && S_ISREG(l->attr.mode) && store_getattr(box.store, l->ino, &now) != 0) {
        page_cache_drop(l->ino, 0, l->attr.size);
    }
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
    if (result != 0)
        return result;
    name_cache_forget(dir, name, size);
    changed(dir);
    return store_fs_node(ino, out);
}

static int link(struct node *n, struct node *dir, const char *name, size_t size)
{
    int result = store_link(box.store, n->ino, dir->ino, name, size);
    if (result == 0) {
        name_cache_forget(dir, name, size);
        changed(dir);
        changed(n);
    }
    return result;
}

static int remove_name(struct node *dir, const char *name, size_t size, bool directory)
{
    const struct leaving victim = leave(dir, &(struct store_name){0, name, size});
    int result = directory ? store_rmdir(box.store, dir->ino, name, size)
                           : store_unlink(box.store, dir->ino, name, size);
    if (result == 0) {
        left(&victim);
        changed(dir);
    }
    return result;
}

/* Where it is now, if somebody has it. */
static void moved_to(const struct leaving *l, const struct node *dir)
{
    struct node *n = l->ino ? present(l->ino) : NULL;
    if (n)
        n->directory = dir->ino;
}

static int rename_name(struct node *from, const struct store_name *a, struct node *to,
                       const struct store_name *b, unsigned flags)
{
    struct store_name old = *a, new = *b;
    const struct leaving mover = leave(from, a), replaced = leave(to, b);
    old.dir = from->ino;
    new.dir = to->ino;
    int result = store_rename(box.store, &old, &new, flags);
    if (result == 0) {
        left(&mover);
        left(&replaced);
        moved_to(&mover, to);
        if (flags & STORE_EXCHANGE)
            moved_to(&replaced, from);
        changed(from);
        changed(to);
    }
    return result;
}

/* Contents -------------------------------------------------------------------------------*/

static int64_t read(struct node *n, uint64_t offset, void *to, size_t size)
{
    return store_read(box.store, n->ino, offset, to, size);
}

static int64_t write(struct node *n, uint64_t offset, const void *from, size_t size)
{
    int64_t done = store_write(box.store, n->ino, offset, from, size);
    if (done > 0) {
        begin(n);
        page_cache_write(n->ino, offset, from, (size_t)done);
        publish_changed(n->published);
    }
    return done;
}

static int truncate(struct node *n, uint64_t size)
{
    struct store_attr before;
    if (n->window)
        window_flush(n);
    int result = attr(n, &before);
    if (result == 0) {
        result = store_truncate(box.store, n->ino, size);
        changed_from(n, size, before.size);
    }
    if (result == 0 && n->window)
        window_truncate(n, size);
    return result;
}

int store_fs_allocate(struct node *n, unsigned how, uint64_t offset, uint64_t size)
{
    struct store_attr before;
    int result = attr(n, &before);
    if (result == 0 && n->window)
        result = window_flush(n);
    if (result == 0) {
        result = store_fallocate(box.store, n->ino, how, offset, size);
        changed_from(n, offset, before.size);
    }
    if (result == 0 && n->window && how & (STORE_PUNCH_HOLE | STORE_ZERO_RANGE))
        window_zero(n, offset, size);
    return result;
}

static int sync_node(struct node *n)
{
    int result = n->window ? window_flush(n) : 0;
    return result == 0 ? store_sync(box.store, n->ino) : result;
}

static int64_t seek(struct node *n, uint64_t offset, bool hole)
{
    int result = n->window ? window_flush(n) : 0;
    return result == 0 ? store_seek(box.store, n->ino, offset, hole) : result;
}

static int open_special(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    if (n->type == S_IFLNK)
        return -ELOOP;
    return n->type == S_IFIFO ? fifo_open(n, t, flags, out) : device_open(n, t, flags, out);
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
    .seek = seek,
    .directory = store_fs_node,
    .open = open_special,
    .release = release,
    .device = 0x0801,
};
