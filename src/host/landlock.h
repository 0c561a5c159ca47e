/* landlock: the kernel's three calls, with constants of our own because the
 * headers of a build machine may be older than the kernel. */
#ifndef VOW_HOST_LANDLOCK_H
#define VOW_HOST_LANDLOCK_H

#include "base/base.h"

/* host_landlock_abi: 1 or more, or -errno: -ENOSYS (not built in),
 * -EOPNOTSUPP (built in, but not among the running security modules). */
int host_landlock_abi(void);
/* host_landlock_create: a ruleset's descriptor (close-on-exec), or -errno.
 * only_port: the TCP port that can be connected to (ABI 4); 0: any. */
int host_landlock_create(uint64_t handled_fs, uint64_t scoped, uint16_t only_port);
/* host_landlock_add_path: `fd` is an O_PATH descriptor of the file or directory. */
int host_landlock_add_path(int ruleset, uint64_t access, int fd);
/* host_landlock_restrict: the calling thread, or all threads (ABI 8). */
int host_landlock_restrict(int ruleset, bool all_threads);

#endif
