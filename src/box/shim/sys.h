/* sys: the guest's calls that the shim serves, alone or with the broker's help.
 * Each is called sys_NAME and returns what the guest gets. */
#ifndef VOW_BOX_SHIM_SYS_H
#define VOW_BOX_SHIM_SYS_H

#include "box/shim/shim.h"

/* sys_io.c: `unit`: nanoseconds in what stands behind the seconds. */
long select_by_poll(struct thread *t, const long a[6], long unit);

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
