#include "box/broker/net/control.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { HEADER = sizeof(struct cmsghdr), SCM_CREDENTIALS_ = 2 };
_Static_assert(HEADER == 16, "as x86_64 has it");

static size_t aligned(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static int read_fds(const uint8_t *data, size_t size, struct control *out)
{
    size_t count = size / sizeof(int);
    out->has_fds = true;
    if (count > CONTROL_FDS_MAX - out->fd_count)
        return -EINVAL;
    memcpy(out->fds + out->fd_count, data, count * sizeof(int));
    out->fd_count += (unsigned)count;
    return 0;
}

/* A number of up to 255, or -1. */
static int read_number(const uint8_t *data, size_t size, int *out)
{
    if (size != sizeof *out)
        return -EINVAL;
    memcpy(out, data, sizeof *out);
    return *out < -1 || *out > 255 ? -EINVAL : 0;
}

/* Which interface, how many hops: here there is one, without any; but the other
 * end is told what was said. */
static int read_of_ip(const struct cmsghdr *h, const uint8_t *data, struct control *out)
{
    size_t size = h->cmsg_len - HEADER;
    bool v6 = h->cmsg_level == IPPROTO_IPV6;
    if (h->cmsg_level == IPPROTO_UDP)
        return -EINVAL; /* one message for many */
    if (h->cmsg_level != IPPROTO_IP && !v6)
        return 0;
    if (h->cmsg_type == (v6 ? IPV6_PKTINFO : IP_PKTINFO))
        return 0;
    if (h->cmsg_type == (v6 ? IPV6_HOPLIMIT : IP_TTL))
        return read_number(data, size, &out->journey.hops);
    if (h->cmsg_type == (v6 ? IPV6_TCLASS : IP_TOS))
        return read_number(data, size, &out->journey.class);
    return -EINVAL;
}

static int read_one(int domain, const struct cmsghdr *h, const uint8_t *data, struct control *out)
{
    size_t size = h->cmsg_len - HEADER;
    if (h->cmsg_level != SOL_SOCKET)
        return domain == AF_UNIX || domain == AF_NETLINK ? 0 : read_of_ip(h, data, out);
    if (h->cmsg_type == SCM_RIGHTS)
        return domain == AF_UNIX ? read_fds(data, size, out) : domain == AF_NETLINK ? -EINVAL : 0;
    if (h->cmsg_type != SCM_CREDENTIALS_)
        return -EINVAL;
    if (size != sizeof out->peer)
        return -EINVAL;
    memcpy(&out->peer, data, sizeof out->peer);
    out->has_peer = true;
    return 0;
}

int control_read(int domain, const void *bytes, size_t size, struct control *out)
{
    const uint8_t *at = bytes;
    out->fd_count = 0;
    out->has_fds = out->has_peer = false;
    out->journey = (struct journey){-1, -1};
    while (size >= HEADER) {
        struct cmsghdr h;
        memcpy(&h, at, HEADER);
        if (h.cmsg_len < HEADER || h.cmsg_len > size)
            return -EINVAL;
        int result = read_one(domain, &h, at + HEADER, out);
        if (result != 0)
            return result;
        size_t step = aligned(h.cmsg_len);
        if (step >= size)
            break;
        at += step;
        size -= step;
    }
    return 0;
}

size_t control_fits(const struct control_list *l, size_t unit)
{
    return l->room - l->size < HEADER ? 0 : (l->room - l->size - HEADER) / unit;
}

size_t control_add(struct control_list *l, int level, int type, const void *data, size_t size)
{
    struct cmsghdr h = {.cmsg_level = level, .cmsg_type = type};
    size_t left = l->room - l->size;
    if (left < HEADER) {
        l->truncated = true;
        return 0;
    }
    if (size > left - HEADER) {
        l->truncated = true;
        size = left - HEADER;
    }
    h.cmsg_len = HEADER + size;
    memcpy(l->at + l->size, &h, HEADER);
    if (size)
        memcpy(l->at + l->size + HEADER, data, size);
    size_t step = aligned(h.cmsg_len);
    if (step > left)
        step = left;
    memset(l->at + l->size + h.cmsg_len, 0, step - h.cmsg_len);
    l->size += step;
    return size;
}
