#include "box/broker/lock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "box/broker/node.h"
#include "box/broker/publish.h"
#include "box/broker/task.h"

enum { CIRCLE_MAX = 64 };

struct lock {
    struct lock *next;
    const void *owner; /* the open file, or the process */
    bool owner_is_process;
    bool whole; /* flock's: these do not meet ranges */
    bool exclusive;
    uint64_t start, end;
    uint32_t pid;
};

struct locks {
    struct lock *first;
    struct queue changed;
};

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

/* Takes the range away from the owner's locks. 0 or -ENOMEM. */
static int clear(struct locks *all, const struct lock *range)
{
    for (struct lock **at = &all->first; *at;) {
        struct lock *l = *at;
        if (l->whole != range->whole || l->owner != range->owner || l->start >= range->end ||
            range->start >= l->end) {
            at = &l->next;
            continue;
        }
        if (l->start < range->start && l->end > range->end) {
            struct lock *rest = malloc(sizeof *rest);
            if (!rest)
                return -ENOMEM;
            *rest = *l;
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
            *at = l->next;
            free(l);
        }
    }
    queue_wake(&all->changed);
    return 0;
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
    struct lock *l = malloc(sizeof *l);
    if (!l || clear(all, wanted) != 0) {
        free(l);
        return -ENOLCK;
    }
    *l = *wanted;
    l->next = all->first;
    all->first = l;
    return 0;
}

int64_t lock_flock(struct thread *t, struct file *f, int how)
{
    struct locks *all = f->node ? locks_of(f->node) : NULL;
    struct lock wanted = {.owner = f, .whole = true, .end = UINT64_MAX};
    if (!all)
        return -EINVAL;
    switch (how & ~LOCK_NB) {
    case LOCK_UN: return clear(all, &wanted);
    case LOCK_EX: wanted.exclusive = true; break;
    case LOCK_SH: break;
    default: return -EINVAL;
    }
    return take(t, all, &wanted, !(how & LOCK_NB));
}

/* The range of a struct flock. 0 or -errno. */
static int range(struct file *f, const struct flock *from, struct lock *to)
{
    struct store_attr attr = {0};
    f->node->ops->attr(f->node, &attr);
    int64_t base = from->l_whence == SEEK_CUR   ? (int64_t)file_offset(f)
                   : from->l_whence == SEEK_END ? (int64_t)attr.size
                                                : 0;
    int64_t start, end = INT64_MAX;
    if (__builtin_add_overflow(base, from->l_start, &start) ||
        (from->l_len && __builtin_add_overflow(start, from->l_len, &end)))
        return -EOVERFLOW;
    if (from->l_len < 0) {
        int64_t low = end;
        end = start;
        start = low;
    }
    if (from->l_whence < 0 || from->l_whence > SEEK_END || start < 0 || end < start)
        return -EINVAL;
    to->start = (uint64_t)start;
    to->end = (uint64_t)end;
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
                                .l_len = l->end == INT64_MAX ? 0 : (int64_t)(l->end - l->start),
                                .l_pid = (int)l->pid};
    return call_put(t, c->a[2], &answer, sizeof answer);
}

int64_t lock_fcntl(struct thread *t, struct file *f, struct call *c)
{
    struct flock how;
    struct locks *all = f->node ? locks_of(f->node) : NULL;
    bool of_file = c->a[1] >= F_OFD_GETLK;
    struct lock wanted = {.owner = of_file ? (void *)f : (void *)t->process,
                          .owner_is_process = !of_file,
                          .pid = of_file ? UINT32_MAX : t->process->pid};
    if (!all || call_get(t, c->a[2], &how, sizeof how) != 0)
        return all ? -EFAULT : -EINVAL;
    int result = range(f, &how, &wanted);
    if (result != 0)
        return result;
    wanted.exclusive = how.l_type == F_WRLCK;
    if (c->a[1] == F_GETLK || c->a[1] == F_OFD_GETLK)
        return test(t, c, all, &wanted);
    if (how.l_type == F_UNLCK)
        return clear(all, &wanted);
    if (how.l_type != F_RDLCK && how.l_type != F_WRLCK)
        return -EINVAL;
    uint32_t access = f->flags & O_ACCMODE;
    if (access == (wanted.exclusive ? O_RDONLY : O_WRONLY))
        return -EBADF;
    return take(t, all, &wanted, c->a[1] == F_SETLKW || c->a[1] == F_OFD_SETLKW);
}

static void end_all(struct node *n, const void *owner, bool whole)
{
    if (n && n->locks)
        clear(n->locks, &(struct lock){.owner = owner, .whole = whole, .end = UINT64_MAX});
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
    while (n->locks->first) {
        struct lock *l = n->locks->first;
        n->locks->first = l->next;
        free(l);
    }
    queue_free(&n->locks->changed);
    free(n->locks);
    n->locks = NULL;
}
