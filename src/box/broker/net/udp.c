/* udp: datagrams between sockets of the internet. */
#include <netinet/in.h>
#include <string.h>

#include "box/broker/net/inet.h"
#include "box/broker/task.h"

enum { SIZE_MAX_V4 = 65507, SIZE_MAX_V6 = 65527, CONNECTED_FIRST = 8, HOPS = 64 };

static bool is_same(const struct address *a, const struct address *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Whose a datagram is; who is connected to its sender comes first. */
static struct socket *receiver_of(const struct address *from, const struct address *to)
{
    struct socket *best = NULL;
    int most = 0;
    for (struct socket *s = sockets; s; s = s->next) {
        int fits = s->family == &udp ? inet_fits(s, to) : 0;
        if (fits && s->state == CONNECTED)
            fits = is_same(&s->peer_name, from) ? fits + CONNECTED_FIRST : 0;
        if (fits > most) {
            most = fits;
            best = s;
        }
    }
    return best;
}

static int64_t connect_udp(struct thread *t, struct socket *s, const struct address *where,
                           bool waits)
{
    struct address to = *where;
    (void)t, (void)waits;
    s->state = FRESH;
    s->peer_name = (struct address){0};
    if (to.family == AF_UNSPEC) {
        if (!s->bound)
            inet_name(s, NULL);
        return 0;
    }
    int result = inet_route(s, &to);
    if (result == 0)
        result = inet_bind_any(s);
    if (result != 0)
        return result;
    struct address from = inet_source(s, &to);
    inet_name(s, &from);
    s->peer_name = to;
    s->peer_name.family = AF_INET6;
    s->state = CONNECTED;
    return 0;
}

/* Where a message goes: 0 or -errno. */
static int destination(const struct socket *s, const struct sending *m, struct address *to)
{
    if (!m->to && s->state != CONNECTED)
        return -EDESTADDRREQ;
    *to = m->to ? *m->to : s->peer_name;
    if (to->family == AF_UNSPEC)
        return -EAFNOSUPPORT;
    if (!to->port)
        return -EINVAL;
    return inet_route(s, to);
}

static struct journey journey_of(const struct socket *s, const struct sending *m)
{
    bool v6 = s->domain == AF_INET6;
    struct journey j = m->journey;
    if (j.hops < 0)
        j.hops =
            v6 ? option_get(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS) : option_get(s, IPPROTO_IP, IP_TTL);
    if (j.hops < 0)
        j.hops = HOPS;
    if (j.class < 0)
        j.class = v6 ? option_get(s, IPPROTO_IPV6, IPV6_TCLASS) : option_get(s, IPPROTO_IP, IP_TOS);
    if (j.class < 0)
        j.class = 0;
    return j;
}

static int64_t send_udp(struct socket *s, struct sending *m)
{
    struct address to;
    if (m->size > (s->domain == AF_INET ? SIZE_MAX_V4 : SIZE_MAX_V6))
        return -EMSGSIZE;
    int result = destination(s, m, &to);
    if (result == 0)
        result = inet_bind_any(s);
    if (result != 0)
        return result;
    if (s->error)
        return socket_error(s);
    if (s->shut & SHUT_WRITE)
        return broken_pipe(m);
    struct address from = inet_source(s, &to);
    struct socket *r = receiver_of(&from, &to);
    if (!r && s->state == CONNECTED) { /* the answer that nobody is there */
        s->error = ECONNREFUSED;
        socket_changed(s);
    }
    if (!r || r->charged + m->size > r->receive_buffer)
        return (int64_t)m->size; /* lost, as datagrams are */
    int64_t sent = datagram_put(r, s, m);
    if (sent >= 0) {
        r->last->from = from;
        r->last->from.family = AF_INET6;
        r->last->to = to;
        r->last->journey = journey_of(s, m);
    }
    return sent;
}

static int poll_udp(struct thread *t, struct socket *s)
{
    (void)t;
    return (s->packets ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM | POLLWRBAND |
           (s->error ? POLLERR : 0) | (s->shut == SHUT_BOTH ? POLLHUP : 0) |
           (s->shut & SHUT_READ ? POLLIN | POLLRDNORM | POLLRDHUP : 0);
}

static int64_t shutdown_udp(struct socket *s, unsigned how)
{
    s->shut |= how;
    socket_changed(s);
    return s->state == CONNECTED ? 0 : -ENOTCONN;
}

static void release_udp(struct socket *s)
{
    inet_name(s, NULL);
}

const struct family udp = {.bind = inet_bind,
                           .connect = connect_udp,
                           .send = send_udp,
                           .receive = datagram_receive,
                           .poll = poll_udp,
                           .shutdown = shutdown_udp,
                           .release = release_udp};
