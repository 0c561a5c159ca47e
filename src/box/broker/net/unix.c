/* unix: sockets with names in the file system or beside it (abstract), or none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box/broker/names.h"
#include "box/broker/net/socket.h"
#include "box/broker/task.h"

enum { FAMILY_SIZE = 2, DATAGRAM_OVERHEAD = 32, DATAGRAM_BACKLOG = 10 };

/* Names --------------------------------------------------------------------------------------*/

static struct socket *find_abstract(const struct address *a)
{
    for (struct socket *s = sockets; s; s = s->next)
        if (s->domain == AF_UNIX && s->bound && address_is_abstract(&s->name) &&
            address_equal(&s->name, a))
            return s;
    return NULL;
}

static int64_t bind_any(struct socket *s)
{
    static uint32_t last;
    struct address a = {.family = AF_UNIX, .size = 6};
    if (s->name.size)
        return 0;
    for (uint32_t tries = 0; tries <= 0xfffff; tries++) {
        char digits[8];
        snprintf(digits, sizeof digits, "%05x", ++last & 0xfffff);
        memcpy(a.name + 1, digits, 5);
        if (!find_abstract(&a)) {
            s->name = a;
            s->bound = true;
            return 0;
        }
    }
    return -ENOSPC;
}

static int bind_path(struct thread *t, struct socket *s, const struct address *a)
{
    struct last l;
    int result = path_walk_parent(t, &(struct walk){.dir = CWD, .path = a->name}, &l);
    if (result != 0)
        return result == -EEXIST ? -EADDRINUSE : result;
    struct store_new what = names_new(t, l.dir, S_IFSOCK | 0777);
    result = l.must_be_directory ? -ENOENT : names_make(t, &l, &what, &s->node);
    node_drop(l.dir);
    if (result == 0)
        s->node->data = s;
    return result == -EEXIST ? -EADDRINUSE : result;
}

static int64_t bind_unix(struct thread *t, struct socket *s, const void *bytes, size_t size)
{
    struct address a;
    int64_t result = 0;
    uint16_t family = 0;
    if (size >= FAMILY_SIZE)
        memcpy(&family, bytes, FAMILY_SIZE);
    if (size == FAMILY_SIZE && family == AF_UNIX)
        return bind_any(s);
    if (family == AF_UNIX)
        result = address_read(AF_UNIX, bytes, size, &a);
    if (result != 0 || family != AF_UNIX)
        return -EINVAL;
    if (s->name.size)
        return -EINVAL;
    if (address_is_abstract(&a))
        result = find_abstract(&a) ? -EADDRINUSE : 0;
    else
        result = bind_path(t, s, &a);
    if (result == 0) {
        s->name = a;
        s->bound = true;
    }
    return result;
}

/* Whose name it is: 0 or -errno. */
static int find(struct thread *t, const struct address *a, int type, struct socket **out)
{
    struct node *n;
    *out = NULL;
    if (address_is_abstract(a)) {
        *out = find_abstract(a);
        if (!*out)
            return -ECONNREFUSED;
    } else {
        int result = path_walk(t, &(struct walk){CWD, a->name, true}, &n);
        if (result != 0)
            return result;
        result = node_may(t->process, n, 2);
        if (result == 0 && n->type == S_IFSOCK)
            *out = n->data;
        node_drop(n);
        if (!*out)
            return result ? result : -ECONNREFUSED;
    }
    return (*out)->type == type ? 0 : -EPROTOTYPE;
}

/* Streams and packets --------------------------------------------------------------------------*/

static int64_t listen_unix(struct thread *t, struct socket *s)
{
    if (!s->name.size)
        return -EINVAL;
    if (s->state != LISTENS && s->state != FRESH)
        return -EINVAL;
    s->state = LISTENS;
    s->peer_cred = peer_of(t);
    return 0;
}

static int64_t connect_stream(struct thread *t, struct socket *s, const struct address *to,
                              bool waits)
{
    struct socket *listener, *other;
    if (to->family != AF_UNIX)
        return -EINVAL;
    if (s->pass_peer && bind_any(s) != 0)
        return -ENOSPC;
    int64_t result = find(t, to, s->type, &listener);
    if (result != 0)
        return result;
    if (listener->state != LISTENS || listener->shut & SHUT_READ)
        return -ECONNREFUSED;
    if (s->state != FRESH)
        return s->state == CONNECTED ? -EISCONN : -EINVAL;
    if (listener->waiting_count > listener->backlog)
        return socket_wait(t, &listener->changed, waits, s->send_limit);
    result = socket_new(AF_UNIX, s->type, s->family, &other);
    if (result != 0)
        return result;
    stream_join(s, other);
    other->name = listener->name;
    other->peer_name = s->name;
    other->peer_cred = peer_of(t);
    other->pass_peer = listener->pass_peer;
    s->peer_name = listener->name;
    s->peer_cred = listener->peer_cred;
    listener_add(listener, other);
    return 0;
}

static int poll_connected(const struct socket *s, int now)
{
    if (s->error)
        now |= POLLERR;
    if (s->shut == SHUT_BOTH)
        now |= POLLHUP;
    if (s->shut & SHUT_READ)
        now |= POLLIN | POLLRDNORM | POLLRDHUP;
    return now;
}

static int poll_stream(struct thread *t, struct socket *s)
{
    bool readable = s->waiting || (s->family->is_stream ? s->bytes : s->packets);
    int now = readable ? POLLIN | POLLRDNORM : 0;
    (void)t;
    if (s->state == FRESH)
        now |= POLLHUP;
    if (s->state != LISTENS && stream_is_writable(s))
        now |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return poll_connected(s, now);
}

static void release_unix(struct socket *s)
{
    stream_release(s);
    if (s->node) {
        s->node->data = NULL;
        node_drop(s->node);
        s->node = NULL;
    }
}

const struct family unix_stream = {.bind = bind_unix,
                                   .connect = connect_stream,
                                   .listen = listen_unix,
                                   .send = stream_send,
                                   .receive = stream_receive,
                                   .poll = poll_stream,
                                   .shutdown = stream_shutdown,
                                   .release = release_unix,
                                   .is_stream = true};

/* Packets ------------------------------------------------------------------------------------*/

static bool is_full(const struct socket *to, const struct socket *from, size_t size)
{
    if (to->packets && to->charged + size > from->send_buffer)
        return true;
    return to->peer != from && to->packets > DATAGRAM_BACKLOG;
}

static int64_t put(struct socket *s, struct socket *to, struct sending *m)
{
    if (to->shut & SHUT_READ)
        return -EPIPE;
    if (is_full(to, s, m->size))
        return socket_wait(m->thread, &to->changed, m->waits, s->send_limit);
    return datagram_put(to, s, m);
}

static int64_t send_packet(struct socket *s, struct sending *m)
{
    if (s->error)
        return socket_error(s);
    if (s->state != CONNECTED)
        return -ENOTCONN;
    if (m->size > s->send_buffer - DATAGRAM_OVERHEAD)
        return -EMSGSIZE;
    if (s->shut & SHUT_WRITE || !s->peer)
        return -EPIPE;
    return put(s, s->peer, m);
}

static int64_t receive_packet(struct socket *s, struct receiving *m)
{
    return s->state == CONNECTED ? datagram_receive(s, m) : -ENOTCONN;
}

static int poll_packets(struct thread *t, struct socket *s)
{
    if (t && s->peer && is_full(s->peer, s, 1))
        wait_on(t, &s->peer->changed);
    int now = poll_stream(t, s);
    return s->peer && is_full(s->peer, s, 1) ? now & ~(POLLOUT | POLLWRNORM | POLLWRBAND) : now;
}

const struct family unix_packets = {.bind = bind_unix,
                                    .connect = connect_stream,
                                    .listen = listen_unix,
                                    .send = send_packet,
                                    .receive = receive_packet,
                                    .poll = poll_packets,
                                    .shutdown = stream_shutdown,
                                    .release = release_unix};

/* Datagrams ----------------------------------------------------------------------------------*/

static bool may_send(const struct socket *s, const struct socket *to)
{
    return !to->peer || to->peer == s;
}

static void follow(struct socket *s, struct socket *to)
{
    if (s->peer)
        s->peer->followers--;
    if (to)
        to->followers++;
    s->peer = to;
}

static int64_t connect_datagram(struct thread *t, struct socket *s, const struct address *to,
                                bool waits)
{
    struct socket *other = NULL;
    (void)waits;
    if (to->family == AF_UNIX) {
        if (s->pass_peer && bind_any(s) != 0)
            return -ENOSPC;
        int result = find(t, to, s->type, &other);
        if (result != 0)
            return result;
        if (!may_send(s, other))
            return -EPERM;
    }
    follow(s, other);
    s->state = other ? CONNECTED : FRESH;
    s->peer_name = other ? other->name : (struct address){0};
    return 0;
}

static int64_t send_datagram(struct socket *s, struct sending *m)
{
    struct socket *to = s->peer;
    if (s->error)
        return socket_error(s);
    if (s->pass_peer && bind_any(s) != 0)
        return -ENOSPC;
    if (m->size > s->send_buffer - DATAGRAM_OVERHEAD)
        return -EMSGSIZE;
    if (s->shut & SHUT_WRITE)
        return broken_pipe(m);
    if (m->to) {
        int result = m->to->family == AF_UNIX ? find(m->thread, m->to, s->type, &to) : -EINVAL;
        if (result != 0)
            return result;
    } else if (!to) {
        bool was_connected = s->state == CONNECTED;
        s->state = FRESH;
        return was_connected ? -ECONNREFUSED : -ENOTCONN;
    }
    return may_send(s, to) ? put(s, to, m) : -EPERM;
}

static int poll_datagrams(struct thread *t, struct socket *s)
{
    int now = s->packets ? POLLIN | POLLRDNORM : 0;
    bool full = s->peer && is_full(s->peer, s, 1);
    if (t && full)
        wait_on(t, &s->peer->changed);
    return poll_connected(s, now | (full ? 0 : POLLOUT | POLLWRNORM | POLLWRBAND));
}

static int64_t shutdown_datagrams(struct socket *s, unsigned how)
{
    s->shut |= how;
    socket_changed(s);
    return 0;
}

static void lose_peer(struct socket *s)
{
    follow(s, NULL);
    socket_changed(s);
}

static void release_datagrams(struct socket *s)
{
    if (s->peer && s->peer != s && s->peer->peer == s)
        lose_peer(s->peer); /* a pair's other end: no need to look for it */
    follow(s, NULL);
    for (struct socket *o = sockets; o && s->followers; o = o->next)
        if (o->peer == s)
            lose_peer(o);
    release_unix(s);
}

const struct family unix_datagrams = {.bind = bind_unix,
                                      .connect = connect_datagram,
                                      .send = send_datagram,
                                      .receive = datagram_receive,
                                      .poll = poll_datagrams,
                                      .shutdown = shutdown_datagrams,
                                      .release = release_datagrams};
