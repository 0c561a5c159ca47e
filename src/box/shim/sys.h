/* sys: the guest's calls that the shim serves, alone or with the broker's help.
 * Each is called sys_NAME and returns what the guest gets. */
#ifndef VOW_BOX_SHIM_SYS_H
#define VOW_BOX_SHIM_SYS_H

#include "box/shim/shim.h"

/* sys_io.c: `unit`: nanoseconds in what stands behind the seconds. */
long select_by_poll(struct thread *t, const long a[6], long unit);

/* Data on its way, as preadv(2) sees it: sys_io.c. */
enum { TRANSFER_IOV_MAX = 1024 };
struct iovec;
struct transfer {
    uint32_t nr; /* read, write, pread64, pwrite64 */
    long fd, offset;
    struct iovec *iov;
    unsigned count, index;
    uint64_t done_in_iov;
};
/* transfer_size: of all buffers; -EINVAL. */
long transfer_size(const struct transfer *x);
/* transfer_go_to: where `done` bytes have been dealt with. */
void transfer_go_to(struct transfer *x, uint64_t done);
/* transfer_move: up to `size` bytes between a place in the window and the buffers:
 * how many, or -EFAULT. */
long transfer_move(struct thread *t, struct transfer *x, uint64_t window, uint64_t size, bool out);
/* sys_futex.c: marks the locks that a thread still holds: their owner is dead. */
void sys_robust_end(struct thread *t);
/* sys_signal.c: what happens at a signal. actions_exec: after one the handlers are gone.
 * actions_forget: the broker has reset the one of this signal. */
extern struct lock actions_lock;
void actions_exec(void);
void actions_forget(int signal);
/* sys_ipc.c: after an exec, nothing is attached. */
void sys_shm_forget(void);

/* interfaces: SIOCGIFCONF, whose buffer lies behind a pointer: sys_socket.c. */
long interfaces(struct thread *t, const long a[6]);

typedef long sys_call(struct thread *t, struct regs *r, const long a[6]);

#define LOCAL(name) sys_call sys_##name;
#define BOTH(name) sys_call sys_##name;
#define BROKER(name)
#define CALL(name, where, level, note, ...) where(name)
#include "box/calls.def"
#undef CALL
#undef LOCAL
#undef BOTH
#undef BROKER

#endif
