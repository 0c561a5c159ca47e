/* limit_fd: a descriptor of which one direction is given up.
 *
 * A limit on a number would fall to dup; so the open file behind the number is
 * replaced by one that never had the other direction: the same object, opened
 * again through /proc/self/fd. What cannot be opened again is a socket, which
 * the kernel shuts down, or refused. */
#include "host/direct.h"
#include "lib/enforcement.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What F_GETFL says of the open file itself and open(2) takes back. */
#define KEPT_FLAGS (O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME)
#define MAJOR_MEMORY 1 /* /dev/null, zero, full, random */

/* can_reopen: is another open of it the same thing? Of many devices each open
 * makes a new one (/dev/ptmx, /dev/net/tun). */
static bool can_reopen(int fd, const struct stat *st)
{
    unsigned number;
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
    case S_IFIFO:
    case S_IFBLK: return true;
    case S_IFCHR:
        return major(st->st_rdev) == MAJOR_MEMORY ||
               (isatty(fd) && direct(ioctl, fd, TIOCGPTN, &number) < 0);
    default: return false;
    }
}

/* drain: nobody may read what had come before the socket was shut. */
static void drain(int fd)
{
    char bytes[4096];
    int64_t got;
    do
        got = direct(recvfrom, fd, bytes, sizeof bytes, MSG_DONTWAIT, NULL, NULL);
    while (got > 0 || got == -EINTR);
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return direct(getsockopt, fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

/* limit_socket: a shut direction stays shut for everybody who holds the socket.
 * A TCP socket whose reading end is shut still reads what arrives: refused. */
static int limit_socket(int fd, int access)
{
    int domain = option(fd, SO_DOMAIN);
    bool local = domain == AF_UNIX;
    bool tcp = (domain == AF_INET || domain == AF_INET6) && option(fd, SO_PROTOCOL) == IPPROTO_TCP;
    if (option(fd, SO_TYPE) != SOCK_STREAM || option(fd, SO_ACCEPTCONN) != 0 ||
        !(local || (tcp && access == O_RDONLY)))
        return -EOPNOTSUPP;
    int code = (int)direct(shutdown, fd, access == O_RDONLY ? SHUT_WR : SHUT_RD);
    if (code < 0)
        return code;
    if (access == O_WRONLY)
        drain(fd);
    return 0;
}

/* reopen: the same file with the same status and position, but for one access.
 * Returns a close-on-exec descriptor. */
static int reopen(int fd, int status, int access)
{
    char name[sizeof "/proc/self/fd/" + 3 * sizeof fd];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int same = open(name, access | (status & KEPT_FLAGS) | O_NOCTTY | O_CLOEXEC);
    if (same < 0)
        return -errno;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at <= 0 || lseek(same, at, SEEK_SET) == at)
        return same;
    int code = -errno;
    close(same);
    return code;
}

static int limit(int fd, int access)
{
    struct stat st;
    int status = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);
    if (status < 0 || flags < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (status & O_PATH)
        return -EBADF;
    if (S_ISSOCK(st.st_mode))
        return limit_socket(fd, access);
    if ((status & O_ACCMODE) != O_RDWR)
        return (status & O_ACCMODE) == access ? 0 : -EACCES;
    if (!can_reopen(fd, &st))
        return -EOPNOTSUPP;
    int same CLEAN_FD = reopen(fd, status, access);
    if (same < 0)
        return same;
    int64_t code = direct(dup3, same, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    return code < 0 ? (int)code : 0;
}

PUBLIC int vow_limit_fd(int fd, const char *access)
{
    int code = -EINVAL;
    if (access && strcmp(access, "r") == 0)
        code = limit(fd, O_RDONLY);
    else if (access && strcmp(access, "w") == 0)
        code = limit(fd, O_WRONLY);
    if (code == 0)
        return 0;
    errno = -code;
    return -1;
}
