/* datagram: messages that keep their bounds. */
#include <string.h>

#include "box/broker/net/socket.h"

int64_t datagram_put(struct socket *to, struct socket *from, struct sending *m)
{
    struct packet *p = packet_new(m->size);
    if (!p)
        return -ENOBUFS;
    if (m->size)
        memcpy(p->bytes, m->bytes, m->size);
    p->end = m->size;
    p->sender = m->sender;
    p->from = from->name;
    p->rights = m->rights;
    m->rights = NULL;
    packet_push(to, p);
    socket_tell(to, POLL_IN);
    return (int64_t)m->size;
}

static int64_t nothing(struct socket *s, struct receiving *m)
{
    if (s->error)
        return socket_error(s);
    if (s->shut & SHUT_READ && (m->waits || s->family->is_stream || s->type == SOCK_SEQPACKET))
        return 0;
    return socket_wait(m->thread, &s->changed, m->waits, s->receive_limit);
}

static void copy_out(struct receiving *m, const struct packet *p)
{
    size_t n = p->end < m->size ? p->end : m->size;
    if (n && m->to)
        memcpy(m->to, p->bytes, n);
    if (p->end > m->total)
        m->out_flags |= MSG_TRUNC;
    m->has_packet = true;
    m->sender = p->sender;
    m->from = p->from;
    m->arrived_at = p->to;
    m->journey = p->journey;
}

int64_t datagram_receive(struct socket *s, struct receiving *m)
{
    struct packet *p = s->first;
    if (s->error && s->type != SOCK_SEQPACKET)
        return socket_error(s);
    if (!p)
        return nothing(s, m);
    copy_out(m, p);
    size_t whole = p->end, kept = whole < m->total ? whole : m->total;
    m->rest = p;
    if (m->flags & MSG_PEEK) {
        if (p->rights && m->wants_rights)
            m->rights = rights_copy(p->rights);
    } else {
        packet_pop(s);
        m->rights = p->rights;
        p->rights = NULL;
        socket_changed(s); /* who waits for room waits here */
    }
    return (int64_t)(m->flags & MSG_TRUNC ? whole : kept);
}
