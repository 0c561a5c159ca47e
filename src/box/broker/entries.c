/* entries: the calls that make, remove, move and link names. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "box/broker/calls.h"
#include "box/broker/inotify.h"
#include "box/broker/names.h"
#include "box/broker/task.h"

/* Removing from a sticky directory is its owner's, and the file's. */
static int may_remove(struct thread *t, const struct last *l)
{
    struct store_attr dir, victim;
    struct node *n;
    int result = names_may_change(t, l->dir);
    if (result != 0 || may_override(t->process))
        return result;
    if (l->dir->ops->attr(l->dir, &dir) != 0 || !(dir.mode & S_ISVTX) ||
        dir.uid == t->process->cred.euid)
        return 0;
    if (l->dir->ops->lookup(l->dir, l->name, l->size, &n) != 0)
        return 0; /* what removes it says so */
    n->ops->attr(n, &victim);
    node_drop(n);
    return victim.uid == t->process->cred.euid ? 0 : -EPERM;
}

/* Devices are root's to make; what else is wrong is told first. */
static int may_make(struct thread *t, const struct last *l, uint32_t mode)
{
    struct node *n;
    if ((!S_ISCHR(mode) && !S_ISBLK(mode)) || may_override(t->process))
        return 0;
    if (l->dir->ops->lookup(l->dir, l->name, l->size, &n) == 0) {
        node_drop(n);
        return -EEXIST;
    }
    int result = names_may_change(t, l->dir);
    return result ? result : -EPERM;
}

/* Makes what names_new says of it, with this mode, target and device. */
static int64_t make_at(struct thread *t, uint64_t dir, uint64_t path, const struct store_new *how)
{
    struct last l;
    struct node *n = NULL;
    int result = names_last(t, dir, path, &l);
    if (result != 0)
        return result;
    struct store_new what = names_new(t, l.dir, how->mode);
    what.target = how->target;
    what.major = how->major;
    what.minor = how->minor;
    if (how->target)
        what.mode = S_IFLNK | 0777;
    if (l.must_be_directory && !S_ISDIR(how->mode))
        result = -ENOENT;
    else if ((result = may_make(t, &l, how->mode)) == 0)
        result = names_make(t, &l, &what, &n);
    node_drop(l.dir);
    if (n)
        node_drop(n);
    return result;
}

static int64_t make_directory(struct thread *t, uint64_t dir, uint64_t path, uint64_t mode)
{
    return make_at(t, dir, path, &(struct store_new){.mode = S_IFDIR | (mode & 01777)});
}

int64_t do_mkdir(struct thread *t, struct call *c)
{
    return make_directory(t, CWD, c->a[0], c->a[1]);
}

int64_t do_mkdirat(struct thread *t, struct call *c)
{
    return make_directory(t, c->a[0], c->a[1], c->a[2]);
}

static int64_t make_node(struct thread *t, uint64_t dir, uint64_t path, const uint64_t how[2])
{
    struct store_new what = {.mode = (uint32_t)how[0] & 0177777};
    if (!(what.mode & S_IFMT))
        what.mode |= S_IFREG;
    if (S_ISDIR(what.mode))
        return -EPERM;
    if (S_ISCHR(what.mode) || S_ISBLK(what.mode)) {
        what.major = major((uint32_t)how[1]);
        what.minor = minor((uint32_t)how[1]);
    } else if (!S_ISREG(what.mode) && !S_ISFIFO(what.mode) && !S_ISSOCK(what.mode)) {
        return -EINVAL;
    }
    return make_at(t, dir, path, &what);
}

int64_t do_mknod(struct thread *t, struct call *c)
{
    return make_node(t, CWD, c->a[0], &c->a[1]);
}

int64_t do_mknodat(struct thread *t, struct call *c)
{
    return make_node(t, c->a[0], c->a[1], &c->a[2]);
}

static int64_t symlink_at(struct thread *t, uint64_t target_at, uint64_t dir, uint64_t path)
{
    char target[PATH_ROOM];
    int result = call_path(t, target_at, target);
    if (result != 0)
        return result;
    return target[0] ? make_at(t, dir, path, &(struct store_new){.mode = S_IFLNK, .target = target})
                     : -ENOENT;
}

int64_t do_symlink(struct thread *t, struct call *c)
{
    return symlink_at(t, c->a[0], CWD, c->a[1]);
}

int64_t do_symlinkat(struct thread *t, struct call *c)
{
    return symlink_at(t, c->a[0], c->a[1], c->a[2]);
}

static bool is_dots(const struct last *l)
{
    return l->name[0] == '.' && (l->size == 1 || (l->size == 2 && l->name[1] == '.'));
}

/* What a name stands for, held while it goes away; NULL: nobody watches. */
static struct node *victim_of(const struct last *l)
{
    struct node *n;
    if (!inotify_is_used() || l->dir->ops->lookup(l->dir, l->name, l->size, &n) != 0)
        return NULL;
    return n;
}

/* The victim's count of links changed, and the caller's reference to it ends. */
static void tell_victim(struct node *n)
{
    if (n->type != S_IFDIR)
        inotify_self(n, IN_ATTRIB);
    node_drop(n);
}

static int remove_last(struct last *l, bool directory)
{
    struct node *victim = victim_of(l);
    int result = l->dir->ops->remove(l->dir, l->name, l->size, directory);
    if (victim && result == 0)
        tell_victim(victim);
    else if (victim)
        node_drop(victim);
    if (result == 0)
        inotify_entry(l->dir, &(struct store_name){0, l->name, l->size},
                      IN_DELETE | (directory ? IN_ISDIR : 0), 0);
    return result;
}

static int64_t remove_at(struct thread *t, uint64_t dir, uint64_t path, bool directory)
{
    struct last l;
    int result = names_last(t, dir, path, &l);
    if (result != 0)
        return result == -EEXIST ? (directory ? -EBUSY : -EISDIR) : result;
    if (is_dots(&l))
        result = !directory ? -EISDIR : l.size == 1 ? -EINVAL : -ENOTEMPTY;
    else
        result = may_remove(t, &l);
    if (result == 0)
        result = l.must_be_directory && !directory ? -ENOTDIR : remove_last(&l, directory);
    node_drop(l.dir);
    return result;
}

int64_t do_rmdir(struct thread *t, struct call *c)
{
    return remove_at(t, CWD, c->a[0], true);
}

int64_t do_unlink(struct thread *t, struct call *c)
{
    return remove_at(t, CWD, c->a[0], false);
}

int64_t do_unlinkat(struct thread *t, struct call *c)
{
    if (c->a[2] & ~(uint64_t)AT_REMOVEDIR)
        return -EINVAL;
    return remove_at(t, c->a[0], c->a[1], c->a[2] & AT_REMOVEDIR);
}

/* One way of a rename, or of an exchange. */
static void tell_moved(struct node *n, const struct last *a, const struct last *b)
{
    uint32_t is_dir = n->type == S_IFDIR ? IN_ISDIR : 0, cookie = inotify_cookie();
    inotify_entry(a->dir, &(struct store_name){0, a->name, a->size}, IN_MOVED_FROM | is_dir,
                  cookie);
    inotify_entry(b->dir, &(struct store_name){0, b->name, b->size}, IN_MOVED_TO | is_dir, cookie);
}

static int rename_last(const struct last *a, const struct last *b, uint32_t flags)
{
    struct store_name old = {0, a->name, a->size}, new = {0, b->name, b->size};
    struct node *n = victim_of(a), *other = victim_of(b);
    int result = a->dir->ops->rename(a->dir, &old, b->dir, &new, flags);
    bool moved = result == 0 && n && n != other;
    if (moved)
        tell_moved(n, a, b);
    if (moved && other && flags & STORE_EXCHANGE) {
        inotify_self(n, IN_MOVE_SELF);
        tell_moved(other, b, a);
        inotify_self(other, IN_MOVE_SELF);
    } else if (moved) {
        if (other && other->type != S_IFDIR)
            inotify_self(other, IN_ATTRIB);
        inotify_self(n, IN_MOVE_SELF);
    }
    if (n)
        node_drop(n);
    if (other)
        node_drop(other);
    return result;
}

static int64_t rename_at(struct thread *t, const uint64_t from[2], const uint64_t to[2],
                         uint32_t flags)
{
    struct last a, b;
    int result = names_last(t, from[0], from[1], &a);
    if (result != 0)
        return result == -EEXIST ? -EBUSY : result;
    result = names_last(t, to[0], to[1], &b);
    if (result != 0) {
        node_drop(a.dir);
        return result == -EEXIST ? -EBUSY : result;
    }
    if (is_dots(&a) || is_dots(&b))
        result = -EBUSY;
    else if (a.dir->ops != b.dir->ops)
        result = -EXDEV;
    else
        result = may_remove(t, &a);
    if (result == 0)
        result = may_remove(t, &b);
    if (result == 0)
        result = rename_last(&a, &b, flags);
    node_drop(a.dir);
    node_drop(b.dir);
    return result;
}

int64_t do_rename(struct thread *t, struct call *c)
{
    return rename_at(t, (uint64_t[]){CWD, c->a[0]}, (uint64_t[]){CWD, c->a[1]}, 0);
}

int64_t do_renameat(struct thread *t, struct call *c)
{
    return rename_at(t, c->a, c->a + 2, 0);
}

int64_t do_renameat2(struct thread *t, struct call *c)
{
    uint32_t flags = (uint32_t)c->a[4];
    bool both = (flags & STORE_EXCHANGE) && (flags & (STORE_NOREPLACE | STORE_WHITEOUT));
    return flags > 7 || both ? -EINVAL : rename_at(t, c->a, c->a + 2, flags);
}

static int64_t link_at(struct thread *t, const uint64_t from[2], const uint64_t to[2],
                       uint32_t flags)
{
    struct node *n;
    struct last l;
    uint32_t how = (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW) | (flags & NAMES_EMPTY);
    if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | NAMES_EMPTY))
        return -EINVAL;
    int result = names_find(t, from[0], from[1], how, &n);
    if (result != 0)
        return result;
    result = names_last(t, to[0], to[1], &l);
    if (result == 0) {
        if (n->type == S_IFDIR)
            result = -EPERM;
        else if (n->ops != l.dir->ops || !n->ops->link)
            result = n->ops->link ? -EXDEV : -EPERM;
        else
            result = names_may_change(t, l.dir);
        if (result == 0)
            result = n->ops->link(n, l.dir, l.name, l.size);
        if (result == 0) {
            inotify_self(n, IN_ATTRIB);
            inotify_entry(l.dir, &(struct store_name){0, l.name, l.size}, IN_CREATE, 0);
        }
        node_drop(l.dir);
    }
    node_drop(n);
    return result;
}

int64_t do_link(struct thread *t, struct call *c)
{
    return link_at(t, (uint64_t[]){CWD, c->a[0]}, (uint64_t[]){CWD, c->a[1]}, 0);
}

int64_t do_linkat(struct thread *t, struct call *c)
{
    return link_at(t, c->a, c->a + 2, (uint32_t)c->a[4]);
}
