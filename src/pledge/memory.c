#include "pledge/memory.h"

#include "pledge/gate.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#define PAGE 4096u /* or a part of one */

/* The kernel reads the mask before it looks at what is to be done with it, and
 * nobody asks for -1: so it tells whether eight bytes can be read. */
static bool can_read(uintptr_t from)
{
    return gate_call(SYS_rt_sigprocmask, -1, from & ~(uintptr_t)7, 0, SIGNAL_SET_SIZE) == -EINVAL;
}

int memory_copy(void *to, uintptr_t from, size_t size)
{
    if (size > 0 && from + size - 1 < from)
        return -EFAULT;
    for (uintptr_t at = from; size > 0 && at <= from + size - 1; at = (at | (PAGE - 1)) + 1) {
        if (!can_read(at))
            return -EFAULT;
        if ((at | (PAGE - 1)) == UINTPTR_MAX)
            break;
    }
    memcpy(to, (const void *)from, size);
    return 0;
}

long memory_text(char *to, size_t capacity, uintptr_t from)
{
    for (size_t i = 0; i < capacity; i++) {
        uintptr_t at = from + i;
        if ((i == 0 || at % PAGE == 0) && !can_read(at))
            return -EFAULT;
        to[i] = *(const char *)at;
        if (to[i] == '\0')
            return (long)i;
    }
    to[capacity - 1] = '\0';
    return -ENAMETOOLONG;
}
