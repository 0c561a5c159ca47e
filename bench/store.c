/* usage: bench-store IMAGE [DIRECTORY]
 *
 * Figures of the box's file system on an empty image made by `vow box create`;
 * with DIRECTORY, where a second such image is mounted (-o loop), the same from
 * the kernel's ext4. Medians of five rounds, a line each: nanoseconds for one,
 * or GB/s. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/image.h"
#include "store/store.h"

enum { NAMES = 5000, ROUNDS = 5, BIG = 256 << 20, PIECE = 1 << 20, SYNCS = 50 };

static struct store *store;
static const char *mounted;
static uint32_t directory, file;
static int fd = -1;
static char piece[PIECE], other[PIECE];

static void now(void *context, struct timespec *out)
{
    (void)context;
    clock_gettime(CLOCK_REALTIME, out);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench-store: %s: %s\n", what, strerror(errno));
    exit(1);
}

static const char *name_of(int i)
{
    static char name[32];
    snprintf(name, sizeof name, "entry-%d", i * 7919 % NAMES);
    return name;
}

static const char *path_of(int i)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/dir/%s", mounted, name_of(i));
    return path;
}

/* What is measured: each runs `count` times and says how often in all. ---------*/

static int create_store(void)
{
    struct store_new what = {.mode = S_IFREG | 0644};
    uint32_t ino;
    for (int i = 0; i < NAMES; i++)
        must(store_create(store, &(struct store_name){directory, name_of(i), strlen(name_of(i))},
                          &what, &ino) == 0,
             "create");
    return NAMES;
}

static int create_kernel(void)
{
    for (int i = 0; i < NAMES; i++) {
        int made = open(path_of(i), O_CREAT | O_EXCL | O_WRONLY, 0644);
        must(made >= 0, "create");
        close(made);
    }
    return NAMES;
}

static int unlink_store(void)
{
    for (int i = 0; i < NAMES; i++)
        must(store_unlink(store, directory, name_of(i), strlen(name_of(i))) == 0, "unlink");
    return NAMES;
}

static int unlink_kernel(void)
{
    for (int i = 0; i < NAMES; i++)
        must(unlink(path_of(i)) == 0, "unlink");
    return NAMES;
}

static int lookup_store(void)
{
    struct store_attr a;
    uint32_t ino;
    for (int i = 0; i < NAMES; i++)
        must(store_lookup(store, directory, name_of(i), strlen(name_of(i)), &ino) == 0 &&
                 store_getattr(store, ino, &a) == 0,
             "lookup");
    return NAMES;
}

static int lookup_kernel(void)
{
    struct stat st;
    for (int i = 0; i < NAMES; i++)
        must(lstat(path_of(i), &st) == 0, "stat");
    return NAMES;
}

static int write_store(void)
{
    for (uint64_t at = 0; at < BIG; at += PIECE)
        must(store_write(store, file, at, piece, PIECE) == PIECE, "write");
    return BIG;
}

static int write_kernel(void)
{
    for (off_t at = 0; at < BIG; at += PIECE)
        must(pwrite(fd, piece, PIECE, at) == PIECE, "write");
    return BIG;
}

static int read_store(void)
{
    for (uint64_t at = 0; at < BIG; at += PIECE)
        must(store_read(store, file, at, piece, PIECE) == PIECE, "read");
    return BIG;
}

static int read_kernel(void)
{
    for (off_t at = 0; at < BIG; at += PIECE)
        must(pread(fd, piece, PIECE, at) == PIECE, "read");
    return BIG;
}

static int small_store(void)
{
    for (uint64_t i = 0; i < 100000; i++)
        must(store_read(store, file, i * 37 % (BIG / 4096) * 4096, piece, 4096) == 4096, "read");
    return 100000;
}

static int small_kernel(void)
{
    for (off_t i = 0; i < 100000; i++)
        must(pread(fd, piece, 4096, i * 37 % (BIG / 4096) * 4096) == 4096, "read");
    return 100000;
}

static int sync_store(void)
{
    for (uint64_t i = 0; i < SYNCS; i++)
        must(store_write(store, file, BIG + i * 4096, piece, 4096) == 4096 &&
                 store_sync(store, file) == 0,
             "sync");
    must(store_truncate(store, file, BIG) == 0, "truncate");
    return SYNCS;
}

static int sync_kernel(void)
{
    for (off_t i = 0; i < SYNCS; i++)
        must(pwrite(fd, piece, 4096, BIG + i * 4096) == 4096 && fsync(fd) == 0, "sync");
    must(ftruncate(fd, BIG) == 0, "truncate");
    return SYNCS;
}

static int copy_memory(void)
{
    for (int i = 0; i < BIG / PIECE; i++) {
        memcpy(other, piece, PIECE);
        piece[i] = other[PIECE - 1 - i]; /* so that nothing is left out */
    }
    return BIG;
}

/* The table -------------------------------------------------------------------*/

struct row {
    const char *name;
    int (*store)(void), (*kernel)(void);
    int rate; /* GB/s, else ns each */
    int once; /* cannot be repeated */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double measure(const struct row *r, int (*run)(void))
{
    double values[ROUNDS];
    int rounds = r->once ? 1 : ROUNDS;
    for (int i = 0; i < rounds; i++) {
        double begin = seconds();
        int count = run();
        double spent = seconds() - begin;
        values[i] = r->rate ? count / spent / 1e9 : spent * 1e9 / count;
    }
    qsort(values, (size_t)rounds, sizeof *values, by_value);
    return values[rounds / 2];
}

static void print(const struct row *r)
{
    printf("%-34s %10.2f", r->name, measure(r, r->store));
    if (mounted && r->kernel)
        printf(" %10.2f", measure(r, r->kernel));
    else
        printf(" %10s", "-");
    printf(" %s\n", r->rate ? "GB/s" : "ns");
}

static void open_both(const char *image, struct device *device)
{
    struct err err;
    struct store_new dir = {.mode = S_IFDIR | 0755}, what = {.mode = S_IFREG | 0644};
    struct store_options options = {.now = now};
    char path[4096];
    if (image_open(device, image, true, &err) != 0 ||
        store_open(&store, device, &options, &err) != 0) {
        fprintf(stderr, "bench-store: %s\n", err.text);
        exit(1);
    }
    must(store_create(store, &(struct store_name){STORE_ROOT, "dir", 3}, &dir, &directory) == 0 &&
             store_create(store, &(struct store_name){STORE_ROOT, "file", 4}, &what, &file) == 0,
         "prepare");
    if (!mounted)
        return;
    snprintf(path, sizeof path, "%s/dir", mounted);
    must(mkdir(path, 0755) == 0, path);
    snprintf(path, sizeof path, "%s/file", mounted);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
    must(fd >= 0, path);
}

int main(int argc, char **argv)
{
    static const struct row rows[] = {
        {"create, 5,000 in a directory", create_store, create_kernel, 0, 1},
        {"lookup + getattr, of 5,000", lookup_store, lookup_kernel, 0, 0},
        {"write 256 MiB, new", write_store, write_kernel, 1, 1},
        {"write 256 MiB, in place", write_store, write_kernel, 1, 0},
        {"read 256 MiB", read_store, read_kernel, 1, 0},
        {"read 4 KiB", small_store, small_kernel, 0, 0},
        {"append 4 KiB + fsync", sync_store, sync_kernel, 0, 0},
        {"unlink, 5,000 in a directory", unlink_store, unlink_kernel, 0, 1},
        {"memcpy 256 MiB", copy_memory, NULL, 1, 0},
    };
    struct device device;
    if (argc < 2 || argc > 3) {
        fputs("usage: bench-store IMAGE [DIRECTORY]\n", stderr);
        return 2;
    }
    mounted = argv[2];
    memset(piece, 'x', sizeof piece);
    open_both(argv[1], &device);
    printf("%-34s %10s %10s\n", "", "store", "kernel");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        print(&rows[i]);
    must(store_close(store) == 0, "close");
    image_close(&device);
    return 0;
}
