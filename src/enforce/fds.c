#include "enforce/fds.h"

#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fds_open_standard(struct err *err)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        int got = open("/dev/null", O_RDWR | O_NOCTTY); /* the lowest free number: fd */
        if (got < 0)
            return err_set(err, -errno, "descriptor %d is closed, and /dev/null: %s", fd,
                           strerror(errno));
    }
    return 0;
}

/* Where a name of a descriptor may begin: a word, or behind an option's sign. */
static bool boundary(const char *argument, const char *at)
{
    return at == argument || strchr("=:,@", at[-1]);
}

int fds_named(const char *argument)
{
    static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/"};
    const char *digits = argument + strlen(argument);
    while (digits > argument && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
        size_t size = strlen(prefixes[i]);
        if (*digits == '\0' || strlen(digits) > 9 || (size_t)(digits - argument) < size)
            continue;
        const char *start = digits - size;
        if (memcmp(start, prefixes[i], size) == 0 && boundary(argument, start))
            return atoi(digits);
    }
    return -1;
}

/* Was it handed to us? What came through our own exec is not close-on-exec;
 * what we opened ourselves is, and is no program's. */
static bool inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

static int check(int fd, struct err *err)
{
    struct stat st;
    int flags = fd <= 2 || inherited(fd) ? fcntl(fd, F_GETFL) : -1;
    if (flags < 0 || fstat(fd, &st) < 0)
        return err_set(err, -EBADF, "descriptor %d is not open", fd);
    if (flags & O_PATH)
        return err_set(err, -EPERM, "descriptor %d is an O_PATH descriptor: give it as a path", fd);
    if (S_ISDIR(st.st_mode))
        return err_set(err, -EPERM,
                       "descriptor %d is a directory, a way around the path rules; redirect it "
                       "or give it as a path",
                       fd);
    return 0;
}

static int keep(struct kept_fds *kept, int fd, struct err *err)
{
    size_t at = 0;
    while (at < kept->count && kept->at[at] < fd)
        at++;
    if (fd <= 2 || (at < kept->count && kept->at[at] == fd))
        return 0;
    if (kept->count == FDS_KEPT_MAX)
        return err_set(err, -E2BIG, "more than %d descriptors to keep", FDS_KEPT_MAX);
    memmove(&kept->at[at + 1], &kept->at[at], (kept->count - at) * sizeof kept->at[0]);
    kept->at[at] = fd;
    kept->count++;
    return 0;
}

int fds_choose(const int *given, size_t given_count, char *const *argv, struct kept_fds *out,
               struct err *err)
{
    *out = (struct kept_fds){0};
    int rc = 0;
    for (int fd = 0; rc == 0 && fd <= 2; fd++)
        rc = check(fd, err);
    for (size_t i = 0; rc == 0 && i < given_count; i++) {
        rc = check(given[i], err);
        if (rc == 0)
            rc = keep(out, given[i], err);
    }
    for (; rc == 0 && *argv; argv++) {
        int fd = fds_named(*argv);
        if (fd < 0 || !inherited(fd))
            continue;
        rc = check(fd, err);
        if (rc == 0)
            rc = keep(out, fd, err);
    }
    return rc;
}

int fds_apply(const struct kept_fds *kept, struct err *err)
{
    int rc = process_close_on_exec(3, INT_MAX);
    for (size_t i = 0; rc == 0 && i < kept->count; i++)
        if (fcntl(kept->at[i], F_SETFD, 0) < 0)
            rc = -errno;
    return rc < 0 ? err_set(err, rc, "close-on-exec: %s", strerror(-rc)) : 0;
}
