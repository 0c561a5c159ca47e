/* serve_socket: a socketcall by the number of the call that it stands for. */
#include "pledge/gate.h"
#include "pledge/memory.h"
#include "pledge/serve.h"

#include <string.h>
#include <sys/syscall.h>

#if defined(SYS_socketcall) && defined(SYS_accept4)
/* By socketcall's first argument; accept, send and recv are the others with
 * nothing in the places behind theirs. */
static const struct {
    uint16_t nr;
    uint8_t count;
} direct[] = {
    {0},
    {SYS_socket, 3},
    {SYS_bind, 3},
    {SYS_connect, 3},
    {SYS_listen, 2},
    {SYS_accept4, 3},
    {SYS_getsockname, 3},
    {SYS_getpeername, 3},
    {SYS_socketpair, 4},
    {SYS_sendto, 4},
    {SYS_recvfrom, 4},
    {SYS_sendto, 6},
    {SYS_recvfrom, 6},
    {SYS_shutdown, 2},
    {SYS_setsockopt, 5},
    {SYS_getsockopt, 5},
    {SYS_sendmsg, 3},
    {SYS_recvmsg, 3},
    {SYS_accept4, 4},
    {SYS_recvmmsg, 5},
    {SYS_sendmmsg, 4},
};

bool serve_unpack(struct trapped *call)
{
    unsigned long args[6] = {0};
    size_t kind = (unsigned)call->args[0];
    if (call->nr != SYS_socketcall || kind == 0 || kind >= ARRAY_COUNT(direct) ||
        memory_copy(args, call->args[1], direct[kind].count * sizeof *args) < 0)
        return false;
    call->nr = direct[kind].nr;
    memcpy(call->args, args, sizeof args);
    return true;
}
#else
bool serve_unpack(struct trapped *call)
{
    (void)call;
    return false;
}
#endif
