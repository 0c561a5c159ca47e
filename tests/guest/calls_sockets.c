/* Sockets of the unix domain: names, streams, packets, datagrams. */
#include "calls_sockets.h"
#include "calls.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char buffer[256];

static void making(void)
{
    int pair[2];
    FAILS(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(socket(AF_UNIX, SOCK_STREAM, 1));
    FAILS(socket(AF_UNIX, SOCK_STREAM, 2));
    FAILS(socket(AF_UNIX, SOCK_RAW, 0));
    FAILS(socket(AF_UNIX, SOCK_RDM, 0));
    FAILS(socket(AF_UNIX, 77, 0));
    FAILS(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0));
    FAILS(socket(-1, SOCK_STREAM, 0));
    FAILS(socket(99, SOCK_STREAM, 0));
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    SHOW(fcntl(s, F_GETFD));
    SHOW(fcntl(s, F_GETFL) & O_NONBLOCK);
    SHOW(fcntl(s, F_GETFL) & O_ACCMODE);
    struct stat st;
    SHOW(fstat(s, &st));
    SHOW(st.st_mode);
    SHOW(st.st_size);
    SHOW(lseek(s, 0, SEEK_SET));
    SHOW(pread(s, buffer, 1, 0));
    SHOW(pwrite(s, buffer, 1, 0));
    SHOW(ftruncate(s, 0));
    SHOW(fsync(s));
    SHOW(bind(1, NULL, 0));
    SHOW(bind(999, NULL, 0));
    SHOW(listen(1, 1));
    SHOW(shutdown(1, 0));
    SHOW(getsockname(1, NULL, NULL));
    SHOW(send(1, "x", 1, 0));
    SHOW(recv(999, buffer, 1, 0));
}

static void states(void)
{
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    SHOW(read(s, buffer, 1));
    SHOW(write(s, "x", 1));
    SHOW(recv(s, buffer, 1, 0));
    SHOW(send(s, "x", 1, 0));
    SHOW(listen(s, 5));
    SHOW(accept(s, NULL, NULL));
    SHOW(shutdown(s, SHUT_RD));
    SHOW(shutdown(s, 3));
    SHOW(shutdown(s, -1));
    SHOW(polled(s, POLLIN | POLLOUT));
    SHOW(close(s));
    s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    SHOW(read(s, buffer, 1));
    SHOW(write(s, "x", 1));
    SHOW(polled(s, POLLIN | POLLOUT));
    SHOW(close(s));
    s = socket(AF_UNIX, SOCK_DGRAM, 0);
    SHOW(write(s, "x", 1));
    SHOW(recv(s, buffer, 1, MSG_DONTWAIT));
    SHOW(listen(s, 5));
    SHOW(accept(s, NULL, NULL));
    SHOW(polled(s, POLLIN | POLLOUT));
    SHOW(close(s));
}

static void paths(void)
{
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), a;
    struct stat st;
    SHOW(bind_unix(s, "name"));
    SHOW(bind_unix(s, "other"));
    SHOW(lstat("name", &st));
    SHOW(st.st_mode);
    SHOW(connect_unix(c, "name"));
    SHOW(connect_unix(c, "nothing"));
    SHOW(listen(s, 2));
    SHOW(listen(s, 1));
    SHOW(connect_unix(c, "name"));
    SHOW(connect_unix(c, "name"));
    SHOW(polled(s, POLLIN | POLLOUT));
    a = accept(s, NULL, NULL);
    SHOW(a >= 0);
    show_name(a);
    show_peer(a);
    show_name(c);
    show_peer(c);
    SHOW(write(c, "hello", 5));
    SHOW(read(a, buffer, sizeof buffer));
    SHOW(accept4(s, NULL, NULL, SOCK_NONBLOCK | 1));
    SHOW(bind_unix(c, "client"));
    SHOW(bind_unix(socket(AF_UNIX, SOCK_STREAM, 0), "name"));
    SHOW(open("name", O_RDONLY));
    SHOW(open("name", O_PATH) >= 0);
    SHOW(rename("name", "moved"));
    SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "moved"));
    SHOW(symlink("moved", "link"));
    SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "link"));
    SHOW(close(s));
    SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "moved"));
    SHOW(bind_unix(socket(AF_UNIX, SOCK_STREAM, 0), "moved"));
    SHOW(unlink("moved"));
    SHOW(bind_unix(socket(AF_UNIX, SOCK_DGRAM, 0), "moved"));
    SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "moved"));
    SHOW(bind_unix(socket(AF_UNIX, SOCK_STREAM, 0), "no/such"));
    SHOW(mkdir("dir", 0755));
    SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "dir"));
    SHOW(bind_unix(socket(AF_UNIX, SOCK_STREAM, 0), "dir"));
    SHOW(mknod("made", S_IFSOCK | 0600, 0));
    SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "made"));
    umask(0177);
    SHOW(bind_unix(socket(AF_UNIX, SOCK_STREAM, 0), "narrow"));
    SHOW(stat("narrow", &st));
    SHOW(st.st_mode);
}

static void may_connect(void)
{
    int s = socket(AF_UNIX, SOCK_STREAM, 0), status;
    if (geteuid() != 0)
        return; /* only root becomes another user */
    bind_unix(s, "/tmp/vow-calls-socket");
    SHOW(listen(s, 5));
    SHOW(chmod("/tmp/vow-calls-socket", 0600));
    if (fork() == 0) {
        setuid(12345);
        SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "/tmp/vow-calls-socket"));
        _exit(0);
    }
    wait(&status);
    SHOW(chmod("/tmp/vow-calls-socket", 0666));
    if (fork() == 0) {
        setuid(12345);
        SHOW(connect_unix(socket(AF_UNIX, SOCK_STREAM, 0), "/tmp/vow-calls-socket"));
        _exit(0);
    }
    wait(&status);
    SHOW(unlink("/tmp/vow-calls-socket"));
}

static void abstract_names(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(a.sun_path, "\0vow-calls-a\0b", 14);
    SHOW(bind(s, (void *)&a, 2 + 14));
    SHOW(bind(c, (void *)&a, 2 + 14));
    show_name(s);
    SHOW(listen(s, 0));
    SHOW(connect(c, (void *)&a, 2 + 13));
    SHOW(connect(c, (void *)&a, 2 + 14));
    show_peer(c);
    int auto_named = socket(AF_UNIX, SOCK_DGRAM, 0);
    SHOW(bind(auto_named, (void *)&a, 2));
    socklen_t size = sizeof a;
    SHOW(getsockname(auto_named, (void *)&a, &size));
    SHOW(size);
    SHOW(a.sun_path[0]);
    SHOW(bind(auto_named, (void *)&a, 2));
    /* Sizes and families that no name has. */
    int n = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(bind(n, (void *)&a, 1));
    SHOW(bind(n, (void *)&a, 0));
    SHOW(bind(n, (void *)&a, 111));
    SHOW(bind(n, (void *)&a, 4000));
    SHOW(bind(n, (void *)8, 20));
    SHOW(connect(n, (void *)&a, 2));
    SHOW(connect(n, (void *)&a, 1));
    a.sun_family = AF_INET;
    SHOW(bind(n, (void *)&a, 20));
    SHOW(connect(n, (void *)&a, 20));
    a.sun_family = AF_UNIX;
    memset(a.sun_path, 'x', sizeof a.sun_path);
    SHOW(bind(n, (void *)&a, sizeof a));
    size = 4;
    SHOW(getsockname(n, (void *)&a, &size));
    SHOW(size);
    size = (socklen_t)-1;
    SHOW(getsockname(n, (void *)&a, &size));
    size = 4;
    SHOW(getsockname(n, (void *)8, &size));
    SHOW(getsockname(n, (void *)&a, (void *)8));
    SHOW(getpeername(n, (void *)&a, &size));
}

static void accepting(void)
{
    struct sockaddr_un a;
    socklen_t size = sizeof a;
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c[4];
    bind_unix(s, "s");
    listen(s, 1);
    fcntl(s, F_SETFL, O_NONBLOCK);
    SHOW(accept(s, NULL, NULL));
    for (int i = 0; i < 4; i++) {
        c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        SHOW(connect_unix(c[i], "s"));
    }
    SHOW(write(c[0], "early", 5));
    bind_unix(c[1], "late");
    int fd = accept4(s, (void *)&a, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    SHOW(fd >= 0);
    SHOW(size);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_GETFL) & O_NONBLOCK);
    SHOW(read(fd, buffer, sizeof buffer));
    SHOW(read(fd, buffer, sizeof buffer));
    SHOW(connect_unix(c[2], "s"));
    SHOW(accept(s, (void *)&a, (void *)8));
    SHOW(close(c[1]));
    fd = accept(s, NULL, NULL);
    SHOW(fd >= 0);
    SHOW(connect_unix(c[3], "s"));
    SHOW(close(s));
    SHOW(polled(c[3], POLLIN | POLLOUT));
    SHOW(read(c[3], buffer, 1));
    SHOW(read(c[3], buffer, 1));
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(c[3], "x", 1));
    size = 0;
    s = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(getsockname(s, (void *)&a, &size));
    SHOW(size);
}

/* Who waits for a place in the queue gets one when another is accepted. */
static void crowd(void)
{
    int s = socket(AF_UNIX, SOCK_STREAM, 0), got = 0;
    bind_unix(s, "s");
    listen(s, 0);
    for (int i = 0; i < 6; i++)
        if (fork() == 0) {
            int c = socket(AF_UNIX, SOCK_STREAM, 0);
            _exit(connect_unix(c, "s") == 0 && write(c, "x", 1) == 1 ? 0 : 1);
        }
    for (int i = 0; i < 6; i++) {
        int a = accept(s, NULL, NULL);
        got += read(a, buffer, 10) == 1;
        close(a);
    }
    SHOW(got);
    int status, failed = 0;
    while (wait(&status) > 0)
        failed += status != 0;
    SHOW(failed);
}

static void closing(void)
{
    int pair[2], left = 0;
    signal(SIGPIPE, SIG_IGN);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    SHOW(polled(pair[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(write(pair[1], "abc", 3));
    SHOW(polled(pair[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(ioctl(pair[0], FIONREAD, &left));
    SHOW(left);
    SHOW(shutdown(pair[1], SHUT_WR));
    SHOW(polled(pair[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(write(pair[1], "d", 1));
    SHOW(read(pair[0], buffer, sizeof buffer));
    SHOW(read(pair[0], buffer, sizeof buffer));
    SHOW(write(pair[0], "back", 4));
    SHOW(read(pair[1], buffer, 2));
    SHOW(close(pair[1]));
    SHOW(polled(pair[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(write(pair[0], "x", 1));
    SHOW(read(pair[0], buffer, 1)); /* what was unread resets */
    SHOW(read(pair[0], buffer, 1));
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    SHOW(shutdown(pair[0], SHUT_RD));
    SHOW(write(pair[1], "x", 1));
    SHOW(read(pair[0], buffer, 1));
    SHOW(write(pair[0], "y", 1));
    SHOW(polled(pair[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(polled(pair[1], POLLIN | POLLOUT | POLLRDHUP));
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    SHOW(shutdown(pair[0], SHUT_RDWR));
    SHOW(polled(pair[0], POLLIN | POLLOUT | POLLRDHUP));
    SHOW(polled(pair[1], POLLIN | POLLOUT | POLLRDHUP));
    struct sigaction default_action = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &default_action, NULL);
    SHOW(send(pair[0], "x", 1, MSG_NOSIGNAL));
    pid_t pid = fork();
    if (pid == 0)
        _exit((int)write(pair[0], "x", 1));
    int status = 0;
    waitpid(pid, &status, 0);
    SHOW(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void peeking(void)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    SHOW(write(pair[0], "one", 3));
    SHOW(write(pair[0], "two", 3));
    SHOW(recv(pair[1], buffer, 4, MSG_PEEK));
    SHOW(recv(pair[1], buffer, sizeof buffer, MSG_PEEK));
    SHOW(recv(pair[1], buffer, 4, 0));
    SHOW(buffer[3]);
    SHOW(recv(pair[1], buffer, 0, 0));
    SHOW(recv(pair[1], buffer, 8, MSG_DONTWAIT));
    SHOW(recv(pair[1], buffer, 8, MSG_DONTWAIT));
    SHOW(recv(pair[1], buffer, 0, MSG_DONTWAIT));
    SHOW(send(pair[1], buffer, 0, 0));
    struct iovec parts[3] = {{"ab", 2}, {NULL, 0}, {"cd", 2}};
    SHOW(writev(pair[0], parts, 3));
    char x[3], y[3];
    struct iovec into[2] = {{x, 3}, {y, 3}};
    SHOW(readv(pair[1], into, 2));
    SHOW(y[0]);
    SHOW(write(pair[0], (void *)8, 3));
    SHOW(send(pair[0], (void *)8, 3, 0));
    if (fork() == 0) {
        for (int i = 0; i < 4; i++) {
            usleep(2000);
            write(pair[0], "12", 2);
        }
        _exit(0);
    }
    SHOW(recv(pair[1], buffer, 8, MSG_WAITALL));
    wait(NULL);
    /* More than a window holds. */
    enum { MUCH = 300000 };
    char *much = malloc(MUCH), *back = calloc(1, MUCH);
    for (int i = 0; i < MUCH; i++)
        much[i] = (char)(i * 7);
    if (fork() == 0)
        _exit(send(pair[0], much, MUCH, 0) == MUCH ? 0 : 1);
    SHOW(recv(pair[1], back, MUCH, MSG_WAITALL));
    SHOW(memcmp(much, back, MUCH));
    wait(NULL);
    if (fork() == 0)
        _exit(write(pair[0], much, MUCH) == MUCH ? 0 : 1);
    long got = 0, n;
    while (got < MUCH && (n = read(pair[1], back + got, (size_t)(MUCH - got))) > 0)
        got += n;
    SHOW(got);
    SHOW(memcmp(much, back, MUCH));
    wait(NULL);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    for (got = 0; (n = write(pair[0], much, 5000)) > 0;)
        got += n;
    SHOW(n);
    SHOW(got > 100000 && got < 1000000);
    SHOW(polled(pair[0], POLLIN | POLLOUT));
    for (long left = got; left > 0 && (n = read(pair[1], back, MUCH)) > 0;)
        left -= n;
    SHOW(polled(pair[0], POLLIN | POLLOUT));
}

const struct theme socket_themes[] = {
    {"sockets-making", making},
    {"sockets-states", states},
    {"sockets-paths", paths},
    {"sockets-may-connect", may_connect},
    {"sockets-abstract", abstract_names},
    {"sockets-accepting", accepting},
    {"sockets-crowd", crowd},
    {"sockets-closing", closing},
    {"sockets-streams", peeking},
    {NULL, NULL},
};
