/* The calls that open and look at files: by what is published, or else by the broker. */
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "box/shim/look.h"

enum { ACCESS_BITS = 7, SEEK_SET_ = 0, SEEK_CUR_ = 1, SEEK_END_ = 2 };

static uint64_t device(uint32_t major, uint32_t minor)
{
    return (minor & 0xff) | (uint64_t)(major & 0xfff) << 8 | (uint64_t)(minor & ~0xffU) << 12 |
           (uint64_t)(major & ~0xfffU) << 32;
}

/* What is found, as stat says it; or LOOK_ASK. */
static long put_stat(const struct look_found *found, long to)
{
    const struct look_inode i = look_inode(found);
    const struct published_attr *a = &i.at->attr;
    struct stat s = {.st_dev = a->device,
                     .st_ino = a->ino,
                     .st_nlink = a->nlink,
                     .st_mode = a->mode,
                     .st_uid = a->uid,
                     .st_gid = a->gid,
                     .st_rdev = device(a->major, a->minor),
                     .st_size = (long)a->size,
                     .st_blksize = a->block_size ? a->block_size : 4096,
                     .st_blocks = (long)a->blocks,
                     .st_atime = (uint64_t)a->times[0][0],
                     .st_atime_nsec = (uint64_t)a->times[0][1],
                     .st_mtime = (uint64_t)a->times[1][0],
                     .st_mtime_nsec = (uint64_t)a->times[1][1],
                     .st_ctime = (uint64_t)a->times[2][0],
                     .st_ctime_nsec = (uint64_t)a->times[2][1]};
    return look_inode_holds(&i) ? guest_copy((void *)to, &s, sizeof s) : LOOK_ASK;
}

/* Names what the call asks about; whoever calls asks the broker at LOOK_ASK. */
static long stat_at(struct thread *t, const struct look_object *o, long to)
{
    struct look_found found;
    long result = look_for(t, o, &found);
    return result ? result : put_stat(&found, to);
}

long sys_stat(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = stat_at(t, &(struct look_object){AT_FDCWD, (const char *)a[0], 0}, a[1]);
    return result == LOOK_ASK ? call_forward(t, __NR_stat, a) : result;
}

long sys_lstat(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result =
        stat_at(t, &(struct look_object){AT_FDCWD, (const char *)a[0], AT_SYMLINK_NOFOLLOW}, a[1]);
    return result == LOOK_ASK ? call_forward(t, __NR_lstat, a) : result;
}

long sys_fstat(struct thread *t, struct regs *r, const long a[6])
{
    struct look_found found;
    (void)r;
    long result = look_for_file(t, a[0], &found) ? put_stat(&found, a[1]) : LOOK_ASK;
    return result == LOOK_ASK ? call_forward(t, __NR_fstat, a) : result;
}

long sys_newfstatat(struct thread *t, struct regs *r, const long a[6])
{
    const long known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
    long result = LOOK_ASK;
    (void)r;
    if (!(a[3] & ~known))
        result = stat_at(t, &(struct look_object){a[0], (const char *)a[1], a[3]}, a[2]);
    return result == LOOK_ASK ? call_forward(t, __NR_newfstatat, a) : result;
}

static struct statx_timestamp stamp(const int64_t time[2])
{
    return (struct statx_timestamp){.tv_sec = time[0], .tv_nsec = (uint32_t)time[1]};
}

static long put_statx(const struct look_found *found, long to)
{
    const struct look_inode i = look_inode(found);
    const struct published_attr *a = &i.at->attr;
    struct statx x = {.stx_mask = STATX_BASIC_STATS | STATX_BTIME,
                      .stx_blksize = a->block_size ? a->block_size : 4096,
                      .stx_nlink = a->nlink,
                      .stx_uid = a->uid,
                      .stx_gid = a->gid,
                      .stx_mode = (uint16_t)a->mode,
                      .stx_ino = a->ino,
                      .stx_size = a->size,
                      .stx_blocks = a->blocks,
                      .stx_atime = stamp(a->times[0]),
                      .stx_btime = stamp(a->times[3]),
                      .stx_ctime = stamp(a->times[2]),
                      .stx_mtime = stamp(a->times[1]),
                      .stx_rdev_major = a->major,
                      .stx_rdev_minor = a->minor,
                      .stx_dev_major = a->device >> 8,
                      .stx_dev_minor = a->device & 0xff};
    return look_inode_holds(&i) ? guest_copy((void *)to, &x, sizeof x) : LOOK_ASK;
}

long sys_statx(struct thread *t, struct regs *r, const long a[6])
{
    struct look_found found;
    (void)r;
    const long known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    long result = LOOK_ASK;
    if (!(a[2] & ~known) && !(a[3] & STATX__RESERVED))
        result = look_for(t, &(struct look_object){a[0], (const char *)a[1], a[2]}, &found);
    if (result == 0)
        result = put_statx(&found, a[4]);
    return result == LOOK_ASK ? call_forward(t, __NR_statx, a) : result;
}

/* access --------------------------------------------------------------------------------*/

static long access_at(struct thread *t, const struct look_object *o, long how)
{
    struct look_found found;
    if (how & ~(long)ACCESS_BITS || t->slot->asks)
        return LOOK_ASK;
    long result = look_for(t, o, &found);
    if (result != 0 || how == 0)
        return result;
    const struct access_ids who = look_ids(t, !o->by_real_ids);
    return may_access(who, &found.owner, found.mode, (uint32_t)how) ? 0 : -EACCES;
}

long sys_access(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result =
        access_at(t, &(struct look_object){AT_FDCWD, (const char *)a[0], 0, true}, (uint32_t)a[1]);
    return result == LOOK_ASK ? call_forward(t, __NR_access, a) : result;
}

long sys_faccessat(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result =
        access_at(t, &(struct look_object){a[0], (const char *)a[1], 0, true}, (uint32_t)a[2]);
    return result == LOOK_ASK ? call_forward(t, __NR_faccessat, a) : result;
}

long sys_faccessat2(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    const long known = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
    long result = LOOK_ASK;
    if (!(a[3] & ~known))
        result = access_at(
            t, &(struct look_object){a[0], (const char *)a[1], a[3], !(a[3] & AT_EACCESS)},
            (uint32_t)a[2]);
    return result == LOOK_ASK ? call_forward(t, __NR_faccessat2, a) : result;
}

/* readlink ------------------------------------------------------------------------------*/

static long readlink_at(struct thread *t, long dir, const long a[3])
{
    struct look_found found;
    char target[TARGET_ROOM];
    if (a[2] <= 0)
        return LOOK_ASK;
    long result =
        look_for(t, &(struct look_object){dir, (const char *)a[0], AT_SYMLINK_NOFOLLOW}, &found);
    if (result != 0)
        return result == -ENOENT ? LOOK_ASK : result; /* "" may stand for the directory */
    if ((found.mode & S_IFMT) != S_IFLNK)
        return -EINVAL;
    const struct look_inode i = look_inode(&found);
    long size = i.at->attr.target_size;
    memcpy(target, i.at->target, sizeof target);
    if (!look_inode_holds(&i) || size == 0)
        return LOOK_ASK;
    if (size > a[2])
        size = a[2];
    return guest_copy((void *)a[1], target, (size_t)size) < 0 ? -EFAULT : size;
}

long sys_readlink(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = readlink_at(t, AT_FDCWD, a);
    return result == LOOK_ASK ? call_forward(t, __NR_readlink, a) : result;
}

long sys_readlinkat(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = readlink_at(t, a[0], a + 1);
    return result == LOOK_ASK ? call_forward(t, __NR_readlinkat, a) : result;
}

/* lseek ---------------------------------------------------------------------------------*/

/* Of a file whose position is shared. */
static long seek(const struct look_file *f, const long a[6])
{
    const struct published_inode *n = &published()->inodes[f->inode];
    uint64_t now = __atomic_load_n(f->position, __ATOMIC_SEQ_CST);
    uint32_t seq = look_begin(&n->seq);
    long base = a[2] == SEEK_SET_ ? 0 : a[2] == SEEK_CUR_ ? (long)now : (long)n->attr.size, to;
    bool known = n->flags & INODE_KNOWN;
    if ((uint64_t)a[2] > SEEK_END_ || base < 0 || __builtin_add_overflow(base, a[1], &to) || to < 0)
        return LOOK_ASK;
    if ((a[2] == SEEK_END_ && !known) || !look_holds(&n->seq, seq) || !look_file_holds(f))
        return LOOK_ASK;
    bool moved =
        (uint64_t)to == now || __atomic_compare_exchange_n(f->position, &now, (uint64_t)to, false,
                                                           __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    return moved ? to : LOOK_ASK;
}

long sys_lseek(struct thread *t, struct regs *r, const long a[6])
{
    struct look_file f;
    long result = LOOK_ASK;
    (void)r;
    if (look_file(t, a[0], &f) && f.flags & FILE_HAS_POSITION)
        result = seek(&f, a);
    return result == LOOK_ASK ? call_forward(t, __NR_lseek, a) : result;
}

/* open ----------------------------------------------------------------------------------*/

long sys_open(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result =
        claim_open(t, &(struct look_object){AT_FDCWD, (const char *)a[0], 0}, (uint32_t)a[1]);
    return result == LOOK_ASK ? call_forward(t, __NR_open, a) : result;
}

long sys_openat(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = claim_open(t, &(struct look_object){a[0], (const char *)a[1], 0}, (uint32_t)a[2]);
    return result == LOOK_ASK ? call_forward(t, __NR_openat, a) : result;
}

long sys_close(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long result = claim_close(t, (uint32_t)a[0]);
    return result == LOOK_ASK ? call_forward(t, __NR_close, a) : result;
}
