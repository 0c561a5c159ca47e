/* vow_limit_fd: one direction of a descriptor is given up, whatever it is. */
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vow.h>

/* What one byte read from there, written to there gives: 1, 0 at the end, or
 * -errno. */
static int reading(int fd)
{
    char byte;
    ssize_t got = read(fd, &byte, 1);
    return got < 0 ? -errno : (int)got;
}

static int writing(int fd)
{
    ssize_t put = write(fd, "x", 1);
    return put < 0 ? -errno : (int)put;
}

static int limiting(int fd, const char *access)
{
    return vow_limit_fd(fd, access) == 0 ? 0 : -errno;
}

static int file(const char *text, int flags)
{
    char name[] = "/tmp/vow-limit-XXXXXX";
    int fd = mkstemp(name);
    CHECK_EQ(write(fd, text, strlen(text)), (int64_t)strlen(text));
    close(fd);
    fd = open(name, flags);
    CHECK(fd >= 0);
    unlink(name);
    return fd;
}

/* A terminal of one's own: its master, and *slave. */
static int terminal(int *slave)
{
    int master;
    CHECK_EQ(openpty(&master, slave, NULL, NULL, NULL), 0);
    return master;
}

TEST(a_terminal_is_written_and_not_read)
{
    int slave, master = terminal(&slave);
    CHECK_EQ(write(master, "ab\n", 3), 3);
    CHECK_EQ(reading(slave), 1);
    CHECK_EQ(limiting(slave, "w"), 0);
    CHECK_EQ(reading(slave), -EBADF);
    CHECK_EQ(writing(slave), 1);
    CHECK(isatty(slave));
}

TEST(copies_are_limited_too)
{
    int fd = file("text", O_RDWR), before = dup(fd);
    CHECK_EQ(limiting(fd, "w"), 0);
    int after = dup(fd), far = fcntl(fd, F_DUPFD, 100);
    CHECK_EQ(reading(after), -EBADF);
    CHECK_EQ(reading(far), -EBADF);
    CHECK_EQ(writing(far), 1);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_EQ(reading(before), 1); /* as vow.h says */
}

TEST(a_file_is_read_and_not_written)
{
    int fd = file("text", O_RDWR);
    CHECK_EQ(writing(fd), 1);
    CHECK_EQ(limiting(fd, "r"), 0);
    CHECK_EQ(writing(fd), -EBADF);
    CHECK_EQ(ftruncate(fd, 0), -1);
    CHECK_EQ((intptr_t)mmap(NULL, 4, PROT_WRITE, MAP_SHARED, fd, 0), (intptr_t)MAP_FAILED);
    CHECK_EQ(reading(fd), 1);
}

TEST(position_and_flags_stay)
{
    int fd = file("abcdef", O_RDWR | O_APPEND | O_NONBLOCK | O_CLOEXEC);
    CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
    CHECK_EQ(limiting(fd, "r"), 0);
    char byte = '\0';
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 'd');
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND | O_NONBLOCK);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    fd = file("abcdef", O_RDWR);
    CHECK_EQ(limiting(fd, "w"), 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
}

TEST(what_is_so_already_keeps_its_position_shared)
{
    int fd = file("abc", O_RDONLY), copy = dup(fd);
    CHECK_EQ(limiting(fd, "r"), 0);
    CHECK_EQ(reading(fd), 1);
    CHECK_EQ(lseek(copy, 0, SEEK_CUR), 1);
}

TEST(nothing_is_given_that_was_not_there)
{
    int fd = file("abc", O_RDONLY), ends[2];
    CHECK_EQ(limiting(fd, "w"), -EACCES);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(limiting(ends[0], "w"), -EACCES);
    CHECK_EQ(limiting(ends[1], "r"), -EACCES);
    CHECK_EQ(limiting(ends[0], "r"), 0);
    CHECK_EQ(limiting(ends[1], "w"), 0);
    CHECK_EQ(writing(ends[1]), 1);
    CHECK_EQ(reading(ends[0]), 1);
}

TEST(memory_files_and_devices)
{
    int memory = memfd_create("vow", 0), null = open("/dev/null", O_RDWR);
    CHECK_EQ(limiting(memory, "r"), 0);
    CHECK_EQ(writing(memory), -EBADF);
    CHECK_EQ(reading(memory), 0);
    CHECK_EQ(limiting(null, "w"), 0);
    CHECK_EQ(reading(null), -EBADF);
    CHECK_EQ(writing(null), 1);
}

TEST(what_another_open_would_not_be_is_refused)
{
    int slave, master = terminal(&slave);
    CHECK_EQ(limiting(master, "r"), -EOPNOTSUPP);
    CHECK_EQ(limiting(eventfd(0, 0), "r"), -EOPNOTSUPP);
    CHECK_EQ(writing(master), 1);
}

TEST(mistakes_are_told)
{
    int fd = file("abc", O_RDWR);
    CHECK_EQ(limiting(fd, "rw"), -EINVAL);
    CHECK_EQ(limiting(fd, ""), -EINVAL);
    CHECK_EQ(limiting(fd, NULL), -EINVAL);
    CHECK_EQ(limiting(-1, "r"), -EBADF);
    CHECK_EQ(limiting(open("/etc", O_PATH), "r"), -EBADF);
    CHECK_EQ(reading(fd), 1);
    CHECK_EQ(writing(fd), 1);
}

TEST(a_unix_socket_is_written_and_not_read)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(write(ends[1], "queued before", 13), 13);
    CHECK_EQ(reading(ends[0]), 1);
    CHECK_EQ(limiting(ends[0], "w"), 0);
    CHECK_EQ(reading(dup(ends[0])), 0);
    CHECK_EQ(send(ends[1], "x", 1, MSG_NOSIGNAL), -1);
    CHECK_EQ(errno, EPIPE);
    CHECK_EQ(writing(ends[0]), 1);
    CHECK_EQ(reading(ends[1]), 1);
}

TEST(a_unix_socket_is_read_and_not_written)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    CHECK_EQ(limiting(ends[0], "r"), 0);
    CHECK_EQ(send(dup(ends[0]), "x", 1, MSG_NOSIGNAL), -1);
    CHECK_EQ(errno, EPIPE);
    CHECK_EQ(writing(ends[1]), 1);
    CHECK_EQ(reading(ends[0]), 1);
}

TEST(other_sockets)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0), near = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&here, size), 0);
    CHECK_EQ(listen(listener, 1), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&here, &size), 0);
    CHECK_EQ(limiting(near, "r"), -ENOTCONN);
    CHECK_EQ(limiting(listener, "r"), -EOPNOTSUPP);
    CHECK_EQ(connect(near, (struct sockaddr *)&here, size), 0);
    int far = accept(listener, NULL, NULL), datagram = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
    CHECK_EQ(limiting(near, "w"), -EOPNOTSUPP);
    CHECK_EQ(limiting(near, "r"), 0);
    CHECK_EQ(send(near, "x", 1, MSG_NOSIGNAL), -1);
    CHECK_EQ(errno, EPIPE);
    CHECK_EQ(writing(far), 1);
    CHECK_EQ(reading(near), 1);
    CHECK_EQ(limiting(datagram, "r"), -EOPNOTSUPP);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    CHECK_EQ(limiting(pair[0], "w"), -EOPNOTSUPP);
}

/* A process that may open nothing cannot undo it. */
TEST(it_holds_under_promises)
{
    int fd = file("secret", O_RDWR);
    char name[32] = "/proc/self/fd/";
    name[strlen(name)] = (char)('0' + fd);
    CHECK_EQ(limiting(fd, "w"), 0);
    CHECK(open(name, O_RDONLY) >= 0); /* as vow.h says of who may open */
    struct vow_policy *policy = vow_policy_new();
    CHECK_EQ(vow_policy_promises(policy, "stdio", NULL), 0);
    if (vow_supported(policy, NULL) == 0)
        SKIP("landlock-6: not all of a policy can be enforced here");
    CHECK_EQ(vow_apply(policy, 0, NULL), 0);
    CHECK_EQ(open(name, O_RDONLY), -1);
    CHECK_EQ(errno, EACCES);
    CHECK_EQ(writing(fd), 1);
    CHECK_EQ(reading(fd), -EBADF);
}
