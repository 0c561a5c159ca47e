/* inotify: events of nodes that are read like a file. */
#include "box/broker/inotify.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "box/broker/async.h"
#include "box/broker/calls.h"
#include "box/broker/claim.h"
#include "box/broker/names.h"
#include "box/broker/publish.h"
#include "box/broker/task.h"

enum {
    EVENTS_MAX = 4096, /* that wait to be read, of one descriptor */
    NOTIFIERS_MAX = 128,
    WATCHES_MAX = 8192,
    HEADER = 16, /* struct inotify_event without its name */
    MASK_CREATE = 0x10000000,
    KEPT = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT,
    KNOWN = KEPT | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD | MASK_CREATE | IN_UNMOUNT |
            IN_Q_OVERFLOW | IN_IGNORED | IN_ISDIR,
};

struct event {
    struct event *next;
    int wd;
    uint32_t mask, cookie;
    size_t size;
    char name[]; /* `size` bytes */
};

struct notifier {
    struct event *first, *last;
    unsigned events;
    uint32_t arrived;
    int last_wd;
    struct queue readers;
};

struct watch {
    struct watch *next;
    struct notifier *owner;
    struct node *node; /* held */
    int wd;
    uint32_t mask;
};

static struct watch *watches;
static unsigned watch_count, notifier_count;

bool inotify_is_used(void)
{
    return watches;
}

uint32_t inotify_cookie(void)
{
    static uint32_t last;
    return ++last;
}

/* The queue ------------------------------------------------------------------------------*/

static bool is_same(const struct event *e, const struct event *other)
{
    return e && e->wd == other->wd && e->mask == other->mask && e->size == other->size &&
           memcmp(e->name, other->name, e->size) == 0;
}

/* An event that finds no memory or no room makes one that says so. */
static void put(struct notifier *n, const struct event *what, const char *name)
{
    static const struct event overflow = {.wd = -1, .mask = IN_Q_OVERFLOW};
    if (n->events >= EVENTS_MAX)
        what = &overflow;
    struct event *e = malloc(sizeof *e + what->size);
    if (!e)
        return;
    *e = *what;
    e->next = NULL;
    if (e->size)
        memcpy(e->name, name, e->size);
    if (is_same(n->last, e)) {
        free(e);
        return;
    }
    if (n->last)
        n->last->next = e;
    else
        n->first = e;
    n->last = e;
    n->events++;
    n->arrived++;
    queue_wake(&n->readers);
    async_tell(&inotify_ops, n, POLL_IN);
}

static void take(struct notifier *n)
{
    struct event *e = n->first;
    n->first = e->next;
    if (!n->first)
        n->last = NULL;
    n->events--;
    free(e);
}

/* What an event takes in a reader's buffer: names end with a zero, and are padded. */
static size_t room_of(const struct event *e)
{
    return HEADER + (e->size ? (e->size + HEADER) / HEADER * HEADER : 0);
}

/* Watches --------------------------------------------------------------------------------*/

/* Ends a watch; the node may go with it. */
static void unwatch(struct watch *w)
{
    struct watch **at = &watches;
    struct node *n = w->node;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    watch_count--;
    n->watches--;
    publish_watched(watches);
    free(w);
    node_drop(n);
}

static void ignore(struct watch *w)
{
    put(w->owner, &(struct event){.wd = w->wd, .mask = IN_IGNORED}, NULL);
    unwatch(w);
}

static void tell(struct watch *w, const struct event *what, const char *name)
{
    struct event e = *what;
    if (!(w->mask & e.mask & IN_ALL_EVENTS))
        return;
    e.wd = w->wd;
    if (e.mask & (IN_DELETE_SELF | IN_MOVE_SELF))
        e.mask &= ~(uint32_t)IN_ISDIR;
    put(w->owner, &e, name);
    if (w->mask & IN_ONESHOT)
        ignore(w);
}

void inotify_entry(struct node *dir, const struct store_name *name, uint32_t mask, uint32_t cookie)
{
    const struct event e = {.mask = mask, .cookie = cookie, .size = name->size};
    struct watch *next;
    if (!dir->watches)
        return;
    node_hold(dir);
    for (struct watch *w = watches; w; w = next) {
        next = w->next;
        if (w->node == dir)
            tell(w, &e, name->name);
    }
    node_drop(dir);
}

void inotify_self(struct node *n, uint32_t mask)
{
    const struct event e = {.mask = mask | (n->type == S_IFDIR ? IN_ISDIR : 0)};
    struct watch *next;
    if (!n->watches)
        return;
    node_hold(n);
    for (struct watch *w = watches; w; w = next) {
        next = w->next;
        if (w->node == n)
            tell(w, &e, NULL);
    }
    node_drop(n);
}

/* The directory a node was last found in, if it is watched, or NULL. */
static struct node *directory_of(const struct node *n)
{
    const struct watch *w = watches;
    while (w && (w->node->ops != n->ops || w->node->ino != n->directory ||
                 w->node->type != S_IFDIR || w->node == n))
        w = w->next;
    return w ? w->node : NULL;
}

void inotify_event(struct node *n, uint32_t mask)
{
    struct node_name name;
    struct node *dir = directory_of(n);
    if (dir && node_name_in(dir, n, &name) == 0)
        inotify_entry(dir, &(struct store_name){0, name.name, name.size},
                      mask | (n->type == S_IFDIR ? IN_ISDIR : 0), 0);
    inotify_self(n, mask);
}

void inotify_unused(struct node *n)
{
    struct store_attr a;
    struct watch *next;
    if (n->ops->attr(n, &a) != 0 || a.nlink)
        return;
    node_hold(n);
    inotify_self(n, IN_DELETE_SELF);
    for (struct watch *w = watches; w; w = next) {
        next = w->next;
        if (w->node == n)
            ignore(w);
    }
    node_drop(n);
}

/* The descriptor -------------------------------------------------------------------------*/

static int64_t read_events(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    struct notifier *n = f->data;
    size_t done = 0;
    (void)at;
    if (!n->first)
        return file_waits(f) ? wait_on(t, &n->readers) : -EAGAIN;
    while (n->first && room_of(n->first) <= size - done) {
        const struct event *e = n->first;
        size_t room = room_of(e);
        const uint32_t head[4] = {(uint32_t)e->wd, e->mask, e->cookie, (uint32_t)(room - HEADER)};
        char *out = (char *)to + done;
        memset(out, 0, room);
        memcpy(out, head, sizeof head);
        memcpy(out + HEADER, e->name, e->size);
        done += room;
        take(n);
    }
    return done ? (int64_t)done : -EINVAL;
}

static int poll_events(struct thread *t, struct file *f)
{
    struct notifier *n = f->data;
    if (t)
        wait_on(t, &n->readers);
    return n->first ? POLLIN | POLLRDNORM : 0;
}

static uint32_t edges_of_events(const struct file *f)
{
    return ((const struct notifier *)f->data)->arrived;
}

static int64_t control(struct thread *t, struct file *f, uint32_t request, uint64_t argument)
{
    const struct notifier *n = f->data;
    int bytes = 0;
    if (request != FIONREAD)
        return -ENOTTY;
    for (const struct event *e = n->first; e; e = e->next)
        bytes += (int)room_of(e);
    return call_put(t, argument, &bytes, sizeof bytes);
}

static void release_notifier(struct file *f)
{
    struct notifier *n = f->data;
    struct watch *next;
    for (struct watch *w = watches; w; w = next) {
        next = w->next;
        if (w->owner == n)
            unwatch(w);
    }
    while (n->first)
        take(n);
    queue_free(&n->readers);
    notifier_count--;
    free(n);
}

const struct file_ops inotify_ops = {.read = read_events,
                                     .poll = poll_events,
                                     .ioctl = control,
                                     .edges = edges_of_events,
                                     .release = release_notifier,
                                     .name = "anon_inode:inotify"};

int64_t do_inotify_init1(struct thread *t, struct call *c)
{
    if (c->a[0] & ~(uint64_t)(IN_CLOEXEC | IN_NONBLOCK))
        return -EINVAL;
    if (notifier_count >= NOTIFIERS_MAX)
        return -EMFILE;
    struct notifier *n = calloc(1, sizeof *n);
    struct file *f =
        n ? file_new(&inotify_ops, O_RDONLY | ((uint32_t)c->a[0] & O_NONBLOCK), NULL, n) : NULL;
    if (!f) {
        free(n);
        return -ENOMEM;
    }
    notifier_count++;
    return fd_put(t, f, 0, c->a[0] & IN_CLOEXEC);
}

int64_t do_inotify_init(struct thread *t, struct call *c)
{
    (void)c;
    return do_inotify_init1(t, &(struct call){0});
}

/* A new watch holds the node, too. */
static int64_t watch_new(struct notifier *owner, struct node *n, uint32_t mask)
{
    struct watch *w = watch_count < WATCHES_MAX ? malloc(sizeof *w) : NULL;
    if (!w)
        return watch_count < WATCHES_MAX ? -ENOMEM : -ENOSPC;
    if (owner->last_wd == INT32_MAX) {
        free(w);
        return -ENOSPC;
    }
    publish_watched(true);
    claims_take_all(); /* whose closes are to be told of */
    *w = (struct watch){watches, owner, node_hold(n), ++owner->last_wd, mask & KEPT};
    watches = w;
    watch_count++;
    n->watches++;
    return w->wd;
}

static int64_t watch_node(struct notifier *owner, struct node *n, uint32_t mask)
{
    struct watch *w = watches;
    while (w && (w->owner != owner || w->node != n))
        w = w->next;
    if (!w)
        return watch_new(owner, n, mask);
    if (mask & MASK_CREATE)
        return -EEXIST;
    w->mask = (mask & IN_MASK_ADD ? w->mask : 0) | (mask & KEPT);
    return w->wd;
}

int64_t do_inotify_add_watch(struct thread *t, struct call *c)
{
    uint32_t mask = (uint32_t)c->a[2];
    struct file *f = fd_file(t, c->a[0]);
    struct node *n;
    if (!(mask & KNOWN))
        return -EINVAL;
    if (!f || f->flags & O_PATH)
        return -EBADF;
    if ((mask & IN_MASK_ADD && mask & MASK_CREATE) || f->ops != &inotify_ops)
        return -EINVAL;
    int64_t result =
        names_find(t, CWD, c->a[1], mask & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &n);
    if (result != 0)
        return result;
    result = mask & IN_ONLYDIR && n->type != S_IFDIR ? -ENOTDIR : node_may(t->process, n, 4);
    if (result == 0)
        result = watch_node(f->data, n, mask);
    node_drop(n);
    return result;
}

int64_t do_inotify_rm_watch(struct thread *t, struct call *c)
{
    const struct file *f = fd_file(t, c->a[0]);
    struct watch *w = watches;
    if (!f || f->flags & O_PATH)
        return -EBADF;
    if (f->ops != &inotify_ops)
        return -EINVAL;
    while (w && (w->owner != f->data || w->wd != (int)c->a[1]))
        w = w->next;
    if (!w)
        return -EINVAL;
    ignore(w);
    return 0;
}
