/* sockets: calls with an address. A path in it is a path like others, and the
 * broker makes the call on its own copy of the caller's socket; so it does for
 * addresses of all families, since a filter cannot see which one it is.
 *
 * sendmsg is not among them: the address of a datagram stands too deep in the
 * caller's memory to be judged by a filter, and nobody can send in another's
 * name what it may carry. docs/unveil.md says what that leaves open. */
#include "broker/perform.h"
#include "host/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage room;
    };
    socklen_t size;
};

static int read_address(struct broker *broker, int at, struct address *out)
{
    int64_t size = argument_int(broker, at + 1);
    memset(out, 0, sizeof *out);
    if (size < 0 || size > (int64_t)sizeof out->room)
        return -EINVAL;
    out->size = (socklen_t)size;
    return caller_read(&broker->request.held, argument(broker, at), &out->room, (size_t)size);
}

/* is_path: an address in the file system; the path goes to request->path. */
static bool is_path(struct broker *broker, const struct address *address)
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    if (address->size <= start || address->size > sizeof address->un ||
        address->any.sa_family != AF_UNIX || address->un.sun_path[0] == '\0')
        return false;
    size_t size = strnlen(address->un.sun_path, address->size - start);
    memcpy(broker->request.path, address->un.sun_path, size);
    broker->request.path[size] = '\0';
    return true;
}

static void set_path(struct address *address, const char *path)
{
    size_t size = strlen(path);
    memcpy(address->un.sun_path, path, size + 1);
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
}

static bool waits(int fd)
{
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static int type_of(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    direct(getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size);
    return type;
}

/* aim: exchanges a path for the socket that it was judged to lead to. */
static int aim(struct broker *broker, struct address *address, struct place *place)
{
    char self[SELF_PATH_SIZE];
    if (!is_path(broker, address))
        return 0;
    int code = find(broker, &(struct finding){-1, FIND_READ, 0, 0, RULE_WRITE}, place);
    if (code == 0)
        set_path(address, self_path(place->object, self));
    return code;
}

static int64_t perform_connect(struct broker *broker, int fd, struct address *address)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    int code = aim(broker, address, &place), type = type_of(fd);
    if (code < 0)
        return code;
    bool child = (type == SOCK_STREAM || type == SOCK_SEQPACKET) && waits(fd);
    if (child && !elsewhere(broker))
        return ANSWER_GIVEN;
    do
        code = (int)direct(connect, fd, &address->any, address->size);
    while (code == -EINTR && child && still_wanted(broker));
    if (child)
        answer_and_end(broker, code);
    return code;
}

/* The name of a socket is what it is bound to, as said from its directory. */
static int64_t perform_bind(struct broker *broker, int fd, struct address *address)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    const struct finding finding = {-1, FIND_READ, 0, FIND_NAME | FIND_ABSENT | FIND_UMASK,
                                    RULE_CREATE};
    if (!is_path(broker, address))
        return direct(bind, fd, &address->any, address->size);
    int code = find(broker, &finding, &place);
    if (code < 0)
        return code;
    if (place.object >= 0 || place.slash)
        return -EADDRINUSE;
    int inside CLEAN_FD = openat(place.dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (inside < 0 || direct(fchdir, inside) < 0)
        return -errno;
    set_path(address, place.name);
    code = (int)direct(bind, fd, &address->any, address->size);
    return direct(fchdir, broker->proc) < 0 ? -EIO : code;
}

static int64_t perform_send(struct broker *broker, int fd, struct address *address)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct request *request = &broker->request;
    uint64_t wanted = argument(broker, 2);
    int flags = argument_int(broker, 3);
    int code = aim(broker, address, &place);
    if (code < 0)
        return code;
    if (wanted > sizeof request->data && type_of(fd) != SOCK_STREAM)
        return -EMSGSIZE;
    size_t size = wanted > sizeof request->data ? sizeof request->data : (size_t)wanted;
    if (broker->changed)
        caller_return();
    if (size > 0 && caller_read(&request->held, argument(broker, 1), request->data, size) < 0)
        return -EFAULT;
    if ((code = take_identity(broker, false)) < 0)
        return code;
    const struct sockaddr *to = argument(broker, 4) ? &address->any : NULL;
    int64_t sent = direct(sendto, fd, request->data, size, flags | MSG_NOSIGNAL | MSG_DONTWAIT, to,
                          address->size);
    if (sent != -EAGAIN || (flags & MSG_DONTWAIT) || !waits(fd))
        return sent;
    if (!elsewhere(broker))
        return ANSWER_GIVEN;
    do
        sent = direct(sendto, fd, request->data, size, flags | MSG_NOSIGNAL, to, address->size);
    while (sent == -EINTR && still_wanted(broker));
    answer_and_end(broker, sent);
}

/* unpack: makes a socketcall the call that it stands for. The arguments are read
 * once, and are the broker's from then on. */
static int unpack(struct request *request)
{
    unsigned long args[6] = {0};
    const struct socketcall *at = socketcalls;
    while (at->kind != (uint32_t)request->held.args[0])
        if (++at == socketcalls + SOCKETCALLS)
            return -EINVAL;
    if (caller_read(&request->held, request->held.args[1], args, at->count * sizeof *args) < 0)
        return -EFAULT;
    for (size_t i = 0; i < ARRAY_COUNT(args); i++)
        request->held.args[i] = args[i];
    request->call = call_find(at->nr);
    return 0;
}

int64_t sockets_perform(struct broker *broker)
{
    if (broker->request.call->kind == CALL_SOCKETCALL) {
        int unpacked = unpack(&broker->request);
        if (unpacked < 0)
            return unpacked;
    }
    struct address address;
    int kind = broker->request.call->kind;
    int code = read_address(broker, kind == CALL_SEND ? 4 : 1, &address);
    int fd CLEAN_FD = caller_descriptor(&broker->request.held, argument_int(broker, 0));
    if (fd < 0 || code < 0)
        return fd < 0 ? fd : code;
    if (!notify_valid(broker->listener, broker->request.held.id))
        return -ESRCH;
    if ((code = take_identity(broker, false)) < 0)
        return code;
    switch (kind) {
    case CALL_BIND: return perform_bind(broker, fd, &address);
    case CALL_SEND: return perform_send(broker, fd, &address);
    default: return perform_connect(broker, fd, &address);
    }
}
