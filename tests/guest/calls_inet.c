/* Sockets of the internet, over the loopback. */
#include "calls.h"
#include "calls_sockets.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char buffer[256];

static struct sockaddr_in v4(const char *ip, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}

static struct sockaddr_in6 v6(const char *ip, int port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    inet_pton(AF_INET6, ip, &a.sin6_addr);
    return a;
}

static int bind4(int s, const char *ip, int port)
{
    struct sockaddr_in a = v4(ip, port);
    return bind(s, (void *)&a, sizeof a);
}

static int bind6(int s, const char *ip, int port)
{
    struct sockaddr_in6 a = v6(ip, port);
    return bind(s, (void *)&a, sizeof a);
}

static int connect4(int s, const char *ip, int port)
{
    struct sockaddr_in a = v4(ip, port);
    return connect(s, (void *)&a, sizeof a);
}

static int connect6(int s, const char *ip, int port)
{
    struct sockaddr_in6 a = v6(ip, port);
    return connect(s, (void *)&a, sizeof a);
}

static int send4(int s, const char *text, const char *ip, int port)
{
    struct sockaddr_in a = v4(ip, port);
    return (int)sendto(s, text, strlen(text), 0, (void *)&a, sizeof a);
}

/* The address alone: ports differ. */
static void show_ip(const char *what, int result, const struct sockaddr_storage *a, socklen_t size)
{
    char text[64] = "";
    if (result == 0 && a->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, text, sizeof text);
    else if (result == 0)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, text, sizeof text);
    printf("%s = %d, size %d, family %d, %s, port: %d\n", what, result, (int)size, a->ss_family,
           text, ((const struct sockaddr_in *)a)->sin_port != 0);
}

static int port_of(int s)
{
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof a;
    getsockname(s, (void *)&a, &size);
    struct sockaddr_in in;
    memcpy(&in, &a, sizeof in);
    return ntohs(in.sin_port);
}

static void names_of(int s)
{
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof a;
    int result = getsockname(s, (void *)&a, &size);
    show_ip("name", result, &a, size);
    memset(&a, 0, sizeof a);
    size = sizeof a;
    result = getpeername(s, (void *)&a, &size);
    show_ip("peer", result, &a, result ? 0 : size);
}

static int error_of(int s)
{
    int error = -1;
    socklen_t size = sizeof error;
    getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

static int listener(const char *ip, int *port)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    bind4(s, ip, 0);
    listen(s, 5);
    *port = port_of(s);
    return s;
}

static void tcp_pair(int pair[2])
{
    int port, s = listener("127.0.0.1", &port);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    connect4(pair[0], "127.0.0.1", port);
    pair[1] = accept(s, NULL, NULL);
    close(s);
}

static void making(void)
{
    FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    FAILS(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
    FAILS(socket(AF_INET6, SOCK_DGRAM, IPPROTO_TCP));
    FAILS(socket(AF_INET, SOCK_SEQPACKET, 0));
    int s = socket(AF_INET, SOCK_STREAM, 0);
    names_of(s);
    SHOW(polled(s, POLLIN | POLLOUT));
    signal(SIGPIPE, SIG_IGN);
    SHOW(read(s, buffer, 1));
    SHOW(write(s, "x", 1));
    SHOW(accept(s, NULL, NULL));
    SHOW(shutdown(s, SHUT_RD));
    SHOW(bind4(s, "127.0.0.1", 0));
    SHOW(bind4(s, "127.0.0.1", 0));
    names_of(s);
    SHOW(listen(s, 1));
    SHOW(listen(s, 2));
    SHOW(polled(s, POLLIN | POLLOUT));
    SHOW(read(s, buffer, 1));
    SHOW(write(s, "x", 1));
    SHOW(connect4(s, "127.0.0.1", 1));
    int other = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind4(other, "127.0.0.1", port_of(s)));
    SHOW(bind4(other, "0.0.0.0", port_of(s)));
    SHOW(bind4(other, "127.0.0.2", port_of(s)));
    other = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind4(other, "8.8.8.8", 0));
    struct sockaddr_in a = v4("127.0.0.1", 0);
    SHOW(bind(other, (void *)&a, 15));
    SHOW(bind(other, (void *)&a, 8));
    a.sin_family = AF_INET6;
    SHOW(bind(other, (void *)&a, sizeof a));
    a.sin_family = AF_UNSPEC;
    SHOW(bind(other, (void *)&a, sizeof a));
    a.sin_addr.s_addr = 0;
    SHOW(bind(other, (void *)&a, sizeof a));
    SHOW(connect(other, (void *)&a, 1));
    other = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(listen(other, 1)); /* names itself */
    names_of(other);
    if (geteuid() == 0 && fork() == 0) {
        setuid(12345);
        SHOW(bind4(socket(AF_INET, SOCK_STREAM, 0), "127.0.0.1", 81));
        _exit(0);
    }
    wait(NULL);
}

static void connecting(void)
{
    int port, s = listener("0.0.0.0", &port), c = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(polled(s, POLLIN | POLLOUT));
    int a = accept(s, (void *)&from, &size);
    show_ip("accepted", 0, &from, size);
    names_of(c);
    names_of(a);
    SHOW(polled(a, POLLIN | POLLOUT));
    SHOW(write(c, "hello", 5));
    SHOW(read(a, buffer, 3));
    int left = 0;
    SHOW(ioctl(a, FIONREAD, &left));
    SHOW(left);
    SHOW(recv(a, buffer, 10, MSG_TRUNC));
    SHOW(recv(a, buffer, 10, MSG_DONTWAIT));
    /* The other addresses of the loopback. */
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect4(c, "127.1.2.3", port));
    names_of(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect4(c, "0.0.0.0", port));
    names_of(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind4(c, "127.0.0.9", 0));
    SHOW(connect4(c, "127.0.0.1", port));
    names_of(c);
    SHOW(close(s));
    /* Nobody there. */
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(polled(c, POLLIN | POLLOUT));
    SHOW(connect4(c, "127.0.0.1", port));
    struct sockaddr_in none = {.sin_family = AF_INET6};
    SHOW(connect(c, (void *)&none, sizeof none));
}

static void not_waiting(void)
{
    int port, s = listener("127.0.0.1", &port);
    int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(polled(c, POLLIN | POLLOUT));
    SHOW(error_of(c));
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(connect4(c, "127.0.0.1", port));
    int a = accept(s, NULL, NULL);
    SHOW(fcntl(a, F_GETFL) & O_NONBLOCK);
    SHOW(read(c, buffer, 1));
    SHOW(close(s));
    c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(polled(c, POLLIN | POLLOUT | POLLRDHUP));
    SHOW(error_of(c));
    SHOW(error_of(c));
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(read(c, buffer, 1));
}

static void ending(void)
{
    int p[2];
    signal(SIGPIPE, SIG_IGN);
    tcp_pair(p);
    SHOW(write(p[1], "abc", 3));
    SHOW(shutdown(p[1], SHUT_WR));
    SHOW(polled(p[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(read(p[0], buffer, 10));
    SHOW(read(p[0], buffer, 10));
    SHOW(write(p[0], "back", 4));
    SHOW(read(p[1], buffer, 10));
    SHOW(write(p[1], "x", 1));
    SHOW(close(p[0]));
    SHOW(polled(p[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(read(p[1], buffer, 10));
    tcp_pair(p);
    SHOW(close(p[0]));
    SHOW(polled(p[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(read(p[1], buffer, 10));
    SHOW(write(p[1], "x", 1));
    SHOW(polled(p[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(write(p[1], "x", 1));
    SHOW(write(p[1], "x", 1));
    SHOW(read(p[1], buffer, 10));
    tcp_pair(p);
    SHOW(write(p[1], "unread", 6));
    SHOW(close(p[0])); /* resets */
    SHOW(polled(p[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(read(p[1], buffer, 10));
    SHOW(read(p[1], buffer, 10));
    SHOW(write(p[1], "x", 1));
    tcp_pair(p);
    struct linger at_once = {1, 0};
    SHOW(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    SHOW(close(p[0]));
    SHOW(error_of(p[1]));
    SHOW(error_of(p[1]));
    int port, s = listener("127.0.0.1", &port), c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect4(c, "127.0.0.1", port));
    SHOW(close(s)); /* before it was accepted */
    SHOW(read(c, buffer, 1));
    s = listener("127.0.0.1", &port);
    SHOW(shutdown(s, SHUT_RDWR));
    SHOW(accept(s, NULL, NULL));
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect4(c, "127.0.0.1", port));
    tcp_pair(p);
    SHOW(shutdown(p[0], SHUT_RD));
    SHOW(read(p[0], buffer, 1));
    SHOW(write(p[1], "x", 1));
}

static void version6(void)
{
    int s = socket(AF_INET6, SOCK_STREAM, 0), one = 1, c, a;
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    names_of(s);
    SHOW(bind6(s, "::", 0));
    SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
    SHOW(listen(s, 5));
    c = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(connect6(c, "::1", port_of(s)));
    names_of(c);
    a = accept(s, (void *)&from, &size);
    show_ip("accepted", 0, &from, size);
    c = socket(AF_INET, SOCK_STREAM, 0); /* IPv4 to a socket for both */
    SHOW(connect4(c, "127.0.0.1", port_of(s)));
    size = sizeof from;
    a = accept(s, (void *)&from, &size);
    show_ip("accepted", 0, &from, size);
    names_of(a);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(connect6(c, "::ffff:127.0.0.1", port_of(s)));
    names_of(c);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind4(other, "0.0.0.0", port_of(s)));
    struct sockaddr_in wrong = v4("127.0.0.1", 1);
    SHOW(connect(socket(AF_INET6, SOCK_STREAM, 0), (void *)&wrong, sizeof wrong));
    SHOW(bind6(socket(AF_INET6, SOCK_STREAM, 0), "2001:db8::1", 0));
    /* IPv6 alone. */
    s = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
    SHOW(bind6(s, "::", 0));
    SHOW(listen(s, 5));
    SHOW(connect4(socket(AF_INET, SOCK_STREAM, 0), "127.0.0.1", port_of(s)));
    other = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind4(other, "0.0.0.0", port_of(s)));
    struct sockaddr_in6 short_one = v6("::1", 1);
    SHOW(bind(socket(AF_INET6, SOCK_STREAM, 0), (void *)&short_one, 20));
    s = socket(AF_INET6, SOCK_DGRAM, 0);
    SHOW(bind6(s, "::1", 0));
    c = socket(AF_INET6, SOCK_DGRAM, 0);
    SHOW(connect6(c, "::1", port_of(s)));
    SHOW(send(c, "six", 3, 0));
    size = sizeof from;
    SHOW(recvfrom(s, buffer, sizeof buffer, 0, (void *)&from, &size));
    show_ip("from", 0, &from, size);
}

static void sharing(void)
{
    int port, s = listener("127.0.0.1", &port), one = 1, a, b;
    int c = socket(AF_INET, SOCK_STREAM, 0);
    connect4(c, "127.0.0.1", port);
    a = accept(s, NULL, NULL);
    close(s);
    s = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind4(s, "127.0.0.1", port)); /* the accepted one has the port */
    SHOW(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    SHOW(bind4(s, "127.0.0.1", port));
    close(a), close(c);
    a = socket(AF_INET, SOCK_STREAM, 0);
    b = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    SHOW(bind4(a, "0.0.0.0", 0));
    SHOW(bind4(b, "0.0.0.0", port_of(a)));
    SHOW(listen(a, 1));
    SHOW(listen(b, 1));
    a = socket(AF_INET, SOCK_STREAM, 0);
    b = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(a, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    SHOW(bind4(a, "127.0.0.1", 0));
    SHOW(bind4(b, "127.0.0.1", port_of(a)));
    setsockopt(b, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    SHOW(bind4(b, "127.0.0.1", port_of(a)));
    SHOW(listen(a, 1));
    SHOW(listen(b, 1));
    a = socket(AF_INET, SOCK_DGRAM, 0);
    b = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(bind4(a, "127.0.0.1", 0));
    SHOW(bind4(b, "0.0.0.0", port_of(a)));
    SHOW(bind4(b, "127.0.0.2", port_of(a)));
}

static void datagrams(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0), left = 0;
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    SHOW(polled(s, POLLIN | POLLOUT));
    SHOW(write(c, "x", 1));
    SHOW(bind4(s, "127.0.0.1", 0));
    SHOW(send4(c, "one", "127.0.0.1", port_of(s)));
    SHOW(send4(c, "", "127.0.0.1", port_of(s)));
    SHOW(send4(c, "three", "127.0.0.1", port_of(s)));
    SHOW(send4(c, "none", "127.0.0.1", 0));
    SHOW(polled(s, POLLIN | POLLOUT));
    SHOW(ioctl(s, FIONREAD, &left));
    SHOW(left);
    names_of(c);
    SHOW(recvfrom(s, buffer, 2, MSG_PEEK, (void *)&from, &size));
    show_ip("from", 0, &from, size);
    SHOW(recv(s, buffer, 2, MSG_TRUNC));
    SHOW(recv(s, buffer, 2, 0));
    SHOW(read(s, buffer, 3));
    SHOW(recv(s, buffer, 3, MSG_DONTWAIT));
    SHOW(connect4(c, "127.0.0.1", port_of(s)));
    names_of(c);
    SHOW(write(c, "x", 1));
    SHOW(send4(c, "y", "127.0.0.1", port_of(s)));
    SHOW(read(s, buffer, 3));
    SHOW(read(s, buffer, 3));
    SHOW(send4(s, "back", "127.0.0.1", port_of(c)));
    SHOW(read(c, buffer, 9));
    int stranger = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(send4(stranger, "no", "127.0.0.1", port_of(c)));
    SHOW(recv(c, buffer, 3, MSG_DONTWAIT));
    SHOW(close(s));
    SHOW(write(c, "x", 1));
    SHOW(polled(c, POLLIN | POLLOUT));
    SHOW(write(c, "x", 1));
    SHOW(write(c, "x", 1));
    SHOW(error_of(c));
    SHOW(write(c, "x", 1));
    SHOW(read(c, buffer, 1));
    struct sockaddr nothing = {.sa_family = AF_UNSPEC};
    SHOW(connect(c, &nothing, sizeof nothing));
    SHOW(write(c, "x", 1));
    SHOW(getpeername(c, (void *)&from, &size));
    SHOW(shutdown(c, SHUT_RD));
    SHOW(listen(c, 1));
    SHOW(accept(c, NULL, NULL));
    /* Sizes around the window and the protocol's most. */
    char *much = calloc(1, 70000);
    s = socket(AF_INET, SOCK_DGRAM, 0);
    bind4(s, "127.0.0.1", 0);
    c = socket(AF_INET, SOCK_DGRAM, 0);
    connect4(c, "127.0.0.1", port_of(s));
    SHOW(send(c, much, 65508, 0));
    for (int i = 0; i < 65507; i++)
        much[i] = (char)(i * 3);
    SHOW(send(c, much, 65507, 0));
    char *back = calloc(1, 70000);
    SHOW(recv(s, back, 70000, MSG_PEEK));
    SHOW(memcmp(much, back, 65507));
    memset(back, 0, 70000);
    SHOW(recv(s, back, 65506, 0));
    SHOW(memcmp(much, back, 65506));
    SHOW(recv(s, back, 70000, MSG_DONTWAIT));
    struct sockaddr_in other = v4("127.0.0.1", 1);
    other.sin_family = AF_UNIX;
    SHOW(sendto(c, "x", 1, 0, (void *)&other, sizeof other));
    SHOW(sendto(c, "x", 1, 0, (void *)&other, 4));
}

/* Where a datagram came to, and when. */
static void envelopes(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    union {
        char bytes[256];
        struct cmsghdr align;
    } control;
    struct iovec v = {buffer, sizeof buffer};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    SHOW(bind4(s, "0.0.0.0", 0));
    SHOW(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &one, sizeof one));
    SHOW(setsockopt(s, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one));
    SHOW(setsockopt(s, IPPROTO_IP, IP_RECVTTL, &one, sizeof one));
    SHOW(setsockopt(s, IPPROTO_IP, IP_RECVTOS, &one, sizeof one));
    SHOW(send4(c, "x", "127.0.0.5", port_of(s)));
    SHOW(recvmsg(s, &m, 0));
    SHOW(m.msg_controllen);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        printf("level %d type %d size %zu\n", h->cmsg_level, h->cmsg_type, (size_t)h->cmsg_len);
        if (h->cmsg_type == IP_PKTINFO && h->cmsg_level == IPPROTO_IP) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(h), sizeof info);
            printf("interface %d, to %s\n", info.ipi_ifindex, inet_ntoa(info.ipi_addr));
        }
    }
    /* And told where from. */
    struct sockaddr_in to = v4("127.0.0.1", port_of(s));
    struct in_pktinfo from = {.ipi_ifindex = 1};
    v.iov_len = 3;
    m = (struct msghdr){.msg_name = &to,
                        .msg_namelen = sizeof to,
                        .msg_iov = &v,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = CMSG_SPACE(sizeof from)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    *h = (struct cmsghdr){CMSG_LEN(sizeof from), IPPROTO_IP, IP_PKTINFO};
    memcpy(CMSG_DATA(h), &from, sizeof from);
    SHOW(sendmsg(c, &m, 0));
    h->cmsg_type = 9999;
    SHOW(sendmsg(c, &m, 0));
    h->cmsg_level = 9999; /* is skipped */
    SHOW(sendmsg(c, &m, 0));
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int p[2];
    tcp_pair(p);
    SHOW(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &size));
    SHOW(info.tcpi_state);
    SHOW(shutdown(p[1], SHUT_WR));
    size = 1;
    SHOW(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &size));
    SHOW(size);
    SHOW(info.tcpi_state);
}

/* What netlink and ioctl say of the loopback. */
static void interfaces(void)
{
    struct ifaddrs *all = NULL;
    SHOW(getifaddrs(&all));
    for (struct ifaddrs *a = all; a; a = a->ifa_next)
        if (strcmp(a->ifa_name, "lo") == 0 && a->ifa_addr && a->ifa_addr->sa_family == AF_INET) {
            printf("%s flags %x ", a->ifa_name, a->ifa_flags);
            printf("address %s ", inet_ntoa(((struct sockaddr_in *)a->ifa_addr)->sin_addr));
            printf("mask %s\n", inet_ntoa(((struct sockaddr_in *)a->ifa_netmask)->sin_addr));
        }
    freeifaddrs(all);
    SHOW(if_nametoindex("lo"));
    SHOW(if_nametoindex("none"));
    char name[IF_NAMESIZE] = "";
    SHOW(if_indextoname(1, name) == name);
    SHOW(strcmp(name, "lo"));
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r = {.ifr_name = "lo"};
    SHOW(ioctl(s, SIOCGIFMTU, &r));
    SHOW(r.ifr_mtu);
    SHOW(ioctl(s, SIOCGIFINDEX, &r));
    SHOW(r.ifr_ifindex);
    SHOW(ioctl(s, SIOCGIFHWADDR, &r));
    SHOW(r.ifr_hwaddr.sa_family);
    strcpy(r.ifr_name, "none");
    SHOW(ioctl(s, SIOCGIFADDR, &r));
    struct ifreq some[16];
    struct ifconf list = {.ifc_len = sizeof some, .ifc_req = some};
    SHOW(ioctl(s, SIOCGIFCONF, &list));
    SHOW(strcmp(some[0].ifr_name, "lo"));
    SHOW(socket(AF_NETLINK, SOCK_STREAM, 0));
    s = socket(AF_NETLINK, SOCK_RAW, 0);
    struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof nl;
    SHOW(bind(s, (void *)&nl, sizeof nl));
    SHOW(getsockname(s, (void *)&nl, &size));
    SHOW(size);
    SHOW(nl.nl_pid != 0);
    SHOW(recv(s, buffer, 10, MSG_DONTWAIT));
}

static void edges(void)
{
    int p[2], e = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = 7},
                       got;
    tcp_pair(p);
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
    SHOW(epoll_wait(e, &got, 1, 0));
    SHOW(got.events);
    SHOW(epoll_wait(e, &got, 1, 0));
    SHOW(write(p[1], "a", 1));
    SHOW(epoll_wait(e, &got, 1, 0));
    SHOW(got.events);
    SHOW(epoll_wait(e, &got, 1, 0));
    SHOW(write(p[1], "b", 1));
    SHOW(epoll_wait(e, &got, 1, 0));
    SHOW(read(p[0], buffer, 8));
    SHOW(shutdown(p[1], SHUT_WR));
    SHOW(epoll_wait(e, &got, 1, 0));
    SHOW(got.events);
    SHOW(epoll_wait(e, &got, 1, 0));
    SHOW(close(p[0]));
    SHOW(epoll_wait(e, &got, 1, 0));
}

const struct theme inet_themes[] = {
    {"inet-making", making},
    {"inet-connecting", connecting},
    {"inet-not-waiting", not_waiting},
    {"inet-ending", ending},
    {"inet-version6", version6},
    {"inet-sharing", sharing},
    {"inet-datagrams", datagrams},
    {"inet-edges", edges},
    {"inet-envelopes", envelopes},
    {"inet-interfaces", interfaces},
    {NULL, NULL},
};
