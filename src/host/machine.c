#include "host/machine.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

static bool read_text(const char *path, char *to, size_t size)
{
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, to, size - 1);
    to[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* The bound of one cgroup; "max": none. */
static uint64_t bound_of(const char *group)
{
    char path[PATH_MAX], text[64], *end;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
    if (!read_text(path, text, sizeof text))
        return UINT64_MAX;
    uint64_t bytes = strtoull(text, &end, 10);
    return end == text ? UINT64_MAX : bytes;
}

uint64_t machine_memory(void)
{
    uint64_t most = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char text[PATH_MAX], *group = NULL;
    if (read_text("/proc/self/cgroup", text, sizeof text))
        group = strstr(text, "0::/");
    if (!group)
        return most;
    group += strlen("0::");
    group[strcspn(group, "\n")] = '\0';
    while (group) { /* those above bind, too */
        uint64_t bound = bound_of(group);
        most = bound < most ? bound : most;
        char *slash = strrchr(group, '/');
        if (!slash || (slash == group && !group[1]))
            break;
        slash[slash == group] = '\0';
    }
    return most;
}
