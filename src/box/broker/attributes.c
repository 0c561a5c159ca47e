/* attributes: the calls that change what an inode says of itself, or its size. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>

#include "box/broker/calls.h"
#include "box/broker/inotify.h"
#include "box/broker/names.h"
#include "box/broker/task.h"

enum { NOW = 0x3fffffff, OMIT = 0x3ffffffe, TMPFS = 0x01021994, PROC = 0x9fa0, EXT4 = 0xef53 };

static int by_fd(struct thread *t, uint64_t fd, struct node **out)
{
    struct file *f = fd_file(t, fd);
    if (!f || f->flags & O_PATH)
        return -EBADF;
    if (!f->node)
        return -EINVAL;
    *out = node_hold(f->node);
    return 0;
}

/* What a change of attributes is told as: a time alone as what sets it. */
static uint32_t event_of(unsigned which)
{
    return which == STORE_ATIME ? IN_ACCESS : which == STORE_MTIME ? IN_MODIFY : IN_ATTRIB;
}

/* The caller's reference to `n` ends. */
static int64_t set(struct thread *t, struct node *n, unsigned which, const struct store_attr *to)
{
    const struct process *p = t->process;
    struct store_attr now;
    int result = n->ops->set_attr ? n->ops->attr(n, &now) : -EPERM;
    if (result == 0 && !may_override(p)) {
        bool owner = now.uid == p->cred.euid;
        bool gives = (which & STORE_UID && to->uid != now.uid) ||
                     (which & STORE_GID && to->gid != now.gid && !is_in_group(p, to->gid));
        if (!owner || gives)
            result = -EPERM;
    }
    if (result == 0)
        result = n->ops->set_attr(n, which, to);
    if (result == 0)
        inotify_event(n, event_of(which));
    node_drop(n);
    return result;
}

/* chmod ----------------------------------------------------------------------------------*/

static int64_t change_mode(struct thread *t, struct node *n, uint64_t mode)
{
    struct store_attr to = {.mode = (uint32_t)mode & 07777};
    return set(t, n, STORE_MODE, &to);
}

int64_t do_chmod(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, CWD, c->a[0], 0, &n);
    return result ? result : change_mode(t, n, c->a[1]);
}

int64_t do_fchmod(struct thread *t, struct call *c)
{
    struct node *n;
    int result = by_fd(t, c->a[0], &n);
    return result ? result : change_mode(t, n, c->a[1]);
}

int64_t do_fchmodat(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, c->a[0], c->a[1], 0, &n);
    return result ? result : change_mode(t, n, c->a[2]);
}

int64_t do_fchmodat2(struct thread *t, struct call *c)
{
    struct node *n;
    if (c->a[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | NAMES_EMPTY))
        return -EINVAL;
    int result = names_find(t, c->a[0], c->a[1], (uint32_t)c->a[3], &n);
    if (result == 0 && n->type == S_IFLNK) {
        node_drop(n);
        return -EOPNOTSUPP;
    }
    return result ? result : change_mode(t, n, c->a[2]);
}

/* chown ----------------------------------------------------------------------------------*/

static int64_t change_owner(struct thread *t, struct node *n, uint64_t uid, uint64_t gid)
{
    struct store_attr to = {.uid = (uint32_t)uid, .gid = (uint32_t)gid};
    unsigned which = ((uint32_t)uid != UINT32_MAX ? STORE_UID : 0) |
                     ((uint32_t)gid != UINT32_MAX ? STORE_GID : 0);
    struct store_attr now;
    if (which && n->type == S_IFREG && n->ops->attr(n, &now) == 0 && now.mode & 06000) {
        to.mode = now.mode & 01777; /* who gives a file away gives no rights with it */
        which |= STORE_MODE;
    }
    return set(t, n, which, &to);
}

int64_t do_chown(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, CWD, c->a[0], 0, &n);
    return result ? result : change_owner(t, n, c->a[1], c->a[2]);
}

int64_t do_lchown(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, CWD, c->a[0], AT_SYMLINK_NOFOLLOW, &n);
    return result ? result : change_owner(t, n, c->a[1], c->a[2]);
}

int64_t do_fchown(struct thread *t, struct call *c)
{
    struct node *n;
    int result = by_fd(t, c->a[0], &n);
    return result ? result : change_owner(t, n, c->a[1], c->a[2]);
}

int64_t do_fchownat(struct thread *t, struct call *c)
{
    struct node *n;
    if ((uint32_t)c->a[4] & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | NAMES_EMPTY))
        return -EINVAL;
    int result = names_find(t, c->a[0], c->a[1], (uint32_t)c->a[4], &n);
    return result ? result : change_owner(t, n, c->a[2], c->a[3]);
}

/* Times ----------------------------------------------------------------------------------*/

/* times: access and change; a name, or, if there is none, the descriptor. */
static int64_t set_times(struct thread *t, struct call *c, struct timespec times[2], uint32_t flags)
{
    struct timespec now;
    struct store_attr to;
    struct node *n;
    unsigned which = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < 2; i++) {
        if (times[i].tv_nsec != OMIT)
            which |= i ? STORE_MTIME : STORE_ATIME;
        if (times[i].tv_nsec == NOW)
            times[i] = now;
        else if (times[i].tv_nsec != OMIT && (uint64_t)times[i].tv_nsec > 999999999)
            return -EINVAL;
    }
    if (!which)
        return 0; /* whatever is there */
    if (flags & (c->a[1] ? ~(uint32_t)(AT_SYMLINK_NOFOLLOW | NAMES_EMPTY) : UINT32_MAX))
        return -EINVAL;
    to.atime = times[0];
    to.mtime = times[1];
    int result = c->a[1] ? names_find(t, c->a[0], c->a[1], flags, &n) : by_fd(t, c->a[0], &n);
    return result ? result : set(t, n, which, &to);
}

int64_t do_utimensat(struct thread *t, struct call *c)
{
    struct timespec times[2] = {{0, NOW}, {0, NOW}};
    if (c->a[2] && call_get(t, c->a[2], times, sizeof times) != 0)
        return -EFAULT;
    return set_times(t, c, times, (uint32_t)c->a[3]);
}

/* Microseconds, as the older calls have them. */
int64_t do_futimesat(struct thread *t, struct call *c)
{
    struct timespec times[2] = {{0, NOW}, {0, NOW}};
    if (c->a[2] && call_get(t, c->a[2], times, sizeof times) != 0)
        return -EFAULT;
    for (int i = 0; c->a[2] && i < 2; i++) {
        if ((uint64_t)times[i].tv_nsec > 999999)
            return -EINVAL;
        times[i].tv_nsec *= 1000;
    }
    return set_times(t, c, times, 0);
}

int64_t do_utimes(struct thread *t, struct call *c)
{
    struct call at = {.a = {CWD, c->a[0], c->a[1]}};
    return c->a[0] ? do_futimesat(t, &at) : -EFAULT;
}

int64_t do_utime(struct thread *t, struct call *c)
{
    struct timespec times[2] = {{0, NOW}, {0, NOW}};
    struct call at = {.a = {CWD, c->a[0]}};
    int64_t seconds[2];
    if (!c->a[0] || (c->a[1] && call_get(t, c->a[1], seconds, sizeof seconds) != 0))
        return -EFAULT;
    for (int i = 0; c->a[1] && i < 2; i++)
        times[i] = (struct timespec){seconds[i], 0};
    return set_times(t, &at, times, 0);
}

/* Sizes ----------------------------------------------------------------------------------*/

/* May a file become so large? */
static int may_grow(struct thread *t, struct node *n, uint64_t size)
{
    struct store_attr a;
    int result = n->ops->attr(n, &a);
    if (result != 0 || size <= a.size)
        return result;
    return size > limit_file_size(t->process) ? limit_file_exceeded(t) : 0;
}

static int64_t cut(struct thread *t, struct node *n, uint64_t size)
{
    int result = (int64_t)size < 0                         ? -EINVAL
                 : n->type == S_IFDIR                      ? -EISDIR
                 : !n->ops->truncate || n->type != S_IFREG ? -EINVAL
                                                           : may_grow(t, n, size);
    if (result == 0)
        result = n->ops->truncate(n, size);
    if (result == 0)
        inotify_event(n, IN_MODIFY);
    node_drop(n);
    return result;
}

int64_t do_truncate(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, CWD, c->a[0], 0, &n);
    if (result == 0 && (result = node_may(t->process, n, 2)) != 0)
        node_drop(n);
    return result ? result : cut(t, n, c->a[1]);
}

int64_t do_ftruncate(struct thread *t, struct call *c)
{
    struct node *n;
    struct file *f = fd_file(t, c->a[0]);
    int result = by_fd(t, c->a[0], &n);
    if (result == 0 && (f->flags & O_ACCMODE) == O_RDONLY) {
        node_drop(n);
        return -EINVAL;
    }
    return result ? result : cut(t, n, c->a[1]);
}

/* Tells who watches that a change of the size succeeded. */
static int allocated(struct node *n, int result)
{
    if (result == 0)
        inotify_event(n, IN_MODIFY);
    return result;
}

int64_t do_fallocate(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    struct store_attr a;
    uint32_t mode = (uint32_t)c->a[1];
    unsigned how = (mode & FALLOC_FL_KEEP_SIZE ? STORE_KEEP_SIZE : 0) |
                   (mode & FALLOC_FL_PUNCH_HOLE ? STORE_PUNCH_HOLE : 0) |
                   (mode & FALLOC_FL_ZERO_RANGE ? STORE_ZERO_RANGE : 0);
    if (!f || (f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if ((int64_t)c->a[2] < 0 || (int64_t)c->a[3] <= 0)
        return -EINVAL;
    if (f->ops != &regular_ops)
        return f->ops == &pipe_ops ? -ESPIPE : -ENODEV;
    if (mode & ~(uint32_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        return -EOPNOTSUPP;
    int result = mode & FALLOC_FL_KEEP_SIZE ? 0 : may_grow(t, f->node, c->a[2] + c->a[3]);
    if (result != 0)
        return result;
    if (f->node->ops->device == 0x0801)
        return allocated(f->node, store_fs_allocate(f->node, how, c->a[2], c->a[3]));
    result = how ? -EOPNOTSUPP : f->node->ops->attr(f->node, &a);
    if (result == 0 && c->a[2] + c->a[3] > a.size)
        result = f->node->ops->truncate(f->node, c->a[2] + c->a[3]);
    return allocated(f->node, result);
}

/* Durability -----------------------------------------------------------------------------*/

int64_t do_fsync(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    if (!f || f->flags & O_PATH)
        return -EBADF;
    return f->node && f->node->ops->sync ? f->node->ops->sync(f->node) : f->node ? 0 : -EINVAL;
}

int64_t do_fdatasync(struct thread *t, struct call *c)
{
    return do_fsync(t, c);
}

int64_t do_sync(struct thread *t, struct call *c)
{
    (void)t, (void)c;
    window_flush_all();
    store_fs_commit();
    return 0;
}

static struct file *contents_of(struct thread *t, uint64_t fd)
{
    struct file *f = fd_file(t, fd);
    return f && !(f->flags & O_PATH) ? f : NULL;
}

/* All that was written lies in the broker's memory: it is synced whole. */
int64_t do_sync_file_range(struct thread *t, struct call *c)
{
    enum { KNOWN = 7 };
    const struct file *f = contents_of(t, c->a[0]);
    if (!f)
        return -EBADF;
    if (c->a[3] & ~(uint64_t)KNOWN || (int64_t)c->a[1] < 0 || (int64_t)c->a[2] < 0)
        return -EINVAL;
    if (f->ops != &regular_ops && f->ops != &directory_ops)
        return -ESPIPE;
    return c->a[3] ? do_fsync(t, c) : 0;
}

int64_t do_readahead(struct thread *t, struct call *c)
{
    const struct file *f = contents_of(t, c->a[0]);
    if (!f || (f->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    return f->ops == &regular_ops ? 0 : -EINVAL;
}

int64_t do_syncfs(struct thread *t, struct call *c)
{
    return fd_file(t, c->a[0]) ? do_sync(t, c) : -EBADF;
}

int64_t do_msync(struct thread *t, struct call *c)
{
    (void)t;
    return arena_sync(c->a[0]);
}

/* statfs ---------------------------------------------------------------------------------*/

struct guest_statfs {
    uint64_t type, block_size, blocks, free, available, inodes, free_inodes;
    uint32_t id[2];
    uint64_t name_max, fragment, flags, spare[4];
};
_Static_assert(sizeof(struct guest_statfs) == 120, "as calls.def says");

/* The caller's reference to `n` ends. */
static int64_t put_statfs(struct thread *t, struct node *n, uint64_t to)
{
    struct guest_statfs s = {.type = n->ops->device == 5 ? TMPFS : PROC,
                             .block_size = 4096,
                             .name_max = 255,
                             .fragment = 4096};
    struct store_statfs all;
    bool is_store = n->ops->device == 0x0801;
    node_drop(n);
    if (is_store) {
        int result = store_statfs(box.store, &all);
        if (result != 0)
            return result;
        s.type = EXT4;
        s.block_size = s.fragment = all.block_size;
        s.blocks = all.blocks, s.free = all.free_blocks, s.available = all.available_blocks;
        s.inodes = all.inodes, s.free_inodes = all.free_inodes;
        memcpy(s.id, all.uuid, sizeof s.id);
    }
    return call_put(t, to, &s, sizeof s);
}

int64_t do_statfs(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, CWD, c->a[0], 0, &n);
    return result ? result : put_statfs(t, n, c->a[1]);
}

int64_t do_fstatfs(struct thread *t, struct call *c)
{
    struct node *n;
    int result = by_fd(t, c->a[0], &n);
    return result ? result : put_statfs(t, n, c->a[1]);
}
