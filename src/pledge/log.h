/* log: the system's log, connected to before it can no longer be. */
#ifndef VOW_PLEDGE_LOG_H
#define VOW_PLEDGE_LOG_H

#include "pledge/regs.h"

/* log_open: connects, once; where there is no log nothing happens. The
 * descriptor is close-on-exec and high; closefrom() closes it like any other. */
void log_open(void);
/* log_send: for signal handlers. */
void log_send(const char *text, size_t size);
/* serve_log: socket and connect as syslog(3) makes them; else NOT_SERVED. */
long serve_log(const struct trapped *call);

#endif
