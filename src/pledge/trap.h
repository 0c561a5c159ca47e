/* trap: the handler of SIGSYS, through which a refused call is served, fails,
 * or ends the process. */
#ifndef VOW_PLEDGE_TRAP_H
#define VOW_PLEDGE_TRAP_H

#include "pledge/regs.h"
#include "policy/promise.h"

#include <stdbool.h>

/* trap_install: the handler, and the calling thread able to take it, with the
 * others, if they are stopped (host/threads.h). Nothing on an architecture that
 * regs.h does not know. Once, before the first filter: a thread that blocked
 * SIGSYS could no longer unblock it. 0 or -errno. */
int trap_install(bool others);
/* trap_hold: what the handler goes by from now on. */
void trap_hold(promise_set held);

#endif
