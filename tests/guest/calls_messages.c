/* Messages: their bounds, what travels with them, options. */
#define _GNU_SOURCE
#include "calls.h"
#include "calls_sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char buffer[256];

/* Descriptors ------------------------------------------------------------------------------*/

union control {
    char bytes[1024];
    struct cmsghdr align;
};

static long send_fds(int s, const int *fds, unsigned count, const char *text)
{
    union control c = {0};
    struct iovec v = {(void *)text, strlen(text)};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = &c,
                       .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(h), fds, count * sizeof(int));
    return sendmsg(s, &m, 0);
}

/* What came: bytes, flags, and each control message. Descriptors land in fds. */
static long get(int s, size_t size, size_t room, int flags, int *fds)
{
    union control c = {0};
    struct iovec v = {buffer, size};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? &c : NULL, .msg_controllen = room};
    long result = recvmsg(s, &m, flags);
    int error = errno;
    printf("got %ld %s, flags %x, control %zu:", result, result < 0 ? strerrorname_np(error) : "",
           m.msg_flags, result < 0 ? 0 : m.msg_controllen);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); result >= 0 && h; h = CMSG_NXTHDR(&m, h)) {
        printf(" level %d type %d size %zu", h->cmsg_level, h->cmsg_type, (size_t)h->cmsg_len);
        if (h->cmsg_type == SCM_RIGHTS && fds)
            memcpy(fds, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
        if (h->cmsg_type == SCM_CREDENTIALS) {
            struct ucred u;
            memcpy(&u, CMSG_DATA(h), sizeof u);
            printf(" me %d, %d %d", u.pid == getpid(), (int)(u.uid - getuid()),
                   (int)(u.gid - getgid()));
        }
    }
    printf("\n");
    return result;
}

static void descriptors(void)
{
    int pair[2], p[2], fds[8] = {0}, many[4];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pipe(p);
    SHOW(send_fds(pair[0], p, 2, "x"));
    get(pair[1], 10, 64, 0, fds);
    SHOW(write(fds[1], "through", 7));
    SHOW(read(p[0], buffer, 10));
    SHOW(fcntl(fds[0], F_GETFD));
    SHOW(send_fds(pair[0], p, 1, "y"));
    get(pair[1], 10, 64, MSG_CMSG_CLOEXEC, fds);
    SHOW(fcntl(fds[0], F_GETFD));
    /* Room for none, for half of one, for one of two; none wanted. */
    SHOW(send_fds(pair[0], p, 2, "z"));
    get(pair[1], 10, 0, 0, fds);
    SHOW(send_fds(pair[0], p, 2, "z"));
    get(pair[1], 10, 18, 0, fds);
    SHOW(send_fds(pair[0], p, 2, "z"));
    get(pair[1], 10, 20, 0, fds);
    SHOW(send_fds(pair[0], p, 2, "z"));
    SHOW(read(pair[1], buffer, 10));
    /* Bytes before, with and after. */
    SHOW(write(pair[0], "before", 6));
    SHOW(send_fds(pair[0], p, 1, "with"));
    SHOW(write(pair[0], "after", 5));
    get(pair[1], 3, 64, 0, fds);
    get(pair[1], 50, 64, 0, fds);
    get(pair[1], 50, 64, 0, fds);
    SHOW(send_fds(pair[0], p, 1, "peek"));
    get(pair[1], 2, 64, MSG_PEEK, fds);
    get(pair[1], 2, 64, 0, fds);
    get(pair[1], 2, 64, 0, fds);
    many[0] = 999;
    SHOW(send_fds(pair[0], many, 1, "bad"));
    many[0] = -1;
    SHOW(send_fds(pair[0], many, 1, "bad"));
    SHOW(send_fds(pair[0], p, 0, "none"));
    get(pair[1], 10, 64, 0, fds);
    int lots[254];
    for (int i = 0; i < 254; i++)
        lots[i] = p[0];
    union control unused;
    (void)unused;
    char *big = calloc(1, CMSG_SPACE(sizeof lots));
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = big,
                       .msg_controllen = CMSG_SPACE(sizeof lots)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    *h = (struct cmsghdr){CMSG_LEN(sizeof lots), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(h), lots, sizeof lots);
    SHOW(sendmsg(pair[0], &m, 0));
    h->cmsg_len = CMSG_LEN(253 * sizeof(int));
    SHOW(sendmsg(pair[0], &m, 0));
    SHOW(read(pair[1], buffer, 10));
    h->cmsg_len = 8;
    SHOW(sendmsg(pair[0], &m, 0));
    h->cmsg_len = 100000;
    SHOW(sendmsg(pair[0], &m, 0));
    h->cmsg_len = CMSG_LEN(4);
    h->cmsg_type = 77;
    SHOW(sendmsg(pair[0], &m, 0));
    m.msg_controllen = 15;
    SHOW(sendmsg(pair[0], &m, 0));
    /* A descriptor outlives who sent it. */
    if (fork() == 0) {
        int own[2];
        pipe(own);
        write(own[1], "left", 4);
        _exit(send_fds(pair[0], own, 1, "q") == 1 ? 0 : 1);
    }
    wait(NULL);
    get(pair[1], 4, 64, 0, fds);
    get(pair[1], 4, 64, MSG_DONTWAIT, fds);
    SHOW(read(fds[0], buffer, 10));
    SHOW(read(fds[0], buffer, 10));
}

static void cycles(void)
{
    int pair[2], p[2];
    pipe(p);
    for (int i = 0; i < 50; i++) { /* each carries itself, its peer, and a pipe's end */
        socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, pair);
        int fds[3] = {pair[0], pair[1], p[1]};
        if (send_fds(pair[0], fds, 3, "x") != 1 || send_fds(pair[1], fds, 3, "y") != 1)
            SHOW(-1);
        close(pair[0]);
        close(pair[1]);
    }
    close(p[1]);
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)); /* the end of a socket collects */
    SHOW(close(pair[0]));
    SHOW(close(pair[1]));
    struct pollfd wait_for = {p[0], POLLIN, 0};
    SHOW(poll(&wait_for, 1, 5000)); /* as soon as nobody can write any more */
    SHOW(wait_for.revents);
    SHOW(read(p[0], buffer, 1));
}

/* Root says who it is as it likes; others may not. */
static void of_others(int pair[2])
{
    struct ucred u;
    union control c = {0};
    struct iovec v = {"x", 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(sizeof u)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    *h = (struct cmsghdr){CMSG_LEN(sizeof u), SOL_SOCKET, SCM_CREDENTIALS};
    u = (struct ucred){getpid(), 1234, 4321};
    memcpy(CMSG_DATA(h), &u, sizeof u);
    SHOW(sendmsg(pair[0], &m, 0));
    get(pair[1], 10, 64, 0, NULL);
    u.pid = 1 << 22;
    memcpy(CMSG_DATA(h), &u, sizeof u);
    SHOW(sendmsg(pair[0], &m, 0));
    h->cmsg_len = CMSG_LEN(8);
    SHOW(sendmsg(pair[0], &m, 0));
    if (fork() == 0) {
        setuid(1234);
        h->cmsg_len = CMSG_LEN(sizeof u);
        u = (struct ucred){getpid(), 0, 0};
        memcpy(CMSG_DATA(h), &u, sizeof u);
        SHOW(sendmsg(pair[0], &m, 0));
        u = (struct ucred){getpid(), 1234, 0};
        memcpy(CMSG_DATA(h), &u, sizeof u);
        SHOW(sendmsg(pair[0], &m, 0));
        _exit(0);
    }
    wait(NULL);
    get(pair[1], 10, 64, 0, NULL);
}

static void credentials(void)
{
    int pair[2], one = 1;
    struct ucred u;
    socklen_t size = sizeof u;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &u, &size));
    SHOW(u.pid == getpid());
    SHOW(u.uid == getuid());
    SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
    SHOW(write(pair[0], "x", 1));
    get(pair[1], 10, 64, 0, NULL);
    SHOW(write(pair[0], "x", 1));
    get(pair[1], 10, 20, 0, NULL);
    if (geteuid() == 0)
        of_others(pair);
    size = sizeof u;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &size));
    SHOW(u.pid);
    SHOW(u.uid);
}

/* Bounds of messages -----------------------------------------------------------------------*/

static void bounds(int type)
{
    int pair[2], left = 0;
    SHOW(socketpair(AF_UNIX, type, 0, pair));
    SHOW(write(pair[0], "first", 5));
    SHOW(write(pair[0], "second", 6));
    SHOW(send(pair[0], "", 0, 0));
    SHOW(ioctl(pair[1], FIONREAD, &left));
    SHOW(left);
    SHOW(recv(pair[1], buffer, 2, MSG_PEEK));
    SHOW(recv(pair[1], buffer, 2, MSG_TRUNC));
    get(pair[1], 3, 0, 0, NULL);
    SHOW(read(pair[1], buffer, 10));
    SHOW(recv(pair[1], buffer, 10, MSG_DONTWAIT));
    char *much = malloc(300000), *back = calloc(1, 300000);
    for (int i = 0; i < 300000; i++)
        much[i] = (char)(i * 5);
    SHOW(send(pair[0], much, 150000, 0));
    SHOW(recv(pair[1], back, 300000, 0));
    SHOW(memcmp(much, back, 150000));
    SHOW(send(pair[0], much, 300000, 0));
    SHOW(send(pair[0], much, 64000, 0));
    SHOW(read(pair[1], back, 300000));
    SHOW(memcmp(much, back, 64000));
    long n;
    int count = 0;
    while ((n = send(pair[0], "x", 1, MSG_DONTWAIT)) == 1)
        count++;
    SHOW(n);
    SHOW(count > 5);
    SHOW(polled(pair[0], POLLIN | POLLOUT));
    while (count-- > 0)
        recv(pair[1], buffer, 10, MSG_DONTWAIT);
    SHOW(polled(pair[0], POLLIN | POLLOUT));
    SHOW(shutdown(pair[0], SHUT_WR));
    SHOW(polled(pair[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(recv(pair[1], buffer, 10, MSG_DONTWAIT));
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(pair[0], "x", 1));
    SHOW(write(pair[1], "unread", 6));
    SHOW(close(pair[0]));
    SHOW(polled(pair[1], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(recv(pair[1], buffer, 10, MSG_DONTWAIT));
    SHOW(write(pair[1], "x", 1));
    SHOW(write(pair[1], "x", 1));
}

static void packets(void)
{
    bounds(SOCK_SEQPACKET);
}

static void datagrams(void)
{
    bounds(SOCK_DGRAM);
    struct sockaddr_un from;
    socklen_t size = sizeof from;
    int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un a = unix_name("s");
    SHOW(bind_unix(s, "s"));
    SHOW(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
    SHOW(recvfrom(s, buffer, 5, 0, (void *)&from, &size));
    SHOW(size);
    SHOW(bind_unix(c, "c"));
    SHOW(sendto(c, "x", 1, 0, (void *)&a, sizeof a));
    size = 5;
    SHOW(recvfrom(s, buffer, 5, 0, (void *)&from, &size));
    SHOW(size);
    SHOW(connect_unix(s, "c"));
    SHOW(write(s, "y", 1));
    SHOW(read(c, buffer, 5));
    int other = socket(AF_UNIX, SOCK_DGRAM, 0);
    SHOW(sendto(other, "x", 1, 0, (void *)&a, sizeof a)); /* connected to another */
    SHOW(connect_unix(other, "s"));
    SHOW(close(c));
    SHOW(write(s, "z", 1));
    SHOW(write(s, "z", 1));
    SHOW(unlink("s"));
    SHOW(sendto(other, "x", 1, 0, (void *)&a, sizeof a));
    struct sockaddr nothing = {.sa_family = AF_UNSPEC};
    SHOW(connect(s, &nothing, sizeof nothing));
    SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "c"));
}

static void many(void)
{
    int pair[2];
    struct iovec v[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
    struct mmsghdr m[3] = {{{.msg_iov = v, .msg_iovlen = 1}},
                           {{.msg_iov = v + 1, .msg_iovlen = 2}},
                           {{.msg_iov = v + 2, .msg_iovlen = 1}}};
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    SHOW(sendmmsg(pair[0], m, 3, 0));
    SHOW(m[1].msg_len);
    char into[3][8];
    struct iovec w[3] = {{into[0], 8}, {into[1], 8}, {into[2], 8}};
    for (int i = 0; i < 3; i++)
        m[i].msg_hdr = (struct msghdr){.msg_iov = w + i, .msg_iovlen = 1};
    SHOW(recvmmsg(pair[1], m, 2, 0, NULL));
    SHOW(m[1].msg_len);
    SHOW(recvmmsg(pair[1], m, 3, MSG_WAITFORONE, NULL));
    SHOW(m[0].msg_len);
    SHOW(recvmmsg(pair[1], m, 3, MSG_DONTWAIT, NULL));
    m[0].msg_hdr.msg_iovlen = 1025;
    SHOW(sendmmsg(pair[0], m, 1, 0));
    SHOW(sendmsg(pair[0], (void *)8, 0));
    SHOW(recvmsg(pair[0], (void *)8, 0));
    struct msghdr bad = {.msg_iov = (void *)8, .msg_iovlen = 1};
    SHOW(sendmsg(pair[0], &bad, 0));
    struct iovec huge = {buffer, (size_t)-1};
    bad = (struct msghdr){.msg_iov = &huge, .msg_iovlen = 1};
    SHOW(sendmsg(pair[0], &bad, 0));
}

/* Options --------------------------------------------------------------------------------*/

static void option(int s, int level, int name)
{
    int value = -77;
    socklen_t size = sizeof value;
    int result = getsockopt(s, level, name, &value, &size);
    printf("option %d %d = %d %s, size %d, %d\n", level, name, result,
           result < 0 ? strerrorname_np(errno) : "", (int)size, value);
}

static void set(int s, int level, int name, int value)
{
    int result = setsockopt(s, level, name, &value, sizeof value);
    printf("set %d %d to %d = %d %s\n", level, name, value, result,
           result < 0 ? strerrorname_np(errno) : "");
    option(s, level, name);
}

static void options(void)
{
    static const int read_only[] = {SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_ERROR, 9999};
    int s[3] = {socket(AF_UNIX, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0),
                socket(AF_INET6, SOCK_DGRAM, 0)};
    for (int i = 0; i < 3; i++) {
        for (size_t o = 0; o < sizeof read_only / sizeof *read_only; o++)
            set(s[i], SOL_SOCKET, read_only[o], 1);
        set(s[i], SOL_SOCKET, SO_REUSEADDR, 5);
        set(s[i], SOL_SOCKET, SO_REUSEADDR, 0);
        set(s[i], SOL_SOCKET, SO_KEEPALIVE, 3);
        set(s[i], SOL_SOCKET, SO_BROADCAST, 1);
        set(s[i], SOL_SOCKET, SO_SNDBUF, 10000);
        set(s[i], SOL_SOCKET, SO_SNDBUF, 1);
        set(s[i], SOL_SOCKET, SO_RCVBUF, 50000);
        set(s[i], SOL_SOCKET, SO_RCVBUF, 0);
        set(s[i], SOL_SOCKET, SO_RCVLOWAT, 3);
        set(s[i], SOL_SOCKET, SO_OOBINLINE, 1);
        set(s[i], SOL_SOCKET, SO_PRIORITY, 3);
        set(s[i], SOL_SOCKET, SO_TIMESTAMP, 1);
        set(s[i], IPPROTO_TCP, TCP_NODELAY, 1);
        option(s[i], 12345, 1);
    }
    set(s[0], SOL_SOCKET, SO_PASSCRED, 1);
    static const int tcp[] = {TCP_NODELAY, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT};
    for (size_t i = 0; i < sizeof tcp / sizeof *tcp; i++) {
        option(s[1], IPPROTO_TCP, tcp[i]);
        set(s[1], IPPROTO_TCP, tcp[i], 7);
        set(s[1], IPPROTO_TCP, tcp[i], 0);
    }
    set(s[1], IPPROTO_TCP, TCP_KEEPIDLE, 40000);
    set(s[1], IPPROTO_IP, IP_TTL, 17);
    set(s[1], IPPROTO_IP, IP_TTL, 300);
    set(s[1], IPPROTO_IP, 9999, 1);
    set(s[1], IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set(s[2], IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set(s[2], IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
    struct linger l = {1, 9};
    socklen_t size = sizeof l;
    SHOW(setsockopt(s[0], SOL_SOCKET, SO_LINGER, &l, sizeof l));
    SHOW(setsockopt(s[0], SOL_SOCKET, SO_LINGER, &l, 4));
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_LINGER, &l, &size));
    SHOW(l.l_linger);
    SHOW(size);
    SHOW(setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, &l, 3));
    SHOW(setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, NULL, 4));
    SHOW(setsockopt(1, SOL_SOCKET, SO_REUSEADDR, &l, 4));
    size = 2;
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &l, &size));
    SHOW(size);
    size = (socklen_t)-1;
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &l, &size));
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &l, NULL));
    size = 4;
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, NULL, &size));
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void limits(void)
{
    int pair[2];
    struct timeval t = {0, 40000}, back = {9, 9};
    socklen_t size = sizeof back;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &back, &size));
    SHOW(back.tv_sec);
    SHOW(back.tv_usec);
    SHOW(read(pair[0], buffer, 1));
    SHOW(recv(pair[0], buffer, 1, 0));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    while (write(pair[0], buffer, 256) == 256)
        ;
    SHOW(write(pair[0], buffer, 256));
    t.tv_usec = 1000000;
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, 4));
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    bind_unix(s, "s");
    listen(s, 1);
    t.tv_usec = 20000;
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    SHOW(accept(s, NULL, NULL));
    /* Signals. */
    struct sigaction a = {.sa_handler = on_alarm};
    struct itimerval soon = {{0, 20000}, {0, 20000}}; /* a first one may come too early */
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(read(pair[1], buffer, 256) > 0);
    int idle[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, idle);
    SHOW(recv(idle[0], buffer, 1, 0));
    if (fork() == 0) {
        usleep(60000);
        _exit((int)write(idle[1], "x", 1));
    }
    a.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(recv(idle[0], buffer, 1, 0));
    wait(NULL);
}

static void files(void)
{
    int pair[2], fd = open("data", O_RDWR | O_CREAT, 0600);
    off_t at = 2;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    write(fd, "0123456789", 10);
    SHOW(sendfile(pair[0], fd, &at, 5));
    SHOW(at);
    SHOW(read(pair[1], buffer, 20));
    SHOW(buffer[0]);
    lseek(fd, 0, SEEK_SET);
    SHOW(sendfile(pair[0], fd, NULL, 100));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(read(pair[1], buffer, 20));
    SHOW(sendfile(fd, pair[1], NULL, 5));
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", pair[0]);
    SHOW(open(path, O_RDWR));
    SHOW(readlink(path, buffer, sizeof buffer) > 8);
    SHOW(memcmp(buffer, "socket:[", 8));
    struct stat st;
    SHOW(stat(path, &st));
    SHOW(st.st_mode);
    int copy = dup(pair[0]);
    SHOW(close(pair[0]));
    SHOW(write(copy, "still", 5));
    SHOW(read(pair[1], buffer, 20));
    SHOW(fcntl(copy, F_SETFL, O_NONBLOCK));
    SHOW(read(copy, buffer, 1));
    int on = 0;
    SHOW(ioctl(copy, FIONBIO, &on));
    SHOW(fcntl(copy, F_GETFL) & O_NONBLOCK);
    SHOW(ioctl(copy, TIOCGWINSZ, &st));
}

const struct theme message_themes[] = {
    {"messages-descriptors", descriptors},
    {"messages-cycles", cycles},
    {"messages-credentials", credentials},
    {"messages-packets", packets},
    {"messages-datagrams", datagrams},
    {"messages-many", many},
    {"messages-options", options},
    {"messages-limits", limits},
    {"messages-files", files},
    {NULL, NULL},
};
