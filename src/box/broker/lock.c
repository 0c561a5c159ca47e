#include "box/broker/lock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "box/broker/node.h"
#include "box/broker/publish.h"
#include "box/broker/task.h"

enum { CIRCLE_MAX = 64, LOCKS_MAX = 16384 /* of a box */ };
#define TO_THE_END ((uint64_t)INT64_MAX + 1)

struct lock {
    struct lock *next;
    const void *owner; /* the open file, or the process */
    bool owner_is_process;
    bool whole; /* flock's: these do not meet ranges */
    bool exclusive;
    uint64_t start, end; /* behind the last byte */
    uint32_t pid;
};

/* Those of one owner stand together, by their starts. */
struct locks {
    struct lock *first;
    struct queue changed;
};

static unsigned lock_count;

/* A copy; NULL: no memory, or there are too many. */
static struct lock *lock_new(const struct lock *from)
{
    struct lock *l = lock_count < LOCKS_MAX ? malloc(sizeof *l) : NULL;
    if (l) {
        *l = *from;
        lock_count++;
    }
    return l;
}

/* Takes out the lock that a link leads to. */
static void lock_remove(struct lock **at)
{
    struct lock *l = *at;
    *at = l->next;
    free(l);
    lock_count--;
}

/* One owner's, and of one kind. */
static bool is_akin(const struct lock *a, const struct lock *b)
{
    return a->owner == b->owner && a->whole == b->whole;
}

static struct locks *locks_of(struct node *n)
{
    if (!n->locks) {
        n->locks = calloc(1, sizeof *n->locks);
        publish_locked(n->published);
    }
    return n->locks;
}

/* A lock of somebody else's that stands in the way. */
static const struct lock *conflict(const struct locks *all, const struct lock *wanted)
{
    for (const struct lock *l = all->first; l; l = l->next)
        if (l->whole == wanted->whole && l->owner != wanted->owner &&
            (l->exclusive || wanted->exclusive) && l->start < wanted->end && wanted->start < l->end)
            return l;
    return NULL;
}

/* Takes the range away from the owner's locks. 0 or -ENOLCK. */
static int clear(struct locks *all, const struct lock *range)
{
    for (struct lock **at = &all->first; *at;) {
        struct lock *l = *at;
        if (!is_akin(l, range) || l->start >= range->end || range->start >= l->end) {
            at = &l->next;
            continue;
        }
        if (l->start < range->start && l->end > range->end) {
            struct lock *rest = lock_new(l);
            if (!rest)
                return -ENOLCK;
            rest->start = range->end;
            l->end = range->start;
            l->next = rest;
            break;
        }
        if (l->start < range->start) {
            l->end = range->start;
            at = &l->next;
        } else if (l->end > range->end) {
            l->start = range->end;
            at = &l->next;
        } else {
            lock_remove(at);
        }
    }
    queue_wake(&all->changed);
    return 0;
}

/* Adds one where its owner has none, and makes one of those that touch. */
static void add(struct locks *all, struct lock *l)
{
    struct lock **at = &all->first;
    while (*at && !is_akin(*at, l))
        at = &(*at)->next;
    while (*at && is_akin(*at, l) && (*at)->start < l->start)
        at = &(*at)->next;
    l->next = *at;
    *at = l;
    for (struct lock *a = all->first, *b; (b = a->next);)
        if (is_akin(a, b) && a->exclusive == b->exclusive && a->end == b->start) {
            a->end = b->end;
            lock_remove(&a->next);
        } else {
            a = b;
        }
}

/* Would the process wait for itself, by way of those that it waits for? */
static bool is_circle(const struct process *self, const void *owner)
{
    for (int steps = 0; owner && steps < CIRCLE_MAX; steps++) {
        const void *next = NULL;
        if (owner == self)
            return true;
        for (const struct process *p = box.first; p && !next; p = p->next)
            for (const struct thread *t = p->threads; t && p == owner && !next; t = t->next)
                next = t->busy && t->call.nr == SYS_fcntl ? t->blocked_on : NULL;
        owner = next;
    }
    return false;
}

/* Waits for a lock of ranges that another process has, or whole ones. */
static int64_t wait_for(struct thread *t, struct locks *all, const struct lock *other)
{
    if (!other->whole && other->owner_is_process) {
        if (is_circle(t->process, other->owner))
            return -EDEADLK;
        t->blocked_on = other->owner;
    }
    return wait_on(t, &all->changed);
}

static int64_t take(struct thread *t, struct locks *all, const struct lock *wanted, bool wait)
{
    const struct lock *other = conflict(all, wanted);
    t->blocked_on = NULL;
    if (other)
        return wait ? wait_for(t, all, other) : -EAGAIN;
    struct lock *l = lock_new(wanted);
    if (!l)
        return -ENOLCK;
    if (clear(all, wanted) != 0) {
        lock_remove(&l);
        return -ENOLCK;
    }
    add(all, l);
    return 0;
}

static const struct lock *find_akin(const struct locks *all, const struct lock *to)
{
    const struct lock *l = all->first;
    while (l && !is_akin(l, to))
        l = l->next;
    return l;
}

int64_t lock_flock(struct thread *t, struct file *f, int how)
{
    struct locks *all = f->node ? locks_of(f->node) : NULL;
    struct lock wanted = {.owner = f, .whole = true, .end = TO_THE_END};
    if (!all)
        return -EINVAL;
    switch (how & ~LOCK_NB) {
    case LOCK_UN: return clear(all, &wanted);
    case LOCK_EX: wanted.exclusive = true; break;
    case LOCK_SH: break;
    default: return -EINVAL;
    }
    const struct lock *now = find_akin(all, &wanted);
    if (now && now->exclusive == wanted.exclusive)
        return 0;
    clear(all, &wanted); /* who changes a lock loses it first, whatever comes of it */
    return take(t, all, &wanted, !(how & LOCK_NB));
}

/* The range of a struct flock. 0 or -errno. */
static int range(struct file *f, const struct flock *from, struct lock *to)
{
    struct store_attr attr = {0};
    int64_t base = 0;
    switch (from->l_whence) {
    case SEEK_SET: break;
    case SEEK_CUR: base = (int64_t)file_offset(f); break;
    case SEEK_END:
        f->node->ops->attr(f->node, &attr);
        base = (int64_t)attr.size;
        break;
    default: return -EINVAL;
    }
    if (from->l_start > INT64_MAX - base)
        return -EOVERFLOW;
    int64_t start = base + from->l_start, size = from->l_len;
    if (start < 0 || (size < 0 && start + size < 0))
        return -EINVAL;
    if (size > 0 && size - 1 > INT64_MAX - start)
        return -EOVERFLOW;
    to->start = (uint64_t)(size < 0 ? start + size : start);
    to->end = size == 0 ? TO_THE_END : (uint64_t)start + (size < 0 ? 0 : (uint64_t)size);
    return 0;
}

static int64_t test(struct thread *t, struct call *c, const struct locks *all,
                    const struct lock *wanted)
{
    const struct lock *l = conflict(all, wanted);
    struct flock answer = {.l_type = F_UNLCK};
    if (call_get(t, c->a[2], &answer, sizeof answer) != 0)
        return -EFAULT;
    answer.l_type = F_UNLCK;
    if (l)
        answer = (struct flock){.l_type = l->exclusive ? F_WRLCK : F_RDLCK,
                                .l_whence = SEEK_SET,
                                .l_start = (int64_t)l->start,
                                .l_len = l->end == TO_THE_END ? 0 : (int64_t)(l->end - l->start),
                                .l_pid = (int)l->pid};
    return call_put(t, c->a[2], &answer, sizeof answer);
}

int64_t lock_fcntl(struct thread *t, struct file *f, struct call *c)
{
    struct flock how;
    struct locks *all = f->node ? locks_of(f->node) : NULL;
    bool of_file = c->a[1] >= F_OFD_GETLK, asks = c->a[1] == F_GETLK || c->a[1] == F_OFD_GETLK;
    struct lock wanted = {.owner = of_file ? (void *)f : (void *)t->process,
                          .owner_is_process = !of_file,
                          .pid = of_file ? UINT32_MAX : t->process->pid};
    if (!all || call_get(t, c->a[2], &how, sizeof how) != 0)
        return all ? -EFAULT : -EINVAL;
    if (asks && how.l_type != F_RDLCK && how.l_type != F_WRLCK)
        return -EINVAL;
    int result = range(f, &how, &wanted);
    if (result != 0)
        return result;
    if (how.l_type != F_RDLCK && how.l_type != F_WRLCK && how.l_type != F_UNLCK)
        return -EINVAL;
    wanted.exclusive = how.l_type == F_WRLCK;
    uint32_t access = f->flags & O_ACCMODE;
    if (!asks && how.l_type != F_UNLCK && access == (wanted.exclusive ? O_RDONLY : O_WRONLY))
        return -EBADF;
    if (of_file && how.l_pid)
        return -EINVAL;
    if (asks)
        return test(t, c, all, &wanted);
    if (how.l_type == F_UNLCK)
        return clear(all, &wanted);
    return take(t, all, &wanted, c->a[1] == F_SETLKW || c->a[1] == F_OFD_SETLKW);
}

static void end_all(struct node *n, const void *owner, bool whole)
{
    if (n && n->locks)
        clear(n->locks, &(struct lock){.owner = owner, .whole = whole, .end = TO_THE_END});
}

void lock_file_closed(struct file *f)
{
    end_all(f->node, f, true);
    end_all(f->node, f, false);
}

void lock_process_closed(struct process *p, struct file *f)
{
    end_all(f->node, p, false);
}

void lock_node_gone(struct node *n)
{
    if (!n->locks)
        return;
    while (n->locks->first)
        lock_remove(&n->locks->first);
    queue_free(&n->locks->changed);
    free(n->locks);
    n->locks = NULL;
}
