/* message: the last words of a process that broke its promise. */
#ifndef VOW_PLEDGE_MESSAGE_H
#define VOW_PLEDGE_MESSAGE_H

#include "pledge/regs.h"
#include "policy/decide.h"

/* message_tell: one line to standard error and to the log. For signal handlers. */
void message_tell(const struct trapped *call, const struct call_event *event,
                  const struct call_verdict *verdict);

#endif
