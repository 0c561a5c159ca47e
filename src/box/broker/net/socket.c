#include "box/broker/net/socket.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "box/broker/async.h"
#include "box/broker/net/interface.h"
#include "box/broker/node.h"
#include "box/broker/task.h"

struct socket *sockets;
static unsigned socket_count;

int socket_new(int domain, int type, const struct family *family, struct socket **out)
{
    static uint32_t last_ino = 1000;
    if (socket_count >= SOCKETS_MAX)
        rights_collect();
    if (socket_count >= SOCKETS_MAX)
        return -ENFILE;
    struct socket *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->domain = domain;
    s->type = type;
    s->family = family;
    s->ino = ++last_ino;
    s->send_buffer = s->receive_buffer = BUFFER_DEFAULT;
    s->low_water = 1;
    s->next = sockets;
    if (sockets)
        sockets->prev = s;
    sockets = s;
    socket_count++;
    *out = s;
    return 0;
}

void socket_free(struct socket *s)
{
    s->family->release(s);
    *(s->prev ? &s->prev->next : &sockets) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    socket_count--;
    packets_drop(s);
    queue_free(&s->changed);
    free(s);
}

struct file *socket_file(struct socket *s, uint32_t flags)
{
    struct file *f = file_new(&socket_ops, O_RDWR | (flags & O_NONBLOCK), NULL, s);
    if (f)
        s->file = f;
    else
        socket_free(s);
    return f;
}

int socket_of(const struct thread *t, uint64_t fd, struct socket **out)
{
    const struct file *f = fd_file(t, fd);
    if (!f || f->flags & O_PATH)
        return -EBADF;
    *out = f->data;
    return f->ops == &socket_ops ? 0 : -ENOTSOCK;
}

void socket_changed(struct socket *s)
{
    s->edges++;
    queue_wake(&s->changed);
}

void socket_tell(struct socket *s, int code)
{
    socket_changed(s);
    async_tell(&socket_ops, s, code);
}

int64_t socket_wait(struct thread *t, struct queue *q, bool waits, int64_t limit)
{
    if (!waits || wait_timed_out(t))
        return -EAGAIN;
    if (limit && !wait_has_limit(t))
        wait_until(t, time_now() + limit);
    return wait_on(t, q);
}

int64_t socket_error(struct socket *s)
{
    int error = s->error;
    s->error = 0;
    return -error;
}

uint32_t socket_ino(const struct file *f)
{
    const struct socket *s = f->data;
    return s->ino;
}

struct peer peer_of(const struct thread *t)
{
    const struct process *p = t->process;
    return (struct peer){(int32_t)p->pid, p->cred.euid, p->cred.egid};
}

int64_t broken_pipe(const struct sending *m)
{
    if (!(m->flags & MSG_NOSIGNAL) && !m->goes_on)
        signal_send(
            m->thread->process,
            &(struct siginfo_short){.signal = SIGPIPE, .pid = (int32_t)m->thread->process->pid});
    return -EPIPE;
}

/* As files ---------------------------------------------------------------------------------*/

static int64_t read_socket(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    struct socket *s = f->data;
    struct receiving m = {.thread = t, .to = to, .size = size, .total = size};
    (void)at;
    if (f->more && !s->family->is_stream)
        return 0; /* the next message is the next read's */
    m.waits = !(f->flags & O_NONBLOCK) && !f->more;
    int64_t result = s->family->receive(s, &m);
    if (m.rest)
        packet_free(m.rest);
    if (m.rights)
        rights_drop(m.rights);
    return result;
}

static int64_t write_socket(struct thread *t, struct file *f, const void *from, size_t size,
                            uint64_t *at)
{
    struct socket *s = f->data;
    struct sending m = {.thread = t,
                        .bytes = from,
                        .size = size,
                        .sender = peer_of(t),
                        .journey = {-1, -1},
                        .waits = !(f->flags & O_NONBLOCK),
                        .goes_on = f->more};
    (void)at;
    if (f->goes_on && !s->family->is_stream)
        return -EMSGSIZE;
    return s->family->send(s, &m);
}

static int poll_socket(struct thread *t, struct file *f)
{
    struct socket *s = f->data;
    if (t)
        wait_on(t, &s->changed);
    return s->family->poll(t, s);
}

static int64_t ioctl_socket(struct thread *t, struct file *f, uint32_t request, uint64_t argument)
{
    const struct socket *s = f->data;
    int value = 0;
    switch (request) {
    case FIONREAD:
        if (s->state == LISTENS)
            return -EINVAL;
        value = s->family->is_stream || s->type == SOCK_SEQPACKET || !s->first ? (int)s->bytes
                                                                               : (int)s->first->end;
        return call_put(t, argument, &value, sizeof value);
    case TIOCOUTQ:
        value = s->peer && s->family->is_stream ? (int)s->peer->bytes : 0;
        return call_put(t, argument, &value, sizeof value);
    }
    return interface_ioctl(t, request, argument);
}

static uint32_t edges_of_socket(const struct file *f)
{
    const struct socket *s = f->data;
    return s->edges;
}

static void release_socket(struct file *f)
{
    socket_free(f->data);
    rights_released();
}

const struct file_ops socket_ops = {.read = read_socket,
                                    .write = write_socket,
                                    .poll = poll_socket,
                                    .ioctl = ioctl_socket,
                                    .edges = edges_of_socket,
                                    .release = release_socket};
