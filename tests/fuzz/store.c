/* store: images whose metadata somebody changed.
 *
 * The input names an image and bytes to be changed in its metadata: one byte
 * for the image and how it is opened, then five for each change: a block that
 * is in use (16 bits), an offset (16), the new byte. What the store makes of
 * it must be answers or errors: everything is listed and read, and, unless the
 * image was opened read-only, changed, committed and closed. The images have
 * no checksums, except one: a stranger would make them right.
 *
 * What must hold: an operation that fails changes nothing (the free counts),
 * and no number or name comes out that the interface rules out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/format.h"
#include "store/store.h"

enum {
    DISK = 8 << 20,
    IMAGES = 4,
    ENTRIES_MAX = 64, /* of a directory that are looked at */
    DEPTH_MAX = 4,
    BLOCKS_MAX = 4096,
};

struct image {
    uint8_t *bytes;
    uint32_t block_size;
    uint32_t used[BLOCKS_MAX]; /* blocks that are not zero, without file data */
    uint32_t used_count;
};
static struct image images[IMAGES];

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* The images ------------------------------------------------------------------*/

static int memory_read(void *context, uint64_t offset, void *to, size_t size)
{
    memcpy(to, (uint8_t *)context + offset, size);
    return 0;
}

static int memory_write(void *context, uint64_t offset, const void *from, size_t size)
{
    memcpy((uint8_t *)context + offset, from, size);
    return 0;
}

static int memory_flush(void *context)
{
    (void)context;
    return 0;
}

static struct device device_of(uint8_t *bytes)
{
    return (struct device){bytes, DISK, memory_read, memory_write, memory_flush};
}

static uint32_t create(struct store *s, uint32_t dir, const char *name, uint32_t mode)
{
    char target[200];
    uint32_t ino;
    memset(target, 't', sizeof target);
    target[strlen(name) % 2 ? 20 : 199] = 0; /* in the inode, or in a block */
    struct store_new what = {.mode = mode, .target = target};
    must(store_create(s, &(struct store_name){dir, name, strlen(name)}, &what, &ino) == 0);
    return ino;
}

/* One of everything. Returns the inode of a file that is held and has no name. */
static void fill(struct store *s)
{
    char name[64], value[900];
    uint32_t dir = create(s, STORE_ROOT, "dir", S_IFDIR | 0755), ino;
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "a-file-with-a-name-%d", i);
        ino = create(s, dir, name, S_IFREG | 0644);
        struct store_xattr x = {"user.a", value, i % 5 ? 20 : sizeof value - 400, 0};
        must(i % 7 || store_setxattr(s, ino, &x) == 0);
    }
    ino = create(s, STORE_ROOT, "fragments", S_IFREG | 0644);
    for (uint64_t i = 0; i < 400; i++)
        must(store_write(s, ino, i * 8192, "x", 1) == 1);
    must(store_fallocate(s, ino, 0, 5 << 20, 100000) == 0);
    create(s, create(s, dir, "deep", S_IFDIR | 0700), "pipe", S_IFIFO | 0600);
    create(s, dir, "link", S_IFLNK | 0777);
    create(s, dir, "long-link", S_IFLNK | 0777);
    must(store_link(s, ino, dir, "second", 6) == 0);
    struct store_new what = {.mode = S_IFREG | 0600};
    must(store_create_unnamed(s, &what, &ino) == 0);
    must(store_write(s, ino, 0, "orphan", 6) == 6);
}

/* Blocks of zeros and the one byte of a file's blocks are not worth changing. */
static bool is_telling(const uint8_t *block, uint32_t size)
{
    size_t count = 0;
    for (uint32_t i = 0; i < size; i++)
        count += block[i] != 0;
    return count > 6;
}

static void make_image(struct image *m, int kind)
{
    struct err err;
    struct store *s;
    struct store_options options = {0};
    struct store_format how = {.uuid = "a fuzzed image",
                               .now = 1,
                               .no_checksums = kind != 3,
                               .block_size = kind == 1 ? 1024 : 4096};
    m->bytes = calloc(1, DISK);
    m->block_size = how.block_size;
    struct device device = device_of(m->bytes);
    must(m->bytes && store_format(&device, &how, &err) == 0);
    must(store_open(&s, &device, &options, &err) == 0);
    fill(s);
    must(store_commit(s) == 0);
    uint8_t *crashed = malloc(DISK);
    must(crashed != NULL);
    memcpy(crashed, m->bytes, DISK);
    must(store_close(s) == 0);
    if (kind == 2) { /* with a journal to be replayed, and an orphan */
        free(m->bytes);
        m->bytes = crashed;
    } else {
        free(crashed);
    }
    for (uint32_t b = 0; b < DISK / m->block_size && m->used_count < BLOCKS_MAX; b++)
        if (is_telling(m->bytes + (size_t)b * m->block_size, m->block_size))
            m->used[m->used_count++] = b;
}

/* Looking ---------------------------------------------------------------------*/

struct listing {
    struct store *store;
    uint32_t inodes[ENTRIES_MAX];
    size_t count;
};

static int take(void *context, const struct store_entry *e)
{
    struct listing *l = context;
    must(e->size > 0 && e->size <= STORE_NAME_MAX && !memchr(e->name, '/', e->size) &&
         !memchr(e->name, 0, e->size) && e->ino != 0);
    if (l->count == ENTRIES_MAX)
        return 1;
    l->inodes[l->count++] = e->ino;
    uint32_t found;
    (void)store_lookup(l->store, STORE_ROOT, e->name, e->size, &found);
    return 0;
}

static void look_at(struct store *s, uint32_t ino, int depth);

static void look_into(struct store *s, uint32_t dir, int depth)
{
    struct listing l = {.store = s};
    uint64_t position = 0;
    (void)store_readdir(s, dir, &position, take, &l);
    for (size_t i = 0; i < l.count && depth < DEPTH_MAX; i++)
        look_at(s, l.inodes[i], depth + 1);
}

static void look_at(struct store *s, uint32_t ino, int depth)
{
    static char buffer[65536];
    struct store_attr a;
    if (store_getattr(s, ino, &a) != 0)
        return;
    must(a.mtime.tv_nsec < 1000000000);
    (void)store_getxattr(s, ino, "user.a", buffer, sizeof buffer);
    (void)store_listxattr(s, ino, buffer, sizeof buffer);
    if (S_ISDIR(a.mode))
        look_into(s, ino, depth);
    if (S_ISLNK(a.mode))
        must(store_readlink(s, ino, buffer, sizeof buffer) < (ssize_t)sizeof buffer);
    if (S_ISREG(a.mode)) {
        ssize_t got = store_read(s, ino, a.size / 2, buffer, sizeof buffer);
        must(got <= (ssize_t)sizeof buffer);
        (void)store_seek(s, ino, 0, true);
        (void)store_seek(s, ino, 0, false);
    }
}

/* Changing ----------------------------------------------------------------------*/

static void check_undone(struct store *s, const struct store_statfs *before, int result)
{
    struct store_statfs after;
    store_statfs(s, &after);
    must(result >= 0 ||
         (after.free_blocks == before->free_blocks && after.free_inodes == before->free_inodes));
}

static void change(struct store *s, uint32_t dir, uint32_t file)
{
    struct store_new what = {.mode = S_IFREG | 0644};
    struct store_name from = {dir, "new", 3}, to = {STORE_ROOT, "newer", 5};
    struct store_xattr x = {"user.b", "value", 5, 0};
    struct store_statfs before;
    uint32_t ino = 0;
    store_statfs(s, &before);
    check_undone(s, &before, store_create(s, &(struct store_name){dir, "new", 3}, &what, &ino));
    store_statfs(s, &before);
    check_undone(s, &before, (int)store_write(s, file, 3000, "some text", 9));
    (void)store_write(s, ino, 0, "some text", 9);
    store_statfs(s, &before);
    check_undone(s, &before, store_setxattr(s, file, &x));
    (void)store_rename(s, &from, &to, 0);
    (void)store_link(s, file, dir, "third", 5);
    (void)store_fallocate(s, file, STORE_PUNCH_HOLE | STORE_KEEP_SIZE, 0, 100000);
    (void)store_truncate(s, file, 20000);
    (void)store_unlink(s, dir, "a-file-with-a-name-3", 20);
    (void)store_unlink(s, STORE_ROOT, "fragments", 9);
    what.mode = S_IFDIR | 0755;
    store_statfs(s, &before);
    check_undone(s, &before, store_create(s, &(struct store_name){dir, "newdir", 6}, &what, &ino));
    (void)store_rmdir(s, dir, "newdir", 6);
}

static void use(struct store *s)
{
    uint32_t dir = STORE_ROOT, file = STORE_ROOT;
    look_into(s, STORE_ROOT, 0);
    (void)store_lookup(s, STORE_ROOT, "dir", 3, &dir);
    (void)store_lookup(s, STORE_ROOT, "fragments", 9, &file);
    change(s, dir, file);
    (void)store_commit(s);
    look_into(s, STORE_ROOT, DEPTH_MAX - 1);
    change(s, STORE_ROOT, file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct store *s;
    if (size == 0)
        return 0;
    struct image *m = &images[data[0] % IMAGES];
    struct store_options options = {.read_only = data[0] & 0x80};
    if (!m->bytes)
        make_image(m, data[0] % IMAGES);
    struct device below = device_of(m->bytes);
    struct device *overlay = overlay_new(&below);
    must(overlay != NULL);
    for (size_t i = 1; i + 5 <= size; i += 5) {
        uint32_t block = m->used[(data[i] | data[i + 1] << 8) % m->used_count];
        uint32_t at = (uint32_t)(data[i + 2] | data[i + 3] << 8) % m->block_size;
        overlay->write(overlay->context, (uint64_t)block * m->block_size + at, &data[i + 4], 1);
    }
    if (store_open(&s, overlay, &options, &err) == 0) {
        use(s);
        (void)store_close(s);
    } else {
        must(*err.text != 0);
    }
    overlay_free(overlay);
    return 0;
}
