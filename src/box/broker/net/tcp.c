/* tcp: streams between sockets of the internet, as far as a program can tell them
 * from the real ones on a loopback that loses nothing. */
#include <stdlib.h>
#include <string.h>

#include "box/broker/net/inet.h"
#include "box/broker/task.h"

enum { CROWDED = 4096 };

/* The listener that fits best; those that share a port take turns. */
static struct socket *listener_at(const struct address *to)
{
    static uint32_t turn;
    struct socket *best = NULL;
    int most = 0;
    unsigned equal = 0;
    for (struct socket *s = sockets; s; s = s->next) {
        int fits = s->family == &tcp && s->state == LISTENS ? inet_fits(s, to) : 0;
        if (fits > most) {
            most = fits;
            best = s;
            equal = 1;
        } else if (fits && fits == most && turn % ++equal == 0) {
            best = s;
        }
    }
    turn += 7;
    return best;
}

static int64_t listen_tcp(struct thread *t, struct socket *s)
{
    (void)t;
    if (s->state != FRESH && s->state != LISTENS)
        return -EINVAL;
    if (s->state == LISTENS)
        return 0;
    int result = inet_bind_any(s);
    if (result == 0 && inet_conflict(s, &s->name, true))
        result = -EADDRINUSE;
    if (result == 0)
        s->state = LISTENS;
    return result;
}

/* What an accepted socket has of its listener. */
static void inherit(struct socket *s, const struct socket *from)
{
    s->send_buffer = from->send_buffer;
    s->receive_buffer = from->receive_buffer;
    s->reuse_address = from->reuse_address;
    s->reuse_port = from->reuse_port;
    s->lingers = from->lingers;
    s->linger = from->linger;
    s->v6_only = from->v6_only;
    s->low_water = from->low_water;
    s->protocol = from->protocol;
    s->receive_limit = from->receive_limit;
    s->send_limit = from->send_limit;
    s->option_count = from->option_count;
    memcpy(s->options, from->options, sizeof s->options);
}

static void forget(struct socket *s)
{
    s->state = FRESH;
    s->shut = 0;
    s->peer_name = (struct address){0};
    if (!s->bound)
        inet_name(s, NULL);
}

/* Nobody listens: at once, or as the error of a connect that goes on. */
static int64_t refused(struct socket *s, bool waits)
{
    forget(s);
    if (waits)
        return -ECONNREFUSED;
    s->connecting = true;
    s->error = ECONNREFUSED;
    s->state = CLOSED;
    s->shut = SHUT_BOTH;
    socket_changed(s);
    return -EINPROGRESS;
}

/* The answer to a second connect. */
static int64_t connect_again(struct socket *s)
{
    s->connecting = false;
    if (s->state == CONNECTED && !s->error)
        return 0;
    int64_t error = socket_error(s);
    forget(s);
    return error ? error : -ECONNABORTED;
}

static int64_t disconnect(struct socket *s)
{
    stream_release(s);
    packets_drop(s);
    s->error = 0;
    s->connecting = false;
    forget(s);
    return 0;
}

static int64_t join(struct socket *s, struct socket *listener, const struct address *to)
{
    struct socket *other;
    int result = socket_new(listener->domain, SOCK_STREAM, &tcp, &other);
    if (result != 0)
        return result;
    struct address from = inet_source(s, to);
    inet_name(s, &from);
    s->peer_name = *to;
    s->peer_name.family = AF_INET6;
    inet_name(other, &s->peer_name);
    other->peer_name = from;
    inherit(other, listener);
    stream_join(s, other);
    listener_add(listener, other);
    return 0;
}

static int64_t connect_tcp(struct thread *t, struct socket *s, const struct address *where,
                           bool waits)
{
    struct address to = *where;
    if (to.family == AF_UNSPEC)
        return disconnect(s);
    if (to.family != s->domain)
        return -EINVAL; /* too short for one of IPv6 */
    if (s->connecting)
        return connect_again(s);
    if (s->state == CONNECTED || s->state == LISTENS)
        return -EISCONN;
    int64_t result = inet_route(s, &to);
    if (result != 0)
        return result;
    s->shut = 0;
    s->state = FRESH;
    if (inet_bind_any(s) != 0)
        return -EADDRNOTAVAIL;
    struct socket *listener = listener_at(&to);
    if (!listener || listener->waiting_count > CROWDED)
        return refused(s, waits);
    if (waits && listener->waiting_count > listener->backlog) {
        result = socket_wait(t, &listener->changed, true, s->send_limit);
        return result == -EAGAIN ? -EINPROGRESS : result;
    }
    result = join(s, listener, &to);
    if (result != 0 || waits)
        return result;
    s->connecting = true;
    return -EINPROGRESS;
}

static int poll_tcp(struct thread *t, struct socket *s)
{
    size_t least = s->low_water < s->receive_buffer ? s->low_water : s->receive_buffer;
    int now = s->error ? POLLERR : 0;
    (void)t;
    if (s->state == LISTENS)
        return now | (s->waiting ? POLLIN | POLLRDNORM : 0);
    if (s->shut == SHUT_BOTH || s->state == FRESH || s->state == CLOSED)
        now |= POLLHUP;
    if (s->shut & SHUT_READ)
        now |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (s->bytes && s->bytes >= least)
        now |= POLLIN | POLLRDNORM;
    if (s->shut & SHUT_WRITE || stream_is_writable(s))
        now |= POLLOUT | POLLWRNORM;
    return now;
}

static void release_tcp(struct socket *s)
{
    stream_release(s);
    inet_name(s, NULL);
}

const struct family tcp = {.bind = inet_bind,
                           .connect = connect_tcp,
                           .listen = listen_tcp,
                           .send = stream_send,
                           .receive = stream_receive,
                           .poll = poll_tcp,
                           .shutdown = stream_shutdown,
                           .release = release_tcp,
                           .is_stream = true};
