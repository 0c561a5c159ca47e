/* arena: how large it is, and what its users know of it. */
#ifndef VOW_BOX_ARENA_H
#define VOW_BOX_ARENA_H

#include <stdint.h>

enum { ARENA_SHIFT = 45 };

/* arena_nameless: 2 GiB of it, for good, that belong to no file: where they begin, or
 * -ENOMEM. */
int64_t arena_nameless(void);

#endif
