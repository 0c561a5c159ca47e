/* look: where a path leads and what is there. */
#ifndef VOW_HOST_LOOK_H
#define VOW_HOST_LOOK_H

#include "base/base.h"

/* Directories that were resolved: a look at another entry of theirs is then one
 * lstat. Zero-initialise. */
struct look_cache {
    struct look_entry {
        char *path;
        size_t size; /* of path */
        char *real;
        enum path_kind kind;
    } * entries;
    size_t count, capacity;
};

/* host_look: `*real` is the absolute path with its symlinks resolved as far as
 * it exists (malloc'd), `*kind` what is there. The caller's own /proc/PID
 * comes out as /proc/self, because it means the process that will ask. 0, or
 * -errno (EACCES, ELOOP …). cache: a struct look_cache, or NULL. */
int host_look(void *cache, const char *path, char **real, enum path_kind *kind);
void look_cache_free(struct look_cache *cache);
/* look_follow: the path behind the symlink `path`, as its text says (malloc'd). NULL
 * if it is none, or if only the kernel knows where the text leads ("..", "a/"). */
char *look_follow(const char *path);

#endif
