#include "box/broker/net/inet.h"

#include <netinet/in.h>
#include <string.h>

#include "box/broker/host.h"
#include "box/broker/task.h"

enum { PORT_FIRST = 32768, PORT_LAST = 60999, RESERVED = 1024, PORTS = 65536 };

/* How many sockets have a port, of TCP and of UDP. */
static uint16_t users[2][PORTS];

static uint16_t *users_of(const struct socket *s, uint16_t port)
{
    return &users[s->type == SOCK_DGRAM][port];
}

void inet_name(struct socket *s, const struct address *name)
{
    if (s->name.port)
        --*users_of(s, s->name.port);
    s->name = name ? *name : (struct address){0};
    if (s->name.port)
        ++*users_of(s, s->name.port);
}

/* Whether what is sent to one name may belong to the other. */
static bool overlap(const struct address *a, bool a_v6_only, const struct address *b,
                    bool b_v6_only)
{
    bool a_any = address_is_any(a), b_any = address_is_any(b);
    bool a_v4 = address_is_v4(a), b_v4 = address_is_v4(b);
    if (a_v4 != b_v4)
        return a_v4 ? b_any && !b_v6_only : a_any && !a_v6_only;
    return a_any || b_any || memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool inet_conflict(const struct socket *s, const struct address *name, bool listens)
{
    if (!*users_of(s, name->port))
        return false;
    for (const struct socket *o = sockets; o; o = o->next) {
        if (o == s || o->domain == AF_UNIX || o->type != s->type || o->name.port != name->port)
            continue;
        if (!overlap(name, s->v6_only, &o->name, o->v6_only) || (listens && o->state != LISTENS))
            continue;
        bool shared = s->reuse_port && o->reuse_port;
        bool reused = s->reuse_address && o->reuse_address && o->state != LISTENS;
        if (!shared && !reused)
            return true;
    }
    return false;
}

/* A port that nobody has; 0: there is none. */
static uint16_t free_port(const struct socket *s)
{
    static uint32_t last;
    if (!last)
        host_random(&last, sizeof last);
    for (int tries = 0; tries <= PORT_LAST - PORT_FIRST; tries++) {
        last++;
        uint16_t port = (uint16_t)(PORT_FIRST + last % (PORT_LAST - PORT_FIRST + 1));
        if (!*users_of(s, port))
            return port;
    }
    return 0;
}

int inet_bind_any(struct socket *s)
{
    struct address name = s->name;
    if (name.port)
        return 0;
    if (name.family == AF_UNSPEC)
        name = address_any(s->domain == AF_INET6);
    name.port = free_port(s);
    if (!name.port)
        return -EAGAIN;
    inet_name(s, &name);
    return 0;
}

int64_t inet_bind(struct thread *t, struct socket *s, const void *bytes, size_t size)
{
    struct address name;
    uint16_t family = 0;
    int result = address_read(s->domain, bytes, size, &name);
    if (result == 0 && name.family == AF_UNSPEC && s->domain == AF_INET &&
        size >= sizeof(struct sockaddr_in)) {
        uint8_t copy[ADDRESS_ROOM]; /* an old custom: no family stands for any address */
        memcpy(copy, bytes, size);
        family = AF_INET;
        memcpy(copy, &family, sizeof family);
        result = address_read(AF_INET, copy, size, &name);
        if (result == 0 && !address_is_any(&name))
            return -EAFNOSUPPORT;
    }
    if (result != 0)
        return result;
    if (name.family != s->domain)
        return name.family == AF_UNSPEC ? -EINVAL : -EAFNOSUPPORT;
    if (s->v6_only && address_is_v4(&name))
        return -EINVAL;
    if (!address_is_any(&name) && !address_is_loopback(&name))
        return -EADDRNOTAVAIL;
    if (name.port && name.port < RESERVED && !may_override(t->process))
        return -EACCES;
    if (s->state != FRESH || s->name.port)
        return -EINVAL;
    if (!name.port && !(name.port = free_port(s)))
        return -EADDRINUSE;
    if (inet_conflict(s, &name, false))
        return -EADDRINUSE;
    inet_name(s, &name);
    s->bound = true;
    return 0;
}

int inet_route(const struct socket *s, struct address *to)
{
    bool v4 = address_is_v4(to);
    if (address_is_any(to)) {
        struct address here = address_loopback(!v4);
        memcpy(to->ip, here.ip, sizeof to->ip);
    }
    if (v4 && s->v6_only)
        return -ENETUNREACH;
    if (!v4 && s->name.family != AF_UNSPEC && address_is_v4(&s->name))
        return -EINVAL;
    return address_is_loopback(to) ? 0 : -ENETUNREACH;
}

struct address inet_source(const struct socket *s, const struct address *to)
{
    struct address from = s->name;
    if (from.family == AF_UNSPEC || address_is_any(&from)) {
        from = address_loopback(!address_is_v4(to));
        from.port = s->name.port;
    }
    return from;
}

int inet_fits(const struct socket *s, const struct address *to)
{
    bool v4 = address_is_v4(to), own_v4 = address_is_v4(&s->name);
    if (s->domain == AF_UNIX || s->name.port != to->port || s->name.family == AF_UNSPEC)
        return 0;
    if (!address_is_any(&s->name))
        return memcmp(s->name.ip, to->ip, sizeof to->ip) == 0 ? 4 : 0;
    if (v4 == own_v4)
        return 2;
    return v4 && !s->v6_only ? 1 : 0;
}
