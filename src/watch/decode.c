#include "watch/decode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

/* A call's argument as the kernel hands it on, and as the int that most are. */
static uint64_t word(const struct call_event *event, int index)
{
    return index >= 0 ? event->args[index] : 0;
}

static int number(const struct call_event *event, int index)
{
    return (int)(uint32_t)word(event, index);
}

/* read_text: a NUL-terminated string of at most room - 1 bytes; its length or
 * -errno. Short first: most paths are, and a read costs by the page. */
static ssize_t read_text(const struct target *target, uint64_t address, char *to, size_t room)
{
    size_t have = 0, step = 256;
    while (address != 0 && have < room) {
        size_t want = step < room - have ? step : room - have;
        ssize_t got = target->read(target->context, address + have, to + have, want);
        if (got <= 0)
            return got < 0 ? got : -EFAULT;
        if ((size_t)got > want)
            return -EFAULT;
        const char *end = memchr(to + have, '\0', (size_t)got);
        if (end)
            return end - to;
        have += (size_t)got;
        step = 1024;
    }
    return address != 0 ? -ENAMETOOLONG : -EFAULT;
}

/* base: the absolute directory that a relative path starts from. */
static int base(const struct target *target, const struct call_event *event, int dir, char *to)
{
    char name[32] = "cwd";
    if (dir >= 0 && number(event, dir) != AT_FDCWD)
        snprintf(name, sizeof name, "fd/%d", number(event, dir));
    int result = target->link(target->context, name, to, DECODE_PATH_SIZE);
    if (result == 0 && to[0] != '/')
        result = -ENOTDIR;
    return result;
}

/* make_absolute: puts the directory in front of a relative path. */
static int make_absolute(const struct target *target, const struct call_event *event, int dir,
                         struct place *place)
{
    char text[DECODE_PATH_SIZE];
    if (place->path[0] == '/')
        return 0;
    size_t size = strlen(place->path) + 1;
    memcpy(text, place->path, size);
    int result = base(target, event, dir, place->path);
    if (result < 0)
        return result;
    size_t at = strlen(place->path);
    if (at > 1)
        place->path[at++] = '/';
    memcpy(place->path + at, text, size);
    return 0;
}

/* What the flags of an open make of it. */
static void judge_open(struct place *place, int flags)
{
    static const enum operation_kind by_mode[] = {OP_OPEN_READ, OP_OPEN_WRITE, OP_OPEN_READ_WRITE,
                                                  OP_OPEN_READ_WRITE};
    place->kind = by_mode[flags & 3]; /* the kernel's O_ACCMODE; musl's has O_PATH, too */
    if (flags & O_PATH)
        place->kind = OP_STAT;
    else if ((flags & O_TMPFILE) == O_TMPFILE)
        place->kind = OP_CREATE;
    else if (flags & O_DIRECTORY)
        place->kind = OP_LIST;
    else if (place->kind == OP_OPEN_READ && (flags & O_TRUNC))
        place->kind = OP_TRUNCATE;
    place->create = !(flags & O_PATH) && (flags & O_CREAT);
    place->exclusive = place->create && (flags & O_EXCL);
    place->follow = !(flags & O_NOFOLLOW) && !place->exclusive;
}

/* Does this call take a symlink at the end of its path for itself? */
static bool keeps_symlink(const struct call_event *event, const struct sys_call *call,
                          const struct operation *operation)
{
    static const char *const names[] = {"lstat",        "lstat64",   "oldlstat",  "lchown",
                                        "lchown32",     "lgetxattr", "lsetxattr", "llistxattr",
                                        "lremovexattr", "readlink",  "readlinkat"};
    switch (operation->kind) {
    case OP_CREATE:
    case OP_MKNOD:
    case OP_REMOVE:
    case OP_RENAME: return true;
    case OP_STAT:
    case OP_ATTR:
    case OP_CHOWN: break;
    default: return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(call_name(call), names[i]) == 0)
            return true;
    return operation->flags >= 0 && (number(event, operation->flags) & AT_SYMLINK_NOFOLLOW);
}

/* add_path: the path at argument `path`, relative to the one at `dir`. */
static void add_path(const struct target *target, const struct call_event *event, int dir, int path,
                     struct decoded *out)
{
    struct place *place = &out->places[out->place_count];
    if (path < 0)
        return;
    ssize_t size = read_text(target, word(event, path), place->path, DECODE_PATH_SIZE);
    out->closed |= size == -EPERM;
    if (size > 0 && make_absolute(target, event, dir, place) == 0)
        out->place_count++;
}

/* add_descriptor: the path that a descriptor was opened with. */
static void add_descriptor(const struct target *target, const struct call_event *event, int fd,
                           struct decoded *out)
{
    char name[32];
    char *path = out->places[out->place_count].path;
    if (fd < 0 || number(event, fd) < 0)
        return;
    snprintf(name, sizeof name, "fd/%d", number(event, fd));
    if (target->link(target->context, name, path, DECODE_PATH_SIZE) == 0 && path[0] == '/')
        out->place_count++;
}

static void decode_paths(const struct target *target, const struct call_event *event,
                         const struct sys_call *call, struct decoded *out)
{
    const struct operation *operation = call_operation(call);
    bool keeps = keeps_symlink(event, call, operation);
    add_path(target, event, operation->dir, operation->path, out);
    add_path(target, event, operation->dir2, operation->path2, out);
    if (operation->path < 0)
        add_descriptor(target, event, operation->fd, out);
    for (size_t i = 0; i < out->place_count; i++) {
        struct place *place = &out->places[i];
        place->kind = operation->kind;
        place->follow = !keeps;
        place->create = place->exclusive = false;
        place->source = operation->path2 >= 0 && i == (operation->kind == OP_RENAME ? 0 : 1);
        if (operation->kind == OP_OPEN)
            judge_open(place, operation->flags < 0 ? O_WRONLY | O_CREAT | O_TRUNC
                                                   : number(event, operation->flags));
    }
    if (out->place_count > 0)
        out->kind = out->places[0].kind;
}

/* A unix address: a path is a place, an abstract name an object. */
static void decode_unix(const struct target *target, const struct call_event *event,
                        const struct sockaddr_un *address, size_t size, struct decoded *out)
{
    size_t length = size - offsetof(struct sockaddr_un, sun_path);
    struct place *place = &out->places[0];
    if (length == 0) {
        snprintf(out->object, sizeof out->object, "an unnamed unix socket");
    } else if (address->sun_path[0] == '\0') {
        out->object[0] = '@';
        memcpy(out->object + 1, address->sun_path + 1, length - 1);
        out->object[length] = '\0';
    } else {
        length = strnlen(address->sun_path, length);
        memcpy(place->path, address->sun_path, length);
        place->path[length] = '\0';
        place->kind = out->kind;
        place->follow = out->kind == OP_CONNECT;
        place->create = place->exclusive = place->source = false;
        if (make_absolute(target, event, -1, place) == 0)
            out->place_count = 1;
    }
}

static void decode_address(const struct target *target, const struct call_event *event,
                           const struct operation *operation, struct decoded *out)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } at;
    memset(&at, 0, sizeof at);
    char text[INET6_ADDRSTRLEN];
    uint64_t size = word(event, operation->size);
    uint64_t address = word(event, operation->address);
    if (address == 0 || size < sizeof at.any.sa_family)
        return;
    if (size > sizeof at.un)
        size = sizeof at.un;
    if (target->read(target->context, address, &at, (size_t)size) != (ssize_t)size)
        return;
    int family = at.any.sa_family;
    if (family == AF_INET || family == AF_INET6) /* the port lies at the same place */
        out->port = ntohs(at.in.sin_port);
    if (family == AF_UNIX)
        decode_unix(target, event, &at.un, (size_t)size, out);
    else if (family == AF_INET && inet_ntop(AF_INET, &at.in.sin_addr, text, sizeof text))
        snprintf(out->object, sizeof out->object, "%s:%u", text, ntohs(at.in.sin_port));
    else if (family == AF_INET6 && inet_ntop(AF_INET6, &at.in6.sin6_addr, text, sizeof text))
        snprintf(out->object, sizeof out->object, "[%s]:%u", text, ntohs(at.in6.sin6_port));
    else
        snprintf(out->object, sizeof out->object, "an address of family %d", family);
}

struct word_name {
    unsigned value;
    char name[16]; /* no pointer: each start of vow would relocate it */
};

static const char *name_of(const struct word_name *names, size_t count, unsigned value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}

/* add_name: the value's name, or the value, behind ", " if it is not the first. */
static void add_name(struct decoded *out, const struct word_name *names, size_t count,
                     unsigned value)
{
    size_t at = strlen(out->object), room = sizeof out->object - at;
    const char *comma = at > 0 ? ", " : "", *name = name_of(names, count, value);
    if (name)
        snprintf(out->object + at, room, "%s%s", comma, name);
    else
        snprintf(out->object + at, room, value > 0xff ? "%s0x%x" : "%s%u", comma, value);
}

#define NAMED(value)                                                                               \
    {                                                                                              \
        (unsigned)(value), #value                                                                  \
    }

/* `flags` is the request. */
static void decode_ioctl(const struct call_event *event, const struct sys_call *call,
                         struct decoded *out)
{
    static const struct word_name names[] = {
        NAMED(TIOCSTI),         NAMED(TIOCLINUX),    NAMED(TIOCSCTTY),    NAMED(TIOCNOTTY),
        NAMED(TIOCSPGRP),       NAMED(TIOCGPGRP),    NAMED(TIOCGSID),     NAMED(TIOCSWINSZ),
        NAMED(TIOCGWINSZ),      NAMED(TIOCSETD),     NAMED(TIOCCONS),     NAMED(TIOCGPTN),
        NAMED(TIOCSPTLCK),      NAMED(TIOCGPTPEER),  NAMED(TIOCOUTQ),     NAMED(TIOCMGET),
        NAMED(TCGETS),          NAMED(TCSETS),       NAMED(TCSETSW),      NAMED(TCSETSF),
        NAMED(TCFLSH),          NAMED(TCXONC),       NAMED(TCSBRK),       NAMED(FIOASYNC),
        NAMED(FIONREAD),        NAMED(SIOCGIFCONF),  NAMED(SIOCGIFADDR),  NAMED(SIOCGIFFLAGS),
        NAMED(SIOCGIFNAME),     NAMED(SIOCGIFINDEX), NAMED(SIOCATMARK),   NAMED(FS_IOC_GETFLAGS),
        NAMED(FS_IOC_SETFLAGS), NAMED(FICLONE),      NAMED(FICLONERANGE),
    };
    unsigned request = (unsigned)number(event, call_operation(call)->flags);
    add_name(out, names, ARRAY_COUNT(names), request);
}

/* socket and socketpair alike: family and type. */
static void decode_socket(const struct call_event *event, const struct sys_call *call,
                          struct decoded *out)
{
    static const struct word_name families[] = {
        NAMED(AF_UNIX),   NAMED(AF_INET), NAMED(AF_INET6), NAMED(AF_NETLINK),
        NAMED(AF_PACKET), NAMED(AF_ALG),  NAMED(AF_VSOCK), NAMED(AF_BLUETOOTH),
        NAMED(AF_CAN),    NAMED(AF_TIPC), NAMED(AF_XDP),   NAMED(AF_KEY),
    };
    static const struct word_name types[] = {
        NAMED(SOCK_STREAM), NAMED(SOCK_DGRAM),     NAMED(SOCK_RAW),
        NAMED(SOCK_RDM),    NAMED(SOCK_SEQPACKET), NAMED(SOCK_DCCP),
    };
    if (strncmp(call_name(call), "socket", strlen("socket")) != 0)
        return;
    unsigned family = (unsigned)number(event, 0), type = (unsigned)number(event, 1) & 0xf;
    add_name(out, families, ARRAY_COUNT(families), family);
    add_name(out, types, ARRAY_COUNT(types), type);
}

/* `fd` is the process, `flags` the signal. */
static void decode_signal(const struct call_event *event, const struct sys_call *call,
                          struct decoded *out)
{
    static const struct word_name signals[] = {
        NAMED(SIGHUP),  NAMED(SIGINT),  NAMED(SIGQUIT), NAMED(SIGABRT), NAMED(SIGKILL),
        NAMED(SIGUSR1), NAMED(SIGUSR2), NAMED(SIGPIPE), NAMED(SIGALRM), NAMED(SIGTERM),
        NAMED(SIGCHLD), NAMED(SIGCONT), NAMED(SIGSTOP), NAMED(SIGTSTP), NAMED(SIGWINCH),
    };
    const struct operation *operation = call_operation(call);
    int pid = number(event, operation->fd);
    unsigned sent = (unsigned)number(event, operation->flags);
    const char *name = name_of(signals, ARRAY_COUNT(signals), sent);
    if (name)
        snprintf(out->object, sizeof out->object, "%s", name);
    else
        snprintf(out->object, sizeof out->object, "signal %u", sent);
    size_t at = strlen(out->object), room = sizeof out->object - at;
    if (strcmp(call_name(call), "pidfd_send_signal") == 0)
        snprintf(out->object + at, room, " to the process behind descriptor %d", pid);
    else if (pid == 0)
        snprintf(out->object + at, room, " to its process group");
    else if (pid == -1)
        snprintf(out->object + at, room, " to every process");
    else if (pid < 0)
        snprintf(out->object + at, room, " to process group %u", 0u - (unsigned)pid);
    else
        snprintf(out->object + at, room, " to process %d", pid);
}

void decode_call(const struct target *target, const struct call_event *event,
                 const struct sys_call *call, struct decoded *out)
{
    const struct operation *operation = call_operation(call);
    out->kind = operation->kind;
    out->closed = false;
    out->place_count = 0;
    out->object[0] = '\0';
    switch (operation->kind) {
    case OP_CONNECT:
    case OP_BIND: decode_address(target, event, operation, out); break;
    case OP_SIGNAL: decode_signal(event, call, out); break;
    case OP_IOCTL: decode_ioctl(event, call, out); break;
    case OP_SOCKET: decode_socket(event, call, out); break;
    case OP_PROCESS:
    case OP_MEMORY: break;
    default: decode_paths(target, event, call, out);
    }
}
