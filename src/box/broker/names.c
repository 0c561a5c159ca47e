/* names: the calls that open and look at what has a name. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "box/broker/calls.h"
#include "box/broker/inotify.h"
#include "box/broker/names.h"
#include "box/broker/where.h"

enum { CREATE_FLAGS = O_CREAT | O_EXCL };

int names_find(struct thread *t, uint64_t dir, uint64_t path_at, uint32_t flags, struct node **out)
{
    char path[PATH_ROOM];
    path[0] = '\0';
    int result = path_at ? call_path(t, path_at, path) : flags & NAMES_EMPTY ? 0 : -EFAULT;
    if (result != 0)
        return result;
    if (path[0] == '\0' && flags & NAMES_EMPTY) {
        struct file *f = (int)dir == AT_FDCWD ? NULL : fd_file(t, dir);
        if ((int)dir == AT_FDCWD)
            *out = node_hold(t->where->cwd);
        else if (f && f->node)
            *out = node_hold(f->node);
        else
            return f ? -EINVAL : -EBADF;
        return 0;
    }
    return path_walk(t, &(struct walk){dir, path, !(flags & AT_SYMLINK_NOFOLLOW)}, out);
}

int names_last(struct thread *t, uint64_t dir, uint64_t path_at, struct last *out)
{
    char path[PATH_ROOM];
    int result = call_path(t, path_at, path);
    return result ? result : path_walk_parent(t, &(struct walk){.dir = dir, .path = path}, out);
}

int names_may_change(struct thread *t, struct node *dir)
{
    return dir->ops->create ? node_may(t->process, dir, 3) : -EROFS;
}

struct store_new names_new(const struct thread *t, struct node *dir, uint32_t mode)
{
    const struct process *p = t->process;
    struct store_attr a = {0};
    dir->ops->attr(dir, &a);
    bool inherits = a.mode & S_ISGID;
    return (struct store_new){.mode = (mode & S_IFMT) | (mode & 07777 & ~t->where->umask) |
                                      (inherits && S_ISDIR(mode) ? S_ISGID : 0),
                              .uid = p->cred.euid,
                              .gid = inherits ? a.gid : p->cred.egid};
}

int names_make(struct thread *t, const struct last *l, const struct store_new *what,
               struct node **out)
{
    int result = names_may_change(t, l->dir);
    if (result == 0)
        result = l->dir->ops->create(l->dir, l->name, l->size, what, out);
    if (result == 0) {
        (*out)->directory = l->dir->ino;
        inotify_entry(l->dir, &(struct store_name){0, l->name, l->size},
                      IN_CREATE | (S_ISDIR(what->mode) ? IN_ISDIR : 0), 0);
    }
    return result;
}

/* open -----------------------------------------------------------------------------------*/

static int create_file(struct thread *t, const struct walk *w, uint32_t mode, struct node **out)
{
    struct last l;
    int result = path_walk_parent(t, w, &l);
    if (result != 0)
        return result == -EEXIST ? -EISDIR : result;
    struct store_new what = names_new(t, l.dir, S_IFREG | (mode & 07777));
    result = l.must_be_directory ? -EISDIR : names_make(t, &l, &what, out);
    node_drop(l.dir);
    return result;
}

static int open_unnamed(struct thread *t, struct node *dir, uint32_t flags, uint32_t mode,
                        struct file **out)
{
    uint32_t ino;
    struct node *n;
    if (dir->type != S_IFDIR || (flags & O_ACCMODE) == O_RDONLY)
        return dir->type != S_IFDIR ? -ENOTDIR : -EINVAL;
    struct store_new what = names_new(t, dir, S_IFREG | (mode & 07777));
    int result = names_may_change(t, dir);
    if (result == 0)
        result =
            dir->ops->device == 0x0801 ? store_create_unnamed(box.store, &what, &ino) : -EOPNOTSUPP;
    if (result == 0 && (result = store_fs_node(ino, &n)) == 0) {
        store_drop(box.store, ino); /* the node holds it now */
        *out = file_new(&regular_ops, flags & ~(uint32_t)(O_TMPFILE | O_CLOEXEC | O_EXCL), n, NULL);
        result = *out ? 0 : -ENOMEM;
    }
    return result;
}

static void tell_opened(struct node *n, uint32_t flags)
{
    inotify_event(n, IN_OPEN);
    if (flags & O_TRUNC && n->type == S_IFREG)
        inotify_event(n, IN_MODIFY);
}

static int open_path(struct thread *t, const struct walk *w, uint32_t flags, uint32_t mode,
                     struct file **out)
{
    struct node *n = NULL;
    int result = path_walk(t, w, &n);
    bool made = false;
    if (result == 0 && (flags & CREATE_FLAGS) == CREATE_FLAGS)
        result = -EEXIST;
    else if (result == -ENOENT && flags & O_CREAT) {
        result = create_file(t, w, mode, &n);
        made = result == 0;
    }
    if (result != 0) {
        if (n)
            node_drop(n);
        return result;
    }
    if (flags & O_DIRECTORY && n->type != S_IFDIR)
        result = -ENOTDIR;
    else if ((flags & O_TMPFILE) == O_TMPFILE)
        result = open_unnamed(t, n, flags, mode, out);
    else if (flags & O_CREAT && n->type == S_IFDIR)
        result = -EISDIR;
    else if (made)
        *out = file_new(&regular_ops, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC),
                        node_hold(n), NULL),
        result = *out ? 0 : -ENOMEM;
    else
        result = node_open(t, n, flags, out);
    if (result == 0 && !(flags & O_PATH))
        tell_opened((*out)->node ? (*out)->node : n, made ? 0 : flags);
    node_drop(n);
    return result;
}

struct opening {
    uint64_t dir, path;
    const struct open_how *how;
};

static int64_t open_at(struct thread *t, const struct opening *o)
{
    char path[PATH_ROOM];
    struct file *f = NULL;
    uint32_t flags = (uint32_t)o->how->flags;
    if (flags & O_CREAT && flags & O_DIRECTORY)
        return -EINVAL;
    int result = call_path(t, o->path, path);
    if (result == 0)
        result = fd_room(t); /* before anything is made or emptied */
    if (result != 0)
        return result;
    bool follow = !(flags & O_NOFOLLOW) && (flags & CREATE_FLAGS) != CREATE_FLAGS;
    const struct walk w = {o->dir, path, follow, (uint32_t)o->how->resolve};
    result = open_path(t, &w, flags, (uint32_t)o->how->mode, &f);
    return result ? result : fd_put(t, f, 0, flags & O_CLOEXEC);
}

enum {
    OPEN_FLAGS = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |
                 O_SYNC | O_ASYNC | O_DIRECT | 0100000 /* O_LARGEFILE */ | O_NOFOLLOW | O_NOATIME |
                 O_CLOEXEC | O_PATH | O_TMPFILE, /* which has O_DIRECTORY */
    PATH_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    RESOLVE_FLAGS = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                    RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED,
    HOW_MAX = 4096,
};

/* openat2 takes nothing that it does not know. */
static bool is_strict(const struct open_how *how)
{
    bool makes = how->flags & O_CREAT || (how->flags & O_TMPFILE) == O_TMPFILE;
    if (how->flags & ~(uint64_t)OPEN_FLAGS || how->resolve & ~(uint64_t)RESOLVE_FLAGS)
        return false;
    if (how->mode & ~UINT64_C(07777) || (how->mode && !makes))
        return false;
    if (how->flags & O_PATH && how->flags & ~(uint64_t)PATH_FLAGS)
        return false;
    return !(how->resolve & RESOLVE_BENEATH && how->resolve & RESOLVE_IN_ROOT);
}

/* A struct that may be a later kernel's: what is behind ours must be zeros. */
static int get_how(struct thread *t, const struct call *c, struct open_how *out)
{
    const char *at = call_window(t, c->a[2], c->a[3]);
    if (c->a[3] < sizeof *out || c->a[3] > HOW_MAX)
        return c->a[3] > HOW_MAX ? -E2BIG : -EINVAL;
    if (!at)
        return -EFAULT;
    memcpy(out, at, sizeof *out);
    for (uint64_t i = sizeof *out; i < c->a[3]; i++)
        if (((const volatile char *)at)[i])
            return -E2BIG;
    return is_strict(out) ? 0 : -EINVAL;
}

int64_t do_openat2(struct thread *t, struct call *c)
{
    struct open_how how;
    int result = get_how(t, c, &how);
    if (result == 0 && how.resolve & RESOLVE_CACHED &&
        (how.flags & (O_TRUNC | O_CREAT) || (how.flags & O_TMPFILE) == O_TMPFILE))
        result = -EAGAIN;
    return result ? result : open_at(t, &(struct opening){c->a[0], c->a[1], &how});
}

int64_t do_open(struct thread *t, struct call *c)
{
    const struct open_how how = {(uint32_t)c->a[1], (uint32_t)c->a[2], 0};
    return open_at(t, &(struct opening){CWD, c->a[0], &how});
}

int64_t do_openat(struct thread *t, struct call *c)
{
    const struct open_how how = {(uint32_t)c->a[2], (uint32_t)c->a[3], 0};
    return open_at(t, &(struct opening){c->a[0], c->a[1], &how});
}

int64_t do_creat(struct thread *t, struct call *c)
{
    const struct open_how how = {O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)c->a[1], 0};
    return open_at(t, &(struct opening){CWD, c->a[0], &how});
}

/* stat -----------------------------------------------------------------------------------*/

/* struct stat of x86_64 */
struct guest_stat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev, size, block_size, blocks;
    uint64_t times[3][2];
    uint64_t unused[3];
};
_Static_assert(sizeof(struct guest_stat) == 144, "as calls.def says");

/* What a descriptor without a node is: a pipe, the terminal … */
static void anonymous_attr(const struct file *f, struct store_attr *a)
{
    bool is_pipe = f->ops == &pipe_ops;
    if (f->ops == &socket_ops) {
        *a = (struct store_attr){.ino = socket_ino(f), .mode = S_IFSOCK | 0777, .nlink = 1};
        return;
    }
    *a = (struct store_attr){.ino = (uint32_t)((uintptr_t)f >> 4),
                             .mode = (is_pipe ? S_IFIFO : S_IFCHR) | 0600,
                             .nlink = 1,
                             .major = is_pipe ? 0 : 136,
                             .block_size = 4096};
    if (f->ops == &host_ops && !host_file_is_tty(f))
        a->mode = S_IFIFO | 0600, a->major = 0;
}

static int64_t put_stat(struct thread *t, uint64_t at, const struct store_attr *a, uint32_t device)
{
    struct guest_stat s = {.dev = device,
                           .ino = a->ino,
                           .nlink = a->nlink,
                           .mode = a->mode,
                           .uid = a->uid,
                           .gid = a->gid,
                           .rdev = makedev(a->major, a->minor),
                           .size = a->size,
                           .block_size = a->block_size ? a->block_size : 4096,
                           .blocks = a->blocks};
    const struct timespec times[3] = {a->atime, a->mtime, a->ctime};
    for (int i = 0; i < 3; i++) {
        s.times[i][0] = (uint64_t)times[i].tv_sec;
        s.times[i][1] = (uint64_t)times[i].tv_nsec;
    }
    return call_put(t, at, &s, sizeof s);
}

/* What a call asks about. */
struct object {
    uint64_t dir, path;
    uint32_t flags; /* AT_x */
};

/* The attributes of an object, a file without a name included. */
static int attr_of(struct thread *t, const struct object *o, struct store_attr *a, uint32_t *device)
{
    struct node *n;
    const struct file *f = o->flags & NAMES_EMPTY ? fd_file(t, o->dir) : NULL;
    int result = names_find(t, o->dir, o->path, o->flags, &n);
    *device = 12;
    if (result == -EINVAL && f) {
        anonymous_attr(f, a);
        return 0;
    }
    if (result != 0)
        return result;
    f = o->flags & AT_SYMLINK_NOFOLLOW ? NULL : proc_file(n);
    if (f) {
        anonymous_attr(f, a);
    } else {
        result = n->ops->attr(n, a);
        *device = n->ops->device;
    }
    node_drop(n);
    return result;
}

static int64_t stat_at(struct thread *t, uint64_t dir, uint64_t path, uint64_t to, uint32_t flags)
{
    struct store_attr a;
    uint32_t device;
    int result = attr_of(t, &(struct object){dir, path, flags}, &a, &device);
    return result ? result : put_stat(t, to, &a, device);
}

int64_t do_stat(struct thread *t, struct call *c)
{
    return stat_at(t, CWD, c->a[0], c->a[1], 0);
}

int64_t do_lstat(struct thread *t, struct call *c)
{
    return stat_at(t, CWD, c->a[0], c->a[1], AT_SYMLINK_NOFOLLOW);
}

int64_t do_fstat(struct thread *t, struct call *c)
{
    return fd_file(t, c->a[0]) ? stat_at(t, c->a[0], 0, c->a[1], NAMES_EMPTY) : -EBADF;
}

int64_t do_newfstatat(struct thread *t, struct call *c)
{
    if (c->a[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | NAMES_EMPTY | AT_NO_AUTOMOUNT))
        return -EINVAL;
    return stat_at(t, c->a[0], c->a[1], c->a[2], (uint32_t)c->a[3]);
}

static struct statx_timestamp stamp(const struct timespec *time)
{
    return (struct statx_timestamp){.tv_sec = time->tv_sec, .tv_nsec = (uint32_t)time->tv_nsec};
}

int64_t do_statx(struct thread *t, struct call *c)
{
    const uint32_t known = AT_SYMLINK_NOFOLLOW | NAMES_EMPTY | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
    struct store_attr a;
    uint32_t device, flags = (uint32_t)c->a[2];
    bool contradicts = (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE;
    if (flags & ~known || contradicts || c->a[3] & STATX__RESERVED)
        return -EINVAL;
    int result = attr_of(t, &(struct object){c->a[0], c->a[1], flags}, &a, &device);
    if (result != 0)
        return result;
    struct statx x = {.stx_mask = STATX_BASIC_STATS | STATX_BTIME,
                      .stx_blksize = a.block_size ? a.block_size : 4096,
                      .stx_nlink = a.nlink,
                      .stx_uid = a.uid,
                      .stx_gid = a.gid,
                      .stx_mode = (uint16_t)a.mode,
                      .stx_ino = a.ino,
                      .stx_size = a.size,
                      .stx_blocks = a.blocks,
                      .stx_atime = stamp(&a.atime),
                      .stx_btime = stamp(&a.btime),
                      .stx_ctime = stamp(&a.ctime),
                      .stx_mtime = stamp(&a.mtime),
                      .stx_rdev_major = a.major,
                      .stx_rdev_minor = a.minor,
                      .stx_dev_major = major(device),
                      .stx_dev_minor = minor(device)};
    return call_put(t, c->a[4], &x, sizeof x);
}

static int64_t access_at(struct thread *t, uint64_t dir, uint64_t path, uint32_t how,
                         uint32_t flags)
{
    struct node *n;
    struct credentials *k = &t->process->cred, own = *k;
    if (how & ~7u || flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | NAMES_EMPTY))
        return -EINVAL;
    if (!(flags & AT_EACCESS)) { /* for as long as it is judged, the real ids are in effect */
        k->effective = k->uid ? 0 : k->permitted;
        k->euid = k->uid;
        k->egid = k->gid;
    }
    int result = names_find(t, dir, path, flags & ~(uint32_t)AT_EACCESS, &n);
    if (result == 0) {
        result = how ? node_may(t->process, n, (int)how) : 0;
        node_drop(n);
    }
    *k = own;
    return result;
}

int64_t do_access(struct thread *t, struct call *c)
{
    return access_at(t, CWD, c->a[0], (uint32_t)c->a[1], 0);
}

int64_t do_faccessat(struct thread *t, struct call *c)
{
    return access_at(t, c->a[0], c->a[1], (uint32_t)c->a[2], 0);
}

int64_t do_faccessat2(struct thread *t, struct call *c)
{
    return access_at(t, c->a[0], c->a[1], (uint32_t)c->a[2], (uint32_t)c->a[3]);
}

static int64_t readlink_at(struct thread *t, uint64_t dir, uint64_t path, uint64_t to,
                           uint64_t size)
{
    struct node *n;
    char *window = call_window(t, to, size);
    if ((int64_t)size <= 0)
        return -EINVAL;
    if (!window)
        return -EFAULT;
    int64_t result = names_find(t, dir, path, AT_SYMLINK_NOFOLLOW | NAMES_EMPTY, &n);
    if (result != 0)
        return result;
    result = n->type == S_IFLNK ? n->ops->readlink(n, t, window, (size_t)size) : -EINVAL;
    node_drop(n);
    return result;
}

int64_t do_readlink(struct thread *t, struct call *c)
{
    return readlink_at(t, CWD, c->a[0], c->a[1], c->a[2]);
}

int64_t do_readlinkat(struct thread *t, struct call *c)
{
    return readlink_at(t, c->a[0], c->a[1], c->a[2], c->a[3]);
}

/* Directories ----------------------------------------------------------------------------*/

struct listing {
    char *at;
    size_t size, used;
    uint64_t position;
};

/* struct linux_dirent64: ino, next, length, type, name */
static int list_entry(void *context, const struct store_entry *e)
{
    struct listing *l = context;
    uint16_t length = (uint16_t)((19 + e->size + 1 + 7) & ~(size_t)7);
    if (l->size - l->used < length)
        return 1;
    char *at = l->at + l->used;
    uint64_t ino = e->ino, next = e->next;
    memset(at, 0, length);
    memcpy(at, &ino, 8);
    memcpy(at + 8, &next, 8);
    memcpy(at + 16, &length, 2);
    at[18] = (char)e->type;
    memcpy(at + 19, e->name, e->size);
    l->used += length;
    return 0;
}

int64_t do_getdents64(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    struct listing l = {.at = call_window(t, c->a[1], c->a[2]), .size = c->a[2]};
    if (!f || f->flags & O_PATH)
        return -EBADF;
    if (!f->node || f->node->type != S_IFDIR)
        return -ENOTDIR;
    if (!l.at)
        return -EFAULT;
    struct store_attr a;
    if (f->node->ops->attr(f->node, &a) == 0 && a.nlink == 0)
        return -ENOENT; /* it was removed */
    int result = f->node->ops->readdir(f->node, &f->offset, list_entry, &l);
    if (result < 0)
        return result;
    return l.used || result == 0 ? (int64_t)l.used : -EINVAL;
}

int64_t do_getcwd(struct thread *t, struct call *c)
{
    CLEAN_STR struct str path = {0}, answer = {0};
    int result = path_of(t->where->cwd, t->where->root, &path);
    if (result < 0)
        return result;
    str_addf(&answer, "%s%s", result == PATH_OUTSIDE ? "(unreachable)" : "", str_get(&path));
    size_t size = answer.size + 1;
    if (size > c->a[1])
        return -ERANGE;
    return call_put(t, c->a[0], str_get(&answer), size) ? -EFAULT : (int64_t)size;
}

static int64_t change_directory(struct thread *t, struct node *n)
{
    int result = n->type == S_IFDIR ? node_may(t->process, n, 1) : -ENOTDIR;
    if (result != 0) {
        node_drop(n);
        return result;
    }
    where_change_directory(t, n);
    return 0;
}

int64_t do_chdir(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, CWD, c->a[0], 0, &n);
    return result ? result : change_directory(t, n);
}

int64_t do_fchdir(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    if (!f || !f->node)
        return f ? -ENOTDIR : -EBADF;
    return change_directory(t, node_hold(f->node));
}
