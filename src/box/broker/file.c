/* file: descriptors, and the calls on them. */
#include "box/broker/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "box/broker/async.h"
#include "box/broker/calls.h"
#include "box/broker/inotify.h"
#include "box/broker/lock.h"
#include "box/broker/node.h"
#include "box/broker/publish.h"
#include "box/broker/task.h"

enum {
    COPY_ROOM = 65536,
    STATUS_FLAGS = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME,
    F_DUPFD_CLOEXEC_ = 1030,
    SEEK_DATA_ = 3,
    SEEK_HOLE_ = 4,
    F_PIPE_SIZE_GET = 1032,
    F_PIPE_SIZE_SET = 1031,
    MOVES_MAX = 1 << 14, /* tries to move a position that others move, too */
    CONTINUES = 1,       /* bits of the shim's fifth argument to read and write */
    GOES_ON = 2,
};

/* What guests may do with a file, or be told of it, without asking. */
static uint32_t published_as(const struct file *f)
{
    uint32_t access = f->flags & O_ACCMODE;
    bool reads = !(f->flags & O_PATH) && access != O_WRONLY;
    bool writes = !(f->flags & O_PATH) && access != O_RDONLY;
    if (f->ops == &regular_ops)
        return reads ? FILE_CAN_READ | (writes ? 0 : FILE_HAS_POSITION) : 0;
    if (f->ops != &null_ops && f->ops != &zero_ops)
        return 0;
    uint32_t how = f->ops == &null_ops ? FILE_IS_EMPTY : FILE_IS_ZEROS;
    return (reads ? how : 0) | (writes ? FILE_TAKES_ALL : 0);
}

struct file *file_new(const struct file_ops *ops, uint32_t flags, struct node *node, void *data)
{
    struct file *f = calloc(1, sizeof *f);
    if (!f) {
        if (node)
            node_drop(node);
        return NULL;
    }
    *f = (struct file){.ops = ops, .references = 1, .flags = flags, .node = node, .data = data};
    uint32_t how = published_as(f);
    f->published = publish_file(node ? node->published : 0, how);
    f->shares_offset = f->published && how & FILE_HAS_POSITION;
    return f;
}

uint64_t file_offset(const struct file *f)
{
    if (!f->shares_offset)
        return f->offset;
    return __atomic_and_fetch(&box.channel->positions[f->published], INT64_MAX, __ATOMIC_SEQ_CST);
}

bool file_move(struct file *f, uint64_t from, uint64_t to)
{
    if (!f->shares_offset) {
        f->offset = to;
        return true;
    }
    return __atomic_compare_exchange_n(&box.channel->positions[f->published], &from, to, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

struct file *file_hold(struct file *f)
{
    f->references++;
    return f;
}

void file_drop(struct file *f)
{
    if (--f->references)
        return;
    publish_drop_file(f->published);
    lock_file_closed(f);
    epoll_forget(f);
    async_forget(f);
    if (f->ops->release)
        f->ops->release(f);
    if (f->node && !(f->flags & O_PATH))
        inotify_event(f->node, f->flags & O_ACCMODE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    if (f->node)
        node_drop(f->node);
    free(f);
}

/* Flags -----------------------------------------------------------------------------------*/

/* What a command is about: then a file that is no more than a path has it, too. */
static bool is_of_descriptor(uint64_t command)
{
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC_ || command == F_GETFD ||
           command == F_SETFD || command == F_GETFL;
}

int64_t do_fcntl(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    bool *close_on_exec = f ? &t->process->fds->close_on_exec[(uint32_t)c->a[0]] : NULL;
    bool is_path = f && f->flags & O_PATH;
    if (!f || (is_path && !is_of_descriptor(c->a[1])))
        return -EBADF;
    switch (c->a[1]) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC_:
        if (c->a[2] >= limit_files(t->process))
            return -EINVAL;
        return fd_put(t, file_hold(f), (unsigned)c->a[2], c->a[1] == F_DUPFD_CLOEXEC_);
    case F_GETFD: return *close_on_exec;
    case F_SETFD: *close_on_exec = c->a[2] & FD_CLOEXEC; return 0;
    case F_GETFL: return f->flags | 0100000; /* O_LARGEFILE */
    case F_SETFL:
        f->flags = (f->flags & ~(uint32_t)STATUS_FLAGS) | ((uint32_t)c->a[2] & STATUS_FLAGS);
        return async_turn(t, f, (int)c->a[0], c->a[2] & O_ASYNC);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return lock_fcntl(t, f, c);
    case F_SETLEASE: return -EAGAIN;
    case F_GETLEASE: return F_UNLCK;
    case F_ADD_SEALS:
    case F_GET_SEALS: return memory_fs_seal(f, c->a[1] == F_ADD_SEALS, (uint32_t)c->a[2]);
    case F_PIPE_SIZE_GET: return pipe_size(f);
    case F_PIPE_SIZE_SET: return pipe_set_size(f, (uint32_t)c->a[2]);
    }
    return async_fcntl(t, f, c);
}

/* Bytes ----------------------------------------------------------------------------------*/

static bool can_read(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_WRONLY && !(f->flags & O_PATH);
}

static bool can_write(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

/* Where the bytes of a read or write lie, never null where there are none. */
static void *bytes(const struct thread *t, const struct call *c)
{
    static char nothing[1];
    void *at = call_window(t, c->a[1], c->a[2]);
    return at || c->a[2] ? at : nothing;
}

static int64_t read_at(struct thread *t, struct file *f, struct call *c, uint64_t *offset)
{
    void *to = bytes(t, c);
    if (!can_read(f))
        return -EBADF;
    if (!f->ops->read)
        return f->ops == &directory_ops ? -EISDIR : -EINVAL;
    if (!to)
        return -EFAULT;
    f->more = c->a[4] & CONTINUES;
    return f->ops->read(t, f, to, c->a[2], offset);
}

static int64_t write_at(struct thread *t, struct file *f, struct call *c, uint64_t *offset)
{
    const void *from = bytes(t, c);
    if (!can_write(f))
        return -EBADF;
    if (!f->ops->write)
        return -EINVAL;
    if (!from)
        return -EFAULT;
    f->more = c->a[4] & CONTINUES;
    f->goes_on = c->a[4] & GOES_ON;
    return f->ops->write(t, f, from, c->a[2], offset);
}

/* From a position that guests move, too. The bytes are claimed before they are
 * read: while they are copied others move it many times. */
static int64_t read_claimed(struct thread *t, struct file *f, struct call *c)
{
    struct store_attr attr;
    uint64_t before = 0, size = 0;
    int64_t result = f->node->ops->attr(f->node, &attr);
    if (result != 0)
        return result;
    for (int i = 0;; i++) {
        before = file_offset(f);
        size = before < attr.size ? attr.size - before : 0;
        if (size > c->a[2])
            size = c->a[2];
        if (file_move(f, before, before + size))
            break;
        if (i == MOVES_MAX)
            return -EAGAIN; /* somebody writes over it without end */
    }
    uint64_t offset = before;
    c->a[2] = size;
    result = read_at(t, f, c, &offset);
    if (result < (int64_t)size)
        file_move(f, before + size, before + (result > 0 ? (uint64_t)result : 0));
    return result;
}

int64_t do_read(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    if (!f)
        return -EBADF;
    return f->shares_offset ? read_claimed(t, f, c) : read_at(t, f, c, &f->offset);
}

int64_t do_write(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    return f ? write_at(t, f, c, &f->offset) : -EBADF;
}

int64_t do_pread64(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    uint64_t offset = c->a[3];
    if (!f || (int64_t)offset < 0)
        return f ? -EINVAL : -EBADF;
    return f->ops->seekable ? read_at(t, f, c, &offset) : -ESPIPE;
}

int64_t do_pwrite64(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    uint64_t offset = c->a[3];
    if (!f || (int64_t)offset < 0)
        return f ? -EINVAL : -EBADF;
    return f->ops->seekable ? write_at(t, f, c, &offset) : -ESPIPE;
}

/* Where lseek leads to from `now`. */
static int64_t seek(const struct file *f, const struct call *c, uint64_t now)
{
    struct store_attr attr = {0};
    int64_t base = 0, by = (int64_t)c->a[1], result;
    if (f->node && f->node->ops->attr)
        f->node->ops->attr(f->node, &attr);
    switch (c->a[2]) {
    case SEEK_SET: break;
    case SEEK_CUR: base = (int64_t)now; break;
    case SEEK_END: base = (int64_t)attr.size; break;
    case SEEK_DATA_:
    case SEEK_HOLE_:
        if (by < 0 || by >= (int64_t)attr.size)
            return -ENXIO;
        if (f->node && f->node->type == S_IFREG && f->node->ops->seek)
            return f->node->ops->seek(f->node, c->a[1], c->a[2] == SEEK_HOLE_);
        return c->a[2] == SEEK_DATA_ ? by : (int64_t)attr.size;
    default: return -EINVAL;
    }
    if (__builtin_add_overflow(base, by, &result))
        return -EOVERFLOW;
    return result < 0 ? -EINVAL : result;
}

int64_t do_lseek(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    int64_t to = -EBADF;
    if (!f || f->flags & O_PATH)
        return -EBADF;
    if (!f->ops->seekable)
        return -ESPIPE;
    if (f->ops == &null_ops || f->ops == &zero_ops || f->ops == &full_ops)
        return 0; /* whatever is asked */
    for (int i = 0; i < MOVES_MAX; i++) {
        uint64_t before = file_offset(f);
        to = seek(f, c, before);
        if (to < 0 || file_move(f, before, (uint64_t)to))
            break;
    }
    return to;
}

/* One round of sendfile and copy_file_range, through a buffer. */
static int64_t copy_some(struct thread *t, struct file *from, struct file *to, size_t size,
                         uint64_t *offsets[2])
{
    static char buffer[COPY_ROOM];
    uint64_t before = *offsets[0];
    from->more = to->more = to->goes_on = false;
    int64_t got = from->ops->read(t, from, buffer, size, offsets[0]);
    if (got <= 0)
        return got;
    int64_t put = to->ops->write(t, to, buffer, (size_t)got, offsets[1]);
    *offsets[0] = before + (put > 0 ? (uint64_t)put : 0);
    return put;
}

static int64_t copy(struct thread *t, struct file *from, struct file *to, uint64_t size,
                    uint64_t *offsets[2])
{
    int64_t done = 0;
    if (!can_read(from) || !can_write(to))
        return -EBADF;
    if (!from->ops->read || !to->ops->write || !from->ops->seekable)
        return -EINVAL;
    while ((uint64_t)done < size && done < 16 << 20) {
        uint64_t part = size - (uint64_t)done;
        int64_t n = copy_some(t, from, to, part < COPY_ROOM ? part : COPY_ROOM, offsets);
        if (n == ANSWER_WAIT && done)
            wait_forget(t);
        if (n <= 0)
            return done ? done : n;
        done += n;
    }
    return done;
}

int64_t do_sendfile(struct thread *t, struct call *c)
{
    struct file *to = fd_file(t, c->a[0]), *from = fd_file(t, c->a[1]);
    if (!to || !from)
        return -EBADF;
    uint64_t before = file_offset(from), offset = before;
    if (c->a[2] && call_get(t, c->a[2], &offset, sizeof offset) != 0)
        return -EFAULT;
    if (c->a[2] && (int64_t)offset < 0)
        return -EINVAL;
    uint64_t *offsets[2] = {&offset, &to->offset};
    int64_t result = copy(t, from, to, c->a[3], offsets);
    if (result >= 0 && c->a[2])
        call_put(t, c->a[2], &offset, sizeof offset);
    else if (!c->a[2])
        file_move(from, before, offset);
    return result;
}

int64_t do_copy_file_range(struct thread *t, struct call *c)
{
    struct file *from = fd_file(t, c->a[0]), *to = fd_file(t, c->a[2]);
    uint64_t out = 0;
    if (!to || !from)
        return -EBADF;
    uint64_t before = file_offset(from), in = before;
    if (from->ops != &regular_ops || to->ops != &regular_ops || c->a[5])
        return -EINVAL;
    if ((c->a[1] && call_get(t, c->a[1], &in, sizeof in) != 0) ||
        (c->a[3] && call_get(t, c->a[3], &out, sizeof out) != 0))
        return -EFAULT;
    if ((c->a[1] && (int64_t)in < 0) || (int64_t)out < 0)
        return -EINVAL;
    uint64_t *offsets[2] = {&in, c->a[3] ? &out : &to->offset};
    int64_t result = copy(t, from, to, c->a[4], offsets);
    if (result >= 0 && c->a[1])
        call_put(t, c->a[1], &in, sizeof in);
    else if (!c->a[1])
        file_move(from, before, in);
    if (result >= 0 && c->a[3])
        call_put(t, c->a[3], &out, sizeof out);
    return result;
}

/* FIONBIO, FIOASYNC: by the number at the argument. */
static int64_t turn(struct thread *t, struct file *f, const struct call *c)
{
    int on = 0;
    if (call_get(t, c->a[2], &on, sizeof on) != 0)
        return -EFAULT;
    if ((uint32_t)c->a[1] == FIOASYNC)
        return async_turn(t, f, (int)c->a[0], on);
    f->flags = on ? f->flags | O_NONBLOCK : f->flags & ~(uint32_t)O_NONBLOCK;
    return 0;
}

int64_t do_ioctl(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    uint32_t request = (uint32_t)c->a[1];
    if (!f || f->flags & O_PATH)
        return -EBADF;
    switch (request) {
    case FIOCLEX:
    case FIONCLEX: t->process->fds->close_on_exec[(uint32_t)c->a[0]] = request == FIOCLEX; return 0;
    case FIONBIO: return turn(t, f, c);
    case FIOASYNC:
        if (f->ops->poll)
            return turn(t, f, c);
        break;
    }
    int64_t result = async_ioctl(t, f, request, c->a[2]);
    return result == -ENOTTY && f->ops->ioctl ? f->ops->ioctl(t, f, request, c->a[2]) : result;
}

int64_t do_flock(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    return f && !(f->flags & O_PATH) ? lock_flock(t, f, (int)c->a[1]) : -EBADF;
}

int64_t do_fadvise64(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    if (!f)
        return -EBADF;
    return !f->ops->seekable ? -ESPIPE : (int)c->a[3] < 0 || (int)c->a[3] > 5 ? -EINVAL : 0;
}
