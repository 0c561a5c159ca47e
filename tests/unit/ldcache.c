#include "enforce/ldcache.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order in which ldconfig writes: downwards, digits as numbers. */
static const char *const entries[][2] = {
    {"libz.so.10", "/lib/libz.so.10"}, {"libz.so.9", "/lib/libz.so.9"},
    {"libc.so.6", "/lib64/libc.so.6"}, {"libc.so.6", "/lib32/libc.so.6"},
    {"liba.so", "/lib/liba.so"},       {"liba-2.so", "/lib/liba-2.so"},
};

enum { HEADER = 48, ENTRY = 24 };

static void put32(struct str *s, uint32_t value)
{
    str_add_bytes(s, &value, sizeof value);
}

static void make(struct str *out)
{
    uint32_t strings = HEADER + ENTRY * ARRAY_COUNT(entries);
    CLEAN_STR struct str text = {0};
    str_add(out, "glibc-ld.so.cache1.1");
    put32(out, ARRAY_COUNT(entries));
    for (int i = 0; i < 6; i++)
        put32(out, 0);
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        put32(out, 0x0303);
        for (int part = 0; part < 2; part++) {
            put32(out, strings + (uint32_t)text.size);
            str_add_bytes(&text, entries[i][part], strlen(entries[i][part]) + 1);
        }
        for (int k = 0; k < 3; k++)
            put32(out, 0);
    }
    str_add_bytes(out, text.at, text.size);
}

static int collect(void *context, const char *path)
{
    str_addf(context, "%s ", path);
    return 0;
}

static int look_up(const void *bytes, size_t size, const char *name, struct str *out)
{
    /* Of exactly its size, so that a sanitizer sees a read behind the end. */
    void *copy CLEAN_FREE = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    str_clear(out);
    return ldcache_lookup(copy, size, name, collect, out);
}

TEST(every_entry_is_found)
{
    CLEAN_STR struct str cache = {0}, found = {0};
    make(&cache);
    CHECK_EQ(look_up(cache.at, cache.size, "libz.so.10", &found), 0);
    CHECK_STR(str_get(&found), "/lib/libz.so.10 ");
    CHECK_EQ(look_up(cache.at, cache.size, "libz.so.9", &found), 0);
    CHECK_STR(str_get(&found), "/lib/libz.so.9 ");
    CHECK_EQ(look_up(cache.at, cache.size, "libc.so.6", &found), 0);
    CHECK_STR(str_get(&found), "/lib64/libc.so.6 /lib32/libc.so.6 ");
    CHECK_EQ(look_up(cache.at, cache.size, "liba.so", &found), 0);
    CHECK_STR(str_get(&found), "/lib/liba.so ");
    CHECK_EQ(look_up(cache.at, cache.size, "libb.so", &found), 0);
    CHECK_STR(str_get(&found), "");
}

TEST(behind_an_old_table)
{
    CLEAN_STR struct str cache = {0}, whole = {0}, found = {0};
    make(&cache);
    str_add(&whole, "ld.so-1.7.0");
    str_add_char(&whole, '\0');
    put32(&whole, 1);
    for (int i = 0; i < 4; i++) /* an entry of 12 bytes, and 4 to align */
        put32(&whole, 0);
    str_add_bytes(&whole, cache.at, cache.size);
    CHECK_EQ(look_up(whole.at, whole.size, "libz.so.9", &found), 0);
    CHECK_STR(str_get(&found), "/lib/libz.so.9 ");
}

TEST(damage_is_noticed)
{
    CLEAN_STR struct str cache = {0}, found = {0};
    make(&cache);
    CHECK_EQ(look_up("nothing", 7, "liba.so", &found), -EINVAL);
    for (size_t size = 0; size < HEADER + ENTRY * ARRAY_COUNT(entries); size++)
        CHECK_EQ(look_up(cache.at, size, "liba.so", &found), -EINVAL);
    cache.at[23] = 0x7f; /* count */
    CHECK_EQ(look_up(cache.at, cache.size, "liba.so", &found), -EINVAL);
}

TEST(the_cache_of_this_system)
{
    int fd CLEAN_FD = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        SKIP("ld.so.cache: none here");
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    CLEAN_STR struct str found = {0};
    CHECK(bytes != MAP_FAILED);
    CHECK_EQ(ldcache_lookup(bytes, (size_t)st.st_size, "libc.so.6", collect, &found), 0);
    CHECK(strstr(str_get(&found), "/libc.so.6 "));
}
