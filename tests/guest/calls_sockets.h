/* What the cases of sockets share. */
#ifndef VOW_GUEST_CALLS_SOCKETS_H
#define VOW_GUEST_CALLS_SOCKETS_H

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static inline struct sockaddr_un unix_name(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    return a;
}

static inline int bind_unix(int s, const char *path)
{
    struct sockaddr_un a = unix_name(path);
    return bind(s, (void *)&a, sizeof a);
}

static inline int connect_unix(int s, const char *path)
{
    struct sockaddr_un a = unix_name(path);
    return connect(s, (void *)&a, sizeof a);
}

/* poll's answer, without waiting. */
static inline int polled(int fd, int events)
{
    struct pollfd p = {fd, (short)events, 0};
    return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static inline void show_unix(const char *text, int result, const struct sockaddr_un *a,
                             socklen_t size)
{
    printf("%s = %d, size %d", text, result, (int)size);
    for (size_t i = 0; result == 0 && i + 2 < size; i++)
        printf(" %02x", (unsigned char)a->sun_path[i]);
    printf("\n");
}

static inline void show_name(int s)
{
    struct sockaddr_un a = {0};
    socklen_t size = sizeof a;
    int result = getsockname(s, (void *)&a, &size);
    show_unix("name", result, &a, size);
}

static inline void show_peer(int s)
{
    struct sockaddr_un a = {0};
    socklen_t size = sizeof a;
    int result = getpeername(s, (void *)&a, &size);
    show_unix("peer", result, &a, size);
}

#endif
