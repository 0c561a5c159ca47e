#include "box/broker/net/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { FAMILY_SIZE = 2, NETLINK_SIZE = 12, INET6_MIN = 24 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Unix -------------------------------------------------------------------------------------*/

static int read_unix(const uint8_t *bytes, size_t size, struct address *out)
{
    if (out->family != AF_UNIX || size <= FAMILY_SIZE || size > sizeof(struct sockaddr_un))
        return -EINVAL;
    size -= FAMILY_SIZE;
    memcpy(out->name, bytes + FAMILY_SIZE, size);
    out->size = (uint16_t)(out->name[0] ? strnlen(out->name, size) : size);
    return 0;
}

static size_t write_unix(const struct address *a, uint8_t *out)
{
    size_t size = a->size;
    memcpy(out + FAMILY_SIZE, a->name, size);
    if (size && a->name[0])
        out[FAMILY_SIZE + size++] = '\0';
    return FAMILY_SIZE + size;
}

/* The internet -----------------------------------------------------------------------------*/

static int read_inet(const uint8_t *bytes, size_t size, struct address *out)
{
    struct sockaddr_in in;
    if (size < sizeof in)
        return -EINVAL;
    memcpy(&in, bytes, sizeof in);
    out->port = ntohs(in.sin_port);
    memcpy(out->ip, mapped, sizeof mapped);
    memcpy(out->ip + sizeof mapped, &in.sin_addr, 4);
    return 0;
}

static int read_inet6(const uint8_t *bytes, size_t size, struct address *out)
{
    struct sockaddr_in6 in6 = {0};
    if (size < INET6_MIN)
        return -EINVAL;
    memcpy(&in6, bytes, size < sizeof in6 ? size : sizeof in6);
    out->port = ntohs(in6.sin6_port);
    memcpy(out->ip, &in6.sin6_addr, sizeof out->ip);
    return 0;
}

static size_t write_inet(const struct address *a, uint8_t *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&in.sin_addr, a->ip + sizeof mapped, 4);
    memcpy(out, &in, sizeof in);
    return sizeof in;
}

static size_t write_inet6(const struct address *a, uint8_t *out)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    memcpy(&in6.sin6_addr, a->ip, sizeof a->ip);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

/* All ----------------------------------------------------------------------------------------*/

int address_read(int domain, const void *bytes, size_t size, struct address *out)
{
    *out = (struct address){0};
    if (size < FAMILY_SIZE)
        return -EINVAL;
    memcpy(&out->family, bytes, FAMILY_SIZE);
    if (domain == AF_UNIX)
        return out->family == AF_UNSPEC ? 0 : read_unix(bytes, size, out);
    if (domain == AF_NETLINK) {
        if (size < NETLINK_SIZE || out->family != AF_NETLINK)
            return -EINVAL;
        memcpy(&out->id, (const uint8_t *)bytes + 4, sizeof out->id);
        return 0;
    }
    if (out->family == AF_UNSPEC)
        return 0;
    if (out->family == AF_INET)
        return read_inet(bytes, size, out);
    return out->family == AF_INET6 && domain == AF_INET6 ? read_inet6(bytes, size, out)
           : size < sizeof(struct sockaddr_in)           ? -EINVAL
                                                         : -EAFNOSUPPORT;
}

size_t address_write(int domain, const struct address *a, uint8_t out[ADDRESS_ROOM])
{
    uint16_t family = (uint16_t)domain;
    memset(out, 0, ADDRESS_ROOM);
    memcpy(out, &family, sizeof family);
    switch (domain) {
    case AF_UNIX: return write_unix(a, out);
    case AF_INET: return write_inet(a, out);
    case AF_INET6: return write_inet6(a, out);
    }
    memcpy(out + 4, &a->id, sizeof a->id);
    return NETLINK_SIZE;
}

bool address_is_abstract(const struct address *a)
{
    return a->size && a->name[0] == '\0';
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->size == b->size && memcmp(a->name, b->name, a->size) == 0;
}

struct address address_any(bool v6)
{
    struct address a = {.family = AF_INET6};
    if (!v6)
        memcpy(a.ip, mapped, sizeof mapped);
    return a;
}

struct address address_loopback(bool v6)
{
    struct address a = address_any(v6);
    if (!v6)
        a.ip[12] = 127;
    a.ip[15] = 1;
    return a;
}

bool address_is_v4(const struct address *a)
{
    return memcmp(a->ip, mapped, sizeof mapped) == 0;
}

bool address_is_any(const struct address *a)
{
    static const uint8_t zeros[16];
    return address_is_v4(a) ? memcmp(a->ip + 12, zeros, 4) == 0
                            : memcmp(a->ip, zeros, sizeof zeros) == 0;
}

bool address_is_loopback(const struct address *a)
{
    const struct address one = address_loopback(true);
    return address_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one.ip, sizeof one.ip) == 0;
}
