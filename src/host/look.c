#include "host/look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's own limit */

static char *join_part(const char *dir, const char *name, size_t name_size)
{
    size_t dir_size = strcmp(dir, "/") == 0 ? 0 : strlen(dir);
    char *path = malloc(dir_size + 1 + name_size + 1);
    if (!path)
        return NULL;
    memcpy(path, dir, dir_size);
    path[dir_size] = '/';
    memcpy(path + dir_size + 1, name, name_size);
    path[dir_size + 1 + name_size] = '\0';
    return path;
}

static char *join(const char *dir, const char *name)
{
    return join_part(dir, name, strlen(name));
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
    if (here && fstatat(AT_FDCWD, here, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        return follow(here, dir, links_left, real);
    *real = take_ptr(here);
    return *real ? 0 : -ENOMEM;
}

/* /proc/PID of the caller → /proc/self. */
static int name_self(char **real)
{
    char own[32];
    const char *process = *real + strlen("/proc/");
    if (strncmp(*real, "/proc/", strlen("/proc/")) != 0 || *process < '0' || *process > '9')
        return 0;
    int size = snprintf(own, sizeof own, "/proc/%d", (int)syscall(SYS_getpid));
    if (strncmp(*real, own, (size_t)size) != 0 || ((*real)[size] != '/' && (*real)[size] != '\0'))
        return 0;
    struct str self CLEAN_STR = {0};
    str_addf(&self, "/proc/self%s", *real + size);
    free(*real);
    *real = str_take(&self);
    return *real ? 0 : -ENOMEM;
}

static const struct look_entry *find(const struct look_cache *cache, const char *path, size_t size)
{
    for (size_t i = cache->count; i-- > 0;)
        if (cache->entries[i].size == size && memcmp(cache->entries[i].path, path, size) == 0)
            return &cache->entries[i];
    return NULL;
}

static int remember(struct look_cache *cache, const char *path, size_t size,
                    const struct look_entry *found)
{
    void *entries = cache->entries;
    if (array_grow(&entries, &cache->capacity, cache->count, sizeof *cache->entries) < 0)
        return -ENOMEM;
    cache->entries = entries;
    struct look_entry entry = {strndup(path, size), size, strdup(found->real), found->kind};
    cache->entries[cache->count++] = entry;
    return entry.path && entry.real ? 0 : -ENOMEM;
}

/* Is every part of the text of a symlink a name? Else only the kernel, who
 * knows what is there, can say where "..", "." and a "/" at the end lead. */
static bool is_plain(const char *target)
{
    for (const char *part = *target == '/' ? target + 1 : target;; part++) {
        size_t size = strcspn(part, "/");
        if (size == 0 || (size <= 2 && strncmp(part, "..", size) == 0))
            return false;
        part += size;
        if (*part == '\0')
            return true;
    }
}

char *look_follow(const char *path)
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0)
        return NULL;
    target[size] = '\0';
    if (!is_plain(target))
        return NULL;
    char *dir CLEAN_FREE = *target == '/' ? NULL : parent_of(path);
    return *target == '/' ? strdup(target) : dir ? join(dir, target) : NULL;
}

static int look(struct look_cache *cache, const char *path, size_t size, int links_left,
                struct look_entry *out);

/* Goes on from the symlink at *link, in the directory `dir`. */
static int look_behind(struct look_cache *cache, const char *dir, int links_left,
                       struct look_entry *out)
{
    char *link CLEAN_FREE = take_ptr(out->real);
    char target[PATH_MAX];
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size < 0)
        return -errno;
    if (links_left == 0)
        return -ELOOP;
    target[size] = '\0';
    if (is_plain(target)) {
        char *absolute CLEAN_FREE = target[0] == '/' ? strdup(target) : join(dir, target);
        return absolute ? look(cache, absolute, strlen(absolute), links_left - 1, out) : -ENOMEM;
    }
    struct stat st = {0};
    int result = resolve(link, links_left, &out->real);
    if (result == 0 && fstatat(AT_FDCWD, out->real, &st, 0) < 0)
        result = -errno;
    out->kind = result < 0 ? PATH_ABSENT : S_ISDIR(st.st_mode) ? PATH_DIRECTORY : PATH_FILE;
    return result == -ENOENT || result == -ENOTDIR ? 0 : result;
}

/* The entry out->real of a directory that is resolved. */
static int look_in(struct look_cache *cache, const char *dir, int links_left,
                   struct look_entry *out)
{
    struct stat st;
    int result = fstatat(AT_FDCWD, out->real, &st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
    if (result == 0 && S_ISLNK(st.st_mode))
        result = look_behind(cache, dir, links_left, out);
    else
        out->kind = result < 0 ? PATH_ABSENT : S_ISDIR(st.st_mode) ? PATH_DIRECTORY : PATH_FILE;
    if (result == 0)
        result = name_self(&out->real);
    return result == -ENOENT || result == -ENOTDIR ? 0 : result;
}

/* Looks at what is in the directory `path` ends in; `name` is behind its last slash. */
static int look_up(struct look_cache *cache, const char *path, size_t size, int links_left,
                   struct look_entry *out)
{
    const char *slash = memrchr(path, '/', size);
    size_t dir_size = slash == path ? 1 : (size_t)(slash - path);
    const struct look_entry *known = find(cache, path, dir_size);
    struct look_entry dir = {0};
    int result = known ? 0 : look(cache, path, dir_size, links_left, &dir);
    if (result == 0) {
        const char *real = known ? known->real : dir.real;
        out->real = join_part(real, slash + 1, (size_t)(path + size - slash - 1));
        result = out->real ? look_in(cache, real, links_left, out) : -ENOMEM;
    }
    free(dir.real);
    return result;
}

/* The first `size` bytes of a path. out->real is malloc'd if there is one, also on
 * failure. */
static int look(struct look_cache *cache, const char *path, size_t size, int links_left,
                struct look_entry *out)
{
    const struct look_entry *known = find(cache, path, size);
    if (known || size == 1) {
        *out = (struct look_entry){.real = strdup(known ? known->real : "/"),
                                   .kind = known ? known->kind : PATH_DIRECTORY};
        return out->real ? 0 : -ENOMEM;
    }
    int result = look_up(cache, path, size, links_left, out);
    if (result == 0 && out->kind != PATH_FILE)
        result = remember(cache, path, size, out);
    return result;
}

int host_look(void *cache, const char *path, char **real, enum path_kind *kind)
{
    struct look_cache own = {0};
    struct look_entry found = {0};
    int result = look(cache ? cache : &own, path, strlen(path), LINKS_MAX, &found);
    char *where CLEAN_FREE = found.real;
    look_cache_free(&own);
    if (result < 0)
        return result;
    *real = take_ptr(where);
    *kind = found.kind;
    return 0;
}

void look_cache_free(struct look_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++) {
        free(cache->entries[i].path);
        free(cache->entries[i].real);
    }
    free(cache->entries);
    *cache = (struct look_cache){0};
}
