/* gate: system calls of the handler. They are the kernel's: negative errnos, no
 * errno, no cancellation. Calls that the filter would send back to the handler
 * carry a mark in the sixth argument (data/families/library.txt). */
#ifndef VOW_PLEDGE_GATE_H
#define VOW_PLEDGE_GATE_H

#include "host/sigaction.h"

#include <errno.h>
#include <unistd.h>

/* gate_call: up to six arguments. errno stays as it is. */
#define gate_call(...) gate_call_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define gate_call_(nr, a, b, c, d, e, f, ...)                                                      \
    gate_raw(nr, (const long[]){(long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)})
static inline long gate_raw(long nr, const long a[6])
{
    int before = errno;
    long result = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == -1)
        result = -errno;
    errno = before;
    return result;
}

#endif
