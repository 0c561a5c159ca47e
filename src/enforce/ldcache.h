/* ldcache: looking a library up in glibc's /etc/ld.so.cache. PURE: works on
 * the file's bytes. */
#ifndef VOW_ENFORCE_LDCACHE_H
#define VOW_ENFORCE_LDCACHE_H

#include "base/base.h"

/* ldcache_lookup: calls found(context, path) for each entry called `name`,
 * in the file's order (of several the loader picks one by architecture and
 * processor; the caller looks at the files). Stops when found returns
 * non-zero and returns that; 0 at the end; -EINVAL if the bytes are no cache
 * in the format of glibc 2.2 or later. */
typedef int (*ldcache_found_fn)(void *context, const char *path);
int ldcache_lookup(const void *bytes, size_t size, const char *name, ldcache_found_fn found,
                   void *context);

#endif
