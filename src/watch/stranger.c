#include "watch/stranger.h"

#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void strangers_init(struct strangers *all)
{
    for (size_t i = 0; i < STRANGERS; i++)
        all->at[i] = (struct stranger){.pid = 0, .dir = -1};
}

static void forget(struct stranger *stranger)
{
    if (stranger->dir >= 0)
        close(stranger->dir);
    stranger->dir = -1;
}

void strangers_free(struct strangers *all)
{
    for (size_t i = 0; i < STRANGERS; i++)
        forget(&all->at[i]);
}

struct stranger *stranger_get(struct strangers *all, pid_t pid)
{
    struct stranger *stranger = &all->at[(unsigned)pid % STRANGERS];
    if (stranger->pid != pid)
        forget(stranger);
    stranger->pid = pid;
    return stranger;
}

static int open_dir(struct stranger *stranger)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", (int)stranger->pid);
    stranger->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return stranger->dir >= 0 ? 0 : -errno;
}

static ssize_t read_memory(void *context, uint64_t address, void *to, size_t size)
{
    const struct stranger *stranger = context;
    return child_read(stranger->pid, address, to, size);
}

/* A directory that was opened for a process that has ended since has nothing
 * in it any more: then it is opened anew, for the process of that number now. */
static int read_link(void *context, const char *name, char *to, size_t size)
{
    struct stranger *stranger = context;
    for (int attempt = 0; attempt < 2; attempt++) {
        int result = stranger->dir >= 0 ? 0 : open_dir(stranger);
        if (result < 0)
            return result;
        ssize_t length = readlinkat(stranger->dir, name, to, size - 1);
        if (length >= 0) {
            to[length] = '\0';
            return 0;
        }
        if (errno != ESRCH && errno != ENOENT)
            return -errno;
        forget(stranger);
    }
    return -ESRCH;
}

struct target stranger_target(struct stranger *stranger)
{
    return (struct target){.read = read_memory, .link = read_link, .context = stranger};
}

static ssize_t read_file(const struct stranger *stranger, const char *name, char *to, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)stranger->pid, name);
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, to, size - 1) : -1;
    if (length < 0)
        return -errno;
    to[length] = '\0';
    return length;
}

/* The value behind "KEY:\t" in a status file, up to its end of line. */
static char *status_value(char *text, const char *key)
{
    size_t size = strlen(key);
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, size) == 0 && line[size] == ':' && line[size + 1] == '\t')
            return line + size + 2;
    }
    return NULL;
}

pid_t stranger_process(const struct stranger *stranger)
{
    char text[2048];
    ssize_t length = read_file(stranger, "status", text, sizeof text);
    const char *value = length > 0 ? status_value(text, "Tgid") : NULL;
    return value ? atoi(value) : length < 0 ? (pid_t)length : -EPROTO;
}

bool stranger_sees(const struct stranger *stranger, const char *path)
{
    char root[32];
    snprintf(root, sizeof root, "/proc/%d/root", (int)stranger->pid);
    int fd CLEAN_FD = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    int found CLEAN_FD = fd < 0 ? -1 : (int)syscall(SYS_openat2, fd, path, &how, sizeof how);
    return fd < 0 || found >= 0 || errno != ENOENT; /* where it cannot be told: yes */
}

/* How many filters hold a process, and whose it is. False where that cannot be
 * told; a kernel before 5.9 says only whether any filters do. */
static bool read_standing(pid_t pid, unsigned long *filters, unsigned long *user)
{
    char text[2048];
    struct stranger stranger = {.pid = pid, .dir = -1};
    if (read_file(&stranger, "status", text, sizeof text) <= 0)
        return false;
    const char *mode = status_value(text, "Seccomp"),
               *count = status_value(text, "Seccomp_filters"), *uid = status_value(text, "Uid");
    if (!uid || !mode || (!count && *mode != '0'))
        return false;
    *filters = count ? strtoul(count, NULL, 10) : 0;
    *user = strtoul(uid, NULL, 10);
    return true;
}

bool stranger_outside(pid_t pid)
{
    unsigned long filters, user, our_filters, our_user;
    return read_standing(pid, &filters, &user) &&
           read_standing(getpid(), &our_filters, &our_user) &&
           (filters <= our_filters || user != our_user);
}

void stranger_name(const struct stranger *stranger, char *to, size_t size)
{
    struct stranger process = {.pid = stranger_process(stranger), .dir = -1};
    if (process.pid <= 0 || read_file(&process, "comm", to, size) <= 0)
        to[0] = '\0';
    to[strcspn(to, "\n")] = '\0';
}

bool stranger_streams(const struct stranger *stranger, int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    int process CLEAN_FD = (int)syscall(SYS_pidfd_open, stranger_process(stranger), 0);
    int copy CLEAN_FD = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    return copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_STREAM;
}
