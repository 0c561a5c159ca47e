/* caps: capabilities. */
#ifndef VOW_HOST_CAPS_H
#define VOW_HOST_CAPS_H

#include <stdbool.h>

/* caps_drop: empties every set of the calling process: ambient, bounding,
 * inheritable, permitted and effective, and locks the securebits, so that uid
 * 0 means nothing at an exec. Without CAP_SETPCAP the bounding set and the
 * securebits stay; then there is nothing that no_new_privs does not hold. 0
 * or -errno. Allocates nothing. */
int caps_drop(void);
/* caps_has_any: may the process use any capability? */
bool caps_has_any(void);

#endif
