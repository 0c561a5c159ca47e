/* address: names of sockets, between the bytes of a guest and what the broker
 * compares. PURE. */
#ifndef VOW_BOX_ADDRESS_H
#define VOW_BOX_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_NAME_MAX = 108, ADDRESS_ROOM = 128 };

/* An address of the internet is one of IPv6; those of IPv4 are ::ffff:a.b.c.d. */
struct address {
    uint16_t family; /* AF_x; AF_UNSPEC: it has none */
    uint16_t port;   /* in the machine's order */
    uint32_t id;     /* AF_NETLINK */
    uint8_t ip[16];
    uint16_t size;                   /* AF_UNIX: of the name; 0: it has none */
    char name[ADDRESS_NAME_MAX + 1]; /* a path, or a NUL and an abstract name */
};

/* address_read: from `size` bytes that a guest gives a socket of `domain`. AF_UNSPEC
 * is read as such. 0, -EINVAL, -EAFNOSUPPORT. */
int address_read(int domain, const void *bytes, size_t size, struct address *out);
/* address_write: as a socket of `domain` shows it: its size. */
size_t address_write(int domain, const struct address *a, uint8_t out[ADDRESS_ROOM]);

bool address_is_abstract(const struct address *a);
bool address_equal(const struct address *a, const struct address *b);
/* Of the internet. */
struct address address_any(bool v6);
struct address address_loopback(bool v6);
bool address_is_any(const struct address *a);
bool address_is_v4(const struct address *a);
bool address_is_loopback(const struct address *a);

#endif
