/* Sockets: what sendmsg and its kin point to is copied into the window once, as
 * message.h says, and what they get from there. */
#include <linux/fcntl.h>
#include <linux/uio.h>

#include "box/message.h"
#include "box/shim/sys.h"

enum {
    NAME_MAX = 128,
    VALUE_MAX = 256,
    MANY_MAX = 1024,
    MSG_DONTWAIT = 0x40,
    MSG_WAITALL = 0x100,
    MSG_PEEK = 2,
    MSG_TRUNC = 0x20,
    MSG_ERRQUEUE = 0x2000,
    MSG_WAITFORONE = 0x10000,
};

/* struct msghdr and struct mmsghdr of x86_64 */
struct guest_header {
    void *name;
    int32_t name_size;
    struct iovec *iov;
    uint64_t iov_count;
    void *control;
    uint64_t control_size;
    int32_t flags;
};
struct guest_entry {
    struct guest_header header;
    uint32_t size;
};

static struct box_message *message_of(struct thread *t)
{
    return (struct box_message *)(void *)(t->window + WINDOW_START);
}

/* Sending ------------------------------------------------------------------------------------*/

static long put_envelope(struct thread *t, const struct guest_header *h)
{
    struct box_message *m = message_of(t);
    memset(m, 0, sizeof *m);
    if (h->name && h->name_size < 0)
        return -EINVAL;
    if (h->name) {
        m->name_size = h->name_size > NAME_MAX ? NAME_MAX : (uint32_t)h->name_size;
        if (guest_copy(t->window + MESSAGE_NAME, h->name, m->name_size) < 0)
            return -EFAULT;
    }
    if (h->control && h->control_size > MESSAGE_CONTROL_ROOM)
        return -ENOBUFS;
    if (h->control && h->control_size) {
        m->control_size = (uint32_t)h->control_size;
        if (guest_copy(t->window + MESSAGE_CONTROL, h->control, m->control_size) < 0)
            return -EFAULT;
    }
    return 0;
}

/* A datagram that does not fit: put together on the other side first. */
static long stage(struct thread *t, struct transfer *x, long total)
{
    for (long done = 0; done < total;) {
        long part = total - done < MESSAGE_DATA_ROOM ? total - done : MESSAGE_DATA_ROOM;
        transfer_go_to(x, (uint64_t)done);
        long result = transfer_move(t, x, MESSAGE_DATA, (uint64_t)part, false);
        if (result >= 0)
            result = call_broker(t, BOX_STAGE, MESSAGE_DATA, part, done == 0);
        if (result < 0)
            return result;
        done += part;
    }
    return 0;
}

static long send_staged(struct thread *t, struct transfer *x, long total, long flags)
{
    long result = stage(t, x, total);
    message_of(t)->data_size = 0;
    return result < 0 ? result : call_broker(t, __NR_sendmsg, x->fd, 0, flags);
}

static long send(struct thread *t, const struct guest_header *h, struct transfer *x, long flags)
{
    struct box_message *m = message_of(t);
    long total = transfer_size(x), done = 0;
    long result = total < 0 ? total : put_envelope(t, h);
    if (result < 0)
        return result;
    do {
        long part = total - done < MESSAGE_DATA_ROOM ? total - done : MESSAGE_DATA_ROOM;
        transfer_go_to(x, (uint64_t)done);
        result = transfer_move(t, x, MESSAGE_DATA, (uint64_t)part, false);
        if (result < 0)
            return done ? done : result;
        m->data_size = (uint32_t)part;
        m->total = (uint64_t)(total - done);
        result = call_broker(t, __NR_sendmsg, x->fd, 0, flags, done != 0);
        if (result == -MESSAGE_TO_STAGE)
            return send_staged(t, x, total, flags);
        if (result < 0)
            return done ? done : result;
        done += result;
        m->control_size = 0; /* goes with the first piece */
    } while (result > 0 && done < total);
    return done;
}

/* Receiving ----------------------------------------------------------------------------------*/

/* What of a datagram did not fit into the window. */
static long fetch_rest(struct thread *t, struct transfer *x, long done)
{
    for (;;) {
        long result =
            call_broker(t, BOX_UNSTAGE, MESSAGE_DATA, MESSAGE_DATA_ROOM, done - MESSAGE_DATA_ROOM);
        if (result <= 0)
            return result;
        transfer_go_to(x, (uint64_t)done);
        if (transfer_move(t, x, MESSAGE_DATA, (uint64_t)result, true) < 0)
            return -EFAULT;
        done += result;
    }
}

/* What came with the bytes, to where the guest wants it; h says how much that is. */
static long take_envelope(struct thread *t, struct guest_header *h)
{
    const struct box_message m = *message_of(t);
    uint32_t room = h->name ? (uint32_t)h->name_size : 0;
    uint32_t name = m.name_size < room ? m.name_size : room;
    if (name > NAME_MAX || m.control_size > MESSAGE_CONTROL_ROOM)
        return -EFAULT;
    if (name && guest_copy(h->name, t->window + MESSAGE_NAME, name) < 0)
        return -EFAULT;
    if (m.control_size && guest_copy(h->control, t->window + MESSAGE_CONTROL, m.control_size) < 0)
        return -EFAULT;
    h->name_size = (int32_t)m.name_size;
    h->control_size = m.control_size;
    h->flags = (int32_t)(m.flags & ~(uint32_t)(MESSAGE_STREAM | MESSAGE_STAGED));
    return 0;
}

/* What one recvmsg wants in all. */
struct wanted {
    long total, flags;
    uint32_t control_room;
};

static long receive_once(struct thread *t, struct transfer *x, const struct wanted *w, long done)
{
    struct box_message *m = message_of(t);
    long left = w->total - done, room = left < MESSAGE_DATA_ROOM ? left : MESSAGE_DATA_ROOM;
    memset(m, 0, sizeof *m);
    m->control_size = w->control_room;
    m->total = (uint64_t)left;
    m->data_size = (uint32_t)room;
    long result = call_broker(t, __NR_recvmsg, x->fd, 0, w->flags);
    if (result < 0 || (w->flags & MSG_TRUNC && m->flags & MESSAGE_STREAM))
        return result; /* TCP throws the bytes away */
    transfer_go_to(x, (uint64_t)done);
    uint64_t here = (uint64_t)(result < room ? result : room);
    return transfer_move(t, x, MESSAGE_DATA, here, true) < 0 ? -EFAULT : result;
}

static long receive(struct thread *t, struct guest_header *h, struct transfer *x, long flags)
{
    uint64_t room = h->control ? h->control_size : 0;
    const struct wanted w = {transfer_size(x), flags,
                             room > MESSAGE_CONTROL_ROOM ? MESSAGE_CONTROL_ROOM : (uint32_t)room};
    long done = 0, result;
    uint32_t found;
    bool has_control = false;
    if (w.total < 0 || (h->name && h->name_size < 0))
        return -EINVAL;
    do {
        result = receive_once(t, x, &w, done);
        if (result < 0 && done)
            return done; /* the envelope is that of the first piece */
        if (result < 0)
            return result;
        found = message_of(t)->flags;
        has_control = message_of(t)->control_size;
        if ((!done || has_control) && take_envelope(t, h) < 0)
            return -EFAULT;
        done += result;
    } while (result > 0 && done < w.total && flags & MSG_WAITALL && found & MESSAGE_STREAM &&
             !has_control && !(flags & (MSG_PEEK | MSG_DONTWAIT)));
    if (found & MESSAGE_STAGED) {
        result = fetch_rest(t, x, MESSAGE_DATA_ROOM);
        return result < 0 ? result : done;
    }
    return done;
}

/* Calls --------------------------------------------------------------------------------------*/

enum direction { SEND, RECEIVE };

/* One message whose header is here. */
static long transmit(struct thread *t, long fd, struct guest_header *h, long flags,
                     enum direction way)
{
    struct iovec iov[TRANSFER_IOV_MAX];
    if (h->iov_count > TRANSFER_IOV_MAX)
        return -EMSGSIZE;
    if (guest_copy(iov, h->iov, h->iov_count * sizeof *iov) < 0)
        return -EFAULT;
    struct transfer x = {.fd = fd, .iov = iov, .count = (unsigned)h->iov_count};
    return way == SEND ? send(t, h, &x, flags) : receive(t, h, &x, flags);
}

/* One that lies at `at`, a struct msghdr of the guest's. */
static long transmit_at(struct thread *t, long fd, struct guest_header *at, long flags,
                        enum direction way)
{
    struct guest_header h;
    if (guest_copy(&h, at, sizeof h) < 0)
        return -EFAULT;
    long result = transmit(t, fd, &h, flags, way);
    if (way == SEND || result < 0)
        return result;
    if (guest_copy(&at->name_size, &h.name_size, sizeof h.name_size) < 0 ||
        guest_copy(&at->control_size, &h.control_size, sizeof h.control_size) < 0 ||
        guest_copy(&at->flags, &h.flags, sizeof h.flags) < 0)
        return -EFAULT;
    return result;
}

long sys_sendmsg(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return transmit_at(t, a[0], (struct guest_header *)a[1], a[2], SEND);
}

long sys_recvmsg(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return transmit_at(t, a[0], (struct guest_header *)a[1], a[2], RECEIVE);
}

static long one(struct thread *t, const long a[6], struct guest_header *h, enum direction way)
{
    struct iovec v = {(void *)a[1], (uint64_t)a[2]};
    struct transfer x = {.fd = a[0], .iov = &v, .count = 1};
    if ((int64_t)v.iov_len < 0 || v.iov_len > 0x7ffff000)
        v.iov_len = 0x7ffff000;
    return way == SEND ? send(t, h, &x, a[3]) : receive(t, h, &x, a[3]);
}

long sys_sendto(struct thread *t, struct regs *r, const long a[6])
{
    struct guest_header h = {.name = (void *)a[4], .name_size = (int)a[5]};
    (void)r;
    if (h.name && (h.name_size < 0 || h.name_size > NAME_MAX))
        return -EINVAL;
    return one(t, a, &h, SEND);
}

/* Copies a name, cut, to where the guest wants it, and its size. */
static long put_name(const char *name, int32_t size, void *to, int32_t *size_at)
{
    int32_t room;
    if (guest_copy(&room, size_at, sizeof room) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    if (size > NAME_MAX)
        return -EFAULT;
    if (guest_copy(to, name, (uint32_t)(size < room ? size : room)) < 0 ||
        guest_copy(size_at, &size, sizeof size) < 0)
        return -EFAULT;
    return 0;
}

long sys_recvfrom(struct thread *t, struct regs *r, const long a[6])
{
    struct guest_header h = {.name = NULL};
    (void)r;
    long result = one(t, a, &h, RECEIVE);
    if (result < 0 || !a[4])
        return result;
    long named = put_name(t->window + MESSAGE_NAME, h.name_size, (void *)a[4], (int32_t *)a[5]);
    return named < 0 ? named : result;
}

long sys_sendmmsg(struct thread *t, struct regs *r, const long a[6])
{
    struct guest_entry *entries = (struct guest_entry *)a[1];
    uint32_t count = (uint32_t)a[2] > MANY_MAX ? MANY_MAX : (uint32_t)a[2], done = 0;
    (void)r;
    for (; done < count; done++) {
        long result = transmit_at(t, a[0], &entries[done].header, a[3], SEND);
        uint32_t size = (uint32_t)result;
        if (result >= 0 && guest_copy(&entries[done].size, &size, sizeof size) < 0)
            result = -EFAULT;
        if (result < 0)
            return done ? done : result;
    }
    return done;
}

long sys_recvmmsg(struct thread *t, struct regs *r, const long a[6])
{
    struct guest_entry *entries = (struct guest_entry *)a[1];
    uint32_t count = (uint32_t)a[2], done = 0;
    long flags = a[3];
    (void)r;
    for (; done < count; done++) {
        long result =
            transmit_at(t, a[0], &entries[done].header, flags & ~(long)MSG_WAITFORONE, RECEIVE);
        uint32_t size = (uint32_t)result;
        if (result >= 0 && guest_copy(&entries[done].size, &size, sizeof size) < 0)
            result = -EFAULT;
        if (result < 0)
            return done ? done : result;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
    }
    return done;
}

/* Names and options ----------------------------------------------------------------------------*/

/* Who names too much is told so before it is looked at. */
static long named(struct thread *t, uint32_t nr, const long a[6])
{
    return (uint32_t)a[2] > NAME_MAX ? -EINVAL : call_forward(t, nr, a);
}

long sys_bind(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return named(t, __NR_bind, a);
}

long sys_connect(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return named(t, __NR_connect, a);
}

static long accept(struct thread *t, const long a[6], long flags)
{
    int32_t size = 0;
    if (a[1] && guest_copy(&size, (const void *)a[2], sizeof size) < 0)
        return -EFAULT;
    long fd = call_broker(t, __NR_accept4, a[0], a[1] ? WINDOW_START : 0, 0, flags);
    if (fd < 0 || !a[1])
        return fd;
    memcpy(&size, t->window + WINDOW_START, sizeof size);
    long result = put_name(t->window + WINDOW_START + 8, size, (void *)a[1], (int32_t *)a[2]);
    if (result < 0)
        call_broker(t, __NR_close, fd);
    return result < 0 ? result : fd;
}

long sys_accept(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return accept(t, a, 0);
}

long sys_accept4(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return accept(t, a, a[3]);
}

static long name_of(struct thread *t, uint32_t nr, const long a[6])
{
    long size = call_broker(t, nr, a[0], WINDOW_START);
    return size < 0
               ? size
               : put_name(t->window + WINDOW_START, (int32_t)size, (void *)a[1], (int32_t *)a[2]);
}

long sys_getsockname(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return name_of(t, __NR_getsockname, a);
}

long sys_getpeername(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return name_of(t, __NR_getpeername, a);
}

long sys_getsockopt(struct thread *t, struct regs *r, const long a[6])
{
    int32_t room;
    (void)r;
    if (guest_copy(&room, (const void *)a[4], sizeof room) < 0)
        return -EFAULT;
    long part = room > VALUE_MAX ? VALUE_MAX : room;
    long size = call_broker(t, __NR_getsockopt, a[0], a[1], a[2], WINDOW_START, part);
    int32_t used = (int32_t)size;
    if (size < 0)
        return size;
    if (used > VALUE_MAX ||
        guest_copy((void *)a[3], t->window + WINDOW_START, (uint64_t)used) < 0 ||
        guest_copy((void *)a[4], &used, sizeof used) < 0)
        return -EFAULT;
    return 0;
}

long interfaces(struct thread *t, const long a[6])
{
    enum { SIZE = 40 };
    struct {
        int32_t size, pad;
        void *at;
    } list;
    if (guest_copy(&list, (const void *)a[2], sizeof list) < 0)
        return -EFAULT;
    memset(t->window + WINDOW_START, 0, SIZE);
    long result = call_broker(t, __NR_ioctl, a[0], a[1], WINDOW_START);
    if (result < 0)
        return result;
    if (list.at && list.size < SIZE)
        list.size = 0;
    else if (list.at && guest_copy(list.at, t->window + WINDOW_START, SIZE) < 0)
        return -EFAULT;
    else
        list.size = SIZE;
    return guest_copy((void *)a[2], &list, sizeof list) < 0 ? -EFAULT : 0;
}
