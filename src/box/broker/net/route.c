#include "box/broker/net/route.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { LOOPBACK = 1, HARDWARE_SIZE = 6 };

/* Building -----------------------------------------------------------------------------------*/

static void add(struct route_answer *out, const void *bytes, size_t size)
{
    size_t step = NLMSG_ALIGN(size);
    if (step > ROUTE_ROOM - out->size) {
        out->full = true;
        return;
    }
    memset(out->at + out->size, 0, step);
    memcpy(out->at + out->size, bytes, size);
    out->size += step;
}

static void attribute(struct route_answer *out, unsigned short type, const void *data, size_t size)
{
    struct rtattr a = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type};
    add(out, &a, sizeof a);
    add(out, data, size);
}

static void number(struct route_answer *out, unsigned short type, uint32_t value)
{
    attribute(out, type, &value, sizeof value);
}

/* A message begins; finish() says how long it became, or takes it back where there
 * was no room. */
static size_t begin(struct route_answer *out, const struct nlmsghdr *request, uint16_t type,
                    uint32_t port)
{
    size_t at = out->size;
    struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_seq = request->nlmsg_seq, .nlmsg_pid = port};
    if ((request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
        h.nlmsg_flags = NLM_F_MULTI;
    add(out, &h, sizeof h);
    return at;
}

static void finish(struct route_answer *out, size_t at)
{
    uint32_t size = (uint32_t)(out->size - at);
    if (out->full)
        out->size = at;
    else
        memcpy(out->at + at, &size, sizeof size);
}

/* What there is -------------------------------------------------------------------------------*/

static void add_link(struct route_answer *out, const struct nlmsghdr *request, uint32_t port)
{
    static const uint8_t hardware[HARDWARE_SIZE];
    const struct ifinfomsg info = {
        .ifi_type = ROUTE_HARDWARE, .ifi_index = LOOPBACK, .ifi_flags = ROUTE_FLAGS};
    const uint8_t operating = 0;
    size_t at = begin(out, request, RTM_NEWLINK, port);
    add(out, &info, sizeof info);
    attribute(out, IFLA_IFNAME, "lo", 3);
    number(out, IFLA_TXQLEN, 1000);
    attribute(out, IFLA_OPERSTATE, &operating, sizeof operating);
    number(out, IFLA_MTU, ROUTE_MTU);
    attribute(out, IFLA_ADDRESS, hardware, sizeof hardware);
    attribute(out, IFLA_BROADCAST, hardware, sizeof hardware);
    attribute(out, IFLA_QDISC, "noqueue", 8);
    finish(out, at);
}

static void add_address(struct route_answer *out, const struct nlmsghdr *request, uint32_t port,
                        bool v6)
{
    static const uint8_t v4[4] = {127, 0, 0, 1}, six[16] = {[15] = 1};
    const struct ifaddrmsg info = {.ifa_family = v6 ? AF_INET6 : AF_INET,
                                   .ifa_prefixlen = v6 ? 128 : 8,
                                   .ifa_flags = IFA_F_PERMANENT,
                                   .ifa_scope = RT_SCOPE_HOST,
                                   .ifa_index = LOOPBACK};
    size_t at = begin(out, request, RTM_NEWADDR, port);
    add(out, &info, sizeof info);
    attribute(out, IFA_ADDRESS, v6 ? six : v4, v6 ? sizeof six : sizeof v4);
    if (!v6) {
        attribute(out, IFA_LOCAL, v4, sizeof v4);
        attribute(out, IFA_LABEL, "lo", 3);
    }
    number(out, IFA_FLAGS, IFA_F_PERMANENT);
    finish(out, at);
}

static void add_error(struct route_answer *out, const struct nlmsghdr *request, uint32_t port,
                      int error)
{
    const struct nlmsgerr e = {.error = -error, .msg = *request};
    struct nlmsghdr as_one = *request; /* an error is never one of many */
    as_one.nlmsg_flags = 0;
    size_t at = begin(out, &as_one, NLMSG_ERROR, port);
    add(out, &e, sizeof e);
    finish(out, at);
}

static void add_done(struct route_answer *out, const struct nlmsghdr *request, uint32_t port)
{
    const uint32_t zero = 0;
    size_t at = begin(out, request, NLMSG_DONE, port);
    add(out, &zero, sizeof zero);
    finish(out, at);
}

/* Requests -----------------------------------------------------------------------------------*/

/* Does a request for one link mean ours? By index, or by name. */
static bool is_loopback(const uint8_t *body, size_t size)
{
    struct ifinfomsg info;
    if (size < sizeof info)
        return false;
    memcpy(&info, body, sizeof info);
    if (info.ifi_index)
        return info.ifi_index == LOOPBACK;
    for (size_t at = sizeof info; size - at >= sizeof(struct rtattr);) {
        struct rtattr a;
        memcpy(&a, body + at, sizeof a);
        if (a.rta_len < sizeof a || a.rta_len > size - at)
            return false;
        if (a.rta_type == IFLA_IFNAME && a.rta_len >= sizeof a + 3)
            return memcmp(body + at + sizeof a, "lo", 3) == 0;
        size_t step = RTA_ALIGN(a.rta_len);
        if (step > size - at)
            return false;
        at += step;
    }
    return false;
}

static void dump(const struct nlmsghdr *h, uint8_t family, uint32_t port, struct route_answer *out)
{
    switch (h->nlmsg_type) {
    case RTM_GETLINK: add_link(out, h, port); break;
    case RTM_GETADDR:
        if (family == AF_UNSPEC || family == AF_INET)
            add_address(out, h, port, false);
        if (family == AF_UNSPEC || family == AF_INET6)
            add_address(out, h, port, true);
        break;
    }
    add_done(out, h, port);
}

static void answer(const struct nlmsghdr *h, const uint8_t *body, size_t size, uint32_t port,
                   struct route_answer *out)
{
    bool gets = h->nlmsg_type >= RTM_BASE && (h->nlmsg_type & 3) == (RTM_GETLINK & 3);
    if (!(h->nlmsg_flags & NLM_F_REQUEST) || h->nlmsg_type < NLMSG_MIN_TYPE) {
        if (h->nlmsg_flags & NLM_F_ACK)
            add_error(out, h, port, 0);
        return;
    }
    if (!gets)
        add_error(out, h, port, h->nlmsg_type < RTM_BASE ? EOPNOTSUPP : EPERM);
    else if ((h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
        dump(h, size ? body[0] : AF_UNSPEC, port, out);
    else if (h->nlmsg_type == RTM_GETLINK && is_loopback(body, size))
        add_link(out, h, port);
    else
        add_error(out, h, port,
                  h->nlmsg_type == RTM_GETLINK    ? ENODEV
                  : h->nlmsg_type == RTM_GETROUTE ? ENETUNREACH
                                                  : EOPNOTSUPP);
}

void route_answer(const uint8_t *bytes, size_t size, uint32_t port, struct route_answer *out)
{
    out->size = 0;
    out->full = false;
    while (size >= sizeof(struct nlmsghdr) && !out->full) {
        struct nlmsghdr h;
        memcpy(&h, bytes, sizeof h);
        if (h.nlmsg_len < sizeof h || h.nlmsg_len > size)
            return;
        answer(&h, bytes + sizeof h, h.nlmsg_len - sizeof h, port, out);
        size_t step = NLMSG_ALIGN(h.nlmsg_len);
        if (step >= size)
            return;
        bytes += step;
        size -= step;
    }
}
