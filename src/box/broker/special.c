/* special: files without contents: devices, the caller's descriptors, pipes,
 * counters of events. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "box/broker/calls.h"
#include "box/broker/host.h"
#include "box/broker/node.h"
#include "box/broker/task.h"
#include "box/broker/tty/host_tty.h"

/* Devices --------------------------------------------------------------------------------*/

static int64_t read_nothing(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    (void)t, (void)f, (void)to, (void)size, (void)at;
    return 0;
}

static int64_t read_zeros(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    (void)t, (void)f, (void)at;
    if (size)
        memset(to, 0, size);
    return (int64_t)size;
}

static int64_t read_random(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    (void)t, (void)f, (void)at;
    host_random(to, size);
    return (int64_t)size;
}

static int64_t write_away(struct thread *t, struct file *f, const void *from, size_t size,
                          uint64_t *at)
{
    (void)t, (void)f, (void)from, (void)at;
    return (int64_t)size;
}

static int64_t write_never(struct thread *t, struct file *f, const void *from, size_t size,
                           uint64_t *at)
{
    (void)t, (void)f, (void)from, (void)at;
    return size ? -ENOSPC : 0;
}

const struct file_ops null_ops = {.read = read_nothing, .write = write_away, .seekable = true};
const struct file_ops zero_ops = {.read = read_zeros, .write = write_away, .seekable = true};
const struct file_ops full_ops = {.read = read_zeros, .write = write_never, .seekable = true};
const struct file_ops random_ops = {.read = read_random, .write = write_away, .seekable = true};

/* Text, of /proc -------------------------------------------------------------------------*/

static int64_t read_text(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    const struct text *text = f->data;
    (void)t;
    if (*at >= text->size)
        return 0;
    if (size > text->size - *at)
        size = (size_t)(text->size - *at);
    memcpy(to, text->at + *at, size);
    *at += size;
    return (int64_t)size;
}

static void release_text(struct file *f)
{
    struct text *text = f->data;
    free(text->at);
    free(text);
}

const struct file_ops text_ops = {.read = read_text, .release = release_text, .seekable = true};

/* The caller's descriptors ---------------------------------------------------------------*/

enum { HOST_PART = 4096 }; /* what a pipe takes at once when poll says it is writable */

static int host_fd(const struct file *f)
{
    return (int)(intptr_t)f->data;
}

struct file *host_file_new(int fd, uint32_t flags)
{
    struct node *root = memory_fs_root(), *node = NULL;
    if (tty_is(fd) && root->ops->lookup(root, "tty", 3, &node) != 0)
        return NULL; /* the terminal's name, for ttyname() */
    return file_new(&host_ops, flags & (O_ACCMODE | O_APPEND | O_NONBLOCK), node,
                    (void *)(intptr_t)fd);
}

bool host_file_is_tty(const struct file *f)
{
    return tty_is(host_fd(f));
}

static int64_t host_wait(struct thread *t, struct file *f, int events)
{
    if (!file_waits(f))
        return -EAGAIN;
    int64_t result = wait_on(t, &host_queue);
    host_watch(host_fd(f), events);
    return result;
}

static int64_t read_host(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    (void)at;
    int64_t result = host_fd(f) == tty_fd() ? tty_may_read(t) : 0;
    if (result != 0)
        return result;
    if (size == 0)
        return 0;
    if (!host_ready(host_fd(f), POLLIN))
        return host_wait(t, f, POLLIN);
    return host_read(host_fd(f), to, size);
}

static int64_t write_host(struct thread *t, struct file *f, const void *from, size_t size,
                          uint64_t *at)
{
    size_t done = 0;
    (void)at;
    while (done < size) {
        size_t part = size - done < HOST_PART ? size - done : HOST_PART;
        if (!host_ready(host_fd(f), POLLOUT)) {
            if (done)
                break; /* the guest writes the rest */
            return host_wait(t, f, POLLOUT);
        }
        int64_t n = host_write(host_fd(f), (const char *)from + done, part);
        if (n == -EPIPE)
            signal_send(t->process, &(struct siginfo_short){.signal = SIGPIPE});
        if (n < 0)
            return done ? (int64_t)done : n;
        done += (size_t)n;
    }
    return (int64_t)done;
}

static int poll_host(struct thread *t, struct file *f)
{
    int now = host_ready(host_fd(f), POLLIN | POLLOUT);
    if (t && wait_on(t, &host_queue) == ANSWER_WAIT)
        host_watch(host_fd(f), POLLIN);
    return now;
}

static int64_t ioctl_host(struct thread *t, struct file *f, uint32_t request, uint64_t argument)
{
    return tty_ioctl(t, host_fd(f), request, argument);
}

const struct file_ops host_ops = {
    .read = read_host, .write = write_host, .poll = poll_host, .ioctl = ioctl_host};

/* Pipes ----------------------------------------------------------------------------------*/

enum { PIPE_SIZE = 65536, PIPE_ATOMIC = 4096 };

struct pipe {
    unsigned readers, writers;
    uint32_t edges;
    uint64_t opens[2]; /* of a FIFO, to read and to write, ever */
    size_t start, used;
    struct queue changed;
    struct node *fifo; /* of which it is, NULL for an anonymous one */
    char bytes[PIPE_SIZE];
};

size_t pipe_used(const struct file *f)
{
    const struct pipe *p = f->data;
    return p->used;
}

size_t pipe_room(const struct file *f)
{
    const struct pipe *p = f->data;
    return p->readers ? PIPE_SIZE - p->used : PIPE_SIZE; /* then a write fails at once */
}

bool pipe_is_over(const struct file *f)
{
    const struct pipe *p = f->data;
    return p->used == 0 && p->writers == 0;
}

void pipe_peek(const struct file *f, void *to, size_t size)
{
    const struct pipe *p = f->data;
    size_t first = size < PIPE_SIZE - p->start ? size : PIPE_SIZE - p->start;
    memcpy(to, p->bytes + p->start, first);
    memcpy((char *)to + first, p->bytes, size - first);
}

void pipe_skip(struct file *f, size_t size)
{
    struct pipe *p = f->data;
    p->start = (p->start + size) % PIPE_SIZE;
    p->used -= size;
    p->edges++;
    queue_wake(&p->changed);
}

static int64_t read_pipe(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    struct pipe *p = f->data;
    (void)at;
    if (size == 0)
        return 0;
    if (p->used == 0) {
        if (p->writers == 0)
            return 0;
        return file_waits(f) ? wait_on(t, &p->changed) : -EAGAIN;
    }
    size_t n = size < p->used ? size : p->used;
    pipe_peek(f, to, n);
    pipe_skip(f, n);
    return (int64_t)n;
}

static int64_t write_pipe(struct thread *t, struct file *f, const void *from, size_t size,
                          uint64_t *at)
{
    struct pipe *p = f->data;
    size_t room = PIPE_SIZE - p->used, n = size < room ? size : room;
    (void)at;
    if (p->readers == 0) {
        signal_send(t->process,
                    &(struct siginfo_short){.signal = SIGPIPE, .pid = (int32_t)t->process->pid});
        return -EPIPE;
    }
    if (size == 0)
        return 0;
    if (n == 0 || (size <= PIPE_ATOMIC && n < size)) {
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        return wait_on(t, &p->changed);
    }
    size_t end = (p->start + p->used) % PIPE_SIZE;
    size_t first = n < PIPE_SIZE - end ? n : PIPE_SIZE - end;
    memcpy(p->bytes + end, from, first);
    memcpy(p->bytes, (const char *)from + first, n - first);
    p->used += n;
    p->edges++;
    queue_wake(&p->changed);
    return (int64_t)n;
}

static int poll_pipe(struct thread *t, struct file *f)
{
    struct pipe *p = f->data;
    uint32_t access = f->flags & O_ACCMODE;
    int now = 0;
    if (t)
        wait_on(t, &p->changed);
    if (access != O_WRONLY)
        now |= (p->used ? POLLIN | POLLRDNORM : 0) | (p->writers == 0 ? POLLHUP : 0);
    if (access != O_RDONLY)
        now |= (PIPE_SIZE - p->used >= PIPE_ATOMIC ? POLLOUT | POLLWRNORM : 0) |
               (p->readers == 0 ? POLLERR : 0);
    return now;
}

static int64_t ioctl_pipe(struct thread *t, struct file *f, uint32_t request, uint64_t argument)
{
    const struct pipe *p = f->data;
    int used = (int)p->used;
    return request == FIONREAD ? call_put(t, argument, &used, sizeof used) : -ENOTTY;
}

static uint32_t edges_of_pipe(const struct file *f)
{
    const struct pipe *p = f->data;
    return p->edges;
}

static void release_pipe(struct file *f)
{
    struct pipe *p = f->data;
    uint32_t access = f->flags & O_ACCMODE;
    p->readers -= access != O_WRONLY;
    p->writers -= access != O_RDONLY;
    queue_wake(&p->changed);
    if (p->readers || p->writers)
        return;
    queue_free(&p->changed);
    if (p->fifo)
        p->fifo->data = NULL;
    free(p);
}

const struct file_ops pipe_ops = {.read = read_pipe,
                                  .write = write_pipe,
                                  .poll = poll_pipe,
                                  .ioctl = ioctl_pipe,
                                  .edges = edges_of_pipe,
                                  .release = release_pipe};

/* A file on the pipe; counts what it may do. */
static struct file *pipe_end(struct pipe *p, uint32_t flags, struct node *node)
{
    struct file *f = file_new(&pipe_ops, flags, node, p);
    if (f) {
        p->readers += (flags & O_ACCMODE) != O_WRONLY;
        p->writers += (flags & O_ACCMODE) != O_RDONLY;
    }
    return f;
}

int pipe_new(struct file *ends[2], uint32_t flags)
{
    struct pipe *p = calloc(1, sizeof *p);
    ends[0] = p ? pipe_end(p, (flags & O_NONBLOCK) | O_RDONLY, NULL) : NULL;
    ends[1] = ends[0] ? pipe_end(p, (flags & O_NONBLOCK) | O_WRONLY, NULL) : NULL;
    if (ends[1])
        return 0;
    if (ends[0])
        file_drop(ends[0]);
    else
        free(p);
    return -ENOMEM;
}

/* A pipe of the FIFO's own, while somebody has it open. */
static struct pipe *fifo_pipe(struct node *n)
{
    struct pipe *p = n->data;
    if (!p && (p = n->data = calloc(1, sizeof *p)))
        p->fifo = n;
    return p;
}

/* One side waits for the other: for a file that is open now, or was since. */
int fifo_open(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    uint32_t access = flags & O_ACCMODE;
    bool other = access == O_RDONLY;
    struct file *f = t->opening;
    struct pipe *p = n->data;
    if (access == O_WRONLY && flags & O_NONBLOCK && (!p || !p->readers))
        return -ENXIO;
    p = fifo_pipe(n);
    if (!p)
        return -ENOMEM;
    if (!f) {
        f = pipe_end(p, flags & (O_ACCMODE | O_NONBLOCK | O_APPEND), node_hold(n));
        if (!f)
            return -ENOMEM;
        f->offset = p->opens[other]; /* a pipe has no offset of its own */
        p->opens[0] += access != O_WRONLY;
        p->opens[1] += access != O_RDONLY;
        queue_wake(&p->changed);
    }
    bool alone = (other ? p->writers : p->readers) == 0 && p->opens[other] == f->offset;
    t->opening = NULL;
    if (alone && access != O_RDWR && !(flags & O_NONBLOCK)) {
        t->opening = f;
        return (int)wait_on(t, &p->changed);
    }
    *out = f;
    return 0;
}

int64_t do_pipe2(struct thread *t, struct call *c)
{
    struct file *ends[2];
    int fds[2];
    if (c->a[1] & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    int result = pipe_new(ends, (uint32_t)c->a[1]);
    if (result != 0)
        return result;
    fds[0] = fd_put(t, ends[0], 0, c->a[1] & O_CLOEXEC);
    fds[1] = fds[0] < 0 ? -EMFILE : fd_put(t, ends[1], 0, c->a[1] & O_CLOEXEC);
    if (fds[0] < 0)
        file_drop(ends[1]);
    if (fds[1] < 0) {
        if (fds[0] >= 0)
            do_close(t, &(struct call){.a = {(uint64_t)fds[0]}});
        return -EMFILE;
    }
    return call_put(t, c->a[0], fds, sizeof fds);
}

int64_t do_pipe(struct thread *t, struct call *c)
{
    struct call with_flags = {.a = {c->a[0], 0}};
    return do_pipe2(t, &with_flags);
}

/* eventfd --------------------------------------------------------------------------------*/

enum { EVENT_SEMAPHORE = 1 };

struct event {
    uint64_t count;
    uint32_t edges;
    bool semaphore;
    struct queue changed;
};

static int64_t read_event(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    struct event *e = f->data;
    uint64_t value = e->semaphore ? 1 : e->count;
    (void)at;
    if (size < sizeof value)
        return -EINVAL;
    if (e->count == 0)
        return file_waits(f) ? wait_on(t, &e->changed) : -EAGAIN;
    e->count -= value;
    e->edges++;
    memcpy(to, &value, sizeof value);
    queue_wake(&e->changed);
    return sizeof value;
}

static int64_t write_event(struct thread *t, struct file *f, const void *from, size_t size,
                           uint64_t *at)
{
    struct event *e = f->data;
    uint64_t value;
    (void)at;
    if (size < sizeof value)
        return -EINVAL;
    memcpy(&value, from, sizeof value);
    if (value == UINT64_MAX)
        return -EINVAL;
    if (value > UINT64_MAX - 1 - e->count)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_on(t, &e->changed);
    e->count += value;
    e->edges++;
    queue_wake(&e->changed);
    return sizeof value;
}

static int poll_event(struct thread *t, struct file *f)
{
    struct event *e = f->data;
    if (t)
        wait_on(t, &e->changed);
    return (e->count ? POLLIN : 0) | (e->count < UINT64_MAX - 1 ? POLLOUT : 0);
}

static uint32_t edges_of_event(const struct file *f)
{
    const struct event *e = f->data;
    return e->edges;
}

static void release_event(struct file *f)
{
    struct event *e = f->data;
    queue_free(&e->changed);
    free(e);
}

const struct file_ops event_ops = {.read = read_event,
                                   .write = write_event,
                                   .poll = poll_event,
                                   .edges = edges_of_event,
                                   .release = release_event,
                                   .name = "anon_inode:[eventfd]"};

int64_t do_eventfd2(struct thread *t, struct call *c)
{
    struct event *e = calloc(1, sizeof *e);
    if (c->a[1] & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | EVENT_SEMAPHORE)) {
        free(e);
        return -EINVAL;
    }
    struct file *f = e ? file_new(&event_ops, O_RDWR | (c->a[1] & O_NONBLOCK), NULL, e) : NULL;
    if (!f) {
        free(e);
        return -ENOMEM;
    }
    e->count = (uint32_t)c->a[0];
    e->semaphore = c->a[1] & EVENT_SEMAPHORE;
    return fd_put(t, f, 0, c->a[1] & O_CLOEXEC);
}

int64_t do_eventfd(struct thread *t, struct call *c)
{
    struct call with_flags = {.a = {c->a[0], 0}};
    return do_eventfd2(t, &with_flags);
}
