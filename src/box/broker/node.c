/* node: names to nodes. */
#include "box/broker/node.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>

#include "box/broker/claim.h"
#include "box/broker/inotify.h"
#include "box/broker/lock.h"
#include "box/broker/page_cache.h"
#include "box/broker/static_fs.h"
#include "box/broker/where.h"
#include "box/published.h"

enum { LINKS_MAX = 40, NAME_MAX_ = 255, SCOPED = RESOLVE_BENEATH | RESOLVE_IN_ROOT };

void node_drop(struct node *n)
{
    if (n->references == 1)
        claims_keep(n);
    if (--n->references == 0) {
        lock_node_gone(n);
        n->ops->release(n);
    } else if (n->references == n->watches) {
        inotify_unused(n);
    }
}

int node_may(const struct process *p, struct node *n, int how)
{
    struct store_attr a;
    int result = n->ops->attr(n, &a);
    if (result != 0)
        return result;
    if (credentials_ask(p) && !may_override(p)) {
        uint32_t bits = a.uid == p->cred.euid   ? a.mode >> 6
                        : is_in_group(p, a.gid) ? a.mode >> 3
                                                : a.mode;
        return (bits & 7 & (uint32_t)how) == (uint32_t)how ? 0 : -EACCES;
    }
    const struct access_ids who = {may_override(p) ? 0 : p->cred.euid, p->cred.egid};
    const struct access_ids owner = {a.uid, a.gid};
    return may_access(who, &owner, a.mode, (uint32_t)how) ? 0 : -EACCES;
}

/* Walking --------------------------------------------------------------------------------*/

/* The other file systems, by the name of their root in the root directory. */
static const struct {
    const char *name;
    struct node *(*root)(void);
} mounts[] = {{"dev", memory_fs_root}, {"proc", proc_root}, {"sys", sys_root}};

static struct node *mounted(const char *name, size_t size)
{
    for (size_t i = 0; i < ARRAY_COUNT(mounts); i++)
        if (strlen(mounts[i].name) == size && memcmp(mounts[i].name, name, size) == 0)
            return mounts[i].root();
    return NULL;
}

/* What the root of another file system is called; NULL: it is none. */
static const char *mount_name(const struct node *n)
{
    for (size_t i = 0; i < ARRAY_COUNT(mounts); i++)
        if (mounts[i].root() == n)
            return mounts[i].name;
    return NULL;
}

static int lookup(struct node *dir, const char *name, size_t size, struct node **out)
{
    bool is_parent = size == 2 && name[0] == '.' && name[1] == '.';
    if (size == 1 && name[0] == '.') {
        *out = node_hold(dir);
        return 0;
    }
    if (is_parent && mount_name(dir))
        return store_fs_node(STORE_ROOT, out);
    if (!is_parent && store_fs_is_root(dir) && mounted(name, size)) {
        *out = node_hold(mounted(name, size));
        return 0;
    }
    return size > NAME_MAX_ ? -ENAMETOOLONG : dir->ops->lookup(dir, name, size, out);
}

static int start(struct thread *t, const struct walk *w, struct node **out)
{
    bool absolute = w->path[0] == '/';
    if (absolute && w->resolve & RESOLVE_BENEATH)
        return -EXDEV;
    if (w->from_box)
        return store_fs_node(STORE_ROOT, out);
    if (absolute && !(w->resolve & RESOLVE_IN_ROOT)) {
        *out = node_hold(t->where->root);
        return 0;
    }
    struct file *f = (int)w->dir == AT_FDCWD ? NULL : fd_file(t, w->dir);
    if ((int)w->dir != AT_FDCWD && !f)
        return -EBADF;
    struct node *n = f ? f->node : t->where->cwd;
    if (!n || n->type != S_IFDIR)
        return -ENOTDIR;
    *out = node_hold(n);
    return 0;
}

/* A walk under way. The rest of the path lies in `text`, which links replace. */
struct walking {
    struct thread *thread;
    struct node *at;
    struct node *top; /* held: no way leads above it */
    uint32_t resolve;
    char text[PATH_ROOM];
    const char *rest;
    int links;
};

static int begin(struct walking *g, struct thread *t, const struct walk *w)
{
    size_t size = strlen(w->path);
    g->thread = t; /* the text is filled below, not cleared before */
    g->at = NULL;
    g->top = node_hold(t->where->root);
    g->resolve = w->resolve;
    g->links = 0;
    if (size == 0)
        return -ENOENT;
    if (size >= PATH_ROOM)
        return -ENAMETOOLONG;
    memcpy(g->text, w->path, size + 1);
    g->rest = g->text;
    int result = start(t, w, &g->at);
    if (result == 0 && w->resolve & SCOPED) {
        node_drop(g->top);
        g->top = node_hold(g->at);
    }
    return result;
}

/* The walk is over: what it held but `at`, which the caller gets if it succeeded. */
static void end(struct walking *g, bool succeeded)
{
    node_drop(g->top);
    if (!succeeded && g->at)
        node_drop(g->at);
}

/* The next name; false at the end. `last`: nothing but slashes follows. */
static bool next_name(struct walking *g, const char **name, size_t *size, bool *last)
{
    while (*g->rest == '/')
        g->rest++;
    *name = g->rest;
    *size = strcspn(g->rest, "/");
    g->rest += *size;
    *last = g->rest[strspn(g->rest, "/")] == '\0';
    return *size > 0;
}

/* RESOLVE_NO_XDEV: may the walk go on there? */
static int may_cross(const struct walking *g, const struct node *to)
{
    bool crosses = to->ops->device != g->at->ops->device;
    return g->resolve & RESOLVE_NO_XDEV && crosses ? -EXDEV : 0;
}

/* An absolute link. */
static int jump_to_top(struct walking *g)
{
    int result = g->resolve & RESOLVE_BENEATH ? -EXDEV : may_cross(g, g->top);
    if (result != 0)
        return result;
    node_drop(g->at);
    g->at = node_hold(g->top);
    return 0;
}

/* Puts the target of a link in front of the rest. */
static int follow(struct walking *g, struct node *link)
{
    char target[PATH_ROOM], rest[PATH_ROOM];
    if (++g->links > LINKS_MAX)
        return -ELOOP;
    int64_t size = link->ops->readlink(link, g->thread, target, sizeof target - 1);
    if (size <= 0)
        return size ? (int)size : -ENOENT;
    size_t more = strlen(g->rest);
    if ((size_t)size + more >= PATH_ROOM)
        return -ENAMETOOLONG;
    memcpy(rest, g->rest, more + 1);
    memcpy(g->text, target, (size_t)size);
    memcpy(g->text + size, rest, more + 1);
    g->rest = g->text;
    return g->text[0] == '/' ? jump_to_top(g) : 0;
}

/* A link of /proc leads to an object, not to a name. */
static int jump(struct walking *g, struct node *to)
{
    int result = ++g->links > LINKS_MAX ? -ELOOP : may_cross(g, to);
    if (result != 0) {
        node_drop(to);
        return result;
    }
    node_drop(g->at);
    g->at = to;
    return 0;
}

/* Goes where a link leads. */
static int leap(struct walking *g, struct node *link)
{
    struct node *file;
    bool magic = proc_is_magic(link);
    if (g->resolve & (RESOLVE_NO_SYMLINKS | (magic ? RESOLVE_NO_MAGICLINKS : 0)))
        return -ELOOP;
    if (magic && g->resolve & SCOPED)
        return -EXDEV;
    return proc_follow(link, g->thread, &file) == 0 ? jump(g, file) : follow(g, link);
}

static bool is_same(const struct node *a, const struct node *b)
{
    return a == b || (a->ops == b->ops && a->ino == b->ino && a->ino);
}

/* One step down; `stay`: a link is where it ends, not what it leads to. */
static int step(struct walking *g, const char *name, size_t size, bool stay)
{
    struct node *n;
    if (g->at->type != S_IFDIR)
        return -ENOTDIR;
    int result = node_may(g->thread->process, g->at, 1);
    bool up = size == 2 && name[0] == '.' && name[1] == '.';
    if (result == 0 && up && is_same(g->at, g->top))
        return g->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
    if (result == 0)
        result = lookup(g->at, name, size, &n);
    if (result != 0)
        return result;
    if ((result = may_cross(g, n)) == 0 && n->type == S_IFLNK && !stay) {
        result = leap(g, n);
        node_drop(n);
        return result;
    }
    if (result != 0) {
        node_drop(n);
        return result;
    }
    if (name[0] != '.' || (size > 1 && memcmp(name, "..", size) != 0))
        n->directory = g->at->ino;
    node_drop(g->at);
    g->at = n;
    return 0;
}

int path_walk(struct thread *t, const struct walk *w, struct node **out)
{
    struct walking g;
    const char *name;
    size_t size;
    bool last;
    int result = begin(&g, t, w);
    while (result == 0 && next_name(&g, &name, &size, &last))
        result = step(&g, name, size, last && !w->follow && g.rest[0] != '/');
    if (result == 0 && g.rest > g.text && g.rest[-1] == '/' && g.at->type != S_IFDIR)
        result = -ENOTDIR;
    end(&g, result == 0);
    if (result == 0)
        *out = g.at;
    return result;
}

int path_walk_parent(struct thread *t, const struct walk *w, struct last *out)
{
    struct walking g;
    const char *name;
    size_t size;
    bool last;
    int result = begin(&g, t, w);
    *out = (struct last){0};
    while (result == 0) {
        if (!next_name(&g, &name, &size, &last)) {
            result = out->size ? -ENOENT : -EEXIST; /* "/" alone */
            break;
        }
        if (last) {
            if (size > NAME_MAX_)
                result = -ENAMETOOLONG;
            else if (g.at->type != S_IFDIR)
                result = -ENOTDIR;
            else
                result = node_may(t->process, g.at, 1);
            if (result != 0)
                break;
            memcpy(out->name, name, size);
            out->size = size;
            out->must_be_directory = g.rest[0] == '/';
            out->dir = g.at;
            end(&g, true);
            return 0;
        }
        result = step(&g, name, size, false);
    }
    end(&g, false);
    return result;
}

/* Names of directories -------------------------------------------------------------------*/

static int is_it(void *context, const struct store_entry *e)
{
    struct node_name *s = context;
    bool is_dots = e->name[0] == '.' && (e->size == 1 || (e->size == 2 && e->name[1] == '.'));
    if (e->ino != s->ino || is_dots)
        return 0;
    memcpy(s->name, e->name, e->size);
    s->size = e->size;
    return 1;
}

int node_name_in(struct node *parent, const struct node *dir, struct node_name *s)
{
    uint64_t position = 0;
    const char *mount = mount_name(dir);
    if (mount) {
        s->size = (size_t)(stpcpy(s->name, mount) - s->name);
        return 0;
    }
    s->ino = dir->ino;
    s->size = 0;
    int result = parent->ops->readdir(parent, &position, is_it, s);
    return result < 0 ? result : s->size ? 0 : -ENOENT;
}

int path_of(struct node *dir, const struct node *root, struct str *out)
{
    char buffer[PATH_ROOM], *at = buffer + sizeof buffer - 1;
    struct node *n = node_hold(dir), *parent = NULL;
    struct node_name s;
    *at = '\0';
    while (!store_fs_is_root(n) && !(root && is_same(n, root))) {
        if (lookup(n, "..", 2, &parent) != 0)
            parent = NULL;
        if (!parent || node_name_in(parent, n, &s) != 0 || (size_t)(at - buffer) < s.size + 1) {
            node_drop(n);
            if (parent)
                node_drop(parent);
            return -ENOENT;
        }
        at -= s.size;
        memcpy(at, s.name, s.size);
        *--at = '/';
        node_drop(n);
        n = parent;
    }
    bool outside = root && !is_same(n, root);
    node_drop(n);
    str_add(out, *at ? at : "/");
    return outside ? PATH_OUTSIDE : 0;
}

bool node_is_named(const struct node *n, const char *name)
{
    struct node *found = NULL, *dir = NULL;
    size_t size = strlen(name);
    if (!n->directory || !n->ops->directory || n->ops->directory(n->directory, &dir) != 0)
        return false;
    int result = size > NAME_MAX_ ? -ENOENT : dir->ops->lookup(dir, name, size, &found);
    bool same = result == 0 && is_same(found, n);
    if (result == 0)
        node_drop(found);
    node_drop(dir);
    return same;
}

/* In the directory where it was last found; what has no name there is deleted. */
void path_add(struct node *n, const struct seen *from, struct str *out)
{
    struct node_name name = {0};
    struct node *dir = NULL;
    bool is_dir = n->type == S_IFDIR;
    if (n->ops->path) {
        n->ops->path(n, out);
        return;
    }
    if (!is_dir && n->directory && n->ops->directory)
        n->ops->directory(n->directory, &dir);
    if (from->was && dir && node_is_named(n, from->was)) { /* of several, that one */
        name.size = strlen(from->was);
        memcpy(name.name, from->was, name.size + 1);
    }
    CLEAN_STR struct str path = {0};
    bool found = path_of(dir ? dir : n, from->root, &path) >= 0;
    const char *in = str_get(&path);
    in = in[0] == '/' && !in[1] ? "" : in;
    if (!found)
        str_addf(out, "/%s", is_dir ? "" : "memfd:");
    else if (is_dir)
        str_add(out, str_get(&path));
    else if (name.size || node_name_in(dir, n, &name) == 0)
        str_addf(out, "%s/%.*s", in, (int)name.size, name.name);
    else if (from->was)
        str_addf(out, "%s/%s", in, from->was);
    else
        str_addf(out, "%s/#%u", in, n->ino);
    if (!found || (!is_dir && name.size == 0))
        str_add(out, " (deleted)");
    if (dir)
        node_drop(dir);
}

/* Opening --------------------------------------------------------------------------------*/

int node_open(struct thread *t, struct node *n, uint32_t flags, struct file **out)
{
    const struct file_ops *ops = n->type == S_IFDIR ? &directory_ops : &regular_ops;
    uint32_t access = flags & O_ACCMODE;
    if (!(flags & O_PATH)) {
        int how = (access != O_WRONLY ? 4 : 0) | (access != O_RDONLY || flags & O_TRUNC ? 2 : 0);
        int result = node_may(t->process, n, how);
        if (result != 0)
            return result;
        if (n->type == S_IFDIR && access != O_RDONLY)
            return -EISDIR;
        if (n->type == S_IFLNK && !n->ops->open)
            return -ELOOP;
        if (n->type != S_IFREG && n->type != S_IFDIR)
            return n->ops->open ? n->ops->open(n, t, flags, out) : -ENXIO;
        if (n->type == S_IFREG && n->ops->open && !n->ops->read)
            return n->ops->open(n, t, flags, out); /* /proc */
        if (flags & O_TRUNC && n->type == S_IFREG && (result = n->ops->truncate(n, 0)) != 0)
            return result;
    }
    *out = file_new(ops, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC),
                    node_hold(n), NULL);
    return *out ? 0 : -ENOMEM;
}

int64_t node_read(struct node *n, uint64_t offset, void *to, size_t size)
{
    struct store_attr a;
    if (window_covers(n))
        return window_read(n, offset, to, size);
    if (!n->published || n->ops->attr(n, &a) != 0)
        return n->ops->read(n, offset, to, size);
    return page_cache_read(n, a.size, offset, to, size);
}

static int64_t regular_read(struct thread *t, struct file *f, void *to, size_t size,
                            uint64_t *offset)
{
    (void)t;
    int64_t n = node_read(f->node, *offset, to, size);
    if (n > 0)
        *offset += (uint64_t)n;
    return n;
}

static int64_t regular_write(struct thread *t, struct file *f, const void *from, size_t size,
                             uint64_t *offset)
{
    struct store_attr attr;
    if (f->flags & O_APPEND) {
        int result = f->node->ops->attr(f->node, &attr);
        if (result != 0)
            return result;
        *offset = attr.size;
    }
    uint64_t end = limit_file_size(t->process);
    if (size && *offset >= end)
        return f->more ? -EFBIG : limit_file_exceeded(t);
    if (size > end - *offset)
        size = (size_t)(end - *offset);
    int64_t n = f->node->ops->write(f->node, *offset, from, size);
    if (n > 0 && f->node->window)
        window_write(f->node, *offset, from, (size_t)n);
    if (n > 0)
        *offset += (uint64_t)n;
    if (n > 0)
        inotify_event(f->node, IN_MODIFY);
    return n;
}

const struct file_ops regular_ops = {
    .read = regular_read, .write = regular_write, .seekable = true};
const struct file_ops directory_ops = {.seekable = true};
