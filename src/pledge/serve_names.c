/* serve_names: who looks up a user asks the name service cache first, by a unix
 * socket. musl takes a refusal for an answer unless it says that there are no
 * such sockets; then it reads the files, as glibc does in any case. */
#include "pledge/serve.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>

long serve_names(const struct trapped *call, promise_set held)
{
#ifdef SYS_socket
    int type = (int)call->args[1] & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (call->nr == SYS_socket && (int)call->args[0] == AF_UNIX && type == SOCK_STREAM &&
        held & PROMISE(GETPW))
        return -EAFNOSUPPORT;
#endif
    return NOT_SERVED;
}
