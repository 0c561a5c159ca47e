/* fresh: see fresh.c; the entries are in libc.c. */
#ifndef VOW_FRESH_H
#define VOW_FRESH_H

#include <stdbool.h>

struct fresh {
    const char *name;
    const char *promises;
    bool (*act)(void);
    const char *says; /* all that comes out if it works */
    int signal;       /* it ends by this instead */
    bool dynamic;     /* not for a static program */
};
extern const struct fresh fresh_entries[]; /* the last has no name */

#endif
