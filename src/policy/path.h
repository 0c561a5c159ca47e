/* path: absolute paths as text. PURE. */
#ifndef VOW_PATH_H
#define VOW_PATH_H

#include "base/base.h"

/* path_normalise: lexical: absolute against cwd, no "//", ".", "..". malloc'd. */
char *path_normalise(const char *path, const char *cwd);
/* path_covers: is `path` equal to or below `above`, by whole components? */
bool path_covers(const char *above, const char *path);
/* path_parent: the directory that holds it; of "/" itself. malloc'd. */
char *path_parent(const char *path);
/* path_compare: by components, so that a directory stands directly before
 * what is in it. */
int path_compare(const char *a, const char *b);

#endif
