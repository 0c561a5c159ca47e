/* serve: what the handler does for a program whose call the filter refused:
 * it makes the same request in a form that the filter can judge. Everything
 * here runs under the filter and in a signal handler; nothing here is trusted
 * with anything.
 *
 *   serve_file     fstat in its other forms, the path exceptions, mode bits
 *   serve_message  sendmsg and its like without descriptors
 *   serve_names    the name service cache, which is not there
 *   serve_signal   masks and handlers, so that SIGSYS stays deliverable
 *   serve_socket   the calls that i386's socketcall stands for
 */
#ifndef VOW_PLEDGE_SERVE_H
#define VOW_PLEDGE_SERVE_H

#include "pledge/regs.h"
#include "policy/promise.h"

#include <limits.h>

#define NOT_SERVED LONG_MIN

/* Each returns what the call returns (-errno), or NOT_SERVED. */
long serve_file(const struct trapped *call, promise_set held);
long serve_message(const struct trapped *call);
long serve_names(const struct trapped *call, promise_set held);
long serve_signal(const struct trapped *call);
/* serve_unpack: makes a socketcall, whose arguments stand in memory where no filter
 * sees them, the call that it stands for. False for what is none. */
bool serve_unpack(struct trapped *call);

#endif
