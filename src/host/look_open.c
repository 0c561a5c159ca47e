#include "host/look_open.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPARED 16 /* descriptors */

/* Takes over what it gets, also on failure. */
static int keep(struct opened_paths *opened, char *path, int fd)
{
    void *at = opened->at;
    if (!path || array_grow(&at, &opened->capacity, opened->count, sizeof *opened->at) < 0) {
        free(path);
        close(fd);
        return -ENOMEM;
    }
    opened->at = at;
    opened->at[opened->count++] = (struct opened_path){path, fd};
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

/* 0, or -errno: a symlink is on the way, or it cannot be opened. */
static int try_open(struct opened_paths *opened, const char *path, char **real,
                    enum path_kind *kind)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    struct stat st;
    CLEAN_FD int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if ((fd < 0 && errno != ENOENT) || (fd >= 0 && fstat(fd, &st) < 0))
        return -errno;
    if (fd >= 0 && !has_room(opened, fd))
        return -EMFILE;
    char *where CLEAN_FREE = strdup(path);
    *kind = fd < 0 ? PATH_ABSENT : S_ISDIR(st.st_mode) ? PATH_DIRECTORY : PATH_FILE;
    int result = !where ? -ENOMEM : fd < 0 ? 0 : keep(opened, strdup(path), take_fd(&fd));
    if (result == 0)
        *real = take_ptr(where);
    return result;
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
    if (!is_process(path) && try_open(all, path, real, kind) == 0)
        return 0;
    return host_look(&all->cache, path, real, kind);
}

int opened_find(const struct opened_paths *opened, const char *path)
{
    for (size_t i = 0; i < opened->count; i++)
        if (strcmp(opened->at[i].path, path) == 0)
            return opened->at[i].fd;
    return -1;
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
