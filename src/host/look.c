#include "host/look.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's own limit */

static char *join(const char *dir, const char *name)
{
    struct str path CLEAN_STR = {0};
    str_add(&path, strcmp(dir, "/") == 0 ? "" : dir);
    str_add_char(&path, '/');
    str_add(&path, name);
    return str_take(&path);
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static int resolve(const char *path, int links_left, char **real);

/* What `path`, a symlink in the resolved directory `dir`, says. */
static int follow(const char *path, const char *dir, int links_left, char **real)
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0)
        return -errno;
    if (links_left == 0)
        return -ELOOP;
    target[size] = '\0';
    char *absolute CLEAN_FREE = target[0] == '/' ? strdup(target) : join(dir, target);
    return absolute ? resolve(absolute, links_left - 1, real) : -ENOMEM;
}

/* realpath(3) that goes on where nothing exists any more. */
static int resolve(const char *path, int links_left, char **real)
{
    *real = realpath(path, NULL);
    if (*real)
        return 0;
    if ((errno != ENOENT && errno != ENOTDIR) || strcmp(path, "/") == 0)
        return -errno;
    char *parent CLEAN_FREE = parent_of(path), *dir CLEAN_FREE = NULL;
    if (!parent)
        return -ENOMEM;
    int result = resolve(parent, links_left, &dir);
    if (result < 0)
        return result;
    char *here CLEAN_FREE = join(dir, strrchr(path, '/') + 1);
    struct stat st;
    if (here && lstat(here, &st) == 0 && S_ISLNK(st.st_mode))
        return follow(here, dir, links_left, real);
    *real = take_ptr(here);
    return *real ? 0 : -ENOMEM;
}

/* /proc/PID of the caller → /proc/self. */
static int name_self(char **real)
{
    char own[32];
    if (strncmp(*real, "/proc/", strlen("/proc/")) != 0)
        return 0;
    int size = snprintf(own, sizeof own, "/proc/%d", (int)getpid());
    if (strncmp(*real, own, (size_t)size) != 0 || ((*real)[size] != '/' && (*real)[size] != '\0'))
        return 0;
    struct str self CLEAN_STR = {0};
    str_addf(&self, "/proc/self%s", *real + size);
    free(*real);
    *real = str_take(&self);
    return *real ? 0 : -ENOMEM;
}

static const char *find(const struct look_cache *cache, const char *dir)
{
    for (size_t i = cache->count; i-- > 0;)
        if (strcmp(cache->entries[i].dir, dir) == 0)
            return cache->entries[i].real;
    return NULL;
}

static int look(struct look_cache *cache, const char *path, char **real, enum path_kind *kind);

/* Where the parent of `path` leads, borrowed from the cache. */
static int look_parent(struct look_cache *cache, const char *path, const char **out)
{
    char *dir CLEAN_FREE = parent_of(path), *real CLEAN_FREE = NULL;
    enum path_kind kind;
    *out = dir ? find(cache, dir) : NULL;
    if (*out)
        return 0;
    int result = dir ? look(cache, dir, &real, &kind) : -ENOMEM;
    void *entries = cache->entries;
    if (result == 0)
        result = array_grow(&entries, &cache->capacity, cache->count, sizeof *cache->entries);
    if (result < 0)
        return result;
    cache->entries = entries;
    *out = real;
    cache->entries[cache->count++] = (struct look_entry){take_ptr(dir), take_ptr(real)};
    return 0;
}

/* Goes on from a symlink. */
static int look_behind(const char *link, char **real, struct stat *st)
{
    char *target CLEAN_FREE = NULL;
    int result = resolve(link, LINKS_MAX, &target);
    if (result == 0 && stat(target, st) < 0)
        result = -errno;
    if (result < 0 && result != -ENOENT && result != -ENOTDIR)
        return result;
    free(*real);
    *real = take_ptr(target);
    int named = *real ? name_self(real) : -ENOMEM;
    return named < 0 ? named : result;
}

static int look(struct look_cache *cache, const char *path, char **real, enum path_kind *kind)
{
    struct stat st;
    const char *dir = "/";
    bool root = strcmp(path, "/") == 0;
    int result = root ? 0 : look_parent(cache, path, &dir);
    if (result < 0)
        return result;
    *real = root ? strdup("/") : join(dir, strrchr(path, '/') + 1);
    if (!*real)
        return -ENOMEM;
    result = lstat(*real, &st) == 0 ? 0 : -errno;
    if (result == 0 && S_ISLNK(st.st_mode))
        result = look_behind(*real, real, &st);
    if (result < 0 && result != -ENOENT && result != -ENOTDIR)
        return result;
    *kind = result < 0 ? PATH_ABSENT : S_ISDIR(st.st_mode) ? PATH_DIRECTORY : PATH_FILE;
    return 0;
}

int host_look(void *cache, const char *path, char **real, enum path_kind *kind)
{
    struct look_cache own = {0};
    char *found CLEAN_FREE = NULL;
    int result = look(cache ? cache : &own, path, &found, kind);
    look_cache_free(&own);
    if (result < 0)
        return result;
    *real = take_ptr(found);
    return 0;
}

void look_cache_free(struct look_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++) {
        free(cache->entries[i].dir);
        free(cache->entries[i].real);
    }
    free(cache->entries);
    *cache = (struct look_cache){0};
}
