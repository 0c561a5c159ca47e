/* probe: what the running kernel has, found out by asking it. */
#ifndef VOW_HOST_PROBE_H
#define VOW_HOST_PROBE_H

#include "base/base.h"

/* probe_landlock: the version of Landlock's interface, from 1; or -errno, and
 * err says why there is none and what to do. */
int probe_landlock(struct err *err);
/* probe_filters: 0 if filters can be loaded and end a process. */
int probe_filters(struct err *err);
/* probe_listener: 0 if a supervisor can be told of denied calls. Tries it in a
 * child: -EBUSY inside another listener. */
int probe_listener(struct err *err);
#endif
