#include "host/look_open.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPARED 16    /* descriptors */
#define LINKS_MAX 40 /* as the kernel's own limit */

/* Takes over the path and the descriptor, also on failure. */
static int keep(struct opened_paths *opened, struct opened_path what)
{
    void *at = opened->at;
    if (!what.path || array_grow(&at, &opened->capacity, opened->count, sizeof *opened->at) < 0) {
        free(what.path);
        close(what.fd);
        return -ENOMEM;
    }
    opened->at = at;
    opened->at[opened->count++] = what;
    return 0;
}

/* Leaves descriptors for others, however few there may be. */
static bool has_room(struct opened_paths *opened, int fd)
{
    struct rlimit files;
    if (opened->end == 0) {
        bool known = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > SPARED;
        rlim_t end = known ? files.rlim_cur - SPARED : 1;
        opened->end = end < INT_MAX ? (int)end : INT_MAX;
    }
    return fd < opened->end;
}

/* Opens a path on which there is no symlink, from the nearest directory above that is
 * open. -1, with errno. */
static int open_plain(const struct opened_paths *opened, const char *path, size_t size)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    size_t above = 0;
    int dir = AT_FDCWD;
    for (size_t i = 0; i < opened->count; i++) {
        const struct opened_path *at = &opened->at[i];
        if (at->size <= above || at->size >= size || path[at->size] != '/' ||
            memcmp(at->path, path, at->size) != 0)
            continue;
        above = at->size;
        dir = at->fd;
    }
    return (int)syscall(SYS_openat2, dir, path + (above ? above + 1 : 0), &how, sizeof how);
}

static const struct opened_path *find(const struct opened_paths *opened, const char *path,
                                      size_t size)
{
    for (size_t i = 0; i < opened->count; i++)
        if (opened->at[i].size == size && memcmp(opened->at[i].path, path, size) == 0)
            return &opened->at[i];
    return NULL;
}

/* 0, or -errno: -ELOOP, a symlink is on the way; else it cannot be opened. */
static int try_open(struct opened_paths *opened, const char *path, enum path_kind *kind)
{
    size_t size = strlen(path);
    *kind = PATH_UNKNOWN;
    if (find(opened, path, size))
        return 0;
    CLEAN_FD int fd = open_plain(opened, path, size);
    *kind = fd < 0 ? PATH_ABSENT : PATH_UNKNOWN;
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!has_room(opened, fd))
        return -EMFILE;
    return keep(opened, (struct opened_path){strdup(path), size, take_fd(&fd)});
}

/* /proc/PID may be /proc/self, which host_look tells. */
static bool is_process(const char *path)
{
    static const char proc[] = "/proc/";
    return strncmp(path, proc, sizeof proc - 1) == 0 &&
           isdigit((unsigned char)path[sizeof proc - 1]);
}

int host_look_open(void *opened, const char *path, char **real, enum path_kind *kind)
{
    struct opened_paths *all = opened;
    char *behind CLEAN_FREE = NULL;
    for (int links = 0; links < LINKS_MAX; links++) {
        const char *at = behind ? behind : path;
        int result = is_process(at) ? -EACCES : try_open(all, at, kind);
        if (result == 0)
            return (*real = behind ? take_ptr(behind) : strdup(path)) ? 0 : -ENOMEM;
        char *next = result == -ELOOP ? look_follow(at) : NULL;
        if (!next)
            break;
        free(behind);
        behind = next;
    }
    return host_look(&all->cache, path, real, kind);
}

int opened_find(const struct opened_paths *opened, const char *path)
{
    const struct opened_path *known = find(opened, path, strlen(path));
    return known ? known->fd : -1;
}

void opened_free(struct opened_paths *opened)
{
    for (size_t i = 0; i < opened->count; i++) {
        free(opened->at[i].path);
        close(opened->at[i].fd);
    }
    free(opened->at);
    look_cache_free(&opened->cache);
    *opened = (struct opened_paths){0};
}
