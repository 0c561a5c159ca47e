/* store: the box's file system: an ordinary ext4 image on an injected device.
 * PURE: all bytes come from and go to `struct device`, the time from `now`.
 *
 * Whoever calls is trusted, the image is not: a number that comes from it is
 * checked before it is used, and an operation that meets damage ends in
 * -EUCLEAN, never in undefined behaviour. If a commit fails (the device, or a
 * full host), the store becomes read-only (-EROFS): what it shows is what was
 * done, what the image has is what the last successful commit left.
 *
 * Operations. Each is atomic: it is done completely, or it returns an error
 * and has changed nothing (a write may be short, as write(2); what frees or
 * reserves more than a gigabyte goes in steps). It takes effect at once for
 * every later operation, and is durable after the next commit.
 *
 * Durability. Operations gather in a transaction in memory. store_commit
 * writes it to the journal: after a power cut the image is, once replayed by
 * the kernel, e2fsck or store_open, as some commit left it, at least the last
 * one that returned 0. File data goes to the device with the write itself and
 * before the metadata that points to it (ext4's data=ordered): what
 * store_sync acknowledged is there, and a new block never shows old bytes.
 *
 * Names are bytes with a size, without NUL and '/'. `.` and `..` are entries
 * of a directory like any other for store_lookup; the operations that change a
 * directory refuse them (-EINVAL, -ENOTEMPTY or -EEXIST as Linux does).
 * Permissions are not checked, symbolic links are not followed, open flags are
 * unknown here: that is the caller's part.
 *
 * Inodes are named by their number. A number stays valid while the inode has a
 * name or is held (store_hold): hold what is open, mapped or a working
 * directory. An inode without names goes away, with its blocks, when the last
 * hold is dropped, also if that happens by a crash.
 *
 * What a callback is called with may call the store again.
 *
 * Not thread-safe: one thread calls, one call at a time. */
#ifndef VOW_STORE_STORE_H
#define VOW_STORE_STORE_H

#include <sys/types.h>
#include <time.h>

#include "base/base.h"
#include "base/device.h"

struct store;

enum {
    STORE_ROOT = 2,           /* inode number of the root directory */
    STORE_NAME_MAX = 255,     /* bytes of a name */
    STORE_LINK_MAX = 65000,   /* names of a file; directories may have more */
    STORE_SYMLINK_MAX = 4095, /* bytes of a symbolic link, less in small blocks */
};

/* Opening ---------------------------------------------------------------------*/

struct store_options {
    bool read_only; /* write nothing, not even a replayed journal: see store_open */
    /* now: the time that new time stamps get. NULL: all are 0. */
    void (*now)(void *context, struct timespec *out);
    void *context;
};

/* store_open: the file system on *device, which must outlive the store (the
 * struct is copied). A journal that was left is replayed first, and inodes
 * without names that a crash left are freed; with read_only (or a device
 * without write) the replay stays in memory. `err` says what is wrong with an
 * image that cannot be opened, and the way out:
 *   -EINVAL      no ext4, or damaged beyond opening
 *   -EOPNOTSUPP  a feature that this store does not know; with read_only more
 *                of them are accepted
 *   -EUCLEAN     damaged: e2fsck must repair it first. */
int store_open(struct store **out, const struct device *device, const struct store_options *options,
               struct err *err);
/* store_close: commits, writes the journal home, marks the image as clean and
 * frees the store, whatever it returns. 0, or the first error: then the image
 * is as the last successful commit left it. Inodes that are still held and
 * have no name are freed. NULL is fine. */
int store_close(struct store *s);

/* Inodes ----------------------------------------------------------------------*/

struct store_attr {
    uint32_t ino;
    uint32_t mode; /* type and permissions */
    uint32_t uid, gid;
    uint32_t nlink;
    uint32_t major, minor; /* of devices */
    uint32_t generation;   /* differs when a number is used again */
    uint32_t block_size;
    uint64_t size;
    uint64_t blocks; /* of 512 bytes */
    struct timespec atime, mtime, ctime, btime;
};

/* store_getattr: -ENOENT if no inode has this number. */
int store_getattr(struct store *s, uint32_t ino, struct store_attr *out);

enum { STORE_MODE = 1, STORE_UID = 2, STORE_GID = 4, STORE_ATIME = 8, STORE_MTIME = 16 };
/* store_setattr: takes those members of *to that `which` names: of mode the
 * permission bits. ctime becomes now. The size has store_truncate. */
int store_setattr(struct store *s, uint32_t ino, unsigned which, const struct store_attr *to);

/* store_hold, store_drop: count the users of an inode that has no name, or may
 * lose it. store_drop frees it if this was the last and it has no name. */
int store_hold(struct store *s, uint32_t ino);
int store_drop(struct store *s, uint32_t ino);

/* Directories -----------------------------------------------------------------*/

/* store_lookup: the inode of a name, hashed: -ENOENT, -ENOTDIR, -ENAMETOOLONG. */
int store_lookup(struct store *s, uint32_t dir, const char *name, size_t size, uint32_t *ino);

struct store_entry {
    const char *name; /* not terminated; valid during the call */
    size_t size;
    uint32_t ino;
    uint8_t type;  /* DT_REG, DT_DIR … as in getdents; DT_UNKNOWN in old images */
    uint64_t next; /* position behind it */
};
/* store_readdir: calls take(context, entry) for each entry from *position on
 * (0: the first; `.` and `..` are among them) and moves *position behind each
 * that was taken; stops when take returns other than 0, and returns that; 0 at
 * the end. A position stays valid while the directory changes: entries that
 * were there all the time come exactly once. */
int store_readdir(struct store *s, uint32_t dir, uint64_t *position,
                  int (*take)(void *context, const struct store_entry *entry), void *context);

/* A name in a directory. */
struct store_name {
    uint32_t dir;
    const char *name;
    size_t size;
};

struct store_new {
    uint32_t mode; /* type and permissions */
    uint32_t uid, gid;
    uint32_t major, minor; /* of S_IFCHR and S_IFBLK */
    const char *target;    /* of S_IFLNK, terminated */
};
/* store_create: a new inode of any type under a new name; *ino is its number.
 * -EEXIST, -ENOENT (the directory has no name any more), -EMLINK, -ENOSPC. */
int store_create(struct store *s, const struct store_name *name, const struct store_new *what,
                 uint32_t *ino);
/* store_create_unnamed: O_TMPFILE: the same without a name, held once. */
int store_create_unnamed(struct store *s, const struct store_new *what, uint32_t *ino);
/* store_link: one more name for what is no directory; also the first name of
 * an unnamed inode. */
int store_link(struct store *s, uint32_t ino, uint32_t dir, const char *name, size_t size);
/* store_unlink: -EISDIR for a directory; store_rmdir: -ENOTDIR, -ENOTEMPTY. */
int store_unlink(struct store *s, uint32_t dir, const char *name, size_t size);
int store_rmdir(struct store *s, uint32_t dir, const char *name, size_t size);

enum { STORE_NOREPLACE = 1, STORE_EXCHANGE = 2, STORE_WHITEOUT = 4 }; /* RENAME_… */
/* store_rename: as renameat2: two names of one inode: nothing happens; a
 * directory into itself: -EINVAL; what is replaced must be of the same kind
 * (-EISDIR, -ENOTDIR) and empty (-ENOTEMPTY). */
int store_rename(struct store *s, const struct store_name *from, const struct store_name *to,
                 unsigned flags);
/* store_readlink: bytes put into buffer, without a NUL; -EINVAL: no link. */
ssize_t store_readlink(struct store *s, uint32_t ino, char *buffer, size_t size);

/* Contents of regular files ---------------------------------------------------*/

/* store_read: bytes read, fewer than asked only at the end. Does not touch
 * atime: that is store_setattr's. -EISDIR, -EINVAL. */
ssize_t store_read(struct store *s, uint32_t ino, uint64_t offset, void *to, size_t size);
/* store_write: bytes written (fewer if the image becomes full); the file grows
 * as needed; mtime and ctime become now. -ENOSPC, -EFBIG. */
ssize_t store_write(struct store *s, uint32_t ino, uint64_t offset, const void *from, size_t size);
/* store_truncate: shorter or longer (a hole). mtime and ctime become now. */
int store_truncate(struct store *s, uint32_t ino, uint64_t size);

enum { STORE_KEEP_SIZE = 1, STORE_PUNCH_HOLE = 2, STORE_ZERO_RANGE = 4 };
/* store_fallocate: reserves blocks that read as zeros; or punches a hole (the
 * size stays); or makes the range zeros with its blocks reserved. Collapse and
 * insert are -EOPNOTSUPP. */
int store_fallocate(struct store *s, uint32_t ino, unsigned mode, uint64_t offset, uint64_t size);
/* store_seek: the next data (hole: false) or hole from `offset` on; -ENXIO
 * behind the end. The end counts as a hole. */
int64_t store_seek(struct store *s, uint32_t ino, uint64_t offset, bool hole);

/* Extended attributes ---------------------------------------------------------*/

/* Names are full ("user.x"), terminated. With size 0 get and list return how
 * many bytes there are; -ERANGE if `size` is too small, -ENODATA if there is
 * none of this name. `how` of set: 0, or as in setxattr(2). */
enum { STORE_XATTR_CREATE = 1, STORE_XATTR_REPLACE = 2 };
ssize_t store_getxattr(struct store *s, uint32_t ino, const char *name, void *value, size_t size);
ssize_t store_listxattr(struct store *s, uint32_t ino, char *names, size_t size);
struct store_xattr {
    const char *name;
    const void *value;
    size_t size;
    unsigned how;
};
int store_setxattr(struct store *s, uint32_t ino, const struct store_xattr *x);
int store_removexattr(struct store *s, uint32_t ino, const char *name);

/* The whole -------------------------------------------------------------------*/

struct store_statfs {
    uint32_t block_size;
    uint64_t blocks, free_blocks, available_blocks; /* available: without root's reserve */
    uint64_t inodes, free_inodes;
    uint8_t uuid[16];
};
int store_statfs(struct store *s, struct store_statfs *out);

/* store_commit: makes everything durable that was done before; free if there
 * is nothing. Call it every few seconds, too. */
int store_commit(struct store *s);
/* store_sync: fsync of one inode: commits if it, or its names, changed since
 * the last commit; else only its data is flushed, if any was written. What
 * other callers wait for is durable after it, too (group commit). */
int store_sync(struct store *s, uint32_t ino);

/* What the store did and holds since it was opened; for `vow box stats`. */
struct store_counters {
    uint64_t lookups, directory_loads, commits, committed_blocks, checkpoints, replayed;
    uint64_t cached_blocks, cached_inodes, cached_names; /* now */
};
void store_counters(const struct store *s, struct store_counters *out);

/* overlay_new: a device that reads from *below and keeps what is written in
 * memory, for `--discard`. NULL: no memory. overlay_free frees it. */
struct device *overlay_new(const struct device *below);
void overlay_free(struct device *overlay);

#endif
