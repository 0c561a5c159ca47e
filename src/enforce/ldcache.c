/* Theory of operation: the file holds, perhaps behind a table in the format
 * of libc5, a header, entries of 24 bytes and their strings:
 *
 *   "glibc-ld.so.cache1.1"  u32 count  u32 string bytes  20 bytes more
 *   count × { i32 flags, u32 name, u32 path, u32 os version, u64 hwcap }
 *
 * Offsets count from that header, numbers are in the machine's byte order.
 * Entries are sorted downwards by name; in names, runs of digits compare as
 * numbers, so that libfoo.so.10 stands before libfoo.so.9. */
#include "enforce/ldcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    OLD_HEADER_SIZE = 16,
    OLD_ENTRY_SIZE = 12,
    HEADER_SIZE = 48,
    ENTRY_SIZE = 24,
};
static const char old_magic[] = "ld.so-1.7.0";
static const char magic[] = "glibc-ld.so.cache1.1";

struct cache {
    const char *at; /* the header */
    size_t size;
    size_t count;
};

static uint32_t u32_at(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool header_at(const char *bytes, size_t size, size_t offset)
{
    return offset <= size && size - offset >= HEADER_SIZE &&
           memcmp(bytes + offset, magic, sizeof magic - 1) == 0;
}

static int find_header(const char *bytes, size_t size, struct cache *out)
{
    size_t offset = 0;
    if (size >= OLD_HEADER_SIZE && memcmp(bytes, old_magic, sizeof old_magic - 1) == 0) {
        offset = OLD_HEADER_SIZE + (size_t)u32_at(bytes + 12) * OLD_ENTRY_SIZE;
        if (!header_at(bytes, size, offset))
            offset = (offset + 7) & ~(size_t)7;
    }
    if (!header_at(bytes, size, offset))
        return -EINVAL;
    *out = (struct cache){bytes + offset, size - offset, u32_at(bytes + offset + 20)};
    return out->count <= (out->size - HEADER_SIZE) / ENTRY_SIZE ? 0 : -EINVAL;
}

/* A string of the cache, NULL if it does not end inside. */
static const char *string_at(const struct cache *c, uint32_t offset)
{
    if (offset >= c->size || !memchr(c->at + offset, '\0', c->size - offset))
        return NULL;
    return c->at + offset;
}

static const char *name_of(const struct cache *c, size_t index)
{
    return string_at(c, u32_at(c->at + HEADER_SIZE + index * ENTRY_SIZE + 4));
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of the digits at *at, which moves behind them. */
static uint32_t take_number(const char **at)
{
    uint32_t value = 0;
    for (; digit(**at); ++*at)
        value = value * 10 + (uint32_t)(**at - '0');
    return value;
}

/* The loader's order. As there, large numbers wrap and char has the machine's
 * sign: a search in another order would miss names. */
static int compare_names(const char *a, const char *b)
{
    while (*a) {
        if (digit(*a) != digit(*b))
            return digit(*a) ? 1 : -1;
        if (digit(*a)) {
            int difference = (int)(take_number(&a) - take_number(&b));
            if (difference != 0)
                return difference;
        } else if (*a != *b) {
            return *a - *b;
        } else {
            a++;
            b++;
        }
    }
    return *a - *b;
}

int ldcache_lookup(const void *bytes, size_t size, const char *name, ldcache_found_fn found,
                   void *context)
{
    struct cache c;
    int rc = find_header(bytes, size, &c);
    if (rc < 0)
        return rc;
    size_t low = 0, high = c.count; /* the first entry whose name is not above `name` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *candidate = name_of(&c, middle);
        if (!candidate)
            return -EINVAL;
        if (compare_names(candidate, name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < c.count; low++) {
        const char *candidate = name_of(&c, low);
        if (!candidate || strcmp(candidate, name) != 0)
            return candidate ? 0 : -EINVAL;
        const char *path = string_at(&c, u32_at(c.at + HEADER_SIZE + low * ENTRY_SIZE + 8));
        if (!path)
            return -EINVAL;
        rc = found(context, path);
        if (rc != 0)
            return rc;
    }
    return 0;
}
