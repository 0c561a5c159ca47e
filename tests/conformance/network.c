/* inet, mcast, unix, dns, route: sockets and what is asked of them. */
#include "conform.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* What the kernel's headers name, and libcs do not all. */
#define NETLINK_ROUTE 0

static long closed(int fd)
{
    return fd < 0 ? -1 : close(fd);
}

static const struct sockaddr *local(in_port_t port)
{
    static struct sockaddr_in address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return (const struct sockaddr *)&address;
}
#define LOCAL_SIZE sizeof(struct sockaddr_in)

static const struct sockaddr *named(const char *path)
{
    static struct sockaddr_un address;
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return (const struct sockaddr *)&address;
}
#define NAMED_SIZE sizeof(struct sockaddr_un)

GRANTS("inet", "stdio", "socket(2) AF_INET SOCK_STREAM", "pledge.2 inet",
       closed(socket(AF_INET, SOCK_STREAM, 0)));
GRANTS("inet", "stdio", "socket(2) AF_INET SOCK_DGRAM", "pledge.2 inet",
       closed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP)));
GRANTS("inet", "stdio unix", "socket(2) AF_INET6", "pledge.2 inet",
       OK(closed(socket(AF_INET6, SOCK_STREAM, 0)) == 0 || errno == EAFNOSUPPORT));
GRANTS("unix", "stdio inet", "socket(2) AF_UNIX", "pledge.2 unix",
       closed(socket(AF_UNIX, SOCK_STREAM, 0)));
DIES("stdio inet unix dns", "socket(2) of another domain is a violation",
     "kern_pledge.c pledge_socket", closed(socket(AF_NETLINK, SOCK_RAW, 15 /* uevents */)));
DIES("stdio inet", "a raw socket is a violation", "kern_pledge.c pledge_socket",
     closed(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)), .needs = "root: may make raw sockets",
     .openbsd = "inet has them for root",
     .because = "such a socket speaks every protocol, and Landlock's rules on ports do not see it");

GRANTS("inet", "stdio", "connect(2) of an internet socket", "pledge.2 inet",
       connect(scene.inet, local(9), LOCAL_SIZE));
GRANTS("inet", "stdio", "bind(2) of an internet socket", "pledge.2 inet",
       bind(scene.inet, local(0), LOCAL_SIZE));
GRANTS("inet", "stdio", "sendto(2) with an address", "pledge.2 stdio, sendto",
       sendto(scene.inet, "x", 1, 0, local(9), LOCAL_SIZE));

static long sends_message(int fd, const struct sockaddr *to, socklen_t size)
{
    struct iovec data = {(void *)"x", 1};
    struct msghdr message = {
        .msg_name = (void *)to, .msg_namelen = size, .msg_iov = &data, .msg_iovlen = 1};
    return sendmsg(fd, &message, 0);
}

GRANTS("inet", "stdio", "sendmsg(2) with an address", "pledge.2 stdio, sendmsg",
       sends_message(scene.inet, local(9), LOCAL_SIZE));
ALLOWS("stdio sendfd", "with sendfd a socket that is open sends to an internet address",
       "kern_pledge.c pledge_sendit", sends_message(scene.inet, local(9), LOCAL_SIZE),
       .openbsd = "it is a violation",
       .because = "the address stands in memory with the descriptors, too deep for a filter");

/* reaches: datagrams that the socket sends to its own name. */
static long reaches(void)
{
    return sends_message(scene.datagram, named("datagram"), NAMED_SIZE);
}

static long reaches_below_abi_9(void)
{
    bool by_path = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 9;
    return reaches() >= 0 ? -by_path : OK(by_path && errno == EACCES);
}

ALSO_GRANTS("unix", "inet", "stdio", "sendmsg(2) with a path", "pledge.2 stdio, sendmsg",
            reaches());
ALLOWS("stdio sendfd", "with sendfd a socket that is open sends to a path",
       "kern_pledge.c pledge_sendit", reaches_below_abi_9(), .openbsd = "it is a violation",
       .because = "the address stands in memory with the descriptors, too deep for a filter; from "
                  "Landlock ABI 9 on it fails with EACCES");

static long listens(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, local(0), LOCAL_SIZE) != 0 || listen(server, 1) != 0 ||
        getsockname(server, (struct sockaddr *)&address, &size) != 0 ||
        connect(client, (struct sockaddr *)&address, size) != 0)
        return -1;
    return accept(server, NULL, NULL) >= 0 ? getpeername(client, (struct sockaddr *)&address, &size)
                                           : -1;
}

GRANTS("inet", "stdio", "listen(2), accept(2) and connect(2) of the internet", "pledge.2 inet",
       listens());
ALSO_GRANTS("unix", "inet", "stdio", "listen(2)", "pledge.2 unix", listen(scene.listener, 1));
ALSO_GRANTS("unix", "inet", "stdio", "accept(2)", "pledge.2 unix",
            OK(fcntl(scene.listener, F_SETFL, O_NONBLOCK) == 0 &&
               accept(scene.listener, NULL, NULL) == -1 && errno == EAGAIN));
ALSO_GRANTS("unix", "inet", "stdio", "accept4(2)", "pledge.2 unix",
            OK(fcntl(scene.listener, F_SETFL, O_NONBLOCK) == 0 &&
               accept4(scene.listener, NULL, NULL, SOCK_CLOEXEC) == -1 && errno == EAGAIN));

static long calls(const char *path)
{
    return connect(socket(AF_UNIX, SOCK_STREAM, 0), named(path), NAMED_SIZE);
}

static long answers(const char *path)
{
    return bind(socket(AF_UNIX, SOCK_STREAM, 0), named(path), NAMED_SIZE);
}

GRANTS("unix", "stdio rpath wpath", "connect(2) to a path", "pledge.2 unix", calls("socket"));
GRANTS("unix", "stdio rpath wpath cpath", "bind(2) to a path", "pledge.2 unix", answers("new"));
ALLOWS("stdio unix", "bind(2) to a path takes no other promise", "uipc_usrreq.c PLEDGE_UNIX",
       answers("new"));

#define SETS(level, option, value) setsockopt(scene.inet, level, option, &(int){value}, sizeof(int))
#define SETS_TCP(option)                                                                           \
    setsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP, option, &(int){1}, sizeof(int))

GRANTS("inet", "stdio", "setsockopt(2) SO_REUSEADDR", "kern_pledge.c pledge_sockopt",
       SETS(SOL_SOCKET, SO_REUSEADDR, 1));
ALSO_GRANTS("unix", "inet", "stdio", "setsockopt(2) SO_SNDBUF", "kern_pledge.c pledge_sockopt",
            SETS(SOL_SOCKET, SO_SNDBUF, 4096));
GRANTS("inet", "stdio", "setsockopt(2) IP_TTL", "kern_pledge.c pledge_sockopt",
       SETS(IPPROTO_IP, IP_TTL, 3));
GRANTS("inet", "stdio unix", "setsockopt(2) IP_TTL takes inet, not unix",
       "kern_pledge.c pledge_sockopt", SETS(IPPROTO_IP, IP_TTL, 3));
ALLOWS("stdio inet", "setsockopt(2) IP_TOS", "kern_pledge.c pledge_sockopt",
       SETS(IPPROTO_IP, IP_TOS, 8));
ALLOWS("stdio inet", "setsockopt(2) TCP_NODELAY", "kern_pledge.c pledge_sockopt",
       SETS_TCP(TCP_NODELAY));
ALLOWS("stdio inet", "setsockopt(2) TCP_MAXSEG", "kern_pledge.c pledge_sockopt",
       setsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP, TCP_MAXSEG, &(int){1000},
                  sizeof(int)));
DIES("stdio inet unix", "an option that no promise has is a violation",
     "kern_pledge.c pledge_sockopt",
     OK(setsockopt(scene.inet, SOL_SOCKET, 26 /* SO_ATTACH_FILTER */, "", 0) == -1 &&
        errno == EINVAL));

static long joins(void)
{
    struct ip_mreq group = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
    group.imr_multiaddr.s_addr = inet_addr("224.0.0.251");
    return OK(setsockopt(scene.inet, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0 ||
              errno == ENODEV);
}

GRANTS("mcast", "stdio inet", "joining a multicast group", "pledge.2 mcast", joins());
ALLOWS("stdio inet mcast", "setsockopt(2) IP_MULTICAST_TTL", "pledge.2 mcast",
       SETS(IPPROTO_IP, IP_MULTICAST_TTL, 2));

/* What getaddrinfo(3) does; that it works as a whole is fresh.c's. */
ALSO_GRANTS("dns", "inet", "stdio", "a socket for name servers", "pledge.2 dns",
            closed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
ALSO_GRANTS("dns", "inet", "stdio", "sendto(2) a name server", "pledge.2 dns",
            sendto(scene.inet, "x", 1, 0, local(53), LOCAL_SIZE));
ALSO_GRANTS("dns", "rpath", "stdio", "/etc/resolv.conf may be opened", "kern_pledge.c pledge_namei",
            OK(open("/etc/resolv.conf", O_RDONLY) >= 0 || errno == ENOENT));
ALSO_GRANTS("dns", "rpath", "stdio", "/etc/hosts may be opened", "kern_pledge.c pledge_namei",
            OK(open("/etc/hosts", O_RDONLY) >= 0 || errno == ENOENT));
ALSO_GRANTS("dns", "rpath", "stdio", "/etc/services may be opened", "kern_pledge.c pledge_namei",
            OK(open("/etc/services", O_RDONLY) >= 0 || errno == ENOENT));
DIES("stdio dns", "dns opens no other file", "kern_pledge.c pledge_namei",
     open("/etc/passwd", O_RDONLY));
DIES("stdio dns", "dns does not listen", "kern_pledge.c SYS_listen",
     listen(socket(AF_INET, SOCK_STREAM, 0), 1));
DIES("stdio dns", "dns makes no unix socket", "kern_pledge.c pledge_socket",
     closed(socket(AF_UNIX, SOCK_STREAM, 0)));

static long interfaces(void)
{
    struct ifaddrs *list = NULL;
    return getifaddrs(&list);
}

ALLOWS("stdio dns", "getifaddrs(3) under dns", "kern_pledge.c pledge_sysctl", interfaces());
ALLOWS("stdio route", "getifaddrs(3) under route", "kern_pledge.c pledge_sysctl", interfaces());
DIES("stdio inet", "getifaddrs(3) takes route or dns", "kern_pledge.c pledge_sysctl", interfaces(),
     .openbsd = "inet is enough",
     .because = "it asks by a netlink socket, by which root changes routes as well");
GRANTS("route", "stdio unix", "asking for the routes", "pledge.2 route",
       closed(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)));
ALSO_GRANTS("route", "inet", "stdio", "ioctl(2) SIOCGIFFLAGS", "kern_pledge.c pledge_ioctl",
            ioctl(scene.inet, SIOCGIFFLAGS, &(struct ifreq){.ifr_name = "lo"}));
GRANTS("inet", "stdio", "ioctl(2) SIOCATMARK", "kern_pledge.c pledge_ioctl",
       OK(ioctl(scene.inet, 0x8905 /* SIOCATMARK */, &(int){0}) == 0 || errno == ENOTTY ||
          errno == EOPNOTSUPP || errno == EINVAL));
