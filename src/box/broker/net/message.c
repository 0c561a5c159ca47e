/* message: sendmsg and recvmsg, to which the shim brings all sending and receiving
 * but read and write. */
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/net/socket.h"
#include "box/broker/task.h"
#include "box/message.h"

/* Sending ------------------------------------------------------------------------------------*/

/* Who a message says it is from: 0, -EPERM, -ESRCH. */
static int check_peer(const struct thread *t, const struct peer *p)
{
    const struct credentials *k = &t->process->cred;
    bool all = may_override(t->process);
    bool user = p->uid == k->uid || p->uid == k->euid || p->uid == k->suid;
    bool group = p->gid == k->gid || p->gid == k->egid || p->gid == k->sgid;
    if ((uint32_t)p->pid != t->process->pid && !all)
        return -EPERM;
    if ((!user || !group) && !all)
        return -EPERM;
    return task_find((uint32_t)p->pid) ? 0 : -ESRCH;
}

/* Copies of what lies in the window, which can change. */
struct envelope {
    struct box_message header;
    struct address to;
    struct control control;
};

static int read_envelope(struct thread *t, const struct socket *s, struct envelope *e)
{
    uint8_t bytes[MESSAGE_CONTROL_ROOM];
    int result = call_get(t, WINDOW_START, &e->header, sizeof e->header);
    e->control.fd_count = 0;
    e->control.has_peer = false;
    e->control.journey = (struct journey){-1, -1};
    if (result != 0 || e->header.name_size > MESSAGE_NAME_ROOM ||
        e->header.control_size > sizeof bytes || e->header.data_size > MESSAGE_DATA_ROOM)
        return -EINVAL;
    if (e->header.control_size) {
        call_get(t, MESSAGE_CONTROL, bytes, e->header.control_size);
        result = control_read(s->domain, bytes, e->header.control_size, &e->control);
    }
    if (result == 0 && e->header.name_size) {
        call_get(t, MESSAGE_NAME, bytes, e->header.name_size);
        result = address_read(s->domain, bytes, e->header.name_size, &e->to);
    }
    return result;
}

/* Where the bytes are: in the window, or staged. */
static void find_bytes(struct thread *t, const struct envelope *e, struct sending *m)
{
    m->bytes = call_window(t, MESSAGE_DATA, e->header.data_size);
    m->size = e->header.data_size;
    if (e->header.data_size == 0 && t->staged && t->staged->size == e->header.total) {
        m->bytes = t->staged->at;
        m->size = t->staged->size;
    }
}

/* A name where there is a peer already. */
static int check_name(const struct socket *s, const struct envelope *e)
{
    if (!e->header.name_size || !(s->family->is_stream || s->type == SOCK_SEQPACKET))
        return 0;
    if (s->domain != AF_UNIX)
        return 0; /* TCP does not look at it */
    return s->state == CONNECTED ? -EISCONN : s->family->is_stream ? -EOPNOTSUPP : -ENOTCONN;
}

/* fd, -, flags, whether it goes on */
int64_t do_sendmsg(struct thread *t, struct call *c)
{
    struct socket *s;
    struct envelope e;
    uint32_t flags = (uint32_t)c->a[2];
    int64_t result = socket_of(t, c->a[0], &s);
    if (result != 0 || (result = read_envelope(t, s, &e)) != 0 || (result = check_name(s, &e)) != 0)
        return result;
    struct sending m = {
        .thread = t,
        .to =
            e.header.name_size && !s->family->is_stream && s->type != SOCK_SEQPACKET ? &e.to : NULL,
        .sender = peer_of(t),
        .journey = e.control.journey,
        .flags = flags,
        .waits = !(s->file->flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT),
        .goes_on = c->a[3]};
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    find_bytes(t, &e, &m);
    if (m.size < e.header.total && !s->family->is_stream)
        return e.header.total > MESSAGE_STAGE_MAX ? -EMSGSIZE : -MESSAGE_TO_STAGE;
    if (e.control.has_peer && (result = check_peer(t, &e.control.peer)) != 0)
        return result;
    if (e.control.has_peer)
        m.sender = e.control.peer;
    if ((result = rights_take(t, &e.control, &m.rights)) != 0)
        return result;
    result = s->family->send(s, &m);
    if (m.rights)
        rights_drop(m.rights);
    if (result != ANSWER_WAIT)
        stage_drop(t);
    return result;
}

/* Receiving ----------------------------------------------------------------------------------*/

static void add_packet_info(const struct socket *s, const struct receiving *m,
                            struct control_list *l)
{
    const uint8_t *ip = m->arrived_at.ip;
    if (s->domain == AF_INET) {
        struct in_pktinfo info = {.ipi_ifindex = 1};
        memcpy(&info.ipi_spec_dst, ip + 12, 4);
        memcpy(&info.ipi_addr, ip + 12, 4);
        control_add(l, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else {
        struct in6_pktinfo info = {.ipi6_ifindex = 1};
        memcpy(&info.ipi6_addr, ip, sizeof info.ipi6_addr);
        control_add(l, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
}

/* How it travelled, for who asked. */
static void add_journey(const struct socket *s, const struct receiving *m, struct control_list *l)
{
    const struct journey *j = &m->journey;
    uint8_t class = (uint8_t)j->class;
    if (s->domain == AF_INET6) {
        if (option_get(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT))
            control_add(l, IPPROTO_IPV6, IPV6_HOPLIMIT, &j->hops, sizeof j->hops);
        if (option_get(s, IPPROTO_IPV6, IPV6_RECVTCLASS))
            control_add(l, IPPROTO_IPV6, IPV6_TCLASS, &j->class, sizeof j->class);
    } else {
        if (option_get(s, IPPROTO_IP, IP_RECVTTL))
            control_add(l, IPPROTO_IP, IP_TTL, &j->hops, sizeof j->hops);
        if (option_get(s, IPPROTO_IP, IP_RECVTOS))
            control_add(l, IPPROTO_IP, IP_TOS, &class, sizeof class);
    }
}

static void add_control(struct thread *t, const struct socket *s, struct receiving *m,
                        struct control_list *l)
{
    struct timespec now;
    if (m->has_packet && s->stamps) {
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t words[2] = {now.tv_sec, now.tv_nsec / 1000};
        control_add(l, SOL_SOCKET, SO_TIMESTAMP, words, sizeof words);
    }
    if (m->has_packet && s->packet_info)
        add_packet_info(s, m, l);
    if (m->has_packet && (s->domain == AF_INET || s->domain == AF_INET6) && s->type == SOCK_DGRAM)
        add_journey(s, m, l);
    if (m->has_packet && s->pass_peer)
        control_add(l, SOL_SOCKET, 2 /* SCM_CREDENTIALS */, &m->sender, sizeof m->sender);
    if (m->rights)
        rights_hand_over(t, m->rights, m->flags & MSG_CMSG_CLOEXEC, l);
    m->rights = NULL;
    if (l->truncated)
        m->out_flags |= MSG_CTRUNC;
    if (m->flags & MSG_CMSG_CLOEXEC)
        m->out_flags |= MSG_CMSG_CLOEXEC;
}

/* What of a datagram does not fit into the window is kept for BOX_UNSTAGE. */
static void keep_rest(struct thread *t, struct receiving *m)
{
    struct packet *p = m->rest;
    stage_drop(t);
    if (!p)
        return;
    size_t end = p->end < m->total ? p->end : m->total;
    if (end > m->size && stage_keep(t, p->bytes + m->size, end - m->size) == 0)
        m->out_flags |= MESSAGE_STAGED;
    if (!(m->flags & MSG_PEEK))
        packet_free(p);
}

static int64_t put_answer(struct thread *t, const struct socket *s, const struct receiving *m,
                          const struct control_list *l, struct box_message *h)
{
    uint8_t name[ADDRESS_ROOM];
    bool has_name = m->from.family != AF_UNSPEC || (s->domain == AF_UNIX && m->from.size);
    h->name_size = has_name ? (uint32_t)address_write(s->domain, &m->from, name) : 0;
    if (h->name_size)
        call_put(t, MESSAGE_NAME, name, h->name_size);
    h->control_size = (uint32_t)l->size;
    call_put(t, MESSAGE_CONTROL, l->at, l->size);
    h->flags = m->out_flags | (s->family->is_stream ? MESSAGE_STREAM : 0);
    return call_put(t, WINDOW_START, h, sizeof *h);
}

/* fd, -, flags */
int64_t do_recvmsg(struct thread *t, struct call *c)
{
    struct socket *s;
    struct box_message h;
    uint32_t flags = (uint32_t)c->a[2];
    int64_t result = socket_of(t, c->a[0], &s);
    if (result != 0)
        return result;
    if (call_get(t, WINDOW_START, &h, sizeof h) != 0 || h.control_size > MESSAGE_CONTROL_ROOM ||
        h.data_size > MESSAGE_DATA_ROOM)
        return -EINVAL;
    if (flags & MSG_OOB)
        return s->domain == AF_UNIX ? -EOPNOTSUPP : -EINVAL;
    if (flags & MSG_ERRQUEUE)
        return -EAGAIN;
    struct receiving m = {.thread = t,
                          .to = call_window(t, MESSAGE_DATA, h.data_size),
                          .size = h.data_size,
                          .total = h.total,
                          .flags = flags,
                          .waits = !(s->file->flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT),
                          .wants_rights = true};
    result = s->family->receive(s, &m);
    if (result < 0)
        return result;
    static struct control_list l; /* 4 KiB: of one call at a time */
    l.room = h.control_size;
    l.size = 0;
    l.truncated = false;
    keep_rest(t, &m);
    add_control(t, s, &m, &l);
    return put_answer(t, s, &m, &l, &h) ? -EFAULT : result;
}
