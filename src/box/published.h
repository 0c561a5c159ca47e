/* published: what the broker lets guests read, so that looking at a file needs no
 * round trip. A memory file that guests have mapped read-only; the broker alone
 * writes it, and decides nothing by what stands there: its own truth lies in its own
 * memory.
 *
 *   places   of each process: where it works, what its descriptors are
 *   files    open files, in whichever tables they are
 *   inodes   what stat says of a file
 *   names    the cache of names: (directory, name) to inode, or to none
 *   pages    the cache of contents
 *
 * Each of names, file, inode and page has a sequence number, which is odd while
 * the broker changes it. A reader looks at it before and after; if it was odd or
 * differs, what was read is not to be used. `names_seq` stands for places (but
 * descriptors), names, and which inode an index means: who has seen it unchanged
 * has seen one moment. Descriptors are single words. What is absent, changes too
 * often or is odd is the broker's: the answer is the same, only later.
 *
 * What is open, and was opened without asking, stands in the channel (claim.h).
 *
 * The position of a file that is open for reading alone is shared by who reads it
 * here and the broker: a word in the channel, which guests may write. Its worst
 * values mean what lseek would have made of them. */
#ifndef VOW_BOX_PUBLISHED_H
#define VOW_BOX_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box/channel.h"

enum {
    PLACE_FDS = CLAIM_FDS,
    PUBLISHED_FILES = POSITIONS,
    PUBLISHED_INODES = 32768,
    NAME_SETS = 8192,
    NAME_WAYS = 4,
    NAME_ROOM = 55,
    TARGET_ROOM = 56,
    PAGE_WAYS = 8,
    PAGE_COUNT_MAX = 1 << 18, /* 1 GiB */
    PAGE_BYTES = 4096,
};

/* Index 0 of places, files and inodes means: not published. */
struct published_place {
    uint32_t cwd;                  /* inode */
    uint32_t fds[PLACE_FDS];       /* files */
    uint64_t used[PLACE_FDS / 64]; /* descriptors, a bit each, also those without a file here */
};

/* The last three: of /dev/null and /dev/zero, opened for that. */
enum {
    FILE_HAS_POSITION = 1,
    FILE_CAN_READ = 2,
    FILE_IS_EMPTY = 4,
    FILE_IS_ZEROS = 8,
    FILE_TAKES_ALL = 16
};
struct published_file {
    uint32_t seq;
    uint32_t inode; /* 0: it says nothing */
    uint32_t flags;
    uint32_t unused;
};

/* What stat and statx say. */
struct published_attr {
    uint32_t ino, mode, uid, gid, nlink, device, major, minor, block_size;
    uint32_t target_size; /* of a symbolic link; 0: not here */
    uint64_t size, blocks;
    int64_t times[4][2]; /* a, m, c, b */
};

enum { INODE_KNOWN = 1, INODE_HAS_PAGES = 2 };
struct published_inode {
    uint32_t seq;
    uint32_t flags;
    uint32_t life;   /* another number each time that the index gets a meaning */
    uint32_t locked; /* somebody has, or had, locks there: a close may end one */
    struct published_attr attr;
    char target[TARGET_ROOM];
} __attribute__((aligned(64)));

struct published_name {
    uint32_t dir;   /* 0: nothing stands here */
    uint32_t inode; /* 0: there is no such name */
    uint8_t size;
    char name[NAME_ROOM];
};
_Static_assert(sizeof(struct published_name) == 64, "a cache line");

struct published_page {
    uint64_t tag; /* inode number << 32 | page; 0: none */
    uint32_t seq;
    uint32_t unused;
};

struct published {
    uint32_t is_off;    /* nothing is served from here */
    uint32_t page_mask; /* sets of pages - 1 */
    uint32_t root;      /* inode of the root directory */
    uint32_t names_seq;
    uint32_t is_watched; /* somebody is told of opens and closes */
    struct published_place places[PLACES];
    struct published_file files[PUBLISHED_FILES];
    struct published_inode inodes[PUBLISHED_INODES];
    struct published_name names[NAME_SETS * NAME_WAYS];
    struct published_page pages[PAGE_COUNT_MAX];
} __attribute__((aligned(4096)));
/* The pages themselves lie behind it. */
#define PUBLISHED_SIZE(pages) (sizeof(struct published) + (uint64_t)(pages)*PAGE_BYTES)

static inline uint32_t published_hash_start(uint32_t dir)
{
    return dir * 0x9e3779b1U;
}
static inline uint32_t published_hash_byte(uint32_t hash, char byte)
{
    return (hash ^ (uint8_t)byte) * 0x01000193U;
}
/* The first of NAME_WAYS places for a hashed name; of PAGE_WAYS for a page. */
static inline uint32_t published_name_set(uint32_t hash)
{
    return (hash ^ hash >> 15) % NAME_SETS * NAME_WAYS;
}
static inline uint32_t published_page_set(uint32_t mask, uint32_t ino, uint32_t page)
{
    return (((ino * 0x9e3779b1U >> 7) + page) & mask) * PAGE_WAYS;
}
/* Where the bytes of a place lie, behind the struct: the pages of a file, which are
 * in neighbouring sets, are neighbours, so that one fault of a guest maps several. */
static inline uint64_t published_page_bytes(uint32_t mask, uint32_t place)
{
    uint64_t sets = (uint64_t)mask + 1;
    return (place % PAGE_WAYS * sets + place / PAGE_WAYS) * PAGE_BYTES;
}
static inline uint64_t published_page_tag(uint32_t ino, uint32_t page)
{
    return (uint64_t)ino << 32 | page;
}

/* may_access: read (4), write (2), search or execute (1), of whom has these ids
 * and nothing else: no other groups, and what root may override if it is root. */
struct access_ids {
    uint32_t uid, gid;
};
static inline bool may_access(struct access_ids who, const struct access_ids *owner, uint32_t mode,
                              uint32_t how)
{
    if (who.uid == 0)
        return !(how & 1) || (mode & 0170000) == 0040000 || mode & 0111;
    uint32_t bits = owner->uid == who.uid ? mode >> 6 : owner->gid == who.gid ? mode >> 3 : mode;
    return (bits & 7 & how) == how;
}

#endif
