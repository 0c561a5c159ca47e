#include "pledge/log.h"

#include "host/direct.h"
#include "pledge/gate.h"
#include "pledge/memory.h"
#include "pledge/serve.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define LOG_PATH "/dev/log"
#define LOG_FROM 200        /* descriptors below are the program's */
#define LOG_PRIORITY "<12>" /* user, warning */

static int log_fd = -1;

static const struct sockaddr_un log_address = {.sun_family = AF_UNIX, .sun_path = LOG_PATH};

void log_open(void)
{
    if (direct(faccessat, AT_FDCWD, LOG_PATH, W_OK) < 0)
        return;
    int fd = (int)direct(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (direct(connect, fd, &log_address, sizeof log_address) == 0) {
        log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FROM);
        if (log_fd < 0)
            log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    close(fd);
}

/* Is this descriptor (still) a connection to the log? */
static bool is_log(int fd)
{
    struct sockaddr_un peer;
    socklen_t size = sizeof peer;
    memset(&peer, 0, sizeof peer);
#ifdef SYS_getpeername
    if (fd < 0 || gate_call(SYS_getpeername, fd, &peer, &size) < 0)
        return false;
#endif
    return peer.sun_family == AF_UNIX && strcmp(peer.sun_path, LOG_PATH) == 0;
}

void log_send(const char *text, size_t size)
{
    char line[1024] = LOG_PRIORITY;
    size_t head = strlen(line), most = sizeof line - head;
    if (!is_log(log_fd))
        return;
    memcpy(line + head, text, size < most ? size : most);
    gate_call(SYS_sendto, log_fd, line, head + (size < most ? size : most), MSG_DONTWAIT, 0, 0);
}

/* A program that opens the log late gets the connection that is there. One of
 * another kind is refused as where there is no log. */
static long serve_socket(const unsigned long *a)
{
    int type = (int)a[1] & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    if ((int)a[0] != AF_UNIX || type != SOCK_DGRAM || a[2] != 0)
        return NOT_SERVED;
    if (!is_log(log_fd))
        return -EACCES;
    return gate_call(SYS_fcntl, log_fd, (int)a[1] & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
}

static long serve_connect(const unsigned long *a)
{
    struct sockaddr_un to;
    memset(&to, 0, sizeof to);
    size_t size = a[2] < sizeof to ? a[2] : sizeof to;
    if (memory_copy(&to, a[1], size) < 0 || to.sun_family != AF_UNIX ||
        strncmp(to.sun_path, LOG_PATH, sizeof to.sun_path) != 0)
        return NOT_SERVED;
    return is_log((int)a[0]) ? 0 : -EACCES;
}

long serve_log(const struct trapped *call)
{
#ifdef SYS_socket
    if (call->nr == SYS_socket)
        return serve_socket(call->args);
    if (call->nr == SYS_connect)
        return serve_connect(call->args);
#endif
    return NOT_SERVED;
}
