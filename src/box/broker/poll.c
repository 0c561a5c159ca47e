/* poll: waiting for several files; epoll. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "box/broker/calls.h"
#include "box/broker/node.h"
#include "box/broker/task.h"

enum { ALWAYS = POLLERR | POLLHUP | POLLNVAL, POLL_MAX = 4096, NESTING_MAX = 2 };
/* What may stand beside EPOLLEXCLUSIVE. That wakes all who wait, which may be. */
#define EXCLUSIVE                                                                                  \
    (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

/* What holds of a file now; registers the thread if there is one. */
static int state_of(struct thread *t, struct file *f)
{
    return f->ops->poll ? f->ops->poll(t, f) : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

static int64_t poll_all(struct thread *t, struct pollfd *fds, uint64_t count)
{
    int64_t found = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct pollfd p;
        memcpy(&p, &fds[i], sizeof p);
        p.revents = 0;
        if (p.fd >= 0) {
            struct file *f = fd_file(t, (uint64_t)p.fd);
            int now = f && !(f->flags & O_PATH) ? state_of(t, f) : POLLNVAL;
            p.revents = (short)(now & (p.events | ALWAYS));
        }
        found += p.revents != 0;
        memcpy(&fds[i], &p, sizeof p);
    }
    return found;
}

/* The answer of a call that waits for `found` to become positive. `limit` in
 * nanoseconds; negative: none. */
static int64_t wait_or(struct thread *t, int64_t found, int64_t limit)
{
    static struct queue nobody;
    if (found || limit == 0 || wait_timed_out(t)) {
        wait_forget(t);
        return found;
    }
    if (limit > 0 && !wait_has_limit(t))
        wait_until(t, time_now() + limit);
    if (!t->waits)
        return wait_on(t, &nobody);
    return ANSWER_WAIT;
}

static int64_t poll_for(struct thread *t, struct call *c, int64_t limit)
{
    if (c->a[1] > POLL_MAX)
        return -EINVAL;
    struct pollfd *fds = call_window(t, c->a[0], c->a[1] * sizeof *fds);
    if (!fds && c->a[1])
        return -EFAULT;
    return wait_or(t, poll_all(t, fds, c->a[1]), limit);
}

int64_t do_poll(struct thread *t, struct call *c)
{
    int milliseconds = (int)c->a[2];
    return poll_for(t, c, milliseconds < 0 ? -1 : milliseconds * INT64_C(1000000));
}

int64_t time_get(struct thread *t, uint64_t at, int64_t *out)
{
    struct timespec time;
    if (call_get(t, at, &time, sizeof time) != 0)
        return -EFAULT;
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec > 999999999)
        return -EINVAL;
    bool far = time.tv_sec > INT32_MAX * INT64_C(4);
    *out = far ? INT64_MAX / 2 : time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
    return 0;
}

int64_t do_ppoll(struct thread *t, struct call *c)
{
    int64_t limit = -1;
    int64_t result = c->a[2] ? time_get(t, c->a[2], &limit) : 0;
    return result ? result : poll_for(t, c, limit);
}

/* epoll ----------------------------------------------------------------------------------*/

/* An epoll does not hold the files that it watches: each knows its watchers. */
struct interest {
    struct interest *next;         /* of the epoll */
    struct interest *next_of_file; /* of those who watch the file */
    struct epoll *epoll;
    struct file *file;
    int fd;
    uint32_t events;
    uint64_t data;
    uint32_t seen;  /* EPOLLET: what was reported and has not gone since */
    uint32_t edges; /* and the file's count of edges then */
    bool spent;     /* EPOLLONESHOT */
};

struct epoll {
    struct file *file; /* it */
    struct interest *first;
    struct queue changed;
};

static void drop_interest(struct interest **at)
{
    struct interest *i = *at, **of_file = &i->file->watchers;
    *at = i->next;
    while (*of_file != i)
        of_file = &(*of_file)->next_of_file;
    *of_file = i->next_of_file;
    free(i);
}

void epoll_forget(struct file *f)
{
    while (f->watchers) {
        struct interest *i = f->watchers, **at = &i->epoll->first;
        while (*at != i)
            at = &(*at)->next;
        drop_interest(at);
    }
}

static int poll_epoll(struct thread *t, struct file *f)
{
    struct epoll *e = f->data;
    int found = 0;
    if (t)
        wait_on(t, &e->changed);
    for (struct interest *i = e->first; i; i = i->next)
        if (!i->spent && state_of(t, i->file) & (int)(i->events | ALWAYS))
            found = POLLIN | POLLRDNORM;
    return found;
}

/* How many epolls lie on top of each other from `f` down; more than NESTING_MAX
 * if `self` is among them. */
static int depth_below(const struct file *f, const struct file *self)
{
    int deepest = 0;
    if (f->ops != &epoll_ops)
        return 0;
    if (f == self)
        return NESTING_MAX + 1;
    const struct epoll *e = f->data;
    for (const struct interest *i = e->first; i; i = i->next) {
        int depth = depth_below(i->file, self);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* And from an epoll's file up. */
static int depth_above(const struct file *f)
{
    int highest = 0;
    for (const struct interest *i = f->watchers; i; i = i->next_of_file) {
        int depth = depth_above(i->epoll->file);
        highest = depth > highest ? depth : highest;
    }
    return highest + 1;
}

static void release_epoll(struct file *f)
{
    struct epoll *e = f->data;
    while (e->first)
        drop_interest(&e->first);
    queue_free(&e->changed);
    free(e);
}

const struct file_ops epoll_ops = {
    .poll = poll_epoll, .release = release_epoll, .name = "anon_inode:[eventpoll]"};

int64_t do_epoll_create1(struct thread *t, struct call *c)
{
    if (c->a[0] & ~(uint64_t)O_CLOEXEC)
        return -EINVAL;
    struct epoll *e = calloc(1, sizeof *e);
    struct file *f = e ? file_new(&epoll_ops, O_RDWR, NULL, e) : NULL;
    if (!f) {
        free(e);
        return -ENOMEM;
    }
    e->file = f;
    return fd_put(t, f, 0, c->a[0] & O_CLOEXEC);
}

int64_t do_epoll_create(struct thread *t, struct call *c)
{
    struct call none = {0};
    return (int)c->a[0] > 0 ? do_epoll_create1(t, &none) : -EINVAL;
}

int64_t do_epoll_ctl(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]), *target = fd_file(t, c->a[2]);
    uint8_t event[12] = {0};
    if (!f || !target)
        return -EBADF;
    if (f->ops != &epoll_ops || f == target)
        return -EINVAL;
    if (!target->ops->poll)
        return -EPERM;
    if (c->a[1] != EPOLL_CTL_DEL && call_get(t, c->a[3], event, sizeof event) != 0)
        return -EFAULT;
    struct epoll *e = f->data;
    struct interest **at = &e->first;
    uint32_t events;
    memcpy(&events, event, sizeof events);
    if (events & EPOLLEXCLUSIVE &&
        (target->ops == &epoll_ops || (c->a[1] == EPOLL_CTL_ADD && events & ~(uint32_t)EXCLUSIVE)))
        return -EINVAL;
    while (*at && ((*at)->fd != (int)c->a[2] || (*at)->file != target))
        at = &(*at)->next;
    switch (c->a[1]) {
    case EPOLL_CTL_DEL:
        if (!*at)
            return -ENOENT;
        drop_interest(at);
        return 0;
    case EPOLL_CTL_ADD:
        if (*at)
            return -EEXIST;
        if (target->ops == &epoll_ops && depth_below(target, f) + depth_above(f) > NESTING_MAX)
            return -ELOOP;
        if (!(*at = calloc(1, sizeof **at)))
            return -ENOMEM;
        **at = (struct interest){
            .epoll = e, .file = target, .fd = (int)c->a[2], .next_of_file = target->watchers};
        target->watchers = *at;
        break;
    case EPOLL_CTL_MOD:
        if (!*at || ((*at)->events | events) & EPOLLEXCLUSIVE)
            return *at ? -EINVAL : -ENOENT;
        break;
    default: return -EINVAL;
    }
    (*at)->events = events;
    memcpy(&(*at)->data, event + 4, 8);
    (*at)->seen = 0;
    (*at)->spent = false;
    queue_wake(&e->changed);
    return 0;
}

/* Puts what one interest has to say into out[12]; false: nothing. */
static bool report(struct thread *t, struct interest *i, uint8_t *out)
{
    uint32_t now = (uint32_t)state_of(t, i->file) & (i->events | ALWAYS);
    uint32_t edges = i->file->ops->edges ? i->file->ops->edges(i->file) : 0;
    bool is_old = i->events & EPOLLET && edges == i->edges;
    uint32_t news = is_old ? now & ~i->seen : now;
    i->seen = now;
    i->edges = edges;
    if (i->spent || !news)
        return false;
    i->spent = i->events & EPOLLONESHOT;
    memcpy(out, &now, 4);
    memcpy(out + 4, &i->data, 8);
    return true;
}

/* limit: nanoseconds; negative: none */
static int64_t epoll_for(struct thread *t, struct call *c, int64_t limit)
{
    struct file *f = fd_file(t, c->a[0]);
    uint64_t room = c->a[2], found = 0;
    if (!f)
        return -EBADF;
    if (f->ops != &epoll_ops || (int)room <= 0)
        return -EINVAL;
    uint8_t *out = call_window(t, c->a[1], room * 12);
    if (!out)
        return -EFAULT;
    struct epoll *e = f->data;
    wait_on(t, &e->changed);
    for (struct interest *i = e->first; i && found < room; i = i->next)
        found += report(t, i, out + found * 12);
    return wait_or(t, (int64_t)found, limit);
}

int64_t do_epoll_wait(struct thread *t, struct call *c)
{
    int milliseconds = (int)c->a[3];
    return epoll_for(t, c, milliseconds < 0 ? -1 : milliseconds * INT64_C(1000000));
}

int64_t do_epoll_pwait2(struct thread *t, struct call *c)
{
    int64_t limit = -1;
    int64_t result = c->a[3] ? time_get(t, c->a[3], &limit) : 0;
    return result ? result : epoll_for(t, c, limit);
}
