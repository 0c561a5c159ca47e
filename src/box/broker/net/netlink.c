/* netlink: sockets that ask the kernel; here, what route.c knows. */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "box/broker/net/route.h"
#include "box/broker/net/socket.h"
#include "box/broker/task.h"

enum { REQUEST_MAX = 4096 };

static bool is_taken(uint32_t id)
{
    for (const struct socket *s = sockets; s; s = s->next)
        if (s->domain == AF_NETLINK && s->name.id == id)
            return true;
    return false;
}

/* A number for it: its process's, or one that no process has. */
static void bind_any(const struct thread *t, struct socket *s)
{
    static uint32_t last = UINT32_MAX - 4096;
    uint32_t id = t->process->pid;
    if (s->name.id)
        return;
    while (is_taken(id))
        id = last--;
    s->name.id = id;
    s->name.family = AF_NETLINK;
}

static int64_t bind_netlink(struct thread *t, struct socket *s, const void *bytes, size_t size)
{
    struct address a;
    int result = address_read(AF_NETLINK, bytes, size, &a);
    if (result != 0)
        return result;
    if (s->name.id && a.id && a.id != s->name.id)
        return -EINVAL;
    if (a.id && a.id != s->name.id && is_taken(a.id))
        return -EADDRINUSE;
    if (a.id)
        s->name = a;
    else
        bind_any(t, s);
    return 0;
}

static int64_t connect_netlink(struct thread *t, struct socket *s, const struct address *to,
                               bool waits)
{
    (void)waits;
    bind_any(t, s);
    if (to->id)
        return -EPERM;
    s->state = CONNECTED;
    s->peer_name = *to;
    return 0;
}

static int64_t send_netlink(struct socket *s, struct sending *m)
{
    static struct route_answer answer; /* 4 KiB: of one call at a time */
    uint8_t request[REQUEST_MAX];
    if (m->to && m->to->id)
        return -ECONNREFUSED; /* another process */
    if (m->size > sizeof request)
        return -EMSGSIZE;
    bind_any(m->thread, s);
    memcpy(request, m->bytes, m->size); /* it lies where it can change */
    route_answer(request, m->size, s->name.id, &answer);
    if (answer.size == 0)
        return (int64_t)m->size;
    if (s->charged > s->receive_buffer)
        return -ENOBUFS;
    struct packet *p = packet_new(answer.size);
    if (!p)
        return -ENOBUFS;
    memcpy(p->bytes, answer.at, answer.size);
    p->end = answer.size;
    p->from.family = AF_NETLINK;
    packet_push(s, p);
    socket_changed(s);
    return (int64_t)m->size;
}

static int poll_netlink(struct thread *t, struct socket *s)
{
    (void)t;
    return (s->packets ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM | POLLWRBAND;
}

static int64_t shutdown_netlink(struct socket *s, unsigned how)
{
    (void)s, (void)how;
    return -EOPNOTSUPP;
}

static void release_netlink(struct socket *s)
{
    (void)s; /* nobody else knows of it */
}

const struct family netlink = {.bind = bind_netlink,
                               .connect = connect_netlink,
                               .send = send_netlink,
                               .receive = datagram_receive,
                               .poll = poll_netlink,
                               .shutdown = shutdown_netlink,
                               .release = release_netlink};
