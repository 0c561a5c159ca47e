/* caller: where in the program a call comes from. */
#ifndef VOW_PLEDGE_CALLER_H
#define VOW_PLEDGE_CALLER_H

#include "pledge/regs.h"

#include <stdbool.h>

struct caller {
    const char *module; /* as the loader names it */
    unsigned long offset;
    const char *symbol; /* the nearest one that is exported before it, or NULL */
    unsigned long symbol_offset;
};

/* caller_find: the innermost return address that leads out of the libc (and the
 * loader), by a search of the stack, which may find one that is no longer in
 * use; where there is none, the call itself. False if it is nowhere that is
 * known. For signal handlers. */
bool caller_find(const struct trapped *call, struct caller *out);

#endif
