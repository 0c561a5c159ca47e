#include "watch/resolve.h"

#include "policy/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SELF "/proc/self"
#define THREAD_SELF "/proc/thread-self"

/* below: the rest of `path` if it is `above` or below it, else NULL. */
static const char *below(const char *path, const char *above)
{
    return path_covers(above, path) ? path + strlen(above) : NULL;
}

/* look_up: an O_PATH descriptor and its path, or -errno. */
static int look_up(const char *path, bool follow, char *real, size_t size)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
        .resolve = RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0)
        return -errno;
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", (int)fd);
    ssize_t length = readlink(name, real, size - 1);
    if (length <= 0) {
        close((int)fd);
        return -EIO;
    }
    real[length] = '\0';
    return (int)fd;
}

/* split: moves the last component of `path` to `name`; false if there is none
 * that names an entry. */
static bool split(char *path, char name[NAME_MAX + 1])
{
    for (size_t size = strlen(path); size > 1 && path[size - 1] == '/';)
        path[--size] = '\0';
    char *slash = strrchr(path, '/');
    size_t size = slash ? strlen(slash + 1) : 0;
    if (size == 0 || size > NAME_MAX || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
        return false;
    memcpy(name, slash + 1, size + 1);
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

static bool may(int fd, int mode)
{
    return syscall(SYS_faccessat2, fd, "", mode, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

/* permitted: on an entry that is there (`fd`, -1 if absent) in a directory. */
static bool permitted(const struct place *place, int fd, int dir)
{
    struct stat st = {0};
    if (fd >= 0 && fstat(fd, &st) != 0)
        return false;
    bool directory = S_ISDIR(st.st_mode);
    if ((place->source && fd < 0) || (place->exclusive && fd >= 0))
        return false;
    bool own = st.st_uid == geteuid() || geteuid() == 0;
    switch (place->create && fd < 0 ? OP_CREATE : place->kind) {
    case OP_OPEN_READ: return fd >= 0 && may(fd, R_OK);
    case OP_OPEN_WRITE:
    case OP_TRUNCATE: return fd >= 0 && !directory && may(fd, W_OK);
    case OP_OPEN_READ_WRITE: return fd >= 0 && !directory && may(fd, R_OK | W_OK);
    case OP_LIST: return fd >= 0 && directory && may(fd, R_OK);
    case OP_CHDIR: return fd >= 0 && directory && may(fd, X_OK);
    case OP_EXEC: return fd >= 0 && S_ISREG(st.st_mode) && may(fd, X_OK);
    case OP_CONNECT: return fd >= 0 && may(fd, W_OK);
    case OP_ATTR: return fd >= 0 && own;
    case OP_CHOWN: return fd >= 0 && own;
    case OP_REMOVE: return fd >= 0 && dir >= 0 && may(dir, W_OK | X_OK);
    case OP_RENAME: return dir >= 0 && may(dir, W_OK | X_OK);
    case OP_CREATE:
    case OP_BIND:
    case OP_MKNOD: return fd < 0 && dir >= 0 && may(dir, W_OK | X_OK);
    default: return fd >= 0;
    }
}

/* name_process: writes `path` with the /proc of the process that asks in the
 * place of a /proc/self that would be the supervisor's. */
static void name_process(const char *path, pid_t pid, char *to, size_t size)
{
    const char *rest = below(path, SELF);
    if (!rest)
        rest = below(path, THREAD_SELF);
    if (rest)
        snprintf(to, size, "/proc/%d%s", (int)pid, rest);
    else
        snprintf(to, size, "%s", path);
}

/* name_self: the other way round, in place. A link like /dev/fd led to the
 * supervisor's own /proc/PID. */
static void name_self(char *real, size_t size, pid_t pid, bool self)
{
    char text[RESOLVE_PATH_SIZE], asker[32], own[32];
    snprintf(asker, sizeof asker, "/proc/%d", (int)pid);
    snprintf(own, sizeof own, "/proc/%d", (int)getpid());
    const char *rest = below(real, asker);
    if (!rest)
        rest = below(real, own);
    if (!rest)
        return;
    snprintf(text, sizeof text, "%s%s", self ? SELF : asker, rest);
    snprintf(real, size, "%s", text);
}

/* follow_descriptor: /proc/PID/fd/N and its other names lead to what the
 * descriptor was opened with. The PID may be ours: ask the program's. */
static bool follow_descriptor(const struct target *target, const char *dir, const char *name,
                              struct found *out)
{
    char link[64];
    const char *tail = strrchr(dir, '/');
    if (!below(dir, "/proc") || strcmp(tail, "/fd") != 0 || !name[0] || strlen(name) > 10 ||
        name[strspn(name, "0123456789")])
        return false;
    snprintf(link, sizeof link, "fd/%s", name);
    return target->link(target->context, link, out->real, DECODE_PATH_SIZE) == 0 &&
           out->real[0] == '/';
}

/* Where it leads cannot be told; as text it is at least an absolute path. */
static void stay_lexical(const char *path, struct found *out)
{
    char *normal CLEAN_FREE = path_normalise(path, "/");
    snprintf(out->real, sizeof out->real, "%s", normal ? normal : path);
}

void resolve(const struct target *target, const struct place *place, pid_t pid, bool self,
             struct found *out)
{
    char path[RESOLVE_PATH_SIZE], parent[DECODE_PATH_SIZE], name[NAME_MAX + 1] = "";
    name_process(place->path, pid, path, sizeof path);
    int fd CLEAN_FD = look_up(path, place->follow, out->real, sizeof out->real);
    out->exists = fd >= 0;
    out->descriptor = false;
    if (fd < 0) {
        int dir CLEAN_FD = split(path, name) ? look_up(path, true, parent, sizeof parent) : -1;
        if (follow_descriptor(target, dir >= 0 ? parent : path, name, out))
            out->exists = out->descriptor = true;
        else if (fd == -ENOENT && dir >= 0)
            snprintf(out->real, sizeof out->real, "%s/%s", parent[1] ? parent : "", name);
        else
            stay_lexical(place->path, out);
    }
    name_self(out->real, sizeof out->real, pid, self);
}

bool resolve_permits(const struct place *place, pid_t pid, const struct found *found)
{
    char path[RESOLVE_PATH_SIZE], real[DECODE_PATH_SIZE], name[NAME_MAX + 1];
    if (found->descriptor)
        return true;
    name_process(place->path, pid, path, sizeof path);
    int fd CLEAN_FD = look_up(path, place->follow, real, sizeof real);
    if (fd < 0 && fd != -ENOENT)
        return false;
    int dir CLEAN_FD = split(path, name) ? look_up(path, true, real, sizeof real) : -1;
    return permitted(place, fd, dir);
}

bool resolve_is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}
