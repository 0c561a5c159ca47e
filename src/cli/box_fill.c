#include "cli/box_fill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/box_image.h"
#include "cli/box_progress.h"

enum { BUFFER = 1 << 20, LINKS_MAX = 40 };

static int fault(struct err *err, int code, const char *path)
{
    return err_set(err, code, "%s: %s", path, strerror(-code));
}

/* Puts "below/name" into out; false if it is too long. */
static bool join(char out[PATH_MAX], const char *below, const char *name)
{
    bool root = strcmp(below, "/") == 0;
    int size = snprintf(out, PATH_MAX, "%s/%s", root ? "" : below, name);
    return size > 0 && size < PATH_MAX;
}

/* The directory of a path of the image, and the name in it. */
static int find_place(struct store *s, const char *path, struct store_name *out)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : 0;
    if (size >= sizeof dir)
        return -ENAMETOOLONG;
    memcpy(dir, path, size);
    dir[size] = 0;
    out->name = slash ? slash + 1 : path;
    out->size = strlen(out->name);
    return box_walk(s, dir, true, &out->dir);
}

/* One file ------------------------------------------------------------------*/

static int copy_range(struct fill *f, int fd, uint32_t ino, off_t at, off_t end)
{
    static char buffer[BUFFER];
    while (at < end) {
        size_t want = end - at < BUFFER ? (size_t)(end - at) : BUFFER;
        ssize_t got = pread(fd, buffer, want, at);
        if (got <= 0)
            return got < 0 ? -errno : 0;
        ssize_t put = store_write(f->store, ino, (uint64_t)at, buffer, (size_t)got);
        if (put != got)
            return put < 0 ? (int)put : -ENOSPC;
        at += got;
        f->bytes += (uint64_t)got;
        box_progress(f->files, f->bytes);
    }
    return 0;
}

static int copy_contents(struct fill *f, const char *from, uint32_t ino)
{
    int fd CLEAN_FD = open(from, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return -errno;
    int r = 0;
    for (off_t at = 0; r == 0 && at < st.st_size;) {
        off_t data = lseek(fd, at, SEEK_DATA), hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        if (data < 0 && errno == ENXIO)
            break;
        if (data < 0 || hole < 0)
            return -errno;
        r = copy_range(f, fd, ino, data, hole);
        at = hole;
    }
    return r == 0 ? store_truncate(f->store, ino, (uint64_t)st.st_size) : r;
}

static int copy_attribute(struct fill *f, const char *from, uint32_t ino, const char *name)
{
    char value[4096];
    ssize_t size = lgetxattr(from, name, value, sizeof value);
    if (size < 0 ||
        (strncmp(name, "user.", 5) != 0 && strncmp(name, "security.capability", 20) != 0))
        return 0;
    struct store_xattr x = {.name = name, .value = value, .size = (size_t)size};
    return store_setxattr(f->store, ino, &x);
}

static int copy_attributes(struct fill *f, const char *from, uint32_t ino)
{
    char names[8192];
    ssize_t size = llistxattr(from, names, sizeof names);
    int r = 0;
    for (ssize_t at = 0; at < size && r == 0; at += (ssize_t)strlen(names + at) + 1)
        r = copy_attribute(f, from, ino, names + at);
    return r;
}

static int copy_times(struct fill *f, const struct stat *st, uint32_t ino)
{
    struct store_attr to = {.atime = st->st_atim, .mtime = st->st_mtim};
    return store_setattr(f->store, ino, STORE_ATIME | STORE_MTIME, &to);
}

/* A second name of something that was copied: its number, or 0. */
static uint32_t find_link(const struct fill *f, const struct stat *st)
{
    for (size_t i = 0; st->st_nlink > 1 && i < f->link_count; i++)
        if (f->links[i].device == st->st_dev && f->links[i].inode == st->st_ino)
            return f->links[i].ino;
    return 0;
}

static int keep_link(struct fill *f, const struct stat *st, uint32_t ino)
{
    int r = array_grow((void **)&f->links, &f->link_capacity, f->link_count, sizeof *f->links);
    if (r == 0)
        f->links[f->link_count++] = (struct fill_link){st->st_dev, st->st_ino, ino};
    return r;
}

/* Makes the inode that a host's file becomes. */
static int make(struct fill *f, const char *from, const struct stat *st,
                const struct store_name *to, uint32_t *ino)
{
    char target[PATH_MAX];
    struct store_new what = {.mode = st->st_mode,
                             .uid = f->root_owned ? 0 : st->st_uid,
                             .gid = f->root_owned ? 0 : st->st_gid,
                             .major = major(st->st_rdev),
                             .minor = minor(st->st_rdev),
                             .target = target};
    if (S_ISLNK(st->st_mode)) {
        ssize_t size = readlink(from, target, sizeof target - 1);
        if (size < 0)
            return -errno;
        target[size] = 0;
    }
    return store_create(f->store, to, &what, ino);
}

/* Copies one object, not what is in a directory. A directory may exist. */
static int copy_one(struct fill *f, const char *from, const struct stat *st,
                    const struct store_name *to, uint32_t *ino)
{
    bool directory = S_ISDIR(st->st_mode);
    uint32_t first = directory ? 0 : find_link(f, st);
    int r = first ? store_link(f->store, first, to->dir, to->name, to->size)
                  : make(f, from, st, to, ino);
    if (first && (r != -EEXIST || !f->keep))
        return r;
    if (r == -EEXIST && (directory || f->keep))
        return store_lookup(f->store, to->dir, to->name, to->size, ino);
    if (r == 0 && S_ISREG(st->st_mode))
        r = copy_contents(f, from, *ino);
    if (r == 0)
        r = copy_attributes(f, from, *ino);
    if (r == 0)
        r = copy_times(f, st, *ino);
    if (r == 0 && !directory && st->st_nlink > 1)
        r = keep_link(f, st, *ino);
    f->files++;
    box_progress(f->files, f->bytes);
    return r;
}

/* Trees ---------------------------------------------------------------------*/

/* Calls visit(context, path, name) for each entry of a directory. */
static int each_entry(const char *path, int (*visit)(void *context, const char *path),
                      void *context, struct err *err)
{
    DIR *dir = opendir(path);
    char below[PATH_MAX];
    int r = 0;
    if (!dir)
        return fault(err, -errno, path);
    for (struct dirent *e; r == 0 && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        r = join(below, path, e->d_name) ? visit(context, below) : fault(err, -ENAMETOOLONG, path);
    }
    closedir(dir);
    return r;
}

struct tree {
    struct fill *fill;
    uint32_t dir; /* of the image */
    dev_t device;
    struct err *err;
};

static int copy_below(void *context, const char *path);

static int copy_entry(struct tree *t, const char *from, const struct store_name *to)
{
    struct stat st;
    uint32_t ino = 0;
    if (lstat(from, &st) != 0)
        return fault(t->err, -errno, from);
    if (S_ISSOCK(st.st_mode))
        return 0;
    int r = copy_one(t->fill, from, &st, to, &ino);
    if (r != 0)
        return fault(t->err, r, from);
    if (!S_ISDIR(st.st_mode) || (t->device && st.st_dev != t->device))
        return 0;
    struct tree below = {t->fill, ino, st.st_dev, t->err};
    r = each_entry(from, copy_below, &below, t->err);
    if (r == 0 && copy_times(t->fill, &st, ino) != 0)
        r = fault(t->err, -EIO, from);
    return r;
}

static int copy_below(void *context, const char *path)
{
    struct tree *t = context;
    const char *name = strrchr(path, '/') + 1;
    return copy_entry(t, path, &(struct store_name){t->dir, name, strlen(name)});
}

/* The root's own attributes become those of the image's root. */
static int fill_root(struct fill *f, const char *from, struct err *err)
{
    struct stat st;
    if (stat(from, &st) != 0)
        return fault(err, -errno, from);
    struct tree t = {f, STORE_ROOT, st.st_dev, err};
    int r = each_entry(from, copy_below, &t, err);
    struct store_attr to = {.mode = st.st_mode,
                            .uid = f->root_owned ? 0 : st.st_uid,
                            .gid = f->root_owned ? 0 : st.st_gid};
    if (r == 0)
        r = store_setattr(f->store, STORE_ROOT, STORE_MODE | STORE_UID | STORE_GID, &to);
    return r == 0 ? copy_times(f, &st, STORE_ROOT) : r;
}

int fill_tree(struct fill *f, const char *from, const char *to, struct err *err)
{
    struct store_name place;
    if (to[strspn(to, "/")] == 0)
        return fill_root(f, from, err);
    int r = find_place(f->store, to, &place);
    if (r != 0)
        return fault(err, r, to);
    struct tree t = {.fill = f, .err = err};
    return copy_entry(&t, from, &place);
}

struct counting {
    uint64_t *files, *bytes;
    struct err *err;
};

static int count_entry(void *context, const char *path)
{
    struct counting *c = context;
    struct stat st;
    if (lstat(path, &st) != 0)
        return fault(c->err, -errno, path);
    ++*c->files;
    *c->bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_blocks * 512 : 4096;
    return S_ISDIR(st.st_mode) ? each_entry(path, count_entry, c, c->err) : 0;
}

int fill_count(const char *from, uint64_t *files, uint64_t *bytes, struct err *err)
{
    struct counting c = {files, bytes, err};
    return count_entry(&c, from);
}

/* Paths ---------------------------------------------------------------------*/

/* One object on the way; what is there stays. */
static int fill_step(struct fill *f, const char *path, const struct stat *st)
{
    struct store_name to;
    uint32_t ino;
    int r = find_place(f->store, path, &to);
    if (r == 0 && store_lookup(f->store, to.dir, to.name, to.size, &ino) == 0)
        return 0;
    return r == 0 ? copy_one(f, path, st, &to, &ino) : r;
}

/* Where a link at `path` (whose directory is `path` without its name) leads,
 * with what is left behind it: a new path to be followed from the root. */
static bool behind_link(char out[PATH_MAX], const char *path, const char *rest)
{
    char target[PATH_MAX], dir[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size <= 0)
        return false;
    target[size] = 0;
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    int n = target[0] == '/' ? snprintf(out, PATH_MAX, "%s%s", target, rest)
                             : snprintf(out, PATH_MAX, "%s/%s%s", dir, target, rest);
    return n > 0 && n < PATH_MAX;
}

/* Follows one path without links before its end, with `..` taken literally;
 * at a link, puts what it leads to into `path` and returns 1. */
static int follow(struct fill *f, char path[PATH_MAX], struct err *err)
{
    char at[PATH_MAX] = "", next[PATH_MAX];
    for (const char *rest = path; *rest;) {
        rest += strspn(rest, "/");
        size_t size = strcspn(rest, "/"), old = strlen(at);
        struct stat st;
        if (size == 0 || (size == 1 && rest[0] == '.')) {
            rest += size;
            continue;
        }
        if (size == 2 && memcmp(rest, "..", 2) == 0) {
            char *slash = strrchr(at, '/');
            at[slash ? slash - at : 0] = 0;
            rest += size;
            continue;
        }
        if (old + size + 2 > PATH_MAX)
            return fault(err, -ENAMETOOLONG, path);
        snprintf(at + old, PATH_MAX - old, "/%.*s", (int)size, rest);
        rest += size;
        int r = lstat(at, &st) == 0 ? fill_step(f, at, &st) : -errno;
        if (r != 0)
            return fault(err, r, at);
        if (!S_ISLNK(st.st_mode))
            continue;
        if (!behind_link(next, at, rest))
            return fault(err, -ENAMETOOLONG, at);
        memcpy(path, next, PATH_MAX);
        return 1;
    }
    return 0;
}

int fill_path(struct fill *f, const char *path, struct err *err)
{
    char at[PATH_MAX];
    if (snprintf(at, sizeof at, "%s", path) >= PATH_MAX)
        return fault(err, -ENAMETOOLONG, path);
    for (int links = 0; links <= LINKS_MAX; links++) {
        int r = follow(f, at, err);
        if (r <= 0)
            return r;
    }
    return fault(err, -ELOOP, path);
}

int fill_make(struct fill *f, const char *path, uint32_t mode, const char *text)
{
    struct store_name to;
    struct store_new what = {.mode = mode, .target = text};
    uint32_t ino;
    int r = find_place(f->store, path, &to);
    if (r == 0)
        r = store_create(f->store, &to, &what, &ino);
    if (r == 0 && S_ISREG(mode) && text) {
        ssize_t put = store_write(f->store, ino, 0, text, strlen(text));
        r = put < 0 ? (int)put : 0;
    }
    return r == -EEXIST ? 0 : r;
}

void fill_free(struct fill *f)
{
    free(f->links);
    *f = (struct fill){0};
}
