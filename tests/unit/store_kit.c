#include "store_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* Disks ---------------------------------------------------------------------*/

static int disk_read(void *context, uint64_t offset, void *to, size_t size)
{
    memcpy(to, ((struct disk *)context)->bytes + offset, size);
    return 0;
}

static void trace_add(struct trace *t, const struct trace_entry *entry)
{
    if (array_grow((void **)&t->entries, &t->capacity, t->count, sizeof *t->entries) != 0)
        abort();
    t->entries[t->count++] = *entry;
}

static int disk_write(void *context, uint64_t offset, const void *from, size_t size)
{
    struct disk *d = context;
    d->writes++;
    if (d->fail_from && d->writes >= d->fail_from)
        return d->fail_with;
    memcpy(d->bytes + offset, from, size);
    if (d->trace) {
        struct trace_entry entry = {TRACE_WRITE, offset, size, malloc(size)};
        memcpy(entry.bytes, from, size);
        trace_add(d->trace, &entry);
    }
    return 0;
}

static int disk_flush(void *context)
{
    struct disk *d = context;
    d->flushes++;
    if (d->fail_from && d->writes >= d->fail_from)
        return d->fail_with;
    if (d->trace)
        trace_add(d->trace, &(struct trace_entry){.kind = TRACE_FLUSH});
    return 0;
}

/* Memory that costs nothing where it is not touched. */
static uint8_t *pages(uint64_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        abort();
    return at;
}

struct disk *disk_new(uint64_t size)
{
    struct disk *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->bytes = pages(size);
    d->device = (struct device){
        .context = d, .size = size, .read = disk_read, .write = disk_write, .flush = disk_flush};
    return d;
}

struct disk *disk_copy(const struct disk *d)
{
    struct disk *copy = disk_new(d->device.size);
    memcpy(copy->bytes, d->bytes, d->device.size);
    return copy;
}

void disk_free(struct disk *d)
{
    munmap(d->bytes, d->device.size);
    free(d);
}

void trace_mark(struct trace *t, uint64_t number)
{
    trace_add(t, &(struct trace_entry){.kind = TRACE_MARK, .offset = number});
}

void trace_free(struct trace *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->entries[i].bytes);
    free(t->entries);
    *t = (struct trace){0};
}

void disk_format(struct disk *d, const struct store_format *how)
{
    static const struct store_format usual = {.uuid = "a store's uuid!", .now = 1000000000};
    struct err err = {0};
    CHECK_EQ(store_format(&d->device, how ? how : &usual, &err), 0);
    if (*err.text)
        test_fail(__FILE__, __LINE__, "%s", err.text);
}

struct store *disk_open(struct disk *d, bool read_only)
{
    struct store *s = NULL;
    struct err err;
    struct store_options options = {.read_only = read_only, .now = kit_now};
    if (store_open(&s, &d->device, &options, &err) != 0)
        test_fail(__FILE__, __LINE__, "store_open: %s", err.text);
    return s;
}

/* e2fsck --------------------------------------------------------------------*/

static int run_e2fsck(const char *option, char *path)
{
    char *argv[] = {"e2fsck", (char *)option, path, NULL};
    static char *const env[] = {"PATH=/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL=C", NULL};
    posix_spawn_file_actions_t actions;
    char out[64];
    pid_t child;
    int status;
    snprintf(out, sizeof out, "%s.out", path);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int r = posix_spawn(&child, "/usr/sbin/e2fsck", &actions, NULL, argv, env);
    if (r != 0)
        r = posix_spawn(&child, "/sbin/e2fsck", &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    if (r != 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void show(const char *path)
{
    char line[256];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        printf("# e2fsck: %s", line);
    if (f)
        fclose(f);
}

/* Writes what is not zero, so that the file is as sparse as the disk. */
static bool write_sparse(int fd, const struct disk *d)
{
    static const uint8_t zeros[65536];
    if (ftruncate(fd, (off_t)d->device.size) != 0)
        return false;
    for (uint64_t at = 0; at < d->device.size; at += sizeof zeros) {
        size_t part =
            d->device.size - at < sizeof zeros ? (size_t)(d->device.size - at) : sizeof zeros;
        if (memcmp(d->bytes + at, zeros, part) != 0 &&
            pwrite(fd, d->bytes + at, part, (off_t)at) != (ssize_t)part)
            return false;
    }
    return true;
}

int kit_e2fsck(struct disk *d, const char *option)
{
    char path[] = "/tmp/vow-store-XXXXXX", out[64];
    int fd CLEAN_FD = mkstemp(path);
    snprintf(out, sizeof out, "%s.out", path);
    int status = fd >= 0 && write_sparse(fd, d) ? run_e2fsck(option, path) : -1;
    if (status > 0 && strcmp(option, "-fn") == 0)
        show(out);
    if (status >= 0 && strcmp(option, "-fn") != 0 &&
        pread(fd, d->bytes, d->device.size, 0) != (ssize_t)d->device.size)
        status = -1;
    unlink(path);
    unlink(out);
    return status;
}

bool kit_consistent(struct disk *d)
{
    return kit_e2fsck(d, "-fn") <= 0;
}

/* Small things --------------------------------------------------------------*/

uint32_t kit_random(uint64_t *state, uint32_t limit)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 0x2545F4914F6CDD1Dull) >> 33) % limit;
}

void kit_now(void *context, struct timespec *out)
{
    static time_t seconds = 1000000000;
    (void)context;
    *out = (struct timespec){.tv_sec = seconds++, .tv_nsec = 7};
}

int kit_create(struct store *s, uint32_t dir, const char *name, uint32_t mode, uint32_t *ino)
{
    struct store_new what = {.mode = mode, .target = "target"};
    uint32_t unused;
    return store_create(s, &(struct store_name){dir, name, strlen(name)}, &what,
                        ino ? ino : &unused);
}

uint32_t kit_find(struct store *s, const char *path)
{
    uint32_t at = STORE_ROOT;
    while (*path) {
        size_t size = strcspn(path, "/");
        if (size && store_lookup(s, at, path, size, &at) != 0)
            return 0;
        path += size + (path[size] == '/');
    }
    return at;
}

int kit_unlink(struct store *s, uint32_t dir, const char *name)
{
    return store_unlink(s, dir, name, strlen(name));
}

int kit_rename(struct store *s, uint32_t from, const char *name, uint32_t to, const char *new_name,
               unsigned flags)
{
    struct store_name old = {from, name, strlen(name)}, new = {to, new_name, strlen(new_name)};
    return store_rename(s, &old, &new, flags);
}
