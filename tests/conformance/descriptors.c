/* sendfd and recvfd: descriptors that go through a socket. */
#include "conform.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* passes: sends a descriptor through scene.pair. */
static long passes(int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {(void *)"x", 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(scene.pair[0], &message, 0);
}

/* gets: a descriptor from the other end; -1 with ENOMSG if none came. */
static long gets_one(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    int fd;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (recvmsg(scene.pair[1], &message, MSG_DONTWAIT) < 0)
        return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    errno = ENOMSG;
    if (!header || header->cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

GRANTS("sendfd", "stdio", "sendmsg(2) of a descriptor", "pledge.2 sendfd", passes(scene.file));
GRANTS("sendfd", "stdio recvfd", "recvfd sends nothing", "pledge.2 sendfd", passes(scene.file));
ALLOWS("stdio sendfd recvfd", "recvmsg(2) of a descriptor", "pledge.2 recvfd",
       passes(scene.file) < 0 ? -1 : gets_one());
FAILS(ENOMSG, "stdio sendfd", "without recvfd a message comes without its descriptors",
      "pledge.2 recvfd", passes(scene.file) < 0 ? 0 : gets_one(),
      .openbsd = "receiving one is a violation",
      .because = "whether descriptors come is not known before: the message is received by a call "
                 "through which none can come");
ALLOWS("stdio sendfd", "a directory may be sent", "pledge.2 sendfd", passes(scene.dir),
       .openbsd = "it is a violation", .because = "no filter sees what a descriptor is");
ALLOWS("stdio sendfd", "a socket is sent", "kern_pledge.c pledge_sendfd", passes(scene.pair[1]));
