#include "broker/walk.h"

#include "broker/caller.h"
#include "broker/views.h"
#include "host/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_FLAGS (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define PROC_MAGIC 0x9fa0
#define PROC_ROOT_INODE 1
#define MAX_LINKS 40
#define MAX_DEPTH 4096
#define ALL_LETTERS (RULE_READ | RULE_WRITE | RULE_EXEC | RULE_CREATE | RULE_SET)

static struct identity identity_of(const struct stat *stat)
{
    return (struct identity){stat->st_dev, stat->st_ino};
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool is_proc(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC;
}

/* is_in_proc: the same, asked once for each file system in a row. */
static bool is_in_proc(struct walk *walk, int fd, const struct stat *stat)
{
    if (stat->st_dev == walk->plain_device)
        return false;
    bool proc = is_proc(fd);
    if (!proc)
        walk->plain_device = stat->st_dev;
    return proc;
}

void place_close(struct place *place)
{
    if (place->dir >= 0 && !place->dir_kept)
        close(place->dir);
    if (place->object >= 0)
        close(place->object);
    *place = NO_PLACE;
}

int place_permits(const struct place *place, uint8_t wanted)
{
    int code = rules_permit(place->letters, wanted);
    return code < 0 && place->named ? -EACCES : code;
}

/* cover_above: the cover of a directory that was not walked to: its own
 * letters, or those of the nearest one above. */
static uint8_t cover_above(const struct rules *rules, int dir)
{
    struct stat here, above;
    uint8_t cover = 0;
    int at CLEAN_FD = openat(dir, ".", PATH_FLAGS);
    if (!rules)
        return ALL_LETTERS;
    if (at < 0 || fstat(at, &here) < 0)
        return 0;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
        struct identity identity = identity_of(&here);
        cover = rules_below(rules, &identity, 0);
        int up = cover ? -1 : openat(at, "..", PATH_FLAGS);
        if (up < 0)
            return cover;
        close(at);
        at = up;
        if (fstat(at, &above) < 0 || is_same(&above, &here))
            return 0;
        here = above;
    }
    return 0;
}

int walk_open(int dir, const char *name, int flags, unsigned resolve)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {(unsigned)flags, 0, resolve};
    return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

static void leave(struct walk *walk)
{
    if (walk->dir >= 0 && !walk->dir_kept)
        close(walk->dir);
    walk->dir = -1;
    walk->dir_kept = false;
}

/* enter: goes on from this directory, which belongs to the walk from then on. */
static void enter(struct walk *walk, int dir, const struct stat *stat)
{
    struct identity identity = identity_of(stat);
    leave(walk);
    walk->dir = dir;
    walk->dir_stat = *stat;
    walk->in_proc = stat->st_ino == PROC_ROOT_INODE && is_proc(dir);
    if (walk->rules)
        walk->cover = rules_below(walk->rules, &identity, walk->cover);
}

/* enter_from: starts at a directory that was not walked to. */
static int enter_from(struct walk *walk, int dir)
{
    struct stat stat;
    if (fstat(dir, &stat) < 0 || !S_ISDIR(stat.st_mode)) {
        close(dir);
        return -ENOTDIR;
    }
    walk->cover = cover_above(walk->rules, dir);
    enter(walk, dir, &stat);
    return 0;
}

static int enter_root(struct walk *walk)
{
    walk->cover = walk->rules ? 0 : ALL_LETTERS;
    enter(walk, walk->root, &walk->root_stat);
    walk->dir_kept = true;
    return 0;
}

/* enter_rule: begins with the longest rule that the path begins with, if that
 * still leads to where it did: the kernel has then gone the same way. */
static int enter_rule(struct walk *walk)
{
    const struct rule_directory *longest = NULL;
    struct stat stat_;
    for (size_t i = 0; walk->rules && i < walk->rules->directory_count; i++) {
        const struct rule_directory *at = &walk->rules->directories[i];
        size_t size = at->path_size;
        if (size > 0 && (!longest || size > longest->path_size) &&
            memcmp(walk->rest, at->path, size) == 0 && walk->rest[size] == '/' &&
            walk->rest[size + 1] != '\0')
            longest = at;
    }
    if (!longest || fstatat(AT_FDCWD, longest->path, &stat_, 0) < 0 ||
        stat_.st_ino != longest->identity.inode || stat_.st_dev != longest->identity.device)
        return enter_root(walk);
    walk->rest += longest->path_size;
    walk->cover = longest->letters ? longest->letters : cover_above(walk->rules, longest->fd);
    enter(walk, longest->fd, &stat_);
    walk->dir_kept = true;
    return 0;
}

static int enter_parent(struct walk *walk)
{
    if (is_same(&walk->root_stat, &walk->dir_stat))
        return 0;
    int dir = openat(walk->dir, "..", PATH_FLAGS);
    return dir < 0 ? -errno : enter_from(walk, dir);
}

/* prepend: a link's text, to be followed before what is left. */
static int prepend(struct walk *walk, const char *text, size_t size, bool slash)
{
    size_t left = strlen(walk->rest), at = sizeof walk->text - left - 1;
    if (size + 1 > at)
        return -ENAMETOOLONG;
    memmove(walk->text + at, walk->rest, left + 1);
    if (slash)
        walk->text[--at] = '/';
    at -= size;
    memcpy(walk->text + at, text, size);
    walk->rest = walk->text + at;
    return 0;
}

/* number: a name of digits, or 0. */
static pid_t number(const char *text)
{
    pid_t value = 0;
    for (; *text >= '0' && *text <= '9' && value < 100000000; text++)
        value = value * 10 + (*text - '0');
    return *text == '\0' ? value : 0;
}

pid_t walk_process(pid_t thread)
{
    return caller_number(thread, "Tgid:");
}

/* is_broker: the broker itself, or one that it has started. */
static bool is_broker(const struct walk *walk, pid_t pid)
{
    pid_t process = caller_number(pid, "Tgid:");
    return process == walk->broker || caller_number(pid, "PPid:") == walk->broker;
}

/* is_open_to_all: what /proc shows of a process to everybody. */
static bool is_open_to_all(const char *name)
{
    static const char names[][8] = {"stat", "statm", "status", "cmdline", "comm", "task", "cgroup"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return number(name) > 0;
}

/* proc_permits: of an object in /proc. What the kernel shows to whoever may trace
 * a process, it shows to the broker, which is not held by the Landlock domain
 * that holds its program to itself; so the broker asks for less: a process that
 * it does not serve is none of its program's business. */
static int proc_permits(const struct walk *walk, int object)
{
    char path[PATH_MAX], link[SELF_PATH_SIZE], *rest = path;
    pid_t pid = 0;
    ssize_t size = readlink(self_path(object, link), path, sizeof path - 1);
    path[size > 0 ? size : 0] = '\0';
    const char *name = strrchr(path, '/');
    for (char *part; pid == 0 && (part = strsep(&rest, "/"));)
        pid = number(part);
    if (pid == 0 || !name)
        return 0;
    if (is_broker(walk, pid))
        return -ENOENT;
    return is_open_to_all(name + 1) || views_serve(walk->views, pid) ? 0 : -EACCES;
}

size_t walk_self(const struct walk *walk, const char *name, char *to)
{
    size_t size = caller_decimal(to, (uint64_t)walk_process(walk->caller));
    if (strcmp(name, "self") != 0) {
        memcpy(to + size, "/task/", 6);
        size += 6;
        size += caller_decimal(to + size, (uint64_t)walk->caller);
    }
    return size;
}

/* is_myself: a name in /proc that means who reads it. */
static bool is_myself(const struct walk *walk, const char *name)
{
    return walk->in_proc && (strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0);
}

/* is_magic: a link of /proc that does not lead to what its text says. */
static bool is_magic(const struct walk *walk, int link, const char *name)
{
    if (!is_proc(link))
        return false;
    int fd = walk_open(walk->dir, name, O_PATH | O_CLOEXEC, WALK_NO_MAGICLINKS);
    int error = errno;
    if (fd >= 0)
        close(fd);
    return fd < 0 && error != ENOENT; /* -ENOSYS: what cannot be told */
}

/* is_held: is the directory that the walk is in one of the caller's own? */
static bool is_held(const struct walk *walk)
{
    char path[40];
    struct stat held;
    for (int thread = 0; thread < 2; thread++) {
        pid_t pid = thread ? walk->caller : walk_process(walk->caller);
        size_t size = caller_decimal(path, (uint64_t)pid);
        memcpy(path + size, "/fd", sizeof "/fd");
        if (fstatat(AT_FDCWD, path, &held, 0) == 0 && is_same(&held, &walk->dir_stat))
            return true;
    }
    return false;
}

/* is_placeless: a pipe, a socket, a terminal, or a file without any name. */
static bool is_placeless(const struct stat *stat)
{
    return S_ISFIFO(stat->st_mode) || S_ISSOCK(stat->st_mode) || S_ISCHR(stat->st_mode) ||
           stat->st_nlink == 0;
}

/* is_hidden_here: by another view than the one that is walked under. */
static bool is_hidden_here(const struct walk *walk)
{
    size_t count = walk->judges && walk->dir >= 0 ? walk->judges->count : 0;
    for (size_t i = 1; i < count; i++)
        if (rules_permit(cover_above(&walk->judges->at[i]->rules, walk->dir), 0) < 0)
            return true;
    return false;
}

static int go(struct walk *walk, int from, const char *path, unsigned flags, struct place *out);

/* place_of: the place of an object that was not walked to, by its path. Where it
 * is not to be found there it has none. */
static int place_of(struct walk *walk, int object, const struct stat *stat, bool held,
                    struct place *out)
{
    char path[PATH_MAX], link[SELF_PATH_SIZE];
    ssize_t size = readlink(self_path(object, link), path, sizeof path - 1);
    if (size > 0 && path[0] == '/') {
        path[size] = '\0';
        if (go(walk, -1, path, 0, out) == 0 && out->object >= 0 && is_same(&out->stat, stat)) {
            close(object);
            return 0;
        }
        place_close(out);
    }
    *out = NO_PLACE;
    out->object = object;
    out->stat = *stat;
    out->letters = held && is_placeless(stat) ? ALL_LETTERS : 0;
    return 0;
}

/* follow_magic: the kernel follows such a link; on from a directory, at the end
 * with anything else. */
static int follow_magic(struct walk *walk, int link, const char *name, struct place *out)
{
    struct stat stat;
    bool held = is_held(walk);
    int code = proc_permits(walk, link);
    int object = code < 0 ? -1 : openat(walk->dir, name, O_PATH | O_CLOEXEC);
    if (object < 0 || fstat(object, &stat) < 0)
        return code < 0 ? code : -errno;
    if (S_ISDIR(stat.st_mode))
        return enter_from(walk, object);
    if (*walk->rest != '\0') {
        close(object);
        return -ENOTDIR;
    }
    return place_of(walk, object, &stat, held, out);
}

/* follow: a symbolic link in the directory that the walk is in. Like the kernel
 * where fs.protected_symlinks is set, not in a directory that everybody writes
 * to, unless it is one's own or the directory's owner's. */
static int follow(struct walk *walk, int link, const struct stat *stat, struct place *out)
{
    char text[PATH_MAX];
    const mode_t shared = S_ISVTX | S_IWOTH;
    if (++walk->links > MAX_LINKS)
        return -ELOOP;
    if ((walk->dir_stat.st_mode & shared) == shared && stat->st_uid != walk->user &&
        stat->st_uid != walk->dir_stat.st_uid)
        return -EACCES;
    if (is_magic(walk, link, out->name))
        return follow_magic(walk, link, out->name, out);
    int64_t size = direct(readlinkat, link, "", text, sizeof text);
    if (size <= 0)
        return size < 0 ? -errno : -ENOENT;
    int code =
        (size_t)size < sizeof text ? prepend(walk, text, (size_t)size, out->slash) : -ENAMETOOLONG;
    return code == 0 && text[0] == '/' ? enter_root(walk) : code;
}

/* judge: gives a place its letters; `in` is its directory, under this cover. */
static void judge(const struct rules *rules, const struct stat *in, uint8_t cover,
                  struct place *place)
{
    struct identity above = identity_of(in), here = identity_of(&place->stat);
    bool there = place->object >= 0 || place->looked;
    place->letters = cover;
    place->named = false;
    if (!rules)
        return;
    if (there && S_ISDIR(place->stat.st_mode)) {
        place->letters = rules_below(rules, &here, cover);
        return;
    }
    const struct rule_name *name = rules_name(rules, &above, place->name);
    if (name) {
        place->letters = name->letters;
        place->named = true;
    }
}

void walk_judge(const struct rules *rules, struct place *place)
{
    struct stat in;
    if (place->dir < 0 && S_ISDIR(place->stat.st_mode))
        place->letters = cover_above(rules, place->object);
    else if (place->dir >= 0 && fstat(place->dir, &in) == 0)
        judge(rules, &in, cover_above(rules, place->dir), place);
}

/* finish: the walk's directory becomes the place's. */
static void finish(struct walk *walk, struct place *out)
{
    judge(walk->rules, &walk->dir_stat, walk->cover, out);
    out->dir = take_fd(&walk->dir);
    out->dir_kept = walk->dir_kept;
}

/* take_name: the next component, "" at the end; out->slash: one follows it. */
static int take_name(struct walk *walk, struct place *out)
{
    size_t size = 0;
    while (*walk->rest == '/')
        walk->rest++;
    while (walk->rest[size] != '\0' && walk->rest[size] != '/')
        size++;
    if (size >= sizeof out->name)
        return -ENAMETOOLONG;
    memcpy(out->name, walk->rest, size);
    out->name[size] = '\0';
    walk->rest += size;
    out->slash = *walk->rest == '/';
    while (*walk->rest == '/')
        walk->rest++;
    return 0;
}

/* opens_by_name: of its directory's own file system, which is no proc, and nothing
 * that waits, acts or leads elsewhere when it is opened. */
static bool opens_by_name(struct walk *walk, const struct stat *stat)
{
    return (S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode)) &&
           stat->st_dev == walk->dir_stat.st_dev && !is_in_proc(walk, walk->dir, &walk->dir_stat);
}

/* look: is the end of a path nothing, or something that is not followed? Then that
 * is all. */
static bool look(struct walk *walk, unsigned flags, bool follows, struct place *out)
{
    out->looked = fstatat(walk->dir, out->name, &out->stat, AT_SYMLINK_NOFOLLOW) == 0;
    bool absent = !out->looked && errno == ENOENT;
    if (out->looked && ((follows && S_ISLNK(out->stat.st_mode)) ||
                        ((flags & WALK_OPEN) && !opens_by_name(walk, &out->stat))))
        out->looked = false;
    if (out->looked || absent)
        finish(walk, out);
    return out->looked || absent;
}

/* step: one component. 1: it was the last, and `out` is complete. */
static int step(struct walk *walk, unsigned flags, struct place *out)
{
    char self[40];
    int code = take_name(walk, out);
    bool last = *walk->rest == '\0';
    bool follows = !last || (flags & WALK_FOLLOW) || (out->slash && !(flags & WALK_NAME));
    if (code < 0)
        return code;
    if (strcmp(out->name, "..") == 0) {
        if ((code = enter_parent(walk)) < 0)
            return code;
        memcpy(out->name, ".", sizeof ".");
    }
    if (!last && (out->name[0] == '\0' || strcmp(out->name, ".") == 0))
        return 0;
    if (out->name[0] == '\0')
        memcpy(out->name, ".", sizeof ".");
    out->myself = is_myself(walk, out->name);
    if (out->myself && follows)
        return prepend(walk, self, walk_self(walk, out->name, self), out->slash);
    pid_t pid = walk->in_proc ? number(out->name) : 0;
    if (pid > 0 && is_broker(walk, pid))
        return -ENOENT;
    if (last && (flags & (WALK_LOOK | WALK_OPEN)) && !out->slash && look(walk, flags, follows, out))
        return 1;
    int object CLEAN_FD = openat(walk->dir, out->name, PATH_FLAGS);
    if (object < 0 && (errno != ENOENT || !last))
        return -errno;
    if (object >= 0 && fstat(object, &out->stat) < 0)
        return -errno;
    if (object >= 0 && follows && S_ISLNK(out->stat.st_mode))
        return (code = follow(walk, object, &out->stat, out)) == 0 && out->object >= 0 ? 1 : code;
    if (last && object >= 0 && is_in_proc(walk, object, &out->stat) &&
        (code = proc_permits(walk, object)) < 0)
        return code;
    if (last) {
        out->object = take_fd(&object);
        finish(walk, out);
        bool directory = out->object < 0 || S_ISDIR(out->stat.st_mode);
        return out->slash && !directory ? -ENOTDIR : 1;
    }
    if (!S_ISDIR(out->stat.st_mode))
        return -ENOTDIR;
    enter(walk, take_fd(&object), &out->stat);
    return 0;
}

static int go(struct walk *walk, int from, const char *path, unsigned flags, struct place *out)
{
    size_t size = strlen(path);
    int code = 0;
    *out = NO_PLACE;
    walk->rest = walk->text + sizeof walk->text - size - 1;
    memcpy(walk->rest, path, size + 1);
    if (path[0] == '/') {
        if (from >= 0)
            close(from);
        code = enter_rule(walk);
    } else {
        code = enter_from(walk, from);
    }
    while (code == 0)
        code = step(walk, flags, out);
    if (code < 0 && is_hidden_here(walk))
        code = -ENOENT;
    leave(walk);
    if (code < 0)
        place_close(out);
    return code < 0 ? code : 0;
}

int walk(struct walk *walk, int from, const char *path, unsigned flags, struct place *out)
{
    walk->dir = -1;
    walk->dir_kept = false;
    walk->links = 0;
    walk->cover = 0;
    if (path[0] == '\0' || strlen(path) >= PATH_MAX) {
        if (from >= 0)
            close(from);
        *out = NO_PLACE;
        return path[0] == '\0' ? -ENOENT : -ENAMETOOLONG;
    }
    int code = go(walk, from, path, flags, out);
    return code < 0 && rules_permit(walk->cover, 0) < 0 ? -ENOENT : code;
}

int walk_object(struct walk *walk, int object, struct place *out)
{
    struct stat stat;
    walk->dir = -1;
    walk->dir_kept = false;
    walk->links = 0;
    *out = NO_PLACE;
    if (fstat(object, &stat) < 0) {
        close(object);
        return -EBADF;
    }
    if (!S_ISDIR(stat.st_mode))
        return place_of(walk, object, &stat, true, out);
    out->object = object;
    out->stat = stat;
    out->letters = cover_above(walk->rules, object);
    return 0;
}

bool walk_is_below(int dir, const struct identity *other, bool itself)
{
    struct stat at, above;
    int here CLEAN_FD = openat(dir, ".", PATH_FLAGS);
    if (here < 0 || fstat(here, &at) < 0)
        return true;
    for (bool first = !itself;; first = false) {
        if (!first && at.st_dev == other->device && at.st_ino == other->inode)
            return true;
        int up = openat(here, "..", PATH_FLAGS);
        if (up < 0)
            return true;
        close(here);
        here = up;
        if (fstat(here, &above) < 0)
            return true;
        if (is_same(&above, &at))
            return false;
        at = above;
    }
}
