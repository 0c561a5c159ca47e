/* stream: two sockets of which each puts bytes into the other's queue; the same
 * for unix sockets and for TCP, which differ in what the end of one looks like. */
#include <stdlib.h>

#include "box/broker/net/socket.h"
#include "box/broker/task.h"

static bool is_tcp(const struct socket *s)
{
    return s->domain != AF_UNIX;
}

void stream_join(struct socket *a, struct socket *b)
{
    a->peer = b;
    b->peer = a;
    a->followers++;
    b->followers++;
    a->state = b->state = CONNECTED;
}

/* How much may lie in the other's queue. */
static size_t limit_of(const struct socket *s)
{
    return s->send_buffer + (is_tcp(s) && s->peer ? s->peer->receive_buffer : 0);
}

bool stream_is_writable(const struct socket *s)
{
    return !s->peer || s->peer->charged <= limit_of(s) / 2;
}

int64_t stream_send(struct socket *s, struct sending *m)
{
    struct socket *p = s->peer;
    if (is_tcp(s) && s->error)
        return s->error == EPIPE ? (s->error = 0, broken_pipe(m)) : socket_error(s);
    if (s->state == LISTENS || s->state == FRESH)
        return is_tcp(s) ? broken_pipe(m) : -ENOTCONN;
    if (s->shut & SHUT_WRITE || s->state == CLOSED || (!is_tcp(s) && (!p || p->shut & SHUT_READ)))
        return broken_pipe(m);
    if (m->size == 0)
        return 0;
    if (!p) { /* TCP finds out by the answer to this */
        s->error = EPIPE;
        s->state = CLOSED;
        s->shut = SHUT_BOTH;
        socket_changed(s);
        return (int64_t)m->size;
    }
    if (p->charged >= limit_of(s))
        return socket_wait(m->thread, &s->changed, m->waits, s->send_limit);
    int result = packet_fill(p, m);
    if (result != 0)
        return result;
    socket_tell(p, POLL_IN);
    return (int64_t)m->size;
}

/* What a read says that finds nothing. */
static int64_t nothing(struct socket *s, struct receiving *m)
{
    if (s->error)
        return socket_error(s);
    if (s->shut & SHUT_READ)
        return 0;
    if (s->state != CONNECTED)
        return s->state == CLOSED ? 0 : is_tcp(s) ? -ENOTCONN : -EINVAL;
    return socket_wait(m->thread, &s->changed, m->waits, s->receive_limit);
}

int64_t stream_receive(struct socket *s, struct receiving *m)
{
    if (!is_tcp(s) && s->state != CONNECTED && s->state != CLOSED)
        return -EINVAL;
    if (m->size == 0 && s->bytes)
        return 0;
    bool was_writable = s->peer && stream_is_writable(s->peer);
    if (is_tcp(s) && m->flags & MSG_TRUNC)
        m->to = NULL;
    size_t got = packets_take(s, m);
    if (got == 0)
        return nothing(s, m);
    if (!is_tcp(s))
        m->from = s->peer_name;
    if (s->peer && !was_writable && stream_is_writable(s->peer))
        socket_tell(s->peer, POLL_OUT);
    return (int64_t)got;
}

int64_t stream_shutdown(struct socket *s, unsigned how)
{
    struct socket *p = s->peer;
    if (s->state == LISTENS && is_tcp(s)) {
        if (how & SHUT_READ) {
            stream_release(s);
            s->state = FRESH;
        }
        return 0;
    }
    if (s->state != CONNECTED && is_tcp(s))
        return -ENOTCONN;
    s->shut |= how;
    socket_changed(s);
    if (p) {
        p->shut |= how & SHUT_WRITE ? SHUT_READ : 0;
        if (!is_tcp(s))
            p->shut |= how & SHUT_READ ? SHUT_WRITE : 0;
        if (p->shut & SHUT_READ)
            socket_tell(p, p->shut == SHUT_BOTH ? POLL_HUP : POLL_IN);
        else
            socket_changed(p);
    }
    return 0;
}

/* The other end learns that this one is gone: by a reset if bytes were lost. */
static void part(struct socket *s)
{
    struct socket *p = s->peer;
    bool resets = s->bytes || !s->file || (s->lingers && s->linger == 0 && is_tcp(s));
    if (!p)
        return;
    s->peer = p->peer = NULL;
    p->shut |= is_tcp(p) ? SHUT_READ : SHUT_BOTH;
    if (resets) {
        p->error = ECONNRESET;
        p->shut = SHUT_BOTH;
        if (is_tcp(p))
            p->state = CLOSED;
    }
    socket_tell(p, p->shut == SHUT_BOTH ? POLL_HUP : POLL_IN);
}

void stream_release(struct socket *s)
{
    while (s->waiting) {
        struct socket *w = s->waiting;
        s->waiting = w->next_waiting;
        socket_free(w);
    }
    s->waiting_count = 0;
    part(s);
    socket_changed(s);
}

void listener_add(struct socket *listener, struct socket *s)
{
    struct socket **at = &listener->waiting;
    while (*at)
        at = &(*at)->next_waiting;
    *at = s;
    listener->waiting_count++;
    socket_tell(listener, POLL_IN);
}
