/* socket: what guests say of sockets: names, control data, requests of netlink.
 * The first byte of an input says which. */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "box/broker/net/address.h"
#include "box/broker/net/control.h"
#include "box/broker/net/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* What was read is written so that it reads the same. */
static void name(int domain, const uint8_t *bytes, size_t size)
{
    struct address a, b;
    uint8_t written[ADDRESS_ROOM], again[ADDRESS_ROOM];
    if (address_read(domain, bytes, size, &a) != 0 || a.family == AF_UNSPEC)
        return;
    must(a.size <= ADDRESS_NAME_MAX && a.name[a.size] == '\0');
    size_t length = address_write(domain, &a, written);
    must(length <= ADDRESS_ROOM);
    if (domain == AF_INET6 && a.family == AF_INET)
        return; /* comes back as one of IPv6 */
    must(domain == AF_UNIX && length == 2
             ? a.size == 0
             : length > 110 || address_read(domain, written, length, &b) == 0);
    if (length > 2 && length <= 110) {
        must(address_write(domain, &b, again) == length && memcmp(written, again, length) == 0);
        must(domain != AF_UNIX || address_equal(&a, &b));
    }
}

/* What is accepted fits; what is added reads as it was. */
static void control(int domain, const uint8_t *bytes, size_t size)
{
    struct control c, again;
    static struct control_list l;
    if (control_read(domain, bytes, size, &c) != 0)
        return;
    must(c.fd_count <= CONTROL_FDS_MAX && (domain == AF_UNIX || c.fd_count == 0));
    l.room = size && bytes[0] % 2 ? CONTROL_ROOM : size % 64;
    l.size = 0;
    l.truncated = false;
    size_t wanted = c.fd_count * sizeof *c.fds;
    if (c.has_peer)
        control_add(&l, SOL_SOCKET, 2, &c.peer, sizeof c.peer);
    size_t fits = control_fits(&l, sizeof *c.fds) * sizeof *c.fds;
    if (c.fd_count)
        control_add(&l, SOL_SOCKET, SCM_RIGHTS, c.fds, wanted < fits ? wanted : fits);
    must(l.size <= l.room);
    if (l.truncated || wanted > fits || domain != AF_UNIX)
        return;
    must(control_read(domain, l.at, l.size, &again) == 0);
    must(again.fd_count == c.fd_count && memcmp(again.fds, c.fds, wanted) == 0);
    must(again.has_peer == c.has_peer);
}

/* An answer is a list of whole messages for who asked. */
static void route(const uint8_t *bytes, size_t size)
{
    static struct route_answer answer;
    route_answer(bytes, size, 77, &answer);
    must(answer.size <= ROUTE_ROOM);
    for (size_t at = 0; at < answer.size;) {
        struct nlmsghdr h;
        must(answer.size - at >= sizeof h);
        memcpy(&h, answer.at + at, sizeof h);
        must(h.nlmsg_len >= sizeof h && h.nlmsg_len <= answer.size - at && h.nlmsg_pid == 77);
        at += NLMSG_ALIGN(h.nlmsg_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int domains[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    if (size < 2)
        return 0;
    int domain = domains[data[0] % 4];
    switch (data[0] / 4 % 3) {
    case 0: name(domain, data + 1, size - 1); break;
    case 1: control(domain, data + 1, size - 1 < CONTROL_ROOM ? size - 1 : CONTROL_ROOM); break;
    case 2: route(data + 1, size - 1); break;
    }
    return 0;
}
