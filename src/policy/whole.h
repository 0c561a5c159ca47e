/* whole: directories that a view shows whole, though rules are about parts of
 * them. PURE.
 *
 * /proc, because /proc/self means something else to each process, so no part
 * of it can be mounted; /etc and /sys, because the default rules grant fifty
 * files there and a mount costs ten microseconds; /dev where a rule is about
 * /dev/ptmx, because the kernel looks for the new terminal's file system beside that
 * name, and beside a file that is mounted alone there is nothing. Landlock decides what of
 * them opens: without it only /proc is shown so. That something is there can be
 * seen (stat) by who knows its name. */
#ifndef VOW_WHOLE_H
#define VOW_WHOLE_H

#include "policy/policy.h"

enum { WHOLE_PROC, WHOLE_ETC, WHOLE_SYS, WHOLE_DEV, WHOLE_COUNT };
extern const char *const whole_paths[WHOLE_COUNT];

/* whole_shown: do the rules of a planned policy make a view show that one? */
bool whole_shown(const struct policy *p, size_t whole);
/* whole_covers: does one that is shown cover `path`? */
bool whole_covers(const struct policy *p, const char *path);

#endif
