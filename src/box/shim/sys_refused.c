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
