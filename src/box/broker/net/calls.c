/* calls: those that make, name, connect and end sockets. */
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "box/broker/calls.h"
#include "box/broker/net/inet.h"
#include "box/broker/task.h"

enum { TYPE_MASK = 15, TYPE_MAX = 10, FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC, BACKLOG_MAX = 4096 };

static int family_of_unix(int type, int protocol, const struct family **out)
{
    bool stream = type == SOCK_STREAM, datagram = type == SOCK_DGRAM;
    if (protocol && protocol != AF_UNIX)
        return -EPROTONOSUPPORT;
    *out = stream ? &unix_stream : type == SOCK_SEQPACKET ? &unix_packets : &unix_datagrams;
    return stream || datagram || type == SOCK_SEQPACKET || type == SOCK_RAW ? 0 : -ESOCKTNOSUPPORT;
}

static int family_of_inet(int type, int protocol, const struct family **out)
{
    int own = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    *out = type == SOCK_STREAM ? &tcp : &udp;
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return type == SOCK_RAW ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
    return protocol && protocol != own ? -EPROTONOSUPPORT : 0;
}

/* The family of what socket(2) asks for: 0 or -errno. */
static int family_of(int domain, int type, int protocol, const struct family **out)
{
    switch (domain) {
    case AF_UNIX: return family_of_unix(type, protocol, out);
    case AF_INET:
    case AF_INET6: return family_of_inet(type, protocol, out);
    case AF_NETLINK:
        *out = &netlink;
        if (type != SOCK_DGRAM && type != SOCK_RAW)
            return -ESOCKTNOSUPPORT;
        return protocol ? -EPROTONOSUPPORT : 0;
    }
    return -EAFNOSUPPORT;
}

static int make(uint64_t domain, uint64_t type_and_flags, uint64_t protocol, struct socket **out)
{
    const struct family *family;
    int type = (int)type_and_flags & TYPE_MASK;
    if ((int)domain < 0 || (int)type_and_flags & ~(TYPE_MASK | FLAGS))
        return (int)domain < 0 ? -EAFNOSUPPORT : -EINVAL;
    if (type > TYPE_MAX)
        return -EINVAL;
    int result = family_of((int)domain, type, (int)protocol, &family);
    if (domain == AF_UNIX && type == SOCK_RAW)
        type = SOCK_DGRAM;
    if (result == 0)
        result = socket_new((int)domain, type, family, out);
    if (result == 0)
        (*out)->protocol = domain != AF_INET && domain != AF_INET6 ? 0
                           : type == SOCK_STREAM                   ? IPPROTO_TCP
                                                                   : IPPROTO_UDP;
    return result;
}

static int64_t put(struct thread *t, struct socket *s, uint64_t flags)
{
    s->cred = peer_of(t);
    struct file *f = socket_file(s, flags & SOCK_NONBLOCK ? O_NONBLOCK : 0);
    return f ? fd_put(t, f, 0, flags & SOCK_CLOEXEC) : -ENOMEM;
}

int64_t do_socket(struct thread *t, struct call *c)
{
    struct socket *s;
    int result = make(c->a[0], c->a[1], c->a[2], &s);
    return result ? result : put(t, s, c->a[1]);
}

int64_t do_socketpair(struct thread *t, struct call *c)
{
    struct socket *a, *b;
    int64_t result = make(c->a[0], c->a[1], c->a[2], &a);
    if (result != 0)
        return result;
    if (c->a[0] != AF_UNIX)
        result = -EOPNOTSUPP;
    if (result != 0 || (result = make(c->a[0], c->a[1], c->a[2], &b)) != 0) {
        socket_free(a);
        return result;
    }
    stream_join(a, b);
    a->peer_cred = b->peer_cred = peer_of(t);
    int64_t first = put(t, a, c->a[1]);
    if (first < 0) {
        socket_free(b);
        return first;
    }
    int64_t second = put(t, b, c->a[1]);
    int fds[2] = {(int)first, (int)second};
    if (second < 0) {
        do_close(t, &(struct call){.a = {(uint64_t)first}});
        return second;
    }
    return call_put(t, c->a[3], fds, sizeof fds);
}

/* The bytes of a name that a call has in the window: 0 or -errno. */
static int name_bytes(struct thread *t, uint64_t at, uint64_t size, uint8_t out[ADDRESS_ROOM])
{
    if (size > ADDRESS_ROOM)
        return -EINVAL;
    return size ? call_get(t, at, out, size) : 0;
}

int64_t do_bind(struct thread *t, struct call *c)
{
    struct socket *s;
    uint8_t bytes[ADDRESS_ROOM];
    int64_t result = socket_of(t, c->a[0], &s);
    if (result == 0)
        result = name_bytes(t, c->a[1], c->a[2], bytes);
    return result ? result : s->family->bind(t, s, bytes, c->a[2]);
}

int64_t do_connect(struct thread *t, struct call *c)
{
    struct socket *s;
    struct address to;
    uint8_t bytes[ADDRESS_ROOM];
    int64_t result = socket_of(t, c->a[0], &s);
    if (result == 0)
        result = name_bytes(t, c->a[1], c->a[2], bytes);
    if (result == 0)
        result = address_read(s->domain, bytes, c->a[2], &to);
    return result ? result : s->family->connect(t, s, &to, !(s->file->flags & O_NONBLOCK));
}

int64_t do_listen(struct thread *t, struct call *c)
{
    struct socket *s;
    int64_t result = socket_of(t, c->a[0], &s);
    if (result != 0)
        return result;
    if (!s->family->listen)
        return -EOPNOTSUPP;
    result = s->family->listen(t, s);
    if (result == 0)
        s->backlog = c->a[1] < BACKLOG_MAX ? (unsigned)c->a[1] : BACKLOG_MAX;
    return result;
}

/* The name goes where the shim looks for it; the answer of getsockname is its size. */
static int64_t put_name(struct thread *t, const struct socket *s, const struct address *a,
                        uint64_t at)
{
    uint8_t bytes[ADDRESS_ROOM];
    size_t size = address_write(s->domain, a, bytes);
    return call_put(t, at, bytes, size) ? -EFAULT : (int64_t)size;
}

/* The name of who has connected: its size, and 8 bytes on, itself. */
static int64_t put_accepted(struct thread *t, const struct socket *s, uint64_t at)
{
    uint64_t size = 0;
    int64_t result = at ? put_name(t, s, &s->peer_name, at + sizeof size) : 0;
    if (result <= 0)
        return result;
    size = (uint64_t)result;
    return call_put(t, at, &size, sizeof size);
}

/* fd, where its name goes, -, flags */
int64_t do_accept4(struct thread *t, struct call *c)
{
    struct socket *s;
    int64_t result = socket_of(t, c->a[0], &s);
    if (result != 0)
        return result;
    if ((int)c->a[3] & ~FLAGS)
        return -EINVAL;
    if (!s->family->listen)
        return -EOPNOTSUPP;
    if (s->state != LISTENS || s->shut & SHUT_READ)
        return -EINVAL;
    struct socket *first = s->waiting;
    if (!first)
        return socket_wait(t, &s->changed, !(s->file->flags & O_NONBLOCK), s->receive_limit);
    if ((result = fd_room(t)) < 0 || (result = put_accepted(t, first, c->a[1])) < 0)
        return result;
    s->waiting = first->next_waiting;
    first->next_waiting = NULL;
    s->waiting_count--;
    socket_changed(s); /* for who waits to get into the queue */
    return put(t, first, c->a[3]);
}

int64_t do_getsockname(struct thread *t, struct call *c)
{
    struct socket *s;
    int64_t result = socket_of(t, c->a[0], &s);
    return result ? result : put_name(t, s, &s->name, c->a[1]);
}

int64_t do_getpeername(struct thread *t, struct call *c)
{
    struct socket *s;
    int64_t result = socket_of(t, c->a[0], &s);
    if (result != 0)
        return result;
    return s->state == CONNECTED ? put_name(t, s, &s->peer_name, c->a[1]) : -ENOTCONN;
}

int64_t do_shutdown(struct thread *t, struct call *c)
{
    struct socket *s;
    int64_t result = socket_of(t, c->a[0], &s);
    if (result != 0)
        return result;
    return (int)c->a[1] < 0 || (int)c->a[1] > SHUT_RDWR
               ? -EINVAL
               : s->family->shutdown(s, (unsigned)c->a[1] + 1);
}
