/* arena: how large it is. */
#ifndef VOW_BOX_ARENA_H
#define VOW_BOX_ARENA_H

enum { ARENA_SHIFT = 45 };

#endif
