/* The kernel's struct stat: not the libc's, whose names it bears. */
#include "pledge/statx.h"

#include <asm/stat.h>

#if STATX_KNOWN

#define BASIC_STATS 0x7ffu

#if __SIZEOF_LONG__ == 4
typedef struct stat64 stat_of_kernel;
#else
typedef struct stat stat_of_kernel;
#endif
_Static_assert(sizeof(stat_of_kernel) <= sizeof(struct kernel_stat), "room");

static unsigned major_of(unsigned long long device)
{
    return (unsigned)(device >> 8 & 0xfff);
}

static unsigned minor_of(unsigned long long device)
{
    return (unsigned)(device & 0xff) | (unsigned)(device >> 12 & 0xfff00);
}

void statx_of(const struct kernel_stat *from, struct extended *to)
{
    const stat_of_kernel *st = (const void *)from;
    *to = (struct extended){
        .mask = BASIC_STATS,
        .block_size = (unsigned)st->st_blksize,
        .links = (unsigned)st->st_nlink,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mode = (unsigned short)st->st_mode,
        .inode = st->st_ino,
        .size = (unsigned long long)st->st_size,
        .blocks = (unsigned long long)st->st_blocks,
        .accessed = {(long)st->st_atime, (unsigned)st->st_atime_nsec, 0},
        .changed = {(long)st->st_ctime, (unsigned)st->st_ctime_nsec, 0},
        .modified = {(long)st->st_mtime, (unsigned)st->st_mtime_nsec, 0},
        .special_major = major_of(st->st_rdev),
        .special_minor = minor_of(st->st_rdev),
        .major = major_of(st->st_dev),
        .minor = minor_of(st->st_dev),
    };
}

#endif
