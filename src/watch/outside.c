#include "watch/outside.h"

#include "watch/stranger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool outside_process(pid_t pid)
{
    return pid != getpid() && stranger_outside(pid) && kill(pid, 0) == 0;
}

/* The next entry that is a number, 0 at the end. */
static int next_number(DIR *dir)
{
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            return atoi(entry->d_name);
    return 0;
}

bool outside_group(pid_t group)
{
    DIR *processes = opendir("/proc");
    bool found = false;
    for (pid_t pid; processes && !found && (pid = next_number(processes)) > 0;)
        if (group == -1 ? pid > 1 : getpgid(pid) == group)
            found = outside_process(pid);
    if (processes)
        closedir(processes);
    return found;
}

/* Is that the name in /proc/net/unix? There each NUL is a '@', also the padding
 * behind the name. */
static bool is_name(const char *listed, const char *name)
{
    size_t size = strlen(name);
    return strncmp(listed, name, size) == 0 && listed[size + strspn(listed + size, "@")] == '\0';
}

/* The inode of an abstract socket, 0 if there is none. */
static unsigned long find_socket(pid_t pid, const char *name)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/net/unix", (int)pid);
    FILE *sockets = fopen(path, "re");
    unsigned long found = 0;
    while (sockets && !found && fgets(line, sizeof line, sockets)) {
        unsigned long inode;
        int at = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %n", &inode, &at) == 1 && at > 0 &&
            is_name(line + at, name))
            found = inode;
    }
    if (sockets)
        fclose(sockets);
    return found;
}

/* 1: the process has that open, 0: it has not, -1: cannot be told. */
static int has_open(pid_t pid, const char *object)
{
    char path[64], link[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *fds = opendir(path);
    int found = fds ? 0 : errno == ENOENT || errno == ESRCH ? 0 : -1;
    for (const struct dirent *entry; fds && found == 0 && (entry = readdir(fds));) {
        ssize_t size = readlinkat(dirfd(fds), entry->d_name, link, sizeof link - 1);
        link[size < 0 ? 0 : size] = '\0';
        found = strcmp(link, object) == 0;
    }
    if (fds)
        closedir(fds);
    return found;
}

bool outside_socket(pid_t pid, const char *name)
{
    char object[64];
    unsigned long inode = find_socket(pid, name);
    DIR *processes = inode ? opendir("/proc") : NULL;
    if (!processes)
        return false;
    snprintf(object, sizeof object, "socket:[%lu]", inode);
    int held = 0;
    for (pid_t each; held == 0 && (each = next_number(processes)) > 0;)
        if (!stranger_outside(each))
            held = has_open(each, object);
    closedir(processes);
    return held == 0;
}
