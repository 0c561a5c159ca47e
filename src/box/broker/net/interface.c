#include "box/broker/net/interface.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "box/broker/net/inet.h"
#include "box/broker/net/route.h"
#include "box/broker/task.h"

/* ioctl --------------------------------------------------------------------------------------*/

static void put_address(struct ifreq *r, uint8_t first, uint8_t last)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl((uint32_t)first << 24 | last);
    memcpy(&r->ifr_addr, &a, sizeof a);
}

static int64_t fill(struct ifreq *r, uint32_t request)
{
    switch (request) {
    case SIOCGIFNAME:
        if (r->ifr_ifindex != 1)
            return -ENODEV;
        memcpy(r->ifr_name, "lo", 3);
        return 0;
    case SIOCGIFCONF:
        memcpy(r->ifr_name, "lo", 3);
        put_address(r, 127, 1);
        return 0;
    }
    if (strncmp(r->ifr_name, "lo", sizeof r->ifr_name) != 0)
        return -ENODEV;
    switch (request) {
    case SIOCGIFFLAGS: r->ifr_flags = (short)(ROUTE_FLAGS & 0xffff); return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR: put_address(r, 127, 1); return 0;
    case SIOCGIFNETMASK: put_address(r, 255, 0); return 0;
    case SIOCGIFBRDADDR: put_address(r, 0, 0); return 0;
    case SIOCGIFINDEX: r->ifr_ifindex = 1; return 0;
    case SIOCGIFMTU: r->ifr_mtu = ROUTE_MTU; return 0;
    case SIOCGIFMETRIC: r->ifr_metric = 0; return 0;
    case SIOCGIFTXQLEN: r->ifr_qlen = 1000; return 0;
    case SIOCGIFHWADDR:
        memset(&r->ifr_hwaddr, 0, sizeof r->ifr_hwaddr);
        r->ifr_hwaddr.sa_family = ROUTE_HARDWARE;
        return 0;
    }
    return -ENOTTY;
}

int64_t interface_ioctl(struct thread *t, uint32_t request, uint64_t argument)
{
    struct ifreq r = {0};
    if (request < SIOCGIFNAME || request > SIOCGIFTXQLEN)
        return -ENOTTY;
    if (call_get(t, argument, &r, sizeof r) != 0)
        return -EFAULT;
    int64_t result = fill(&r, request);
    return result ? result : call_put(t, argument, &r, sizeof r);
}

/* /proc/net ----------------------------------------------------------------------------------*/

const char *const net_file_names[NET_FILES] = {
    [NET_DEV] = "dev",   [NET_IF_INET6] = "if_inet6", [NET_ROUTE] = "route",
    [NET_TCP] = "tcp",   [NET_TCP6] = "tcp6",         [NET_UDP] = "udp",
    [NET_UDP6] = "udp6", [NET_UNIX] = "unix",         [NET_NETLINK] = "netlink",
};

/* The kernel's numbers of states. */
enum { ESTABLISHED = 1, CLOSE = 7, CLOSE_WAIT = 8, LISTEN = 10 };

static unsigned state_of(const struct socket *s)
{
    if (s->state == LISTENS)
        return LISTEN;
    if (s->state != CONNECTED)
        return CLOSE;
    return s->family == &tcp && s->shut & SHUT_READ ? CLOSE_WAIT : ESTABLISHED;
}

/* An address as the kernel writes it: words in the machine's order. */
static void add_ip(struct str *s, const struct address *a, bool v6)
{
    uint32_t words[4];
    memcpy(words, a->ip, sizeof words);
    for (int i = v6 ? 0 : 3; i < 4; i++)
        str_addf(s, "%08X", words[i]);
    str_addf(s, ":%04X", a->port);
}

static void add_sockets_of(struct str *s, const struct family *family, int domain)
{
    unsigned number = 0;
    str_add(s, domain == AF_INET
                   ? "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
                     "retrnsmt   uid  timeout inode\n"
                   : "  sl  local_address                         remote_address"
                     "                        st tx_queue rx_queue tr tm->when retrnsmt"
                     "   uid  timeout inode\n");
    for (const struct socket *o = sockets; o; o = o->next) {
        if (o->family != family || o->domain != domain || !o->name.port)
            continue;
        str_addf(s, "%4u: ", number++);
        add_ip(s, &o->name, domain == AF_INET6);
        str_add(s, " ");
        add_ip(s, &o->peer_name, domain == AF_INET6);
        str_addf(s, " %02X %08X:%08X 00:00000000 00000000 %5u        0 %u 1 0 100 0 0 10 0\n",
                 state_of(o), o->peer ? (unsigned)o->peer->bytes : 0,
                 o->state == LISTENS ? o->waiting_count : (unsigned)o->bytes, o->cred.uid, o->ino);
    }
}

static void add_unix(struct str *s)
{
    str_add(s, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    for (const struct socket *o = sockets; o; o = o->next) {
        if (o->domain != AF_UNIX || !o->file)
            continue;
        str_addf(s, "%016x: %08X 00000000 %08X %04X %02X %5u", o->ino, o->file->references,
                 o->state == LISTENS ? 0x10000 : 0, (unsigned)o->type,
                 o->state == CONNECTED ? 3 : 1, o->ino);
        if (o->name.size)
            str_addf(s, " %s%.*s", address_is_abstract(&o->name) ? "@" : "",
                     (int)(o->name.size - address_is_abstract(&o->name)),
                     o->name.name + address_is_abstract(&o->name));
        str_add(s, "\n");
    }
}

void net_file_add(struct str *s, enum net_file file)
{
    switch (file) {
    case NET_DEV:
        str_add(s, "Inter-|   Receive                                                |  Transmit\n"
                   " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
                   "packets errs drop fifo colls carrier compressed\n"
                   "    lo:       0       0    0    0    0     0          0         0        0"
                   "       0    0    0    0     0       0          0\n");
        break;
    case NET_IF_INET6: str_add(s, "00000000000000000000000000000001 01 80 10 80       lo\n"); break;
    case NET_ROUTE:
        str_add(s, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\t"
                   "IRTT\n");
        break;
    case NET_TCP: add_sockets_of(s, &tcp, AF_INET); break;
    case NET_TCP6: add_sockets_of(s, &tcp, AF_INET6); break;
    case NET_UDP: add_sockets_of(s, &udp, AF_INET); break;
    case NET_UDP6: add_sockets_of(s, &udp, AF_INET6); break;
    case NET_UNIX: add_unix(s); break;
    case NET_NETLINK:
        str_add(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    "
                   "Drops    Inode\n");
        break;
    case NET_FILES: break;
    }
}
