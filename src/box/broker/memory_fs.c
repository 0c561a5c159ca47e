/* memory_fs: files that live in memory: /dev, with /dev/shm below it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "box/broker/calls.h"
#include "box/broker/devices.h"
#include "box/broker/node.h"
#include "box/broker/task.h"
#include "box/broker/tty/pty.h"

#define FILE_MAX (UINT64_C(1) << ARENA_SHIFT)

/* A name in a directory; holds its node. */
struct entry {
    struct entry *next;
    struct memory_node *node;
    uint64_t position; /* of readdir: grows with each entry of the file system */
    size_t size;
    char name[256];
};

struct memory_node {
    struct node node;
    struct memory_node *parent; /* of a directory */
    struct entry *entries;      /* the newest first */
    struct store_attr attr;
    char *target;
    uint32_t seals; /* F_SEAL_x */
    /* of a slave in /dev/pts */
    int (*open)(struct node *n, struct thread *t, uint32_t flags, struct file **out);
};

static struct memory_node *root, *pts;
static uint32_t last_ino = 1;
static uint64_t last_position = 2;
static const struct node_ops memory_ops;

static struct memory_node *of(struct node *n)
{
    return (struct memory_node *)n;
}

static void touch(struct memory_node *m)
{
    clock_gettime(CLOCK_REALTIME, &m->attr.ctime);
    m->attr.mtime = m->attr.ctime;
}

static struct memory_node *new (const struct store_new *what)
{
    struct memory_node *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->node = (struct node){
        .ops = &memory_ops, .references = 1, .ino = ++last_ino, .type = what->mode & S_IFMT};
    m->attr = (struct store_attr){.ino = last_ino,
                                  .mode = what->mode,
                                  .uid = what->uid,
                                  .gid = what->gid,
                                  .nlink = S_ISDIR(what->mode) ? 2 : 1,
                                  .major = what->major,
                                  .minor = what->minor,
                                  .block_size = 4096};
    touch(m);
    m->attr.atime = m->attr.btime = m->attr.ctime;
    if (what->target && !(m->target = strdup(what->target))) {
        free(m);
        return NULL;
    }
    m->attr.size = m->target ? strlen(m->target) : 0;
    m->seals = F_SEAL_SEAL; /* but of memfd_create(2) */
    return m;
}

static struct entry *find(struct memory_node *dir, const char *name, size_t size)
{
    struct entry *e = dir->entries;
    while (e && (e->size != size || memcmp(e->name, name, size) != 0))
        e = e->next;
    return e;
}

/* Takes over the caller's reference to the node if it succeeds. */
static int attach(struct memory_node *dir, struct memory_node *m, const char *name, size_t size)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    *e = (struct entry){.next = dir->entries, .node = m, .position = ++last_position, .size = size};
    memcpy(e->name, name, size);
    if (m->node.type == S_IFDIR)
        m->parent = dir;
    dir->entries = e;
    touch(dir);
    return 0;
}

/* Gives the reference back to the caller. */
static struct memory_node *detach(struct memory_node *dir, struct entry *e)
{
    struct memory_node *m = e->node;
    struct entry **at = &dir->entries;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    free(e);
    touch(dir);
    return m;
}

/* The node's functions -----------------------------------------------------------------*/

static int attr(struct node *n, struct store_attr *out)
{
    *out = of(n)->attr;
    out->blocks = (out->size + 511) / 512;
    return 0;
}

static int set_attr(struct node *n, unsigned which, const struct store_attr *to)
{
    struct store_attr *a = &of(n)->attr;
    if (which & STORE_MODE)
        a->mode = (a->mode & S_IFMT) | (to->mode & 07777);
    if (which & STORE_UID)
        a->uid = to->uid;
    if (which & STORE_GID)
        a->gid = to->gid;
    if (which & STORE_ATIME)
        a->atime = to->atime;
    if (which & STORE_MTIME)
        a->mtime = to->mtime;
    clock_gettime(CLOCK_REALTIME, &a->ctime);
    return 0;
}

static int lookup(struct node *dir, const char *name, size_t size, struct node **out)
{
    bool is_parent = size == 2 && memcmp(name, "..", 2) == 0;
    struct entry *e = is_parent ? NULL : find(of(dir), name, size);
    struct memory_node *m = is_parent ? of(dir)->parent : e ? e->node : NULL;
    if (!m)
        return -ENOENT;
    *out = node_hold(&m->node);
    return 0;
}

/* The oldest entry behind a position. */
static struct entry *entry_behind(struct memory_node *dir, uint64_t position)
{
    struct entry *best = NULL;
    for (struct entry *e = dir->entries; e && e->position > position; e = e->next)
        best = e;
    return best;
}

static int readdir(struct node *dir, uint64_t *position,
                   int (*take)(void *context, const struct store_entry *entry), void *context)
{
    struct memory_node *d = of(dir);
    struct entry *child;
    for (; *position < 2; ++*position) {
        struct store_entry e = {&".."[1 - *position], *position + 1, d->node.ino, 4 /* DT_DIR */,
                                *position + 1};
        int result = take(context, &e);
        if (result != 0)
            return result;
    }
    while ((child = entry_behind(d, *position))) {
        const struct node *n = &child->node->node;
        struct store_entry e = {child->name, child->size, n->ino, (uint8_t)(n->type >> 12),
                                child->position};
        int result = take(context, &e);
        if (result != 0)
            return result;
        *position = child->position;
    }
    return 0;
}

static int64_t readlink(struct node *n, struct thread *t, char *to, size_t size)
{
    const char *target = of(n)->target;
    (void)t;
    if (!target)
        return -EINVAL;
    size_t length = strlen(target) < size ? strlen(target) : size;
    memcpy(to, target, length);
    return (int64_t)length;
}

static void release(struct node *n)
{
    window_free(n);
    free(of(n)->target);
    free(of(n));
}

static int create(struct node *dir, const char *name, size_t size, const struct store_new *what,
                  struct node **out)
{
    if (find(of(dir), name, size))
        return -EEXIST;
    struct memory_node *m = new (what);
    if (!m)
        return -ENOMEM;
    int result = attach(of(dir), m, name, size);
    if (result != 0)
        release(&m->node);
    else
        *out = node_hold(&m->node);
    return result;
}

static int link(struct node *n, struct node *dir, const char *name, size_t size)
{
    if (find(of(dir), name, size))
        return -EEXIST;
    int result = attach(of(dir), of(n), name, size);
    if (result == 0) {
        node_hold(n);
        of(n)->attr.nlink++;
    }
    return result;
}

static int remove_name(struct node *dir, const char *name, size_t size, bool directory)
{
    struct entry *e = find(of(dir), name, size);
    if (!e)
        return -ENOENT;
    if (directory && e->node->node.type != S_IFDIR)
        return -ENOTDIR;
    if (!directory && e->node->node.type == S_IFDIR)
        return -EISDIR;
    if (e->node->entries)
        return -ENOTEMPTY;
    struct memory_node *m = detach(of(dir), e);
    m->attr.nlink = directory ? 0 : m->attr.nlink - 1;
    node_drop(&m->node);
    return 0;
}

static int rename_name(struct node *from, const struct store_name *a, struct node *to,
                       const struct store_name *b, unsigned flags)
{
    struct entry *e = find(of(from), a->name, a->size), *old = find(of(to), b->name, b->size);
    if (!e || flags & ~(unsigned)STORE_NOREPLACE)
        return e ? -EINVAL : -ENOENT;
    for (struct memory_node *up = of(to); up; up = up->parent)
        if (up == e->node)
            return -EINVAL;
    if (old && flags & STORE_NOREPLACE)
        return -EEXIST;
    if (old && old->node == e->node)
        return 0;
    int result = old ? remove_name(to, b->name, b->size, e->node->node.type == S_IFDIR) : 0;
    if (result == 0)
        result = attach(of(to), e->node, b->name, b->size);
    if (result == 0) {
        e->node->node.directory = to->ino;
        detach(of(from), e);
    }
    return result;
}

/* Contents lie in the arena from the start. */
static int64_t read(struct node *n, uint64_t offset, void *to, size_t size)
{
    uint64_t end = of(n)->attr.size;
    if (offset >= end)
        return 0;
    size = size < end - offset ? size : (size_t)(end - offset);
    memset(to, 0, size); /* what was written lies in its window */
    return (int64_t)size;
}

static int64_t write(struct node *n, uint64_t offset, const void *from, size_t size)
{
    struct memory_node *m = of(n);
    (void)from;
    if (m->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) ||
        (m->seals & F_SEAL_GROW && offset + size > m->attr.size))
        return -EPERM;
    int result = offset + size < offset ? -EFBIG : window_grow(n, offset, size);
    if (result != 0)
        return result == -ENOMEM ? -ENOSPC : result;
    if (offset + size > m->attr.size)
        m->attr.size = offset + size;
    touch(m);
    return (int64_t)size; /* regular_write puts the bytes into the window */
}

static int truncate(struct node *n, uint64_t size)
{
    struct memory_node *m = of(n);
    if ((m->seals & F_SEAL_GROW && size > m->attr.size) ||
        (m->seals & F_SEAL_SHRINK && size < m->attr.size))
        return -EPERM;
    if (size > FILE_MAX)
        return -EFBIG;
    if (size < m->attr.size && n->window)
        window_truncate(n, size);
    m->attr.size = size;
    touch(m);
    return 0;
}

static int sync_node(struct node *n)
{
    (void)n;
    return 0;
}

/* Looks for it among all directories below one. */
static struct memory_node *directory_in(struct memory_node *dir, uint32_t ino)
{
    struct memory_node *found = dir->node.ino == ino ? dir : NULL;
    for (struct entry *e = dir->entries; e && !found; e = e->next)
        if (e->node->node.type == S_IFDIR)
            found = directory_in(e->node, ino);
    return found;
}

static int directory(uint32_t ino, struct node **out)
{
    struct memory_node *found = directory_in(root, ino);
    if (found)
        *out = node_hold(&found->node);
    return found ? 0 : -ENOENT;
}

static int open_special(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    struct memory_node *m = of(n);
    if (n->type == S_IFLNK)
        return -ELOOP;
    if (n->type == S_IFIFO)
        return fifo_open(n, t, flags, out);
    return m->open ? m->open(n, t, flags, out) : device_open(n, t, flags, out);
}

static const struct node_ops memory_ops = {
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
    .directory = directory,
    .release = release,
    .device = 5,
    .in_memory = true,
};

/* /dev ---------------------------------------------------------------------------------*/

struct node *memory_fs_root(void)
{
    return &root->node;
}

static struct memory_node *add(const char *name, const struct store_new *what)
{
    struct memory_node *m = new (what);
    return m && attach(root, m, name, strlen(name)) == 0 ? m : NULL;
}

uint32_t memory_fs_seals(const struct node *n)
{
    return n->ops == &memory_ops ? ((const struct memory_node *)n)->seals : 0;
}

int64_t memory_fs_seal(struct file *f, bool adds, uint32_t seals)
{
    enum { ALL = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE };
    if (adds && (f->flags & O_ACCMODE) == O_RDONLY)
        return -EPERM;
    if (!f->node || f->node->ops != &memory_ops || f->ops != &regular_ops)
        return -EINVAL;
    struct memory_node *m = of(f->node);
    if (!adds)
        return m->seals;
    if (seals & ~(uint32_t)ALL)
        return -EINVAL;
    if (m->seals & F_SEAL_SEAL)
        return -EPERM;
    m->seals |= seals;
    return 0;
}

int64_t do_memfd_create(struct thread *t, struct call *c)
{
    enum { KNOWN = 0x1b, CLOEXEC = 1, SEALABLE = 2, NOEXEC = 8, EXECUTABLE = 16, NAME_MOST = 249 };
    char name[PATH_ROOM];
    int result = call_path(t, c->a[0], name);
    if (result != 0)
        return result;
    if (strlen(name) > NAME_MOST || c->a[1] & ~(uint64_t)KNOWN ||
        (c->a[1] & NOEXEC && c->a[1] & EXECUTABLE))
        return -EINVAL;
    struct node *n = memory_fs_new_file(t->process, c->a[1] & NOEXEC ? 0666 : 0777);
    struct file *f = n ? file_new(&regular_ops, O_RDWR, n, NULL) : NULL;
    if (!f)
        return -ENOMEM;
    of(n)->seals = c->a[1] & (SEALABLE | NOEXEC) ? 0 : F_SEAL_SEAL;
    return fd_put(t, f, 0, c->a[1] & CLOEXEC);
}

struct node *memory_fs_new_file(const struct process *p, uint32_t mode)
{
    struct memory_node *m =
        new (&(struct store_new){.mode = S_IFREG | mode, .uid = p->cred.euid, .gid = p->cred.egid});
    if (m)
        m->attr.nlink = 0;
    return m ? &m->node : NULL;
}

struct node *memory_fs_add_pts(const struct process *p, unsigned index)
{
    char name[16];
    struct node *n;
    int size = snprintf(name, sizeof name, "%u", index);
    const struct store_new what = {.mode = S_IFCHR | 0620,
                                   .uid = p->cred.euid,
                                   .gid = p->cred.egid,
                                   .major = 136,
                                   .minor = index};
    if (create(&pts->node, name, (size_t)size, &what, &n) != 0)
        return NULL;
    of(n)->open = pty_open_slave;
    return n;
}

void memory_fs_remove_pts(unsigned index)
{
    char name[16];
    int size = snprintf(name, sizeof name, "%u", index);
    remove_name(&pts->node, name, (size_t)size, false);
}

int memory_fs_start(void)
{
    static const char *const links[][2] = {{"fd", "/proc/self/fd"},
                                           {"stdin", "/proc/self/fd/0"},
                                           {"stdout", "/proc/self/fd/1"},
                                           {"stderr", "/proc/self/fd/2"}};
    bool whole = (root = new (&(struct store_new){.mode = S_IFDIR | 0755})) != NULL;
    for (size_t i = 0; whole && i < device_count; i++)
        whole = add(devices[i].name, &(struct store_new){.mode = S_IFCHR | 0666,
                                                         .major = devices[i].major,
                                                         .minor = devices[i].minor});
    for (size_t i = 0; whole && i < ARRAY_COUNT(links); i++)
        whole =
            add(links[i][0], &(struct store_new){.mode = S_IFLNK | 0777, .target = links[i][1]});
    whole = whole && add("shm", &(struct store_new){.mode = S_IFDIR | 01777}) &&
            (pts = add("pts", &(struct store_new){.mode = S_IFDIR | 0755}));
    return whole ? 0 : -ENOMEM;
}
