/* program: what a program needs of the file system in order to start. */
#ifndef VOW_LIB_PROGRAM_H
#define VOW_LIB_PROGRAM_H

#include "policy/paths.h"

#include <limits.h>

struct program_needs {
    struct closure_path paths[12];
    size_t count;
    char loader[PATH_MAX]; /* "" if it needs none */
};

/* program_needs: the program itself, its loader, and, for a loader's sake, the
 * directories of libraries, read only. -ENOEXEC: not a program of this
 * machine's own architecture (a script is not). `path` must stay. */
int program_needs(const char *path, struct program_needs *out, struct err *err);

#endif
