/* store_cuts: the power fails at any moment.
 *
 * Random operations run on a disk that records its writes and flushes. Then the
 * record is gone through: what was flushed is on the disk; of the writes since,
 * any subset, in any order, and of each any of its sectors. From many such
 * disks the store is opened (our own recovery), and from some also after
 * e2fsck's. What is found must be the state of the last acknowledged commit or
 * of the one that was under way: the same names, types, sizes, links, and
 * contents.
 *
 * Contents: byte i of file number f is always pattern(f, i), whoever writes it
 * and when. So a byte may be right, or zero where the state does not have it
 * written: never another file's, and never zero where it was acknowledged.
 *
 * STORE_CUTS: how many cuts of each kind (120); STORE_SEED: other ones. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store_kit.h"

enum {
    DISK = 16 << 20,
    NAMES = 24, /* names that are used */
    DIRS = 4,   /* directories besides the root */
    SECTOR = 512,
    FILE_SECTORS = 256,
    OPERATIONS = 400,
    CUTS_EACH = 60, /* of one run */
};

/* The model -----------------------------------------------------------------*/

/* An inode of the model; number 0: none. */
struct file {
    uint32_t id;   /* for pattern() */
    uint32_t mode; /* 0: free */
    uint32_t links;
    uint64_t size;
    uint8_t value;                 /* of an attribute, 0: none */
    uint8_t written[FILE_SECTORS]; /* 1: its bytes (up to the size) must be right */
};

enum { FILES = NAMES * (DIRS + 1) };

/* All that must survive: entry[directory][name] is a file's index + 1. */
struct state {
    uint8_t entry[DIRS + 1][NAMES];
    struct file files[FILES];
};

struct run {
    struct disk *disk;
    struct store *store;
    struct trace trace;
    struct state now;
    struct state *commits; /* state by number of the commit */
    size_t commit_count, commit_capacity;
    uint32_t inodes[FILES]; /* of the store */
    uint32_t dirs[DIRS + 1];
    uint32_t next_id;
    uint64_t random;
};

static uint8_t pattern(uint32_t id, uint64_t at)
{
    uint64_t x = (id * 0x9E3779B97F4A7C15ull + at / SECTOR) * 0xBF58476D1CE4E5B9ull;
    return (uint8_t)((x >> 32) | 1); /* never zero */
}

static void name_of(uint32_t n, char out[32])
{
    static const char pad[] = "aaaaaaaaaaaaaaaaaaaaaaa";
    snprintf(out, 32, "%.*s%u", (int)(n % 20), pad, n);
}

static void dir_name(uint32_t d, char out[32])
{
    snprintf(out, 32, "dir%u", d);
}

/* Operations: on the store and on the model ------------------------------------*/

static uint32_t pick(struct run *r, uint32_t limit)
{
    return kit_random(&r->random, limit);
}

/* A commit was acknowledged, or happened inside an operation: `s` is its state. */
static void committed(struct run *r, const struct state *s)
{
    if (array_grow((void **)&r->commits, &r->commit_capacity, r->commit_count,
                   sizeof *r->commits) != 0)
        abort();
    r->commits[r->commit_count] = *s;
    trace_mark(&r->trace, r->commit_count++);
}

static uint32_t free_file(const struct run *r)
{
    uint32_t i = 0;
    while (i < FILES && r->now.files[i].mode)
        i++;
    return i;
}

static void do_create(struct run *r, uint32_t d, uint32_t n)
{
    static const uint32_t modes[] = {S_IFREG | 0644, S_IFREG | 0600, S_IFLNK | 0777,
                                     S_IFIFO | 0644};
    char name[32];
    uint32_t i = free_file(r), mode = modes[pick(r, ARRAY_COUNT(modes))];
    name_of(n, name);
    int e = kit_create(r->store, r->dirs[d], name, mode, &r->inodes[i]);
    CHECK_EQ(e, r->now.entry[d][n] ? -EEXIST : 0);
    if (e != 0)
        return;
    r->now.files[i] = (struct file){.id = ++r->next_id, .mode = mode, .links = 1};
    r->now.entry[d][n] = (uint8_t)(i + 1);
}

static void lose(struct run *r, uint32_t entry)
{
    struct file *f = &r->now.files[entry - 1];
    if (--f->links == 0)
        *f = (struct file){0};
}

static void do_unlink(struct run *r, uint32_t d, uint32_t n)
{
    char name[32];
    name_of(n, name);
    CHECK_EQ(kit_unlink(r->store, r->dirs[d], name), r->now.entry[d][n] ? 0 : -ENOENT);
    if (r->now.entry[d][n])
        lose(r, r->now.entry[d][n]);
    r->now.entry[d][n] = 0;
}

static void do_link(struct run *r, uint32_t d, uint32_t n, uint32_t to_d, uint32_t to_n)
{
    char name[32];
    uint8_t entry = r->now.entry[d][n];
    name_of(to_n, name);
    if (!entry)
        return;
    int e = store_link(r->store, r->inodes[entry - 1], r->dirs[to_d], name, strlen(name));
    CHECK_EQ(e, r->now.entry[to_d][to_n] ? -EEXIST : 0);
    if (e == 0) {
        r->now.entry[to_d][to_n] = entry;
        r->now.files[entry - 1].links++;
    }
}

static void do_rename(struct run *r, uint32_t d, uint32_t n, uint32_t to_d, uint32_t to_n)
{
    char name[32], new_name[32];
    uint8_t *from = &r->now.entry[d][n], *to = &r->now.entry[to_d][to_n], old = *to;
    bool exchange = pick(r, 4) == 0;
    name_of(n, name);
    name_of(to_n, new_name);
    int e = kit_rename(r->store, r->dirs[d], name, r->dirs[to_d], new_name,
                       exchange ? STORE_EXCHANGE : 0);
    CHECK_EQ(e, !*from || (exchange && !*to) ? -ENOENT : 0);
    if (e != 0 || *from == *to)
        return;
    *to = *from;
    *from = exchange ? old : 0;
    if (old && !exchange)
        lose(r, old);
}

static struct file *some_file(struct run *r, uint32_t d, uint32_t n, uint32_t *ino)
{
    uint8_t entry = r->now.entry[d][n];
    struct file *f = entry ? &r->now.files[entry - 1] : NULL;
    *ino = f ? r->inodes[entry - 1] : 0;
    return f && S_ISREG(f->mode) ? f : NULL;
}

/* Whole sectors, except at the end of the file. */
static void do_write(struct run *r, uint32_t d, uint32_t n)
{
    static uint8_t buffer[FILE_SECTORS * SECTOR];
    uint32_t ino, first = pick(r, FILE_SECTORS - 40), count = 1 + pick(r, 40);
    struct file *f = some_file(r, d, n, &ino);
    if (!f)
        return;
    uint64_t at = (uint64_t)first * SECTOR, size = (uint64_t)count * SECTOR;
    if (at + size > f->size)
        size -= pick(r, SECTOR);
    for (uint64_t i = 0; i < size; i++)
        buffer[i] = pattern(f->id, at + i);
    CHECK_EQ(store_write(r->store, ino, at, buffer, size), (ssize_t)size);
    if (at > f->size && f->size % SECTOR) /* zeros between the old end and the write */
        f->written[f->size / SECTOR] = 0;
    memset(f->written + first, 1, count);
    f->size = at + size > f->size ? at + size : f->size;
}

/* To a sector's beginning; what is cut off is gone. */
static void do_truncate(struct run *r, uint32_t d, uint32_t n)
{
    uint32_t ino, sectors = pick(r, FILE_SECTORS);
    struct file *f = some_file(r, d, n, &ino);
    if (!f)
        return;
    uint64_t size = (uint64_t)sectors * SECTOR;
    if (size > f->size && f->size % SECTOR) /* its last sector gets zeros: partly written */
        f->written[f->size / SECTOR] = 0;
    CHECK_EQ(store_truncate(r->store, ino, size), 0);
    f->size = size;
    memset(f->written + sectors, 0, FILE_SECTORS - sectors);
}

static void do_fallocate(struct run *r, uint32_t d, uint32_t n)
{
    uint32_t ino, first = pick(r, FILE_SECTORS / 8 - 4), count = 1 + pick(r, 4);
    struct file *f = some_file(r, d, n, &ino);
    bool punch = pick(r, 2);
    if (!f)
        return;
    uint64_t at = (uint64_t)first * 4096, size = (uint64_t)count * 4096;
    if (f->size % SECTOR && !punch && at + size > f->size)
        f->written[f->size / SECTOR] = 0;
    CHECK_EQ(
        store_fallocate(r->store, ino, punch ? STORE_PUNCH_HOLE | STORE_KEEP_SIZE : 0, at, size),
        0);
    if (punch)
        memset(f->written + first * 8, 0, count * 8);
    else
        f->size = at + size > f->size ? at + size : f->size;
}

static void do_attribute(struct run *r, uint32_t d, uint32_t n)
{
    uint32_t ino;
    struct file *f = some_file(r, d, n, &ino);
    static uint8_t value[600];
    if (!f)
        return;
    f->value = (uint8_t)(1 + pick(r, 255));
    memset(value, f->value, sizeof value);
    struct store_xattr x = {"user.v", value, f->value % 2 ? 10 : sizeof value, 0};
    CHECK_EQ(store_setxattr(r->store, ino, &x), 0);
}

static void do_commit(struct run *r)
{
    CHECK_EQ(store_commit(r->store), 0);
    committed(r, &r->now);
}

static void step(struct run *r)
{
    uint32_t d = pick(r, DIRS + 1), n = pick(r, NAMES), to_d = pick(r, DIRS + 1),
             to_n = pick(r, NAMES);
    switch (pick(r, 16)) {
    case 0:
    case 1:
    case 2: do_create(r, d, n); break;
    case 3:
    case 4: do_unlink(r, d, n); break;
    case 5: do_link(r, d, n, to_d, to_n); break;
    case 6:
    case 7: do_rename(r, d, n, to_d, to_n); break;
    case 8: do_truncate(r, d, n); break;
    case 9: do_fallocate(r, d, n); break;
    case 10: do_attribute(r, d, n); break;
    case 11:
    case 12: do_commit(r); break;
    default: do_write(r, d, n);
    }
}

static void begin(struct run *r, uint64_t seed, const struct store_format *how)
{
    char name[32];
    r->random = seed * 0x9E3779B97F4A7C15ull | 1;
    r->disk = disk_new(DISK);
    disk_format(r->disk, how);
    r->store = disk_open(r->disk, false);
    r->dirs[0] = STORE_ROOT;
    for (uint32_t d = 1; d <= DIRS; d++) {
        dir_name(d, name);
        CHECK_EQ(kit_create(r->store, STORE_ROOT, name, S_IFDIR | 0755, &r->dirs[d]), 0);
    }
    CHECK_EQ(store_commit(r->store), 0);
}

/* Runs the operations; the trace begins behind the first commit. */
static void play(struct run *r)
{
    r->disk->trace = &r->trace;
    committed(r, &r->now);
    for (int i = 0; i < OPERATIONS && !test_failed(); i++) {
        struct store_counters before, after;
        struct state old = r->now;
        size_t commits = r->commit_count;
        store_counters(r->store, &before);
        step(r);
        store_counters(r->store, &after);
        if (after.commits > before.commits && r->commit_count == commits)
            committed(r, &old); /* room was made for the operation */
    }
    r->disk->trace = NULL;
}

static void finish(struct run *r)
{
    CHECK_EQ(store_close(r->store), 0);
    CHECK(kit_consistent(r->disk));
    disk_free(r->disk);
    trace_free(&r->trace);
    free(r->commits);
}

/* Comparing -----------------------------------------------------------------*/

/* Why a store is not in a state, or NULL. */
static const char *compare_contents(struct store *s, uint32_t ino, const struct file *f)
{
    static uint8_t buffer[FILE_SECTORS * SECTOR + SECTOR];
    ssize_t got = store_read(s, ino, 0, buffer, sizeof buffer);
    if (got != (ssize_t)f->size)
        return "a file cannot be read";
    for (uint64_t i = 0; i < f->size; i++) {
        bool right = buffer[i] == pattern(f->id, i);
        if (!right && (f->written[i / SECTOR] || buffer[i] != 0))
            return f->written[i / SECTOR] ? "acknowledged contents are gone"
                                          : "a hole has somebody's bytes";
    }
    return NULL;
}

static const char *compare_file(struct store *s, uint32_t ino, const struct file *f)
{
    struct store_attr a;
    uint8_t value[1024];
    if (store_getattr(s, ino, &a) != 0)
        return "an inode cannot be read";
    if (a.mode != f->mode || a.nlink != f->links)
        return "mode or links differ";
    ssize_t size = store_getxattr(s, ino, "user.v", value, sizeof value);
    if (f->value ? size != (f->value % 2 ? 10 : 600) || value[0] != f->value : size != -ENODATA)
        return "attributes differ";
    if (!S_ISREG(f->mode))
        return NULL;
    return a.size == f->size ? compare_contents(s, ino, f) : "sizes differ";
}

static const char *compare_state(struct store *s, const struct state *state)
{
    for (uint32_t d = 0; d <= DIRS; d++)
        for (uint32_t n = 0; n < NAMES; n++) {
            char name[32], path[64], dir[32] = "";
            uint8_t entry = state->entry[d][n];
            name_of(n, name);
            if (d)
                dir_name(d, dir);
            snprintf(path, sizeof path, "%s/%s", dir, name);
            uint32_t ino = kit_find(s, path);
            if (!ino != !entry)
                return ino ? "there is a name too many" : "a name is gone";
            const char *why = entry ? compare_file(s, ino, &state->files[entry - 1]) : NULL;
            if (why)
                return why;
        }
    return NULL;
}

/* The disk must be in the state `acknowledged` or the next. */
static void check_disk(const struct run *r, struct disk *d, size_t acknowledged, const char *how)
{
    struct err err;
    struct store *s;
    struct store_options options = {.now = kit_now};
    int e = store_open(&s, &d->device, &options, &err);
    if (e != 0) {
        test_fail(__FILE__, __LINE__, "%s: cannot be opened: %s", how, err.text);
        return;
    }
    const char *why = compare_state(s, &r->commits[acknowledged]);
    const char *next = acknowledged + 1 < r->commit_count
                           ? compare_state(s, &r->commits[acknowledged + 1])
                           : compare_state(s, &r->now);
    if (why && next)
        test_fail(__FILE__, __LINE__, "%s, commit %zu: %s; as the next: %s", how, acknowledged, why,
                  next);
    CHECK_EQ(kit_create(s, STORE_ROOT, "usable", S_IFREG | 0644, NULL), 0);
    CHECK_EQ(store_close(s), 0);
}

/* Cutting -------------------------------------------------------------------*/

/* Writes any of an entry's sectors. */
static void tear(struct disk *d, const struct trace_entry *e, uint64_t *random)
{
    bool whole = kit_random(random, 4) != 0;
    for (size_t at = 0; at < e->size;) {
        size_t left = e->size - at, part = SECTOR - (e->offset + at) % SECTOR;
        part = part < left ? part : left;
        if (whole || kit_random(random, 2))
            memcpy(d->bytes + e->offset + at, e->bytes + at, part);
        at += part;
    }
}

/* The disk after a cut: `durable`, and of the writes [first, last) any. */
static struct disk *cut(const struct disk *durable, const struct trace *t, size_t first,
                        size_t last, uint64_t *random)
{
    struct disk *d = disk_copy(durable);
    size_t *order = calloc(last - first + 1, sizeof *order);
    uint32_t odds = 1 + kit_random(random, 8);
    for (size_t i = first; i < last; i++) {
        size_t swap = kit_random(random, (uint32_t)(i - first + 1));
        order[i - first] = order[swap];
        order[swap] = i;
    }
    bool in_order = kit_random(random, 3) == 0;
    for (size_t i = 0; i < last - first; i++) {
        const struct trace_entry *e = &t->entries[in_order ? first + i : order[i]];
        if (e->kind == TRACE_WRITE && kit_random(random, 8) < odds)
            tear(d, e, random);
    }
    free(order);
    return d;
}

static void check_cut(struct run *r, const struct disk *durable, size_t first, size_t last,
                      size_t acknowledged)
{
    static int count;
    struct disk *d = cut(durable, &r->trace, first, last, &r->random);
    if (++count % 8 == 0) {
        struct disk *other = disk_copy(d);
        int status = kit_e2fsck(other, "-fy"); /* 1: it replayed, and freed orphans */
        CHECK(status == 0 || status == 1 || status == -1);
        if (status >= 0) {
            CHECK(kit_consistent(other));
            check_disk(r, other, acknowledged, "after e2fsck");
        }
        disk_free(other);
    }
    check_disk(r, d, acknowledged, "own recovery");
    if (count % 8 == 4)
        CHECK(kit_consistent(d));
    disk_free(d);
}

/* Goes through the trace; `durable` becomes what was flushed. */
static void cut_often(struct run *r, struct disk *durable)
{
    size_t first = 0, acknowledged = 0;
    uint32_t each = (uint32_t)(r->trace.count / CUTS_EACH) + 1;
    for (size_t i = 0; i < r->trace.count && !test_failed(); i++) {
        const struct trace_entry *e = &r->trace.entries[i];
        if (kit_random(&r->random, each) == 0)
            check_cut(r, durable, first, i, acknowledged);
        if (e->kind == TRACE_MARK)
            acknowledged = e->offset;
        if (e->kind != TRACE_FLUSH)
            continue;
        for (; first < i; first++)
            if (r->trace.entries[first].kind == TRACE_WRITE)
                memcpy(durable->bytes + r->trace.entries[first].offset,
                       r->trace.entries[first].bytes, r->trace.entries[first].size);
    }
}

static long setting(const char *name, long usual)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : usual;
}

static void cut_runs(const struct store_format *how, uint64_t seed)
{
    long cuts = setting("STORE_CUTS", 120);
    seed += (uint64_t)setting("STORE_SEED", 0);
    for (long done = 0; done < cuts && !test_failed(); done += CUTS_EACH, seed++) {
        struct run *r = calloc(1, sizeof *r);
        begin(r, seed, how);
        struct disk *durable = disk_copy(r->disk);
        play(r);
        cut_often(r, durable);
        if (test_failed())
            printf("# seed %llu\n", (unsigned long long)seed);
        disk_free(durable);
        finish(r);
        free(r);
    }
}

TEST(cuts_lose_nothing_acknowledged)
{
    cut_runs(&(struct store_format){.uuid = "x", .now = 1}, 1);
}

TEST(cuts_lose_nothing_in_other_runs)
{
    cut_runs(&(struct store_format){.uuid = "x", .now = 1}, 1000);
}

TEST(cuts_without_checksums)
{
    cut_runs(
        &(struct store_format){.uuid = "x", .now = 1, .no_checksums = true, .block_size = 1024},
        setting("STORE_CUTS", 60));
}

/* The twin: without the flushes the same test fails, so it can. */
static int no_flush(void *context)
{
    (void)context;
    return 0;
}

TEST(cuts_are_seen)
{
    struct run *r = calloc(1, sizeof *r);
    struct err err;
    struct store *s;
    struct store_options options = {.now = kit_now};
    int wrong = 0;
    begin(r, 7, NULL);
    CHECK_EQ(store_close(r->store), 0);
    struct disk *durable = disk_copy(r->disk);
    r->disk->device.flush = no_flush; /* acknowledges what is not durable */
    r->store = disk_open(r->disk, false);
    play(r);
    for (int i = 0; i < 10; i++) {
        struct disk *d = cut(durable, &r->trace, 0, r->trace.count, &r->random);
        wrong += store_open(&s, &d->device, &options, &err) != 0 ||
                 compare_state(s, &r->commits[r->commit_count - 1]) != NULL;
        disk_free(d);
    }
    CHECK(wrong > 0);
}

/* Devices that fail -----------------------------------------------------------*/

/* From some write on everything fails: the store says so, stays readable, and
 * the disk is as a commit left it. */
static void fail_at(uint64_t seed, int error)
{
    struct run *r = calloc(1, sizeof *r);
    begin(r, seed, NULL);
    r->random = seed | 1;
    committed(r, &r->now);
    size_t acknowledged = 0;
    int e = 0;
    for (int i = 0; i < 60 && e == 0; i++) {
        char name[32];
        if (i == 20)
            r->disk->fail_from = r->disk->writes + 1 + kit_random(&r->random, 40);
        r->disk->fail_with = error;
        name_of((uint32_t)i % NAMES, name);
        e = kit_create(r->store, r->dirs[i / NAMES], name, S_IFREG | 0644, NULL);
        CHECK_EQ(e, 0); /* nothing is written yet */
        r->now.entry[i / NAMES][i % NAMES] = (uint8_t)(i + 1);
        r->now.files[i] = (struct file){.id = 1, .mode = S_IFREG | 0644, .links = 1};
        e = store_commit(r->store);
        if (e == 0)
            acknowledged = r->commit_count;
        committed(r, &r->now);
    }
    CHECK_EQ(e, error);
    CHECK_EQ(kit_create(r->store, STORE_ROOT, "more", S_IFREG | 0644, NULL), -EROFS);
    CHECK_EQ(store_commit(r->store), -EROFS);
    CHECK(compare_state(r->store, &r->now) == NULL);
    r->disk->fail_from = 0;
    CHECK(store_close(r->store) < 0);
    check_disk(r, r->disk, acknowledged, "after a failure");
    CHECK(kit_consistent(r->disk));
}

TEST(device_fails)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        fail_at(seed, seed % 2 ? -EIO : -ENOSPC);
}
