/* packet: what lies in the queues of sockets. */
#include <stdlib.h>
#include <string.h>

#include "box/broker/net/socket.h"

static size_t memory; /* of all packets */

/* Packets of the sizes that streams use are kept, a few: their memory need not be
 * asked of the kernel, and zeroed by it, for each write. */
static struct spare {
    const size_t room;
    const unsigned most;
    unsigned count;
    struct packet *first;
} spares[] = {{PACKET_SMALL, 256, 0, NULL}, {PACKET_LARGE, 64, 0, NULL}};

static struct spare *spare_of(size_t room)
{
    for (size_t i = 0; i < ARRAY_COUNT(spares); i++)
        if (spares[i].room == room)
            return &spares[i];
    return NULL;
}

static struct packet *allocate(size_t room)
{
    struct spare *spare = spare_of(room);
    if (!spare || !spare->count)
        return malloc(sizeof(struct packet) + room);
    struct packet *p = spare->first;
    spare->first = p->next;
    spare->count--;
    return p;
}

struct packet *packet_new(size_t room)
{
    size_t size = sizeof(struct packet) + room;
    struct packet *p = size > NET_MEMORY_MAX - memory ? NULL : allocate(room);
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    p->room = room;
    memory += size;
    return p;
}

void packet_free(struct packet *p)
{
    struct spare *spare = spare_of(p->room);
    memory -= sizeof *p + p->room;
    if (p->rights)
        rights_drop(p->rights);
    if (!spare || spare->count == spare->most) {
        free(p);
        return;
    }
    p->next = spare->first;
    spare->first = p;
    spare->count++;
}

void packet_push(struct socket *to, struct packet *p)
{
    if (to->last)
        to->last->next = p;
    else
        to->first = p;
    to->last = p;
    to->packets++;
    to->bytes += p->end - p->start;
    to->charged += p->room + PACKET_OVERHEAD;
}

struct packet *packet_pop(struct socket *s)
{
    struct packet *p = s->first;
    s->first = p->next;
    if (!s->first)
        s->last = NULL;
    p->next = NULL;
    s->packets--;
    s->bytes -= p->end - p->start;
    s->charged -= p->room + PACKET_OVERHEAD;
    return p;
}

void packets_drop(struct socket *s)
{
    while (s->first)
        packet_free(packet_pop(s));
}

/* Streams ----------------------------------------------------------------------------------*/

static bool same_sender(const struct peer *a, const struct peer *b)
{
    return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

static void fill(struct socket *to, struct packet *p, const char *bytes, size_t size)
{
    memcpy(p->bytes + p->end, bytes, size);
    p->end += size;
    to->bytes += size;
}

/* The packet that the bytes can go on in, or NULL. */
static struct packet *joined(struct socket *to, const struct sending *m)
{
    struct packet *last = to->last;
    if (last && last->start == last->end) { /* kept */
        last->sender = m->sender;
        if (m->rights)
            packet_free(packet_pop(to));
    }
    if (!last || m->rights || last->rights)
        return NULL;
    return same_sender(&last->sender, &m->sender) ? last : NULL;
}

static size_t room_for(size_t size)
{
    if (size <= PACKET_SMALL)
        return PACKET_SMALL;
    return size > PACKET_LARGE / 2 && size < PACKET_LARGE ? PACKET_LARGE : size;
}

int packet_fill(struct socket *to, struct sending *m)
{
    struct packet *last = joined(to, m);
    size_t done = 0;
    if (last)
        done = m->size < last->room - last->end ? m->size : last->room - last->end;
    size_t rest = m->size - done;
    struct packet *p = NULL;
    if (rest && !(p = packet_new(room_for(rest))))
        return -ENOBUFS;
    if (done)
        fill(to, last, m->bytes, done);
    if (!p)
        return 0;
    p->rights = m->rights;
    m->rights = NULL;
    p->sender = m->sender;
    packet_push(to, p);
    fill(to, p, m->bytes + done, rest);
    return 0;
}

/* Whether one read goes on from what it has got to the next packet. */
static bool goes_on(const struct socket *s, const struct receiving *m, const struct packet *p)
{
    return !m->has_packet || !s->pass_peer || same_sender(&m->sender, &p->sender);
}

/* A packet of which nothing is left: an only small one is kept to be filled again. */
static void emptied(struct socket *s)
{
    struct packet *p = s->first;
    if (p->next || p->rights || p->room > PACKET_SMALL)
        packet_free(packet_pop(s));
    else
        p->start = p->end = 0;
}

static void take_rights(struct receiving *m, struct packet *p)
{
    if (m->flags & MSG_PEEK) {
        m->rights = m->wants_rights ? rights_copy(p->rights) : NULL;
        return;
    }
    m->rights = p->rights;
    p->rights = NULL;
}

size_t packets_take(struct socket *s, struct receiving *m)
{
    size_t got = 0;
    bool peeks = m->flags & MSG_PEEK;
    for (struct packet *p = s->first, *next; p && got < m->size && goes_on(s, m, p); p = next) {
        size_t there = p->end - p->start, n = m->size - got < there ? m->size - got : there;
        bool carries = p->rights;
        next = p->next;
        if (n == 0)
            break; /* the one that is kept */
        if (m->to)
            memcpy(m->to + got, p->bytes + p->start, n);
        got += n;
        m->has_packet = true;
        m->sender = p->sender;
        if (carries)
            take_rights(m, p);
        if (!peeks) {
            p->start += n;
            s->bytes -= n;
            if (p->start == p->end)
                emptied(s);
        }
        if (carries)
            break;
    }
    return got;
}
