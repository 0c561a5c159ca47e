/* listener: the second way of a guest's call to the shim (--host notify): no
 * trap. The guests' filter tells the broker of every call that is not one of the
 * shim's; a thread of the broker sends the caller SIGSYS, lets the call return
 * its own number, and so the handler finds what it finds after a trap. */
#ifndef VOW_BOX_LISTENER_H
#define VOW_BOX_LISTENER_H

#include "base/base.h"

/* listener_start: waits until the first guest, a child, has loaded its filter,
 * takes the listener over as BROKER_LISTENER, lets the guest close its own, and
 * starts the thread. Before the broker's filter. 0, or -errno and the reason. */
int listener_start(int guest, struct err *err);

#endif
