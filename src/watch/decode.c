#include "watch/decode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <netinet/in.h>
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
    place->kind = by_mode[flags & O_ACCMODE];
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
    if (path < 0 || read_text(target, word(event, path), place->path, DECODE_PATH_SIZE) <= 0)
        return;
    if (make_absolute(target, event, dir, place) == 0)
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
        place->source = operation->path2 >= 0 && i == 0;
        if (operation->kind == OP_OPEN && operation->flags >= 0)
            judge_open(place, number(event, operation->flags));
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
        snprintf(out->object, sizeof out->object, "unnamed unix socket");
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
    const char *name;
};

static const char *name_of(const struct word_name *names, size_t count, unsigned value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}

#define NAMED(value)                                                                               \
    {                                                                                              \
        (unsigned)(value), #value                                                                  \
    }

/* `flags` is the request. */
static void decode_ioctl(const struct call_event *event, const struct operation *operation,
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
    unsigned request = (unsigned)number(event, operation->flags);
    const char *name = name_of(names, ARRAY_COUNT(names), request);
    if (operation->flags < 0)
        return;
    if (name)
        snprintf(out->object, sizeof out->object, "%s", name);
    else
        snprintf(out->object, sizeof out->object, "0x%x", request);
}

/* `flags` is the address family, `mode` the type. */
static void decode_socket(const struct call_event *event, const struct operation *operation,
                          struct decoded *out)
{
    static const struct word_name families[] = {
        NAMED(AF_UNIX),   NAMED(AF_INET), NAMED(AF_INET6), NAMED(AF_NETLINK),
        NAMED(AF_PACKET), NAMED(AF_ALG),  NAMED(AF_VSOCK), NAMED(AF_BLUETOOTH),
        NAMED(AF_CAN),    NAMED(AF_TIPC), NAMED(AF_XDP),   NAMED(AF_KEY),
    };
    static const struct word_name types[] = {
        {SOCK_STREAM, "SOCK_STREAM"}, {SOCK_DGRAM, "SOCK_DGRAM"},         {SOCK_RAW, "SOCK_RAW"},
        {SOCK_RDM, "SOCK_RDM"},       {SOCK_SEQPACKET, "SOCK_SEQPACKET"}, {SOCK_DCCP, "SOCK_DCCP"},
    };
    unsigned family = (unsigned)number(event, operation->flags);
    unsigned type = (unsigned)number(event, operation->mode) & 0xf;
    const char *family_name = name_of(families, ARRAY_COUNT(families), family);
    const char *type_name = name_of(types, ARRAY_COUNT(types), type);
    char family_text[32], type_text[32];
    if (operation->flags < 0)
        return;
    snprintf(family_text, sizeof family_text, "%u", family);
    snprintf(type_text, sizeof type_text, "%u", type);
    snprintf(out->object, sizeof out->object, "%s, %s", family_name ? family_name : family_text,
             type_name ? type_name : type_text);
}

/* `fd` is the process (a pidfd's number is worth as little as none), `flags`
 * the signal. */
static void decode_signal(const struct call_event *event, const struct operation *operation,
                          struct decoded *out)
{
    if (operation->fd < 0)
        return;
    int pid = number(event, operation->fd);
    const char *whom = pid < 0 ? "process group" : "process";
    size_t size = sizeof out->object;
    if (pid == 0)
        snprintf(out->object, size, "its own process group");
    else if (pid == -1)
        snprintf(out->object, size, "every process");
    else
        snprintf(out->object, size, "%s %u", whom, pid < 0 ? 0u - (unsigned)pid : (unsigned)pid);
}

void decode_call(const struct target *target, const struct call_event *event,
                 const struct sys_call *call, struct decoded *out)
{
    const struct operation *operation = call_operation(call);
    out->kind = operation->kind;
    out->place_count = 0;
    out->object[0] = '\0';
    switch (operation->kind) {
    case OP_CONNECT:
    case OP_BIND: decode_address(target, event, operation, out); break;
    case OP_SIGNAL: decode_signal(event, operation, out); break;
    case OP_IOCTL: decode_ioctl(event, operation, out); break;
    case OP_SOCKET: decode_socket(event, operation, out); break;
    case OP_PROCESS:
    case OP_MEMORY: break;
    default: decode_paths(target, event, call, out);
    }
}
