#include "cli/box_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/box.h"
#include "cli/cli.h"
#include "host/image.h"
#include "store/format.h"

enum { LINKS_MAX = 40, BYTES_PER_INODE = 16384 };

static void now(void *context, struct timespec *out)
{
    (void)context;
    clock_gettime(CLOCK_REALTIME, out);
}

static int open_store(struct box_image *i, bool write)
{
    struct err err;
    struct store_options options = {.read_only = !write, .now = now};
    if (store_open(&i->store, &i->device, &options, &err) == 0)
        return 0;
    cli_error(BOX_NAME, "%s: %s", i->path, err.text);
    image_close(&i->device);
    return EXIT_FAILURE;
}

int box_image_open(struct box_image *i, const char *path, bool write)
{
    struct err err;
    *i = (struct box_image){.path = path};
    if (image_open(&i->device, path, write, &err) != 0) {
        cli_error(BOX_NAME, "%s", err.text);
        return EXIT_FAILURE;
    }
    return open_store(i, write);
}

int box_image_close(struct box_image *i)
{
    int r = store_close(i->store);
    if (r == 0 && i->device.write && fdatasync(image_fd(&i->device)) != 0)
        r = -errno;
    if (r != 0)
        cli_error(BOX_NAME, "%s: cannot be written: %s", i->path, strerror(-r));
    image_close(&i->device);
    return r == 0 ? 0 : EXIT_FAILURE;
}

static int no_flush(void *context)
{
    (void)context;
    return 0;
}

/* A sparse file with an empty file system. */
static int make_file(struct box_image *i, uint64_t size, uint64_t files, struct err *err)
{
    struct store_format how = {.now = time(NULL), .inodes = files + files / 2 + 1024};
    if (how.inodes < size / BYTES_PER_INODE)
        how.inodes = size / BYTES_PER_INODE;
    int fd CLEAN_FD = open(i->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set(err, -errno, "%s%s", strerror(errno),
                       errno == EEXIST ? "; remove it, or name another" : "");
    if (ftruncate(fd, (off_t)size) != 0)
        return err_set(err, -errno, "cannot have this size: %s", strerror(errno));
    if (getrandom(how.uuid, sizeof how.uuid, 0) < 0 ||
        getrandom(how.hash_seed, sizeof how.hash_seed, 0) < 0)
        return err_set(err, -errno, "no random numbers: %s", strerror(errno));
    int r = image_open(&i->device, i->path, true, err);
    if (r != 0)
        return r;
    i->device.flush = no_flush;
    return store_format(&i->device, &how, err);
}

int box_image_make(struct box_image *i, const char *path, uint64_t size, uint64_t files)
{
    struct err err;
    *i = (struct box_image){.path = path};
    int r = make_file(i, size, files, &err);
    if (r == 0)
        return open_store(i, true);
    cli_error(BOX_NAME, "%s: %s", path, err.text);
    image_close(&i->device);
    if (r != -EEXIST)
        unlink(path);
    return EXIT_FAILURE;
}

void box_image_abandon(struct box_image *i)
{
    (void)store_close(i->store);
    image_close(&i->device);
    unlink(i->path);
}

/* Paths ---------------------------------------------------------------------*/

/* What is still to be walked: the rest of the path behind the texts of links. */
struct walk {
    struct store *s;
    uint32_t at;
    unsigned links;
    char rest[2 * 4096];
};

/* Puts a link's text in front of the rest. */
static int enter_link(struct walk *w, uint32_t ino, const char *rest)
{
    char text[2 * 4096];
    ssize_t size = store_readlink(w->s, ino, text, 4095);
    if (size < 0)
        return (int)size;
    size_t left = strlen(rest);
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    if ((size_t)size + left + 2 > sizeof w->rest)
        return -ENAMETOOLONG;
    if (text[0] == '/')
        w->at = STORE_ROOT;
    text[size] = '/';
    memcpy(text + size + 1, rest, left + 1);
    memcpy(w->rest, text, (size_t)size + left + 2);
    return 0;
}

/* Walks the first name of the rest. */
static int walk_name(struct walk *w, bool follow)
{
    struct store_attr attr;
    uint32_t ino;
    char *name = w->rest + strspn(w->rest, "/");
    size_t size = strcspn(name, "/");
    if (size == 0) {
        w->rest[0] = 0;
        return 0;
    }
    int r = store_lookup(w->s, w->at, name, size, &ino);
    if (r == 0)
        r = store_getattr(w->s, ino, &attr);
    if (r != 0)
        return r;
    bool last = name[size + strspn(name + size, "/")] == 0;
    if (S_ISLNK(attr.mode) && (follow || !last))
        return enter_link(w, ino, name + size);
    w->at = ino;
    memmove(w->rest, name + size, strlen(name + size) + 1);
    return 0;
}

int box_walk(struct store *s, const char *path, bool follow, uint32_t *ino)
{
    struct walk w = {.s = s, .at = STORE_ROOT};
    int r = 0;
    if (strlen(path) >= sizeof w.rest)
        return -ENAMETOOLONG;
    memcpy(w.rest, path, strlen(path) + 1);
    while (r == 0 && w.rest[0])
        r = walk_name(&w, follow);
    *ino = w.at;
    return r;
}

bool box_size(const char *word, uint64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(word, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (errno || end == word || n == 0 || (*end && (!unit || end[1])) ||
        n > (uint64_t)INT64_MAX >> shift)
        return false;
    *out = n << shift;
    return true;
}
