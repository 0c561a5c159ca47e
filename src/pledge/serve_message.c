/* serve_message: a message without control data is a plain send or receive,
 * which no descriptor can pass through. Several pieces of memory go through
 * one, mapped for the call, unless writev or readv says the same. */
#include "pledge/gate.h"
#include "pledge/memory.h"
#include "pledge/serve.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define PIECES_MOST 1024 /* UIO_MAXIOV */

/* The bytes of all pieces, put together in `whole`. */
struct gathered {
    struct iovec whole;
    bool mapped;
};

static long piece(const struct msghdr *message, size_t index, struct iovec *out)
{
    return memory_copy(out, (uintptr_t)(message->msg_iov + index), sizeof *out);
}

/* Room for all pieces of a message: their own where there is one. */
static long gather(const struct msghdr *message, struct gathered *out)
{
    struct iovec each;
    size_t size = 0, count = (size_t)message->msg_iovlen;
    *out = (struct gathered){0};
    if (count > PIECES_MOST)
        return -EMSGSIZE;
    if (count == 1)
        return piece(message, 0, &out->whole);
    for (size_t i = 0; i < count; i++) {
        if (piece(message, i, &each) < 0)
            return -EFAULT;
        if (each.iov_len > INT_MAX - size)
            return -EINVAL;
        size += each.iov_len;
    }
    if (size == 0)
        return 0;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -ENOBUFS;
    *out = (struct gathered){{at, size}, true};
    return 0;
}

static void release(const struct gathered *g)
{
    if (g->mapped)
        gate_call(SYS_munmap, g->whole.iov_base, g->whole.iov_len);
}

/* Copies between the pieces and the whole, at most `size` bytes. */
static long copy_pieces(const struct msghdr *message, const struct gathered *g, size_t size,
                        bool out)
{
    char *at = g->whole.iov_base;
    struct iovec each;
    for (size_t i = 0; i < (size_t)message->msg_iovlen && size > 0; i++) {
        if (piece(message, i, &each) < 0)
            return -EFAULT;
        size_t part = each.iov_len < size ? each.iov_len : size;
        if (out && memory_copy(at, (uintptr_t)each.iov_base, part) < 0)
            return -EFAULT;
        if (!out)
            memcpy(each.iov_base, at, part);
        at += part;
        size -= part;
    }
    return 0;
}

static long send_one(int fd, uintptr_t at, int flags)
{
    struct msghdr message;
    struct gathered g;
    if (memory_copy(&message, at, sizeof message) < 0)
        return -EFAULT;
    if (message.msg_control && message.msg_controllen > 0)
        return NOT_SERVED;
    if (flags == 0 && !message.msg_name && message.msg_iovlen > 1)
        return gate_call(SYS_writev, fd, message.msg_iov, message.msg_iovlen);
    long result = gather(&message, &g);
    if (result == 0 && g.mapped)
        result = copy_pieces(&message, &g, g.whole.iov_len, true);
    if (result == 0)
        result = gate_call(SYS_sendto, fd, g.whole.iov_base, g.whole.iov_len, flags,
                           message.msg_name, message.msg_name ? message.msg_namelen : 0);
    release(&g);
    return result;
}

/* Only of a datagram can a part be lost; the kernel then tells its size. */
static int size_flag(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (gate_call(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return 0;
    return type == SOCK_STREAM ? 0 : MSG_TRUNC;
}

static long receive_into(int fd, struct msghdr *message, int flags, const struct iovec *to)
{
    int more = size_flag(fd);
    socklen_t size = message->msg_namelen;
    long result = gate_call(SYS_recvfrom, fd, to->iov_base, to->iov_len, flags | more,
                            message->msg_name, message->msg_name ? &size : NULL);
    if (result < 0)
        return result;
    if (message->msg_name)
        message->msg_namelen = size;
    message->msg_controllen = 0;
    message->msg_flags = 0;
    if (more && (size_t)result > to->iov_len) {
        message->msg_flags = MSG_TRUNC;
        return flags & MSG_TRUNC ? result : (long)to->iov_len;
    }
    return result;
}

/* Descriptors that come along are dropped by the kernel: there is no room. */
static long receive_one(int fd, uintptr_t at, int flags)
{
    struct msghdr message;
    struct gathered g;
    if (memory_copy(&message, at, sizeof message) < 0)
        return -EFAULT;
    long result = gather(&message, &g);
    if (result == 0)
        result = receive_into(fd, &message, flags, &g.whole);
    if (result > 0 && g.mapped) {
        size_t got = (size_t)result < g.whole.iov_len ? (size_t)result : g.whole.iov_len;
        if (copy_pieces(&message, &g, got, false) < 0)
            result = -EFAULT;
    }
    release(&g);
    if (result >= 0)
        memcpy((void *)at, &message, sizeof message);
    return result;
}

/* One after the other; an error counts if it is the first one's. */
static long several(const struct trapped *call, long (*one)(int, uintptr_t, int))
{
    struct mmsghdr *messages = (struct mmsghdr *)call->args[1];
    size_t count = (unsigned)call->args[2];
    int flags = (int)call->args[3];
    size_t done = 0;
    for (; done < count && done < PIECES_MOST; done++) {
        long result =
            one((int)call->args[0], (uintptr_t)&messages[done].msg_hdr, flags & ~MSG_WAITFORONE);
        if (result < 0)
            return done > 0 ? (long)done : result;
        messages[done].msg_len = (unsigned)result;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
    }
    return (long)done;
}

long serve_message(const struct trapped *call)
{
    switch (call->nr) {
#ifdef SYS_sendmsg
    case SYS_sendmsg: return send_one((int)call->args[0], call->args[1], (int)call->args[2]);
    case SYS_recvmsg: return receive_one((int)call->args[0], call->args[1], (int)call->args[2]);
    case SYS_sendmmsg: return several(call, send_one);
#endif
#ifdef SYS_recvmmsg
    case SYS_recvmmsg: return several(call, receive_one);
#endif
#ifdef SYS_recvmmsg_time64 /* of the libcs of 32 bits */
    case SYS_recvmmsg_time64: return several(call, receive_one);
#endif
    default: return NOT_SERVED;
    }
}
