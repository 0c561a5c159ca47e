#include "host/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not in the headers of every build machine. */
enum {
    FILTER_TSYNC = 1 << 0,
    FILTER_NEW_LISTENER = 1 << 3,
    FILTER_TSYNC_ESRCH = 1 << 4,        /* Linux 5.7 */
    FILTER_WAIT_KILLABLE_RECV = 1 << 5, /* Linux 5.19 */
};

/* struct sock_fprog, with a count that is checked here. */
struct filter {
    uint16_t count;
    const void *instructions;
};

int seccomp_load(const void *instructions, size_t count, bool listen)
{
    if (count > UINT16_MAX)
        return -E2BIG;
    struct filter filter = {(uint16_t)count, instructions};
    unsigned flags = FILTER_TSYNC;
    if (listen)
        flags |= FILTER_NEW_LISTENER | FILTER_TSYNC_ESRCH | FILTER_WAIT_KILLABLE_RECV;
    long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (rc < 0 && errno == EINVAL && listen)
        rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags & ~FILTER_WAIT_KILLABLE_RECV,
                     &filter);
    if (rc < 0)
        return -errno;
    return rc > 0 && !listen ? -ESRCH : (int)rc; /* TSYNC names the thread in its way */
}

bool seccomp_has(uint32_t action)
{
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
