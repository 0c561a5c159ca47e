#include "host/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPS_MAX = 64 };

/* What the process has: 1 if that is CAP_SETPCAP, too, 0 if it is not, -ENODATA
 * if there is nothing at all, -errno if that cannot be told. */
static int may_drop_bounding(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    uint32_t all = 0;
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        all |= data[i].effective | data[i].permitted | data[i].inheritable;
    return all ? (int)(data[0].effective >> CAP_SETPCAP & 1) : -ENODATA;
}

bool caps_has_any(void)
{
    int rc = may_drop_bounding();
    return rc != -ENODATA;
}

static int drop_bounding(void)
{
    for (unsigned long cap = 0; cap < CAPS_MAX; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
            continue;
        return errno == EINVAL ? 0 : -errno; /* EINVAL: behind the kernel's last one */
    }
    return 0;
}

int caps_drop(void)
{
    int rc = may_drop_bounding();
    if (rc < 0) /* nothing to drop: ambient ones are permitted ones. A filter may refuse to try. */
        return rc == -ENODATA ? 0 : rc;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return -errno;
    if (rc > 0) {
        rc = drop_bounding();
        if (rc < 0)
            return rc;
        unsigned long bits = SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_CAP_AMBIENT_RAISE;
        if (prctl(PR_SET_SECUREBITS, bits | SECURE_ALL_LOCKS, 0, 0, 0) < 0)
            return -errno;
    }
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {0};
    return syscall(SYS_capset, &header, none) == 0 ? 0 : -errno;
}
