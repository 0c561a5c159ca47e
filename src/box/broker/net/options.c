/* options: getsockopt and setsockopt. What does nothing here is remembered, so that
 * a program finds again what it has set. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/net/socket.h"
#include "box/broker/task.h"

enum {
    BUFFER_MIN_SEND = 4608,
    BUFFER_MIN_RECEIVE = 2304,
    VALUE_ROOM = 256,
    RCVTIMEO_NEW = 66,
    SNDTIMEO_NEW = 67,
    PEERPIDFD = 77,
    STATE_ESTABLISHED = 1,
    STATE_CLOSE = 7,
    STATE_CLOSE_WAIT = 8,
    STATE_LISTEN = 10,
};

/* Options that are a number: the level, the name, what they are at first, and
 * what they may become. */
static const struct row {
    int level, name, first, least, most;
    bool is_flag;
} rows[] = {
    {SOL_SOCKET, SO_KEEPALIVE, 0, 0, 0, true},
    {SOL_SOCKET, SO_BROADCAST, 0, 0, 0, true},
    {SOL_SOCKET, SO_OOBINLINE, 0, 0, 0, true},
    {SOL_SOCKET, SO_DONTROUTE, 0, 0, 0, true},
    {SOL_SOCKET, SO_DEBUG, 0, 0, 0, true},
    {SOL_SOCKET, SO_NO_CHECK, 0, 0, 0, true},
    {SOL_SOCKET, SO_PRIORITY, 0, 0, INT32_MAX, false},
    {SOL_SOCKET, SO_MARK, 0, INT32_MIN, INT32_MAX, false},
    {SOL_SOCKET, SO_BUSY_POLL, 0, 0, INT32_MAX, false},
    {SOL_SOCKET, SO_INCOMING_CPU, -1, INT32_MIN, INT32_MAX, false},
    {IPPROTO_TCP, TCP_NODELAY, 0, 0, 0, true},
    {IPPROTO_TCP, TCP_CORK, 0, 0, 0, true},
    {IPPROTO_TCP, TCP_QUICKACK, 1, 0, 0, true},
    {IPPROTO_TCP, TCP_KEEPIDLE, 7200, 1, 32767, false},
    {IPPROTO_TCP, TCP_KEEPINTVL, 75, 1, 32767, false},
    {IPPROTO_TCP, TCP_KEEPCNT, 9, 1, 127, false},
    {IPPROTO_TCP, TCP_SYNCNT, 6, 1, 255, false},
    {IPPROTO_TCP, TCP_LINGER2, 60, -1, 120, false},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, INT32_MIN, INT32_MAX, false},
    {IPPROTO_TCP, TCP_MAXSEG, 536, 88, 32767, false},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0, INT32_MAX, false},
    {IPPROTO_TCP, TCP_FASTOPEN, 0, 0, INT32_MAX, false},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, INT32_MIN, INT32_MAX, false},
    {IPPROTO_IP, IP_TOS, 0, 0, 255, false},
    {IPPROTO_IP, IP_TTL, 64, 1, 255, false},
    {IPPROTO_IP, IP_RECVERR, 0, 0, 0, true},
    {IPPROTO_IP, IP_RECVTTL, 0, 0, 0, true},
    {IPPROTO_IP, IP_RECVTOS, 0, 0, 0, true},
    {IPPROTO_IP, IP_FREEBIND, 0, 0, 0, true},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, 0, 0, true},
    {IPPROTO_IP, IP_MTU_DISCOVER, 1, 0, 5, false},
    {IPPROTO_IP, IP_MULTICAST_TTL, 1, 0, 255, false},
    {IPPROTO_IP, IP_MULTICAST_LOOP, 1, 0, 0, true},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64, -1, 255, false},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1, -1, 255, false},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, 0, 0, true},
    {IPPROTO_IPV6, IPV6_RECVERR, 0, 0, 0, true},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 0, 0, 0, true},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, 0, 0, 0, true},
    {IPPROTO_IPV6, IPV6_TCLASS, 0, -1, 255, false},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, 1, 0, 5, false},
};

static const struct row *row_of(int level, int name)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].level == level && rows[i].name == name)
            return &rows[i];
    return NULL;
}

static const struct option *find(const struct socket *s, int level, int name)
{
    for (unsigned i = 0; i < s->option_count; i++)
        if (s->options[i].level == level && s->options[i].name == name)
            return &s->options[i];
    return NULL;
}

int option_get(const struct socket *s, int level, int name)
{
    const struct option *o = find(s, level, name);
    return o ? o->value : row_of(level, name)->first;
}

static int64_t remember(struct socket *s, const struct row *row, int value)
{
    struct option *o = (struct option *)find(s, row->level, row->name);
    if (row->is_flag)
        value = value != 0;
    else if (value < row->least || value > row->most)
        return -EINVAL;
    if (!o && s->option_count == OPTIONS_MAX)
        return -ENOBUFS;
    if (!o)
        o = &s->options[s->option_count++];
    *o = (struct option){row->level, row->name, value};
    return 0;
}

/* Which levels a socket has. */
static int64_t check_level(const struct socket *s, int level)
{
    if (level == SOL_SOCKET || (level == SOL_NETLINK && s->domain == AF_NETLINK))
        return 0;
    if (s->domain == AF_UNIX)
        return -EOPNOTSUPP;
    bool fits = level == IPPROTO_IP || (level == IPPROTO_IPV6 && s->domain == AF_INET6) ||
                (level == IPPROTO_TCP && s->type == SOCK_STREAM);
    return fits && s->domain != AF_NETLINK ? 0 : -ENOPROTOOPT;
}

/* Setting ------------------------------------------------------------------------------------*/

/* struct timeval, in nanoseconds; 0 stands for no limit. */
static int64_t set_limit(int64_t *limit, const uint8_t *bytes, size_t size)
{
    int64_t time[2];
    if (size < sizeof time)
        return -EINVAL;
    memcpy(time, bytes, sizeof time);
    if (time[1] < 0 || time[1] >= 1000000)
        return -EDOM;
    if (time[0] < 0) { /* as the kernel: not at all */
        *limit = 1;
        return 0;
    }
    *limit = time[0] > INT32_MAX ? 0 : time[0] * INT64_C(1000000000) + time[1] * 1000;
    return 0;
}

static uint32_t buffer(int value, uint32_t least)
{
    uint32_t size = value < 0 || value > BUFFER_DEFAULT ? BUFFER_DEFAULT : (uint32_t)value;
    return size * 2 < least ? least : size * 2;
}

static int64_t set_linger(struct socket *s, const uint8_t *bytes, size_t size)
{
    int words[2];
    if (size < sizeof words)
        return -EINVAL;
    memcpy(words, bytes, sizeof words);
    s->lingers = words[0];
    s->linger = s->lingers ? words[1] : 0;
    return 0;
}

static int64_t set_of_socket(struct socket *s, int name, const uint8_t *bytes, size_t size)
{
    int value;
    if (name == SO_BINDTODEVICE) /* the one device */
        return size >= 2 && memcmp(bytes, "lo", 2) == 0 && (size == 2 || !bytes[2]) ? 0 : -ENODEV;
    if (size < sizeof value)
        return -EINVAL;
    memcpy(&value, bytes, sizeof value);
    switch (name) {
    case SO_REUSEADDR: s->reuse_address = value; return 0;
    case SO_REUSEPORT: s->reuse_port = value; return 0;
    case SO_SNDBUF:
    case SO_SNDBUFFORCE: s->send_buffer = buffer(value, BUFFER_MIN_SEND); return 0;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE: s->receive_buffer = buffer(value, BUFFER_MIN_RECEIVE); return 0;
    case SO_RCVLOWAT:
        s->low_water = value > 0 ? (uint32_t)value : value < 0 ? INT32_MAX : 1;
        return 0;
    case SO_RCVTIMEO:
    case RCVTIMEO_NEW: return set_limit(&s->receive_limit, bytes, size);
    case SO_SNDTIMEO:
    case SNDTIMEO_NEW: return set_limit(&s->send_limit, bytes, size);
    case SO_LINGER: return set_linger(s, bytes, size);
    case SO_PASSCRED: s->pass_peer = value; return 0;
    case SO_TIMESTAMP: s->stamps = value; return 0;
    }
    return row_of(SOL_SOCKET, name) ? remember(s, row_of(SOL_SOCKET, name), value) : -ENOPROTOOPT;
}

static int64_t set_v6_only(struct socket *s, int value)
{
    if (s->bound)
        return -EINVAL;
    s->v6_only = value;
    return 0;
}

static int64_t set_of_protocol(struct socket *s, int level, int name, const uint8_t *bytes,
                               size_t size)
{
    int value = 0;
    const struct row *row = row_of(level, name);
    if (level == SOL_NETLINK) /* groups of events that never happen, forms of answers */
        return size < sizeof value ? -EINVAL : 0;
    if (level == IPPROTO_TCP && name == TCP_CONGESTION)
        return size >= 4 && (memcmp(bytes, "cubi", 4) == 0 || memcmp(bytes, "reno", 4) == 0)
                   ? 0
                   : -ENOENT;
    if (level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP || name == IP_MULTICAST_IF))
        return -ENODEV;
    if (level == IPPROTO_IPV6 && name == IPV6_JOIN_GROUP)
        return -ENODEV;
    if (size >= sizeof value)
        memcpy(&value, bytes, sizeof value);
    else if (level == IPPROTO_IP && size)
        value = bytes[0]; /* of one byte, too */
    else
        return -EINVAL;
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
        return set_v6_only(s, value);
    if ((level == IPPROTO_IP && name == IP_PKTINFO) ||
        (level == IPPROTO_IPV6 && name == IPV6_RECVPKTINFO)) {
        s->packet_info = value;
        return 0;
    }
    return row ? remember(s, row, value) : -ENOPROTOOPT;
}

int64_t do_setsockopt(struct thread *t, struct call *c)
{
    struct socket *s;
    uint8_t bytes[VALUE_ROOM];
    size_t size = c->a[4] < VALUE_ROOM ? c->a[4] : VALUE_ROOM;
    int level = (int)c->a[1], name = (int)c->a[2];
    int64_t result = socket_of(t, c->a[0], &s);
    if (result != 0)
        return result;
    if ((int)c->a[4] < 0)
        return -EINVAL;
    if (size && call_get(t, c->a[3], bytes, size) != 0)
        return -EFAULT;
    result = check_level(s, level);
    if (result != 0)
        return result;
    return level == SOL_SOCKET ? set_of_socket(s, name, bytes, size)
                               : set_of_protocol(s, level, name, bytes, size);
}

/* Getting ------------------------------------------------------------------------------------*/

struct value {
    uint8_t bytes[VALUE_ROOM];
    size_t size;
};

static int64_t give(struct value *v, const void *bytes, size_t size)
{
    memcpy(v->bytes, bytes, size);
    v->size = size;
    return 0;
}

static int64_t give_int(struct value *v, int value)
{
    return give(v, &value, sizeof value);
}

static int64_t give_limit(struct value *v, int64_t limit)
{
    int64_t time[2] = {limit / 1000000000, limit % 1000000000 / 1000};
    return give(v, time, sizeof time);
}

static int64_t give_remembered(struct socket *s, int level, int name, struct value *v)
{
    const struct option *o = find(s, level, name);
    const struct row *row = row_of(level, name);
    if (!row)
        return -ENOPROTOOPT;
    return give_int(v, o ? o->value : row->first);
}

static int64_t give_peer(const struct socket *s, struct value *v)
{
    static const struct peer nobody = {0, UINT32_MAX, UINT32_MAX};
    bool known = s->domain == AF_UNIX && s->peer_cred.pid;
    return give(v, known ? &s->peer_cred : &nobody, sizeof s->peer_cred);
}

static int64_t get_of_socket(struct socket *s, int name, struct value *v)
{
    int words[2] = {s->lingers, s->linger};
    uint64_t cookie = s->ino;
    switch (name) {
    case SO_TYPE: return give_int(v, s->type);
    case SO_DOMAIN: return give_int(v, s->domain);
    case SO_PROTOCOL: return give_int(v, s->protocol);
    case SO_ACCEPTCONN: return give_int(v, s->state == LISTENS);
    case SO_ERROR: return give_int(v, (int)-socket_error(s));
    case SO_REUSEADDR: return give_int(v, s->reuse_address);
    case SO_REUSEPORT: return give_int(v, s->reuse_port);
    case SO_SNDBUF: return give_int(v, (int)s->send_buffer);
    case SO_RCVBUF: return give_int(v, (int)s->receive_buffer);
    case SO_RCVLOWAT: return give_int(v, (int)s->low_water);
    case SO_SNDLOWAT: return give_int(v, 1);
    case SO_RCVTIMEO:
    case RCVTIMEO_NEW: return give_limit(v, s->receive_limit);
    case SO_SNDTIMEO:
    case SNDTIMEO_NEW: return give_limit(v, s->send_limit);
    case SO_LINGER: return give(v, words, sizeof words);
    case SO_PASSCRED: return give_int(v, s->pass_peer);
    case SO_TIMESTAMP: return give_int(v, s->stamps);
    case SO_PEERCRED: return give_peer(s, v);
    case SO_COOKIE: return give(v, &cookie, sizeof cookie);
    case SO_BINDTODEVICE: return 0;
    }
    return give_remembered(s, SOL_SOCKET, name, v);
}

static int64_t give_tcp_info(const struct socket *s, struct value *v)
{
    struct tcp_info info = {.tcpi_state = s->state == LISTENS     ? STATE_LISTEN
                                          : s->state != CONNECTED ? STATE_CLOSE
                                          : s->shut & SHUT_READ   ? STATE_CLOSE_WAIT
                                                                  : STATE_ESTABLISHED,
                            .tcpi_snd_mss = 32768,
                            .tcpi_rcv_mss = 32768,
                            .tcpi_pmtu = 65535,
                            .tcpi_rtt = 100,
                            .tcpi_snd_cwnd = 10};
    _Static_assert(sizeof info <= VALUE_ROOM, "it fits");
    return give(v, &info, sizeof info);
}

static int64_t get_of_protocol(struct socket *s, int level, int name, struct value *v)
{
    if (level == IPPROTO_TCP && name == TCP_INFO)
        return give_tcp_info(s, v);
    if (level == IPPROTO_TCP && name == TCP_CONGESTION)
        return give(v, "cubic\0\0\0\0\0\0\0\0\0\0", 16);
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
        return give_int(v, s->v6_only);
    if ((level == IPPROTO_IP && name == IP_PKTINFO) ||
        (level == IPPROTO_IPV6 && name == IPV6_RECVPKTINFO))
        return give_int(v, s->packet_info);
    if (level == IPPROTO_IP && name == IP_OPTIONS)
        return 0;
    if ((level == IPPROTO_IP && name == IP_MTU) || (level == IPPROTO_IPV6 && name == IPV6_MTU))
        return s->state == CONNECTED ? give_int(v, 65535) : -ENOTCONN;
    return give_remembered(s, level, name, v);
}

/* fd, level, name, to, room: how much there is; as much as there is room for lies
 * in the window. */
int64_t do_getsockopt(struct thread *t, struct call *c)
{
    struct socket *s;
    struct value v = {.size = 0};
    int level = (int)c->a[1], name = (int)c->a[2];
    int64_t result = socket_of(t, c->a[0], &s);
    if (result == 0 && (int)c->a[4] < 0)
        result = -EINVAL;
    if (result == 0)
        result = check_level(s, level);
    if (result == -ENOPROTOOPT && s->domain == AF_INET)
        result = -EOPNOTSUPP; /* where setsockopt says otherwise */
    if (result == 0)
        result =
            level == SOL_SOCKET ? get_of_socket(s, name, &v) : get_of_protocol(s, level, name, &v);
    if (result != 0)
        return result;
    size_t size = v.size < c->a[4] ? v.size : c->a[4];
    return size && call_put(t, c->a[3], v.bytes, size) ? -EFAULT : (int64_t)size;
}
