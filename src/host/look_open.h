/* look_open: where a path leads, found out by opening it. */
#ifndef VOW_HOST_LOOK_OPEN_H
#define VOW_HOST_LOOK_OPEN_H

#include "host/look.h"

/* What was opened, as O_PATH descriptors, close-on-exec. Zero-initialise. */
struct opened_paths {
    struct opened_path {
        char *path;
        size_t size; /* of path */
        int fd;
    } * at;
    size_t count, capacity;
    int end;                 /* no descriptor from this on; 0: not asked yet */
    struct look_cache cache; /* for the paths that symlinks lead through */
};

/* host_look_open: as host_look, which costs a call for each directory on the way;
 * where no symlink is on it, or the path is one, this takes one or three, and what
 * was opened stays so. Of that it says PATH_UNKNOWN: Landlock, which the descriptor is
 * for, tells files from directories itself. */
int host_look_open(void *opened, const char *path, char **real, enum path_kind *kind);
/* opened_find: the descriptor of a path, -1 if there is none. */
int opened_find(const struct opened_paths *opened, const char *path);
void opened_free(struct opened_paths *opened);

#endif
