/* splice: bytes from a pipe, or into one, without a guest's buffer. */
#include <fcntl.h>
#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/file.h"
#include "box/broker/task.h"

enum { ROOM = 65536, FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT };

/* A side of a call: a file, and where in it: where it stands, or as the call says. */
struct side {
    struct file *file;
    uint64_t before, offset;
    bool is_pipe, is_told;
};

static int get_side(struct thread *t, uint64_t fd, uint64_t offset_at, bool reads, struct side *s)
{
    struct file *f = s->file = fd_file(t, fd);
    uint32_t wrong = reads ? O_WRONLY : O_RDONLY;
    if (!f || (f->flags & O_ACCMODE) == wrong || f->flags & O_PATH)
        return -EBADF;
    s->is_pipe = f->ops == &pipe_ops;
    s->is_told = offset_at;
    s->before = s->offset = file_offset(f);
    if (!offset_at)
        return 0;
    if (s->is_pipe)
        return -ESPIPE;
    if (!f->ops->seekable)
        return -EINVAL;
    int result = call_get(t, offset_at, &s->offset, sizeof s->offset);
    return result == 0 && (int64_t)s->offset < 0 ? -EINVAL : result;
}

/* How much of `size` a pipe can give or take now; 0: it must be waited for. */
static size_t can(const struct side *s, bool reads, size_t size)
{
    size_t n = !s->is_pipe ? size : reads ? pipe_used(s->file) : pipe_room(s->file);
    return n < size ? n : size;
}

/* Waits for a side, unless one end of the call must not. */
static int64_t wait_for(struct thread *t, const struct side *s, uint64_t flags)
{
    if (flags & SPLICE_F_NONBLOCK || s->file->flags & O_NONBLOCK)
        return -EAGAIN;
    s->file->ops->poll(t, s->file);
    return ANSWER_WAIT;
}

static int64_t move(struct thread *t, struct side *in, struct side *out, size_t size,
                    uint64_t flags)
{
    static char buffer[ROOM];
    if (in->is_pipe && !pipe_used(in->file))
        return pipe_is_over(in->file) ? 0 : wait_for(t, in, flags);
    if (out->is_pipe && !pipe_room(out->file))
        return wait_for(t, out, flags);
    size = can(in, true, can(out, false, size < ROOM ? size : ROOM));
    if (!in->is_pipe) {
        in->file->more = flags & SPLICE_F_NONBLOCK;
        int64_t got = in->file->ops->read(t, in->file, buffer, size, &in->offset);
        return got <= 0 ? got
                        : out->file->ops->write(t, out->file, buffer, (size_t)got, &out->offset);
    }
    pipe_peek(in->file, buffer, size);
    int64_t put = out->file->ops->write(t, out->file, buffer, size, &out->offset);
    if (put > 0)
        pipe_skip(in->file, (size_t)put);
    return put;
}

/* Where a side stands now, for the caller or for all who have the file. */
static void put_side(struct thread *t, const struct side *s, uint64_t offset_at)
{
    if (s->is_told)
        call_put(t, offset_at, &s->offset, sizeof s->offset);
    else if (s->file->ops->seekable)
        file_move(s->file, s->before, s->offset);
}

/* in, its offset, out, its offset, size, flags */
int64_t do_splice(struct thread *t, struct call *c)
{
    struct side in, out;
    if (c->a[5] & ~(uint64_t)FLAGS)
        return -EINVAL;
    if (c->a[4] == 0)
        return 0;
    int result = get_side(t, c->a[0], c->a[1], true, &in);
    if (result == 0)
        result = get_side(t, c->a[2], c->a[3], false, &out);
    if (result != 0)
        return result;
    if ((!in.is_pipe && !out.is_pipe) || !in.file->ops->read || !out.file->ops->write)
        return -EINVAL;
    if ((in.is_pipe && out.is_pipe && in.file->data == out.file->data) ||
        out.file->flags & O_APPEND)
        return -EINVAL;
    int64_t done = move(t, &in, &out, c->a[4], c->a[5]);
    if (done >= 0) {
        put_side(t, &in, c->a[1]);
        put_side(t, &out, c->a[3]);
    }
    return done;
}

/* in, out, size, flags: what is read stays. */
int64_t do_tee(struct thread *t, struct call *c)
{
    static char buffer[ROOM];
    struct side in, out;
    if (c->a[3] & ~(uint64_t)FLAGS)
        return -EINVAL;
    if (c->a[2] == 0)
        return 0;
    int result = get_side(t, c->a[0], 0, true, &in);
    if (result == 0)
        result = get_side(t, c->a[1], 0, false, &out);
    if (result != 0)
        return result;
    if (!in.is_pipe || !out.is_pipe || in.file->data == out.file->data)
        return -EINVAL;
    if (!pipe_used(in.file))
        return pipe_is_over(in.file) ? 0 : wait_for(t, &in, c->a[3]);
    if (!pipe_room(out.file))
        return wait_for(t, &out, c->a[3]);
    size_t size = can(&in, true, can(&out, false, c->a[2] < ROOM ? c->a[2] : ROOM));
    pipe_peek(in.file, buffer, size);
    return out.file->ops->write(t, out.file, buffer, size, &out.offset);
}
