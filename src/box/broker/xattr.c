/* xattr: extended attributes of the image's files. */
#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/inotify.h"
#include "box/broker/names.h"
#include "box/broker/task.h"

enum { NAME_ROOM = 256 };

/* What a call is about: an inode of the image. */
static int inode(struct thread *t, uint64_t dir, uint64_t path, uint32_t flags, struct node **out)
{
    int result = names_find(t, dir, path, flags, out);
    if (result == 0 && (*out)->ops->device != 0x0801) {
        node_drop(*out);
        return -EOPNOTSUPP;
    }
    return result;
}

static int name_of(struct thread *t, uint64_t at, char name[NAME_ROOM])
{
    char text[PATH_ROOM];
    int result = call_path(t, at, text);
    size_t size = result == 0 ? strlen(text) : 0;
    if (result == 0 && (size == 0 || size >= NAME_ROOM))
        result = -ERANGE;
    if (result == 0)
        memcpy(name, text, size + 1);
    return result;
}

static int may_write(struct thread *t, struct node *n)
{
    struct store_attr a;
    int result = n->ops->attr(n, &a);
    return result                                                       ? result
           : may_override(t->process) || a.uid == t->process->cred.euid ? 0
                                                                        : -EPERM;
}

/* The caller's reference to `n` ends in each of these. */
static int64_t get(struct thread *t, struct node *n, const struct call *c)
{
    char name[NAME_ROOM];
    void *to = c->a[3] ? call_window(t, c->a[2], c->a[3]) : NULL;
    int64_t result = c->a[3] && !to ? -EFAULT : name_of(t, c->a[1], name);
    if (result == 0)
        result = store_getxattr(box.store, n->ino, name, to, c->a[3]);
    node_drop(n);
    return result;
}

static int64_t list(struct thread *t, struct node *n, const struct call *c)
{
    void *to = c->a[2] ? call_window(t, c->a[1], c->a[2]) : NULL;
    int64_t result = c->a[2] && !to ? -EFAULT : store_listxattr(box.store, n->ino, to, c->a[2]);
    node_drop(n);
    return result;
}

static int64_t set(struct thread *t, struct node *n, const struct call *c)
{
    char name[NAME_ROOM];
    const void *from = c->a[3] ? call_window(t, c->a[2], c->a[3]) : "";
    int64_t result = !from ? -EFAULT : c->a[4] > 2 ? -EINVAL : name_of(t, c->a[1], name);
    if (result == 0)
        result = may_write(t, n);
    if (result == 0)
        result = store_setxattr(box.store, n->ino,
                                &(struct store_xattr){name, from, c->a[3], (unsigned)c->a[4]});
    if (result == 0)
        inotify_event(n, IN_ATTRIB);
    store_fs_changed(n);
    node_drop(n);
    return result;
}

static int64_t remove_one(struct thread *t, struct node *n, const struct call *c)
{
    char name[NAME_ROOM];
    int64_t result = name_of(t, c->a[1], name);
    if (result == 0)
        result = may_write(t, n);
    if (result == 0)
        result = store_removexattr(box.store, n->ino, name);
    if (result == 0)
        inotify_event(n, IN_ATTRIB);
    store_fs_changed(n);
    node_drop(n);
    return result;
}

typedef int64_t operation(struct thread *t, struct node *n, const struct call *c);

static int64_t on_path(struct thread *t, const struct call *c, uint32_t flags, operation *f)
{
    struct node *n;
    int result = inode(t, CWD, c->a[0], flags, &n);
    return result ? result : f(t, n, c);
}

static int64_t on_fd(struct thread *t, const struct call *c, operation *f)
{
    struct node *n;
    int result = fd_file(t, c->a[0]) ? inode(t, c->a[0], 0, NAMES_EMPTY, &n) : -EBADF;
    return result == -EINVAL ? -EOPNOTSUPP : result ? result : f(t, n, c);
}

#define FAMILY(name, operation)                                                                    \
    int64_t do_##name(struct thread *t, struct call *c)                                            \
    {                                                                                              \
        return on_path(t, c, 0, operation);                                                        \
    }                                                                                              \
    int64_t do_l##name(struct thread *t, struct call *c)                                           \
    {                                                                                              \
        return on_path(t, c, AT_SYMLINK_NOFOLLOW, operation);                                      \
    }                                                                                              \
    int64_t do_f##name(struct thread *t, struct call *c)                                           \
    {                                                                                              \
        return on_fd(t, c, operation);                                                             \
    }
FAMILY(getxattr, get)
FAMILY(listxattr, list)
FAMILY(setxattr, set)
FAMILY(removexattr, remove_one)
