/* Whatever stands in /etc/ld.so.cache: no read outside, and each path that
 * comes out ends inside. */
#include "enforce/ldcache.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    const uint8_t *at;
    size_t size;
};

static int check_inside(void *context, const char *path)
{
    const struct bytes *bytes = context;
    const uint8_t *at = (const uint8_t *)path;
    if (at < bytes->at || at + strlen(path) >= bytes->at + bytes->size)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"libc.so.6", "libz.so.9", "liba.so", "", "zzz"};
    struct bytes bytes = {data, size};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        ldcache_lookup(data, size, names[i], check_inside, &bytes);
    return 0;
}
