/* seccomp: filters, and what the kernel can do with them. */
#ifndef VOW_HOST_SECCOMP_H
#define VOW_HOST_SECCOMP_H

#include "base/base.h"

/* seccomp_load: puts a filter on all threads of the process for good.
 * `instructions` has `count` instructions in struct sock_filter's layout.
 * no_new_privs must be set. Returns 0; with `listen` the listener's
 * descriptor (close-on-exec). -ESRCH: a thread has a filter of its own;
 * -EBUSY: an outer listener is in force. Allocates nothing. */
int seccomp_load(const void *instructions, size_t count, bool listen);
/* seccomp_has: does the kernel know this action (SECCOMP_RET_…)? */
bool seccomp_has(uint32_t action);

#endif
