/* resolve: what a path of the program is on this system, and whether the
 * system alone would allow an operation on it. Nothing is opened for data:
 * O_PATH only, no magic link is followed. */
#ifndef VOW_RESOLVE_H
#define VOW_RESOLVE_H

#include "watch/decode.h"

/* Room for a place and for the longest pid in front of it. */
#define RESOLVE_PATH_SIZE (2 * DECODE_PATH_SIZE + 32)

struct found {
    char real[RESOLVE_PATH_SIZE]; /* symlinks resolved as far as it exists;
                                     the program's own /proc/PID is /proc/self */
    bool exists;
    bool descriptor; /* it is one that the program has open, under another name */
};

/* resolve: `pid` is the process that asks, `self` whether it is the one whose
 * /proc/PID the policy calls /proc/self; link (of struct target) tells where
 * its descriptors lead. */
void resolve(const struct target *target, const struct place *place, pid_t pid, bool self,
             struct found *out);
/* resolve_is_there: is there anything at an absolute path? */
bool resolve_is_there(const char *path);
/* resolve_permits: would the system, without vow, do what the place says? */
bool resolve_permits(const struct place *place, pid_t pid, const struct found *found);

#endif
