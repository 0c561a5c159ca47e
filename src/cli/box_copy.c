/* vow box cp: files into an image and out of it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/box.h"
#include "cli/box_fill.h"
#include "cli/box_image.h"
#include "cli/cli.h"

static const char usage[] =
    "usage: vow box cp FROM IMAGE:PATH\n"
    "       vow box cp IMAGE:PATH TO\n"
    "\n"
    "Copies a file, or a directory with all below it, into an image or out of it.\n"
    "If the target is a directory that exists, the copy comes to be in it.\n"
    "\n"
    "  --help     this text\n";

enum { BUFFER = 1 << 18 };

/* Out of an image: names in it are a stranger's. Everything is made anew, by
 * descriptors of directories, so that no link in the image leads elsewhere. */
struct out {
    struct store *store;
    int dir; /* of the host */
    struct err *err;
};

static int fault(struct err *err, int code, const char *name)
{
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, name, strlen(name));
    return err_set(err, code, "%s: %s", str_get(&shown), strerror(-code));
}

static int copy_contents(struct store *s, uint32_t ino, int fd)
{
    static char buffer[BUFFER];
    ssize_t got;
    for (uint64_t at = 0; (got = store_read(s, ino, at, buffer, sizeof buffer)) > 0;)
        for (ssize_t done = 0, put; done < got; done += put, at += (uint64_t)put) {
            put = pwrite(fd, buffer + done, (size_t)(got - done), (off_t)at);
            if (put <= 0)
                return put < 0 ? -errno : -EIO;
        }
    return (int)got;
}

static int copy_file(const struct out *o, const char *name, const struct store_attr *a)
{
    int fd CLEAN_FD =
        openat(o->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = copy_contents(o->store, a->ino, fd);
    struct timespec times[] = {a->atime, a->mtime};
    if (r == 0 && (fchmod(fd, a->mode & 0777) != 0 || futimens(fd, times) != 0))
        r = -errno;
    return r;
}

static int copy_link(const struct out *o, const char *name, uint32_t ino)
{
    char target[PATH_MAX];
    ssize_t size = store_readlink(o->store, ino, target, sizeof target - 1);
    if (size < 0)
        return (int)size;
    target[size] = 0;
    return symlinkat(target, o->dir, name) == 0 ? 0 : -errno;
}

static int copy_one(const struct out *o, const char *name, uint32_t ino);

static int copy_entry(void *context, const struct store_entry *e)
{
    const struct out *o = context;
    char name[STORE_NAME_MAX + 1];
    memcpy(name, e->name, e->size);
    name[e->size] = 0;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? 0 : copy_one(o, name, e->ino);
}

static int copy_dir(const struct out *o, const char *name, const struct store_attr *a)
{
    if (mkdirat(o->dir, name, 0700) != 0)
        return fault(o->err, -errno, name);
    int dir CLEAN_FD = openat(o->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return fault(o->err, -errno, name);
    struct out below = {o->store, dir, o->err};
    uint64_t position = 0;
    err_set(o->err, 0, "%s", "");
    int r = store_readdir(o->store, a->ino, &position, copy_entry, &below);
    struct timespec times[] = {a->atime, a->mtime};
    if (r == 0 && (fchmod(dir, a->mode & 0777) != 0 || futimens(dir, times) != 0))
        r = -errno;
    return r != 0 && !*o->err->text ? fault(o->err, r, name) : r;
}

static int copy_one(const struct out *o, const char *name, uint32_t ino)
{
    struct store_attr a;
    int r = store_getattr(o->store, ino, &a);
    if (r != 0)
        return fault(o->err, r, name);
    if (S_ISDIR(a.mode))
        return copy_dir(o, name, &a);
    if (S_ISREG(a.mode))
        r = copy_file(o, name, &a);
    else if (S_ISLNK(a.mode))
        r = copy_link(o, name, ino);
    else
        fprintf(stderr, "vow box: a device, pipe or socket is left out\n");
    return r == 0 ? 0 : fault(o->err, r, name);
}

/* The last name of a path; "." of the root. */
static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return *name ? name : ".";
}

static int copy_out(struct store *s, const char *from, const char *to, struct err *err)
{
    struct stat st;
    char path[PATH_MAX], dir[PATH_MAX];
    uint32_t ino;
    bool inside = stat(to, &st) == 0 && S_ISDIR(st.st_mode);
    int size = inside ? snprintf(path, sizeof path, "%s/%s", to, last_name(from))
                      : snprintf(path, sizeof path, "%s", to);
    if (size >= PATH_MAX)
        return fault(err, -ENAMETOOLONG, to);
    int r = box_walk(s, from, false, &ino);
    if (r != 0)
        return fault(err, r, from);
    const char *name = last_name(path);
    snprintf(dir, sizeof dir, "%.*s", (int)(name - path), path);
    int fd CLEAN_FD = open(*dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault(err, -errno, dir);
    return copy_one(&(struct out){s, fd, err}, name, ino);
}

static int copy_in(struct store *s, const char *from, const char *to, struct err *err)
{
    struct fill f = {.store = s};
    struct store_attr a;
    char path[PATH_MAX];
    uint32_t ino;
    bool inside =
        box_walk(s, to, true, &ino) == 0 && store_getattr(s, ino, &a) == 0 && S_ISDIR(a.mode);
    int size = inside ? snprintf(path, sizeof path, "%s/%s", to, last_name(from))
                      : snprintf(path, sizeof path, "%s", to);
    int r = size < PATH_MAX ? fill_tree(&f, from, path, err) : fault(err, -ENAMETOOLONG, to);
    fill_free(&f);
    return r;
}

/* "IMAGE:PATH": where the path begins, or NULL. A word with a slash before the
 * colon names an image only if that is a file. */
static char *split(char *word)
{
    char *colon = strchr(word, ':');
    struct stat st;
    if (!colon)
        return NULL;
    *colon = 0;
    if (stat(word, &st) == 0 && !S_ISDIR(st.st_mode))
        return colon + 1;
    *colon = ':';
    return NULL;
}

int box_cp_command(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct box_image image;
    struct err err;
    opterr = 0;
    int option = getopt_long(argc, argv, "", options, NULL);
    if (option == 'h') {
        fputs(usage, stdout);
        return cli_flush(BOX_NAME);
    }
    if (option != -1)
        return cli_usage_error(BOX_NAME, "cp: no option '%s'", argv[optind - 1]);
    if (argc - optind != 2)
        return cli_usage_error(BOX_NAME, "cp: from what, and to what?");
    char *from = argv[optind], *to = argv[optind + 1];
    char *inside_from = split(from), *inside_to = inside_from ? NULL : split(to);
    if (!inside_from && !inside_to)
        return cli_usage_error(BOX_NAME,
                               "cp: one of the two is IMAGE:PATH, of an image that exists");
    int status = box_image_open(&image, inside_to ? to : from, inside_to != NULL);
    if (status != 0)
        return status;
    int r = inside_to ? copy_in(image.store, from, inside_to, &err)
                      : copy_out(image.store, inside_from, to, &err);
    if (r != 0)
        cli_error(BOX_NAME, "%s", err.text);
    status = box_image_close(&image);
    return r != 0 ? EXIT_FAILURE : status;
}
