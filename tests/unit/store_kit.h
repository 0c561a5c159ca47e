/* store_kit: what the tests of the store share: devices in memory, images on
 * them, and the second opinion of e2fsck. */
#ifndef VOW_STORE_KIT_H
#define VOW_STORE_KIT_H

#include "store/format.h"
#include "store/store.h"

/* A device in memory. Writes and flushes go to `trace`, if there is one. */
struct disk {
    struct device device; /* its context is the disk */
    uint8_t *bytes;
    struct trace *trace;
    uint64_t writes, flushes; /* so far */
    uint64_t fail_from;       /* the write from which on all fail, 0: none */
    int fail_with;            /* -EIO, -ENOSPC */
};
struct disk *disk_new(uint64_t size);
struct disk *disk_copy(const struct disk *d);
void disk_free(struct disk *d);

/* What happened to a disk, in order. */
enum trace_kind { TRACE_WRITE, TRACE_FLUSH, TRACE_MARK };
struct trace_entry {
    enum trace_kind kind;
    uint64_t offset; /* of a mark: its number */
    size_t size;
    uint8_t *bytes;
};
struct trace {
    struct trace_entry *entries;
    size_t count, capacity;
};
void trace_mark(struct trace *t, uint64_t number);
void trace_free(struct trace *t);

/* disk_format: an empty file system; how NULL: the usual one. */
void disk_format(struct disk *d, const struct store_format *how);
/* disk_open: the test fails if it cannot be opened. */
struct store *disk_open(struct disk *d, bool read_only);

/* kit_e2fsck: what `e2fsck OPTION` says of the disk: its exit status; with
 * "-fy" the disk gets what it wrote. -1: there is no e2fsck. */
int kit_e2fsck(struct disk *d, const char *option);
/* kit_consistent: checks with `e2fsck -fn`, if there is one. */
bool kit_consistent(struct disk *d);

/* A random number below `limit`, from a state of the caller's. */
uint32_t kit_random(uint64_t *state, uint32_t limit);
/* kit_now: a clock that goes on by a second with each call. */
void kit_now(void *context, struct timespec *out);

/* Short forms; names are terminated. */
int kit_create(struct store *s, uint32_t dir, const char *name, uint32_t mode, uint32_t *ino);
uint32_t kit_find(struct store *s, const char *path); /* 0: not there */
int kit_unlink(struct store *s, uint32_t dir, const char *name);
int kit_rename(struct store *s, uint32_t from, const char *name, uint32_t to, const char *new_name,
               unsigned flags);

#endif
