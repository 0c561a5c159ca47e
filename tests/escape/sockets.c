/* Sockets to the outside, and calls that go behind Landlock's back. */
#include "escape.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WIDE "stdio rpath wpath cpath unix inet mcast dns sendfd recvfd proc exec"

static int call_at(const char *path, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(address.sun_path, path, size);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return TRY(connect(fd, (struct sockaddr *)&address, length));
}

/* Like D-Bus, an ssh agent or docker: a socket that somebody else listens on. */
static int bus(const struct scene *s)
{
    const char *path = escape_path(s, "outside/bus");
    return call_at(path, strlen(path) + 1);
}

static int bus_inside(const struct scene *s)
{
    const char *path = escape_path(s, "work/bus");
    return call_at(path, strlen(path) + 1);
}

static int bus_in_tmp(const struct scene *s)
{
    char path[64];
    return call_at(path,
                   (size_t)snprintf(path, sizeof path, "/tmp/vow-escape-%d.bus", s->number) + 1);
}

static int abstract_bus(const struct scene *s)
{
    char name[64] = "";
    return call_at(name,
                   1 + (size_t)snprintf(name + 1, sizeof name - 1, "vow-escape-%d", s->number));
}

/* A socket of the run itself. */
static int abstract_inside(const struct scene *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = 1 + (size_t)snprintf(address.sun_path + 1, 64, "vow-inside-%d", s->number);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = TRY(bind(fd, (struct sockaddr *)&address, length));
    if (!failed)
        failed = TRY(listen(fd, 1));
    return failed ? failed : call_at(address.sun_path, size);
}

static int datagram(const struct scene *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", escape_path(s, "outside/log"));
    CLEAN_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return TRY(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof address));
}

static int pair(UNUSED const struct scene *s)
{
    int ends[2];
    int failed = TRY(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    return failed ? failed : TRY(send(ends[0], "x", 1, 0));
}

/* An end of a datagram pair sends to any name. */
static int datagram_pair(const struct scene *s)
{
    int ends[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", escape_path(s, "outside/log"));
    int failed = TRY(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
    return failed ? failed
                  : TRY(sendto(ends[0], "x", 1, 0, (struct sockaddr *)&address, sizeof address));
}

static int make(int domain, int type, int protocol)
{
    CLEAN_FD int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    return fd < 0 ? errno : 0;
}

static int tcp(UNUSED const struct scene *s)
{
    return make(AF_INET, SOCK_STREAM, 0);
}

static int local(UNUSED const struct scene *s)
{
    return make(AF_UNIX, SOCK_STREAM, 0);
}

static int raw_ip(UNUSED const struct scene *s)
{
    return make(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

static int packet(UNUSED const struct scene *s)
{
    return make(AF_PACKET, SOCK_DGRAM, 0);
}

static int netlink(UNUSED const struct scene *s)
{
    return make(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}

static int vsock(UNUSED const struct scene *s)
{
    return make(AF_VSOCK, SOCK_STREAM, 0);
}

static int kernel_crypto(UNUSED const struct scene *s)
{
    return make(AF_ALG, SOCK_SEQPACKET, 0);
}

static int mptcp(UNUSED const struct scene *s)
{
    return make(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
}

static int fast_open(UNUSED const struct scene *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CLEAN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return TRY(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address));
}

static int fast_open_by_message(UNUSED const struct scene *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct iovec data = {(void *)"x", 1};
    struct msghdr message = {&address, sizeof address, &data, 1, NULL, 0, 0};
    CLEAN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return TRY(sendmsg(fd, &message, MSG_FASTOPEN));
}

/* Refused by whoever listens, not by us. */
static int connect_tcp(UNUSED const struct scene *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CLEAN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
    return failed == ECONNREFUSED ? 0 : failed;
}

static int socket_filter(UNUSED const struct scene *s)
{
    int ends[2], failed = TRY(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    return failed ? failed : TRY(setsockopt(ends[0], SOL_SOCKET, SO_ATTACH_FILTER, "", 0));
}

const struct escape escapes_sockets[] = {
    {"socket_of_a_service", WIDE, NULL, {ENOENT}, bus, bus_inside},
    {"socket_in_tmp", WIDE, NULL, {ENOENT}, bus_in_tmp, bus_inside},
    {"abstract_socket", WIDE, NULL, {EPERM}, abstract_bus, abstract_inside},
    {"datagram", WIDE, NULL, {ENOENT}, datagram, pair},
    {"datagram_pair_without_unix", "stdio rpath wpath", NULL, {EPERM}, datagram_pair, pair},
    {"datagram_pair", WIDE, NULL, {ENOENT}, datagram_pair, pair},
    {"unix_without_unix", "stdio rpath wpath cpath inet", NULL, {EPERM}, local, tcp},
    {"inet_without_inet", "stdio rpath wpath cpath unix", NULL, {EPERM}, tcp, local},
    {"raw_socket", WIDE, NULL, {EPERM}, raw_ip, tcp, .who = ROOT_ONLY},
    {"packet_socket", WIDE, NULL, {EPERM}, packet, tcp, .who = ROOT_ONLY},
    {"netlink_socket", WIDE, NULL, {EPERM}, netlink, tcp},
    {"vsock", WIDE, NULL, {EPERM}, vsock, tcp},
    {"kernel_crypto_socket", WIDE, NULL, {EPERM}, kernel_crypto, tcp},
    {"mptcp", WIDE, NULL, {EPERM}, mptcp, tcp},
    {"fast_open", WIDE, NULL, {EPERM}, fast_open, connect_tcp},
    {"fast_open_by_sendmsg", WIDE, NULL, {EPERM}, fast_open_by_message, connect_tcp},
    {"socket_filter", WIDE, NULL, {EPERM}, socket_filter, pair},
    {0},
};
