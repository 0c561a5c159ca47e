/* Calls that a box has no use for, and that change the machine: refused as the
 * kernel refuses them to a user who may not. */
#include "box/shim/sys.h"

#define REFUSED(name, error)                                                                       \
    long sys_##name(struct thread *t, struct regs *r, const long a[6])                             \
    {                                                                                              \
        (void)t, (void)r, (void)a;                                                                 \
        return -(error);                                                                           \
    }

REFUSED(acct, EPERM)
REFUSED(chroot, EPERM)
REFUSED(clock_adjtime, EPERM)
REFUSED(delete_module, EPERM)
REFUSED(fanotify_init, EPERM)
REFUSED(finit_module, EPERM)
REFUSED(init_module, EPERM)
REFUSED(ioperm, EPERM)
REFUSED(iopl, EPERM)
REFUSED(kexec_load, EPERM)
REFUSED(mount, EPERM)
REFUSED(name_to_handle_at, EOPNOTSUPP)
REFUSED(open_by_handle_at, EPERM)
REFUSED(pivot_root, EPERM)
REFUSED(process_vm_readv, EPERM)
REFUSED(process_vm_writev, EPERM)
REFUSED(ptrace, EPERM)
REFUSED(reboot, EPERM)
REFUSED(setns, EPERM)
REFUSED(settimeofday, EPERM)
REFUSED(swapoff, EPERM)
REFUSED(swapon, EPERM)
REFUSED(syslog, EPERM)
REFUSED(umount2, EPERM)
REFUSED(vhangup, EPERM)

/* What is shared already by being one process stays shared; new worlds: none. */
long sys_unshare(struct thread *t, struct regs *r, const long a[6])
{
    enum { CLONE_FILES_ = 0x400, CLONE_FS_ = 0x200, CLONE_SYSVSEM_ = 0x40000 };
    (void)t, (void)r;
    return a[0] & ~(long)(CLONE_FILES_ | CLONE_FS_ | CLONE_SYSVSEM_) ? -EPERM : 0;
}
