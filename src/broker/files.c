/* files: the calls on files, each on the object or the name that was judged.
 *
 * What is done to an object is done through the broker's own descriptor of it
 * (AT_EMPTY_PATH, or self/fd/N below /proc, where the broker stands). What is
 * done to a name is done to this name in the directory that was judged. */
#include "arch/arch.h"
#include "broker/perform.h"
#include "host/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

/* Not in every libc's headers. */
#define KERNEL_STATX_SIZE 256
#ifndef AT_STATX_FORCE_SYNC
#define AT_STATX_FORCE_SYNC 0x2000
#define AT_STATX_DONT_SYNC 0x4000
#endif

#define TRIES 16 /* against somebody who makes and removes a name all the time */

/* call_flags: the AT_… flags of the held call. */
static unsigned call_flags(const struct broker *broker)
{
    const struct call *call = broker->request.call;
    return call->flags < 0 ? call->fixed : (unsigned)argument_int(broker, call->flags);
}

/* locate: the place of the call's (first) path. */
static int locate(struct broker *broker, uint8_t wanted, unsigned how, struct place *out)
{
    const struct call *call = broker->request.call;
    return find(broker, &(struct finding){call->dir, call->path, call_flags(broker), how, wanted},
                out);
}

/* detail: the argument that stands `index` places behind the path. */
static uint64_t detail(const struct broker *broker, int index)
{
    return argument(broker, broker->request.call->path + index);
}

static uint8_t open_letters(int flags)
{
    static const uint8_t by_mode[] = {RULE_READ, RULE_WRITE, RULE_READ | RULE_WRITE,
                                      RULE_READ | RULE_WRITE};
    if (flags & O_PATH)
        return RULE_READ;
    uint8_t letters = by_mode[flags & O_ACCMODE];
    if (flags & O_TRUNC)
        letters |= RULE_WRITE;
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
        letters |= RULE_CREATE;
    return letters;
}

/* may_wait: opening this may take until somebody else comes. */
static bool may_wait(const struct place *place, int flags)
{
    mode_t type = place->stat.st_mode & S_IFMT;
    return !(flags & (O_NONBLOCK | O_PATH)) && (type == S_IFIFO || type == S_IFCHR);
}

/* check_existing: what the kernel would say of an object before it opens it. */
static int check_existing(const struct broker *broker, const struct place *place, int flags)
{
    const struct stat *in = &broker->request.walk.dir_stat;
    const mode_t shared = S_ISVTX | S_IWOTH;
    bool create = (flags & O_CREAT) && !(flags & O_PATH);
    if (create && (flags & O_EXCL))
        return -EEXIST;
    if (S_ISLNK(place->stat.st_mode) && !(flags & O_PATH))
        return -ELOOP;
    if (create && S_ISDIR(place->stat.st_mode))
        return -EISDIR;
    if ((flags & O_DIRECTORY) && !S_ISDIR(place->stat.st_mode))
        return -ENOTDIR;
    /* As fs.protected_regular and fs.protected_fifos. */
    if (create && (in->st_mode & shared) == shared && place->stat.st_uid != in->st_uid &&
        place->stat.st_uid != broker->request.walk.user)
        return -EACCES;
    /* The terminal of the broker's session. */
    if (place->stat.st_rdev == makedev(5, 0) && S_ISCHR(place->stat.st_mode) &&
        direct(getsid, broker->request.held.pid) != direct(getsid, 0))
        return -ENXIO;
    return 0;
}

/* open_place: a descriptor of it, or -errno; -EAGAIN: it has changed since it
 * was looked at. */
static int open_place(struct broker *broker, const struct place *place, int flags, mode_t mode)
{
    char self[SELF_PATH_SIZE];
    int kept = (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC | O_NOCTTY;
    if (place->object < 0) {
        if (place->slash)
            return -EISDIR;
        int fd = openat(place->dir, place->name, kept | O_CREAT | O_EXCL, mode);
        return fd < 0 ? (errno == EEXIST && !(flags & O_EXCL) ? -EAGAIN : -errno) : fd;
    }
    int code = check_existing(broker, place, flags);
    if (code < 0)
        return code;
    if ((flags & O_PATH) && !S_ISDIR(place->stat.st_mode) && !S_ISREG(place->stat.st_mode))
        return S_ISLNK(place->stat.st_mode) ? -ELOOP : -EACCES;
    if (flags & O_PATH) /* the kernel hands over none of these: the nearest thing to it */
        kept = O_RDONLY | O_CLOEXEC | O_NOCTTY;
    return (int)told(open(self_path(place->object, self), kept, mode));
}

/* open_name: the same by its name, which costs less than by a descriptor of it.
 * Where another thing is there by now, nothing has been lost, and nobody waits. */
static int open_name(const struct place *place, int flags)
{
    struct stat stat;
    int kept = flags | O_CLOEXEC | O_NOCTTY;
    int fd CLEAN_FD = walk_open(place->dir, place->name, kept | O_NONBLOCK, WALK_NO_SYMLINKS);
    if (fd < 0) /* EINVAL: flags that openat(2) passes over */
        return errno == ELOOP || errno == ENOENT || errno == EINVAL ? -EAGAIN : -errno;
    if (fstat(fd, &stat) < 0 || stat.st_ino != place->stat.st_ino ||
        stat.st_dev != place->stat.st_dev)
        return -EAGAIN;
    if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, kept) < 0)
        return -EAGAIN;
    return take_fd(&fd);
}

static int64_t give(struct broker *broker, int fd, int flags)
{
    int code = notify_give(broker->listener, broker->request.held.id, fd, flags & O_CLOEXEC);
    close(fd);
    return code < 0 ? code : ANSWER_GIVEN;
}

static int64_t perform_open(struct broker *broker, int flags, mode_t mode)
{
    const struct call *call = broker->request.call;
    bool create = (flags & O_CREAT) && !(flags & O_PATH);
    bool follow = !(flags & O_NOFOLLOW) && !(create && (flags & O_EXCL));
    struct finding finding = {.dir = call->dir,
                              .path = call->path,
                              .flags = follow ? 0 : AT_SYMLINK_NOFOLLOW,
                              .how = create ? FIND_ABSENT | FIND_UMASK : 0,
                              .wanted = open_letters(flags)};
    if ((flags & O_TMPFILE) == O_TMPFILE)
        finding.how |= FIND_UMASK;
    else if (!create && !(flags & O_PATH))
        finding.how |= FIND_OPEN;
    int fd = -EAGAIN;
    for (int tries = 0; fd == -EAGAIN && tries < TRIES; tries++, finding.how &= ~FIND_OPEN) {
        struct place place CLEAN_PLACE = NO_PLACE;
        int code = find(broker, &finding, &place);
        if (code < 0)
            return code;
        bool child = place.object >= 0 && may_wait(&place, flags);
        if (child && !elsewhere(broker))
            return ANSWER_GIVEN;
        do
            fd = place.looked ? open_name(&place, flags) : open_place(broker, &place, flags, mode);
        while (fd == -EINTR && child && still_wanted(broker));
        if (child)
            answer_and_end(broker, fd < 0 ? fd : give(broker, fd, flags));
        if (fd >= 0)
            return give(broker, fd, flags);
    }
    return fd;
}

static int64_t perform_stat(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct request *request = &broker->request;
    bool extended = request->call->kind == CALL_STATX;
    int code = locate(broker, RULE_READ, STAT_IS_KERNELS && !extended ? FIND_LOOK : 0, &place);
    if (code < 0)
        return code;
    if (STAT_IS_KERNELS && !extended)
        return put(broker, detail(broker, 1), &place.stat, sizeof place.stat);
    if (extended) {
        unsigned mask = (unsigned)argument_int(broker, 3);
        unsigned sync = call_flags(broker) & (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC);
        if (syscall(SYS_statx, place.object, "", AT_EMPTY_PATH | sync, mask, request->data) < 0)
            return -errno;
        return put(broker, argument(broker, 4), request->data, KERNEL_STATX_SIZE);
    }
    if (kernel_stat(place.object, request->data) < 0)
        return -errno;
    return put(broker, detail(broker, 1), request->data, kernel_stat_size);
}

static int64_t perform_access(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    char self[SELF_PATH_SIZE];
    int mode = (int)detail(broker, 1);
    unsigned flags = call_flags(broker);
    int code =
        mode & ~7 ? -EINVAL : locate(broker, RULE_READ | (mode & W_OK ? RULE_WRITE : 0), 0, &place);
    if (code < 0)
        return code;
    if (flags & AT_SYMLINK_NOFOLLOW && S_ISLNK(place.stat.st_mode))
        return 0;
    unsigned effective = broker->changed || (flags & AT_EACCESS) ? AT_EACCESS : 0;
    if (syscall(NR_NEWER(439), place.object, "", mode, AT_EMPTY_PATH | effective) == 0)
        return 0; /* faccessat2, Linux 5.8 */
    return errno != ENOSYS ? -errno
                           : direct(faccessat, AT_FDCWD, self_path(place.object, self), mode);
}

static int64_t perform_readlink(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct request *request = &broker->request;
    int size = (int)detail(broker, 2);
    const struct call *call = request->call;
    const struct finding finding = {call->dir, call->path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 0,
                                    RULE_READ};
    int code = size <= 0 ? -EINVAL : find(broker, &finding, &place);
    if (code == 0 && !S_ISLNK(place.stat.st_mode))
        code = -EINVAL;
    if (code < 0)
        return code;
    int64_t got = place.myself ? (int64_t)walk_self(&request->walk, place.name, request->data)
                               : direct(readlinkat, place.object, "", request->data, PATH_MAX);
    if (got < 0)
        return got;
    if (got > size)
        got = size;
    code = put(broker, detail(broker, 1), request->data, (size_t)got);
    return code < 0 ? code : got;
}

/* Of the calls that go on in the caller: were they allowed with what is read now? */
static int64_t perform_chdir(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    int code = locate(broker, RULE_READ, 0, &place);
    if (code < 0)
        return code;
    return S_ISDIR(place.stat.st_mode) ? ANSWER_CONTINUE : -ENOTDIR;
}

static int64_t perform_exec(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    int code = locate(broker, RULE_EXEC, 0, &place);
    if (code < 0)
        return code;
    const struct view *view = broker->request.judges.at[0];
    return view->locked && !view->landlocked ? -EACCES : ANSWER_CONTINUE;
}

static int64_t perform_owner(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    char self[SELF_PATH_SIZE];
    int code = locate(broker, RULE_WRITE, 0, &place);
    if (code < 0)
        return code;
    if (broker->request.call->kind == CALL_CHOWN)
        return direct(fchownat, place.object, "", (uid_t)detail(broker, 1),
                      (gid_t)detail(broker, 2), AT_EMPTY_PATH);
    if (S_ISLNK(place.stat.st_mode))
        return -EOPNOTSUPP;
    return direct(fchmodat, AT_FDCWD, self_path(place.object, self),
                  (mode_t)detail(broker, 1) & 07777);
}

/* read_times: utime's seconds, utimes' microseconds or utimensat's own. */
static int read_times(struct broker *broker, struct timespec times[2])
{
    const struct notify_call *held = &broker->request.held;
    uint64_t address = detail(broker, 1);
    long raw[4];
    size_t size = broker->request.call->kind == CALL_UTIME ? 2 * sizeof(long) : 4 * sizeof(long);
    times[0] = times[1] = (struct timespec){.tv_nsec = UTIME_NOW};
    if (address == 0)
        return 0;
    if (broker->request.call->kind == CALL_UTIMENSAT)
        return caller_read(held, address, times, 2 * sizeof *times);
    if (caller_read(held, address, raw, size) < 0)
        return -EFAULT;
    bool seconds = broker->request.call->kind == CALL_UTIME;
    for (int i = 0; i < 2; i++) {
        long micro = seconds ? 0 : raw[2 * i + 1];
        if (micro < 0 || micro >= 1000000)
            return -EINVAL;
        times[i] = (struct timespec){raw[seconds ? i : 2 * i], micro * 1000};
    }
    return 0;
}

static int64_t perform_times(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct timespec times[2];
    char self[SELF_PATH_SIZE];
    int code = read_times(broker, times);
    if (code == 0)
        code = locate(broker, RULE_WRITE, 0, &place);
    if (code < 0)
        return code;
    return told(utimensat(AT_FDCWD, self_path(place.object, self), times, 0));
}

/* wide_length: truncate64's, from two words: in the order of memory, and on arm
 * from an even argument on. */
static int64_t wide_length(const struct broker *broker)
{
    int first = arch_native()->id == ARCH_ARM ? 2 : 1;
    uint64_t words[2] = {argument(broker, first), argument(broker, first + 1)};
    bool big = arch_native()->big_endian;
    return (int64_t)(words[big ? 0 : 1] << 32 | (uint32_t)words[big ? 1 : 0]);
}

static int64_t perform_truncate(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    char self[SELF_PATH_SIZE];
    int code = locate(broker, RULE_WRITE, 0, &place);
    if (code < 0)
        return code;
    int64_t length = (int64_t)detail(broker, 1);
    if (sizeof(long) == 4) /* long, or two words from an even one on (arm) */
        length = broker->request.call->nr == SYS_truncate ? (int32_t)length : wide_length(broker);
    return told(truncate(self_path(place.object, self), length));
}

static int64_t perform_xattr_read(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct request *request = &broker->request;
    char self[SELF_PATH_SIZE];
    bool list = request->call->kind == CALL_LISTXATTR;
    uint64_t room = detail(broker, list ? 2 : 3), to = detail(broker, list ? 1 : 2);
    size_t size = room < sizeof request->data ? (size_t)room : sizeof request->data;
    int code = list ? 0 : (int)caller_text(&request->held, detail(broker, 1), request->other, 256);
    if (code >= 0)
        code = locate(broker, RULE_READ, 0, &place);
    if (code < 0)
        return code == -ENAMETOOLONG ? -ERANGE : code;
    self_path(place.object, self);
    int64_t got = list ? direct(listxattr, self, request->data, size)
                       : direct(getxattr, self, request->other, request->data, size);
    if (got < 0 || room == 0)
        return got;
    code = put(broker, to, request->data, (size_t)got);
    return code < 0 ? code : got;
}

static int64_t perform_xattr_write(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct request *request = &broker->request;
    char self[SELF_PATH_SIZE];
    bool set = request->call->kind == CALL_SETXATTR;
    uint64_t wanted = set ? detail(broker, 3) : 0;
    ssize_t code = caller_text(&request->held, detail(broker, 1), request->other, 256);
    if (code < 0)
        return code == -ENAMETOOLONG ? -ERANGE : code;
    if (wanted > sizeof request->data)
        return -E2BIG;
    size_t size = (size_t)wanted;
    if (size > 0 && caller_read(&request->held, detail(broker, 2), request->data, size) < 0)
        return -EFAULT;
    if ((code = locate(broker, RULE_WRITE, 0, &place)) < 0)
        return code;
    self_path(place.object, self);
    return set ? direct(setxattr, self, request->other, request->data, size, (int)detail(broker, 4))
               : direct(removexattr, self, request->other);
}

static int64_t perform_watch(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    char self[SELF_PATH_SIZE];
    uint32_t mask = (uint32_t)argument(broker, 2);
    int watcher CLEAN_FD = caller_descriptor(&broker->request.held, argument_int(broker, 0));
    if (watcher < 0)
        return watcher;
    const struct finding finding = {-1, 1, mask & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0, 0,
                                    RULE_READ};
    int code = find(broker, &finding, &place);
    if (code < 0)
        return code;
    if ((mask & IN_ONLYDIR) && !S_ISDIR(place.stat.st_mode))
        return -ENOTDIR;
    return direct(inotify_add_watch, watcher, self_path(place.object, self),
                  mask & ~IN_DONT_FOLLOW);
}

static int64_t perform_make(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    struct request *request = &broker->request;
    int kind = request->call->kind;
    ssize_t code = kind != CALL_SYMLINK ? 0
                                        : caller_text(&request->held, argument(broker, 0),
                                                      request->other, sizeof request->other);
    if (code >= 0)
        code = locate(broker, RULE_CREATE, FIND_NAME | FIND_ABSENT | FIND_UMASK, &place);
    if (code < 0)
        return code;
    if (place.object >= 0)
        return -EEXIST;
    if (kind != CALL_MKDIR && place.slash)
        return -ENOENT;
    mode_t mode = (mode_t)detail(broker, 1);
    if (kind == CALL_MKDIR)
        return direct(mkdirat, place.dir, place.name, mode);
    if (kind == CALL_MKNOD)
        return direct(mknodat, place.dir, place.name, mode, (unsigned)detail(broker, 2));
    return direct(symlinkat, request->other, place.dir, place.name);
}

static int64_t perform_remove(struct broker *broker)
{
    struct place place CLEAN_PLACE = NO_PLACE;
    unsigned flags = call_flags(broker);
    int code =
        flags & ~(unsigned)AT_REMOVEDIR ? -EINVAL : locate(broker, RULE_CREATE, FIND_NAME, &place);
    if (code < 0)
        return code;
    if (place.dir < 0)
        return -EACCES;
    return direct(unlinkat, place.dir, place.name, (int)flags);
}

/* locate_second: the new name of link and rename. */
static int locate_second(struct broker *broker, unsigned how, struct place *out)
{
    const struct call *call = broker->request.call;
    int path = call->path + (call->dir < 0 ? 1 : 2), dir = call->dir < 0 ? -1 : path - 1;
    return find(broker, &(struct finding){dir, path, 0, FIND_NAME | FIND_ABSENT | how, RULE_CREATE},
                out);
}

static int64_t perform_link(struct broker *broker)
{
    struct place from CLEAN_PLACE = NO_PLACE, to CLEAN_PLACE = NO_PLACE;
    const struct call *call = broker->request.call;
    char self[SELF_PATH_SIZE];
    unsigned flags = call_flags(broker), known = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH;
    const struct finding finding = {call->dir, call->path,
                                    (flags & AT_EMPTY_PATH) |
                                        (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW),
                                    0, RULE_READ};
    int code = flags & ~known ? -EINVAL : find(broker, &finding, &from);
    if (code == 0 && S_ISDIR(from.stat.st_mode))
        code = -EPERM;
    if (code == 0)
        code = locate_second(broker, 0, &to);
    if (code < 0)
        return code;
    return to.object >= 0 ? -EEXIST
                          : direct(linkat, AT_FDCWD, self_path(from.object, self), to.dir, to.name,
                                   AT_SYMLINK_FOLLOW);
}

static int64_t perform_rename(struct broker *broker)
{
    struct place from CLEAN_PLACE = NO_PLACE, to CLEAN_PLACE = NO_PLACE;
    const struct call *call = broker->request.call;
    unsigned flags = call_flags(broker), exchange = 2, both = RULE_READ | RULE_CREATE;
    int code =
        find(broker, &(struct finding){call->dir, call->path, 0, FIND_NAME, (uint8_t)both}, &from);
    if (code == 0)
        code = locate_second(broker, 0, &to);
    if (code == 0 && (flags & exchange))
        code = place_permits(&to, (uint8_t)both);
    if (code < 0)
        return code;
    if (from.dir < 0 || to.dir < 0)
        return -EACCES;
    return direct(renameat2, from.dir, from.name, to.dir, to.name, flags);
}

int64_t files_perform(struct broker *broker)
{
    switch (broker->request.call->kind) {
    case CALL_OPEN:
        return perform_open(broker, (int)detail(broker, 1), (mode_t)detail(broker, 2) & 07777);
    case CALL_CREAT:
        return perform_open(broker, O_WRONLY | O_CREAT | O_TRUNC,
                            (mode_t)detail(broker, 1) & 07777);
    case CALL_STAT:
    case CALL_STATX: return perform_stat(broker);
    case CALL_ACCESS: return perform_access(broker);
    case CALL_READLINK: return perform_readlink(broker);
    case CALL_CHDIR: return perform_chdir(broker);
    case CALL_EXEC: return perform_exec(broker);
    case CALL_CHMOD:
    case CALL_CHOWN: return perform_owner(broker);
    case CALL_UTIME:
    case CALL_UTIMES:
    case CALL_UTIMENSAT: return perform_times(broker);
    case CALL_TRUNCATE: return perform_truncate(broker);
    case CALL_GETXATTR:
    case CALL_LISTXATTR: return perform_xattr_read(broker);
    case CALL_SETXATTR:
    case CALL_REMOVEXATTR: return perform_xattr_write(broker);
    case CALL_WATCH: return perform_watch(broker);
    case CALL_MKDIR:
    case CALL_MKNOD:
    case CALL_SYMLINK: return perform_make(broker);
    case CALL_REMOVE: return perform_remove(broker);
    case CALL_LINK: return perform_link(broker);
    case CALL_RENAME: return perform_rename(broker);
    default: return -ENOSYS;
    }
}
