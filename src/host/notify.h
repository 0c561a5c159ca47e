/* notify: the kernel's seccomp user notification, seen from the supervisor.
 *
 * A call is held by the kernel until it is answered. An answer to a call whose
 * caller has died in the meantime fails with -ENOENT; so does notify_valid.
 * What was read from a pid before an answer that succeeded was read from the
 * caller and not from a later process of the same number. */
#ifndef VOW_NOTIFY_H
#define VOW_NOTIFY_H

#include "base/base.h"

#include <sys/types.h>

/* One held call. pid is that of the thread, 0 if it is in another pid
 * namespace; `audit` is AUDIT_ARCH_…; args as the kernel hands them on. */
struct notify_call {
    uint64_t id;
    pid_t pid;
    uint32_t audit;
    uint32_t nr;
    uint64_t ip; /* behind the call */
    uint64_t args[6];
};

/* notify_open: readies a listener: checks that this build and the kernel agree
 * on its structures, and asks for the wake-up that stays on one processor
 * (Linux 6.6; without it everything works, three times slower). */
int notify_open(int listener, struct err *err);
/* notify_receive: blocks until a call is held. -ENOENT: the caller died in
 * between; -EINTR: a signal. Poll the listener first. */
int notify_receive(int listener, struct notify_call *out);
/* notify_deny: the call returns -1 with `error`; notify_continue: the kernel
 * goes on with it. Never use the latter to allow something: the caller may
 * change its memory after it was looked at. */
int notify_deny(int listener, uint64_t id, int error);
int notify_continue(int listener, uint64_t id);
/* notify_return: the call returns `value`. notify_give: … a copy of descriptor
 * `fd`, close-on-exec or not; 0, or -errno and the call is still held: -EMFILE. */
int notify_return(int listener, uint64_t id, int64_t value);
int notify_give(int listener, uint64_t id, int fd, bool close_on_exec);
bool notify_valid(int listener, uint64_t id);

#endif
