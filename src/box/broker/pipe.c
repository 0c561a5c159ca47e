/* pipe: pipes and FIFOs. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "box/broker/async.h"
#include "box/broker/calls.h"
#include "box/broker/node.h"
#include "box/broker/task.h"

enum {
    PIPE_SIZE = 65536,
    PIPE_LEAST = 4096,
    PIPE_MOST = 1 << 20,
    ALL_LARGER = 64 << 20, /* what all pipes of the box may have above PIPE_SIZE */
    PIPE_ATOMIC = 4096,
};

struct pipe {
    unsigned readers, writers;
    uint32_t edges;
    uint64_t opens[2]; /* of a FIFO, to read and to write, ever */
    size_t start, used, size;
    struct queue changed;
    struct node *fifo; /* of which it is, NULL for an anonymous one */
    char *bytes;
};

static size_t all_larger;

static size_t beyond(size_t size)
{
    return size > PIPE_SIZE ? size - PIPE_SIZE : 0;
}

static struct pipe *new_pipe(void)
{
    struct pipe *p = calloc(1, sizeof *p);
    if (p)
        *p = (struct pipe){.size = PIPE_SIZE, .bytes = malloc(PIPE_SIZE)};
    if (p && p->bytes)
        return p;
    free(p);
    return NULL;
}

static void free_pipe(struct pipe *p)
{
    queue_free(&p->changed);
    all_larger -= beyond(p->size);
    free(p->bytes);
    free(p);
}

int64_t pipe_size(const struct file *f)
{
    return f->ops == &pipe_ops ? (int64_t)((const struct pipe *)f->data)->size : -EBADF;
}

int64_t pipe_set_size(struct file *f, uint32_t wanted)
{
    struct pipe *p = f->data;
    size_t size = PIPE_LEAST;
    if (f->ops != &pipe_ops)
        return -EBADF;
    if (wanted > UINT32_C(1) << 31)
        return -EINVAL;
    while (size < wanted)
        size *= 2;
    if (size > PIPE_MOST || all_larger - beyond(p->size) + beyond(size) > ALL_LARGER)
        return -EPERM;
    if (p->used > size)
        return -EBUSY;
    char *bytes = malloc(size);
    if (!bytes)
        return -ENOMEM;
    pipe_peek(f, bytes, p->used);
    free(p->bytes);
    all_larger += beyond(size) - beyond(p->size);
    p->bytes = bytes;
    p->start = 0;
    p->size = size;
    queue_wake(&p->changed);
    return (int64_t)size;
}

size_t pipe_used(const struct file *f)
{
    const struct pipe *p = f->data;
    return p->used;
}

size_t pipe_room(const struct file *f)
{
    const struct pipe *p = f->data;
    return p->readers ? p->size - p->used : p->size; /* then a write fails at once */
}

bool pipe_is_over(const struct file *f)
{
    const struct pipe *p = f->data;
    return p->used == 0 && p->writers == 0;
}

void pipe_peek(const struct file *f, void *to, size_t size)
{
    const struct pipe *p = f->data;
    size_t first = size < p->size - p->start ? size : p->size - p->start;
    memcpy(to, p->bytes + p->start, first);
    memcpy((char *)to + first, p->bytes, size - first);
}

void pipe_skip(struct file *f, size_t size)
{
    struct pipe *p = f->data;
    p->start = (p->start + size) % p->size;
    p->used -= size;
    p->edges++;
    queue_wake(&p->changed);
    async_tell(&pipe_ops, p, POLL_OUT);
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
    size_t room = p->size - p->used, n = size < room ? size : room;
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
    size_t end = (p->start + p->used) % p->size;
    size_t first = n < p->size - end ? n : p->size - end;
    memcpy(p->bytes + end, from, first);
    memcpy(p->bytes, (const char *)from + first, n - first);
    p->used += n;
    p->edges++;
    queue_wake(&p->changed);
    async_tell(&pipe_ops, p, POLL_IN);
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
        now |= (p->size - p->used >= PIPE_ATOMIC ? POLLOUT | POLLWRNORM : 0) |
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
    if (!p->readers != !p->writers) {
        async_tell(&pipe_ops, p, POLL_IN);
        async_tell(&pipe_ops, p, POLL_OUT);
    }
    if (p->readers || p->writers)
        return;
    if (p->fifo)
        p->fifo->data = NULL;
    free_pipe(p);
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
    struct pipe *p = new_pipe();
    ends[0] = p ? pipe_end(p, (flags & O_NONBLOCK) | O_RDONLY, NULL) : NULL;
    ends[1] = ends[0] ? pipe_end(p, (flags & O_NONBLOCK) | O_WRONLY, NULL) : NULL;
    if (ends[1])
        return 0;
    if (ends[0])
        file_drop(ends[0]);
    else if (p)
        free_pipe(p);
    return -ENOMEM;
}

/* A pipe of the FIFO's own, while somebody has it open. */
static struct pipe *fifo_pipe(struct node *n)
{
    struct pipe *p = n->data;
    if (!p && (p = n->data = new_pipe()))
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
