/* special: files without contents: devices, the caller's descriptors, counters of
 * events. */
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
