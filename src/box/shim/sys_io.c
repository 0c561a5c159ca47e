/* Reading, writing and waiting: calls whose arguments are too large, or too odd,
 * for a line of calls.def. */
#include <linux/fcntl.h>
#include <linux/uio.h>

#include "box/shim/look.h"

enum {
    ROOM = WINDOW_SIZE - WINDOW_START,
    FDS_MAX = 1024,
    CONTINUES = 1,
    GOES_ON = 2,
    SEEK_CUR_ = 1,
    DEVICE_MOST = 1 << 30
};

static bool is_write(const struct transfer *x)
{
    return x->nr == __NR_write || x->nr == __NR_pwrite64;
}

long transfer_move(struct thread *t, struct transfer *x, uint64_t window, uint64_t size, bool out)
{
    uint64_t at = 0;
    while (at < size && x->index < x->count) {
        struct iovec *v = &x->iov[x->index];
        uint64_t part = v->iov_len - x->done_in_iov;
        char *mine = t->window + window + at, *theirs = (char *)v->iov_base + x->done_in_iov;
        if (part > size - at)
            part = size - at;
        if ((out ? guest_copy(theirs, mine, part) : guest_copy(mine, theirs, part)) < 0)
            return -EFAULT;
        at += part;
        x->done_in_iov += part;
        if (x->done_in_iov == v->iov_len) {
            x->index++;
            x->done_in_iov = 0;
        }
    }
    return (long)at;
}

void transfer_go_to(struct transfer *x, uint64_t done)
{
    for (x->index = 0; x->index < x->count && done >= x->iov[x->index].iov_len; x->index++)
        done -= x->iov[x->index].iov_len;
    x->done_in_iov = done;
}

long transfer_size(const struct transfer *x)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < x->count; i++) {
        if ((int64_t)x->iov[i].iov_len < 0 || (total += x->iov[i].iov_len) > INT64_MAX)
            return -EINVAL;
    }
    return total > 0x7ffff000 ? 0x7ffff000 : (long)total;
}

static long clear(struct transfer *x)
{
    long done = 0;
    for (unsigned i = 0; i < x->count; i++) {
        if (guest_clear(x->iov[i].iov_base, x->iov[i].iov_len) < 0)
            return done ? done : -EFAULT;
        done += (long)x->iov[i].iov_len;
    }
    return done;
}

/* Of /dev/null and /dev/zero: the whole call, or LOOK_ASK. */
static long device(const struct thread *t, struct transfer *x, long total)
{
    struct look_file f;
    bool at_offset = x->nr == __NR_pread64 || x->nr == __NR_pwrite64;
    if (total > DEVICE_MOST || (at_offset && x->offset < 0) || !look_file(t, x->fd, &f))
        return LOOK_ASK;
    if (is_write(x))
        return f.flags & FILE_TAKES_ALL ? total : LOOK_ASK;
    if (f.flags & FILE_IS_EMPTY)
        return 0;
    return f.flags & FILE_IS_ZEROS ? clear(x) : LOOK_ASK;
}

static long transfer(struct thread *t, struct transfer *x)
{
    long total = transfer_size(x), done = 0;
    if (total < 0)
        return total;
    do {
        long part = total - done < ROOM ? total - done : ROOM;
        long looked = is_write(x) ? LOOK_ASK : look_read(t, x, (uint64_t)done, (uint64_t)part);
        if (looked == LOOK_ASK && done == 0 && (looked = device(t, x, total)) != LOOK_ASK)
            return looked;
        transfer_go_to(x, (uint64_t)done);
        long result = is_write(x) ? transfer_move(t, x, WINDOW_START, (uint64_t)part, false) : 0;
        if (looked != LOOK_ASK)
            result = looked;
        else if (result >= 0)
            result = call_broker(t, x->nr, x->fd, WINDOW_START, part, x->offset + done,
                                 (done ? CONTINUES : 0) | (done + part < total ? GOES_ON : 0));
        if (result > 0 && looked == LOOK_ASK && !is_write(x)) {
            long copied = transfer_move(t, x, WINDOW_START, (uint64_t)result, true);
            if (copied < 0 && x->nr == __NR_read) /* what nobody got was not read */
                call_broker(t, __NR_lseek, x->fd, -result, SEEK_CUR_);
            result = copied < 0 ? copied : result;
        }
        if (result < 0)
            return done ? done : result;
        done += result;
        if (result == 0 || (result < part && !is_write(x)))
            break; /* a write goes on until it fails */
    } while (done < total);
    return done;
}

static long one(struct thread *t, uint32_t nr, const long a[6])
{
    struct iovec v = {(void *)a[1], (uint64_t)a[2]};
    struct transfer x = {nr, a[0], a[3], &v, 1, 0, 0};
    return transfer(t, &x);
}

long sys_read(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return one(t, __NR_read, a);
}

long sys_write(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return one(t, __NR_write, a);
}

long sys_pread64(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return one(t, __NR_pread64, a);
}

long sys_pwrite64(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return one(t, __NR_pwrite64, a);
}

static long many(struct thread *t, uint32_t nr, const long a[6])
{
    struct iovec iov[TRANSFER_IOV_MAX];
    if ((uint64_t)a[2] > TRANSFER_IOV_MAX)
        return -EINVAL;
    if (guest_copy(iov, (const void *)a[1], (uint64_t)a[2] * sizeof *iov) < 0)
        return -EFAULT;
    struct transfer x = {nr, a[0], a[3], iov, (unsigned)a[2], 0, 0};
    return transfer(t, &x);
}

long sys_readv(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return many(t, __NR_read, a);
}

long sys_writev(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return many(t, __NR_write, a);
}

/* An offset of -1 stands for where the file is. RWF_x: 1, 2 and 4 are advice, or
 * what fsync does. */
static long many_with_flags(struct thread *t, bool writes, const long a[6])
{
    enum { HIPRI = 1, DSYNC = 2, SYNC = 4 };
    uint32_t here = writes ? __NR_write : __NR_read, there = writes ? __NR_pwrite64 : __NR_pread64;
    if (a[5] & ~(long)(HIPRI | DSYNC | SYNC))
        return -EOPNOTSUPP;
    long result = many(t, a[3] == -1 ? here : there, a);
    if (result > 0 && writes && a[5] & (DSYNC | SYNC)) {
        long synced = call_broker(t, __NR_fsync, a[0]);
        result = synced < 0 ? synced : result;
    }
    return result;
}

long sys_preadv2(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return many_with_flags(t, false, a);
}

long sys_pwritev2(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return many_with_flags(t, true, a);
}

/* A pipe's bytes are copied: into its end to write, from the one to read. */
long sys_vmsplice(struct thread *t, struct regs *r, const long a[6])
{
    enum { FLAGS = 15, GETFL = 3, ACCESS = 3, PIPE_SIZE = 1032 };
    (void)r;
    if (a[3] & ~(long)FLAGS)
        return -EINVAL;
    long flags = call_broker(t, __NR_fcntl, a[0], GETFL);
    if (flags < 0 || call_broker(t, __NR_fcntl, a[0], PIPE_SIZE) < 0)
        return -EBADF;
    return many(t, flags & ACCESS ? __NR_write : __NR_read, (const long[6]){a[0], a[1], a[2]});
}

long sys_preadv(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return many(t, __NR_pread64, a);
}

long sys_pwritev(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return many(t, __NR_pwrite64, a);
}

/* Calls whose argument depends on another --------------------------------------------*/

/* Forwards with one argument in the window: `size` bytes in, or out, or both. */
static long with_struct(struct thread *t, uint32_t nr, const long a[6], int which, uint32_t how)
{
    long b[6];
    uint32_t size = how & 0xffff;
    for (int i = 0; i < 6; i++)
        b[i] = a[i];
    if (size && a[which]) {
        b[which] = WINDOW_START;
        if (guest_copy(t->window + WINDOW_START, (const void *)a[which], size) < 0)
            return -EFAULT;
    }
    long result = call_post(t, nr, b);
    if (result >= 0 && size && a[which] && how >> 16 &&
        guest_copy((void *)a[which], t->window + WINDOW_START, size) < 0)
        return -EFAULT;
    return result;
}

#define BACK (1u << 16)

long sys_ioctl(struct thread *t, struct regs *r, const long a[6])
{
    uint32_t how = 0;
    struct look_file f;
    (void)r;
    if ((uint32_t)a[1] == 0x5401 && look_file(t, a[0], &f) && f.flags & FILE_CAN_READ)
        return -ENOTTY; /* is it a terminal? A regular file is none */
    switch ((uint32_t)a[1]) {
    case 0x5401: how = BACK | 36; break; /* TCGETS */
    case 0x5402:                         /* TCSETS, TCSETSW, TCSETSF */
    case 0x5403:
    case 0x5404: how = 36; break;
    case 0x802c542a: how = BACK | 44; break; /* TCGETS2 */
    case 0x402c542b:                         /* TCSETS2, TCSETSW2, TCSETSF2 */
    case 0x402c542c:
    case 0x402c542d: how = 44; break;
    case 0x5413: how = BACK | 8; break; /* TIOCGWINSZ */
    case 0x5414: how = 8; break;        /* TIOCSWINSZ */
    case 0x540f:                        /* TIOCGPGRP, TIOCGSID, TIOCOUTQ, FIONREAD, TIOCGPTN */
    case 0x5429:
    case 0x5411:
    case 0x541b:
    case 0x80045430:
    case 0x80045438: /* TIOCGPKT, TIOCGPTLCK, TIOCGEXCL, TIOCGETD */
    case 0x80045439:
    case 0x80045440:
    case 0x5424: how = BACK | 4; break;
    case 0x8903: /* FIOGETOWN, SIOCGPGRP */
    case 0x8904: how = BACK | 4; break;
    case 0x8901: /* FIOSETOWN, SIOCSPGRP */
    case 0x8902:
    case 0x5410: /* TIOCSPGRP, TIOCPKT, FIONBIO, FIOASYNC, TIOCSPTLCK */
    case 0x5420:
    case 0x5421:
    case 0x5452:
    case 0x40045431: how = 4; break;
    case 0x8912: return interfaces(t, a); /* SIOCGIFCONF */
    }
    if ((uint32_t)a[1] >= 0x8910 && (uint32_t)a[1] <= 0x8942)
        how = BACK | 40; /* SIOCGIF…: struct ifreq */
    return with_struct(t, __NR_ioctl, a, 2, how);
}

long sys_fcntl(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    switch (a[1]) {
    case F_GETLK:
    case F_OFD_GETLK: return with_struct(t, __NR_fcntl, a, 2, BACK | 32);
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return with_struct(t, __NR_fcntl, a, 2, 32);
    case F_GETOWN_EX: return with_struct(t, __NR_fcntl, a, 2, BACK | 8);
    case F_SETOWN_EX: return with_struct(t, __NR_fcntl, a, 2, 8);
    }
    return with_struct(t, __NR_fcntl, a, 2, 0);
}

/* The list stands behind its length. */
long sys_getgroups(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long count = call_broker(t, __NR_getgroups, a[0], WINDOW_START);
    if (count > 0 && a[0] &&
        guest_copy((void *)a[1], t->window + WINDOW_START, (uint64_t)count * 4) < 0)
        return -EFAULT;
    return count;
}

long sys_setgroups(struct thread *t, struct regs *r, const long a[6])
{
    enum { MOST = 65536 };
    (void)r;
    uint64_t size = (uint64_t)(uint32_t)a[0] * 4;
    if (size > MOST * 4)
        return -EINVAL;
    if (size > WINDOW_SIZE - WINDOW_START)
        size = 0; /* more than the broker takes */
    if (guest_copy(t->window + WINDOW_START, (const void *)a[1], size) < 0)
        return -EFAULT;
    return call_broker(t, __NR_setgroups, a[0], WINDOW_START);
}

/* A header, which may be corrected, and the sets, whose size its version says. */
static long capabilities(struct thread *t, uint32_t nr, const long a[6])
{
    enum { VERSION_1 = 0x19980330, HEADER = 8, SET = 12, SETS = WINDOW_START + HEADER };
    char *window = t->window;
    uint32_t version;
    if (guest_copy(window + WINDOW_START, (const void *)a[0], HEADER) < 0)
        return -EFAULT;
    memcpy(&version, window + WINDOW_START, sizeof version);
    uint64_t size = version == VERSION_1 ? SET : 2 * SET;
    if (nr == __NR_capset && guest_copy(window + SETS, (const void *)a[1], size) < 0)
        return -EFAULT;
    long result = call_broker(t, nr, WINDOW_START, a[1] ? SETS : 0);
    if (guest_copy((void *)a[0], window + WINDOW_START, HEADER) < 0)
        return -EFAULT;
    bool answered = nr == __NR_capget && result == 0 && a[1];
    return answered && guest_copy((void *)a[1], window + SETS, size) < 0 ? -EFAULT : result;
}

long sys_capget(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return capabilities(t, __NR_capget, a);
}

long sys_capset(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return capabilities(t, __NR_capset, a);
}

long sys_prctl(struct thread *t, struct regs *r, const long a[6])
{
    enum { GET_PDEATHSIG = 2, SET_NAME = 15, GET_NAME = 16, GET_SUBREAPER = 37, NAME_SIZE = 16 };
    (void)r;
    if (a[0] == SET_NAME) {
        memset(t->window + WINDOW_START, 0, NAME_SIZE);
        long length =
            guest_copy_string(t->window + WINDOW_START, (const char *)a[1], NAME_SIZE - 1);
        return length < 0 ? length : call_broker(t, __NR_prctl, SET_NAME, WINDOW_START);
    }
    if (a[0] == GET_NAME)
        return with_struct(t, __NR_prctl, a, 1, BACK | NAME_SIZE);
    bool gets_int = a[0] == GET_PDEATHSIG || a[0] == GET_SUBREAPER;
    return with_struct(t, __NR_prctl, a, 1, gets_int ? BACK | sizeof(int) : 0);
}

/* select --------------------------------------------------------------------------------*/

struct poll_entry {
    int32_t fd;
    int16_t events, revents;
};
enum { READ = 1, URGENT = 2, WRITE = 4, FAILED = 8, HUNG_UP = 16, INVALID = 32 };
struct fd_sets {
    uint64_t bits[3][FDS_MAX / 64]; /* read, write, except */
};

static unsigned entries_of(const struct fd_sets *s, long count, struct poll_entry *entries)
{
    unsigned used = 0;
    for (int fd = 0; fd < count; fd++) {
        uint64_t bit = UINT64_C(1) << fd % 64;
        int events = (s->bits[0][fd / 64] & bit ? READ : 0) |
                     (s->bits[1][fd / 64] & bit ? WRITE : 0) |
                     (s->bits[2][fd / 64] & bit ? URGENT : 0);
        if (events)
            entries[used++] = (struct poll_entry){fd, (int16_t)events, 0};
    }
    return used;
}

/* What poll found, as sets; how many bits, or -EBADF. */
static long sets_of(const struct poll_entry *entries, unsigned count, struct fd_sets *s)
{
    static const int meaning[3] = {READ | FAILED | HUNG_UP, WRITE | FAILED, URGENT};
    static const int asked[3] = {READ, WRITE, URGENT};
    long bits = 0;
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < count; i++) {
        const struct poll_entry *e = &entries[i];
        if (e->revents & INVALID)
            return -EBADF;
        for (int set = 0; set < 3; set++)
            if (e->events & asked[set] && e->revents & meaning[set]) {
                s->bits[set][e->fd / 64] |= UINT64_C(1) << e->fd % 64;
                bits++;
            }
    }
    return bits;
}

/* select_by_poll: `unit`: nanoseconds in what stands behind the seconds. */
long select_by_poll(struct thread *t, const long a[6], long unit)
{
    struct fd_sets sets = {0};
    long count = (int)a[0] > FDS_MAX ? FDS_MAX : (int)a[0];
    uint64_t size = (uint64_t)(count + 63) / 64 * 8;
    int64_t *timeout = (int64_t *)(void *)(t->window + WINDOW_START);
    struct poll_entry *entries = (struct poll_entry *)(void *)(t->window + WINDOW_START + 16);
    if (count < 0)
        return -EINVAL;
    for (int i = 0; i < 3; i++)
        if (a[i + 1] && guest_copy(sets.bits[i], (const void *)a[i + 1], size) < 0)
            return -EFAULT;
    if (a[4]) {
        if (guest_copy(timeout, (const void *)a[4], 16) < 0)
            return -EFAULT;
        timeout[1] *= unit;
    }
    unsigned used = entries_of(&sets, count, entries);
    long result = call_broker(t, __NR_ppoll, WINDOW_START + 16, used, a[4] ? WINDOW_START : 0);
    if (result >= 0)
        result = sets_of(entries, used, &sets);
    for (int i = 0; i < 3 && result >= 0; i++)
        if (a[i + 1] && guest_copy((void *)a[i + 1], sets.bits[i], size) < 0)
            return -EFAULT;
    return result;
}
