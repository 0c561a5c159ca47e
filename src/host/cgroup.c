#include "host/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMORY, PROCESSES, KINDS };

/* The controllers, and the file of each that takes its bound. */
static const struct {
    const char *name, *bound, *bound_v1;
} controllers[KINDS] = {
    [MEMORY] = {"memory", "memory.max", "memory.limit_in_bytes"},
    [PROCESSES] = {"pids", "pids.max", "pids.max"},
};
static const char top[] = "/sys/fs/cgroup";

static int join(char to[PATH_MAX], const char *dir, const char *name)
{
    int size = snprintf(to, PATH_MAX, "%s/%s", dir, name);
    return size < 0 || size >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int write_text(const char *dir, const char *name, const char *text)
{
    char path[PATH_MAX];
    int result = join(path, dir, name);
    int fd CLEAN_FD = result == 0 ? open(path, O_WRONLY | O_CLOEXEC) : result;
    if (result != 0)
        return result;
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -errno;
}

static int write_number(const char *dir, const char *name, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return write_text(dir, name, text);
}

/* Memory that is swapped out counts, too, where the kernel counts it. */
static int write_bound(const char *dir, int kind, uint64_t bound, bool is_v1)
{
    int result =
        write_number(dir, is_v1 ? controllers[kind].bound_v1 : controllers[kind].bound, bound);
    if (result != 0 || kind != MEMORY)
        return result;
    result = is_v1 ? write_number(dir, "memory.memsw.limit_in_bytes", bound)
                   : write_number(dir, "memory.swap.max", 0);
    return result == -ENOENT ? 0 : result;
}

static bool has_word(const char *list, const char *word, size_t size)
{
    for (; *list; list += strcspn(list, ", \n"), list += *list != '\0')
        if (strncmp(list, word, size) == 0 && strchr(", \n", list[size]))
            return true;
    return false;
}

/* Where the caller is for a controller: the directory, in the hierarchy of v1 that
 * has it or else in v2's. A line of /proc/self/cgroup is ID:CONTROLLERS:PATH. */
static int own_place(char to[PATH_MAX], const char *controller, bool *is_v1)
{
    char line[PATH_MAX + 256], unified[PATH_MAX] = "";
    FILE *f = fopen("/proc/self/cgroup", "re");
    int result = -ENOENT;
    if (!f)
        return -errno;
    while (result == -ENOENT && fgets(line, sizeof line, f)) {
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        names++;
        path[strcspn(path, "\n")] = '\0';
        *is_v1 = has_word(names, controller, strlen(controller));
        if (*is_v1)
            result = snprintf(to, PATH_MAX, "%s/%s%s", top, controller, path) < PATH_MAX
                         ? 0
                         : -ENAMETOOLONG;
        else if (!*names)
            snprintf(unified, sizeof unified, "%s", path);
    }
    fclose(f);
    if (result == -ENOENT && *unified)
        result =
            snprintf(to, PATH_MAX, "%s%s", top, strcmp(unified, "/") == 0 ? "" : unified) < PATH_MAX
                ? 0
                : -ENAMETOOLONG;
    return result;
}

/* Removes what others left who were killed: groups NAME-PID of processes that are no
 * more. One that is in use stays, whoever cannot be seen from here. */
static void sweep(const char *dir, const char *name)
{
    const char *dash = strrchr(name, '-');
    DIR *d = dash ? opendir(dir) : NULL;
    if (!d)
        return;
    size_t prefix = (size_t)(dash + 1 - name);
    for (struct dirent *e; (e = readdir(d));) {
        char *end;
        long pid = strncmp(e->d_name, name, prefix) == 0 ? strtol(e->d_name + prefix, &end, 10) : 0;
        if (pid > 0 && !*end && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
}

/* One that was left by a process of the same number is empty. */
static int make_directory(char to[PATH_MAX], const char *dir, const char *name)
{
    int result = join(to, dir, name);
    sweep(dir, name);
    if (result == 0 && mkdir(to, 0755) != 0)
        result = errno == EEXIST && rmdir(to) == 0 && mkdir(to, 0755) == 0 ? 0 : -errno;
    if (result != 0)
        to[0] = '\0';
    return result;
}

/* In v2 a group with processes gives no controller to groups below it, but for the
 * topmost one: then the new one is made beside the caller's own, with what those have
 * already. */
static int make_unified(struct cgroup *out, char *own, const char *name,
                        const struct cgroup_bounds *b)
{
    const uint64_t bounds[KINDS] = {b->memory, b->processes};
    int result = -ENOENT;
    for (int beside = 0; beside < 2 && result != 0; beside++) {
        char *slash = strrchr(own, '/');
        if (beside && (strcmp(own, top) == 0 || !slash))
            break;
        if (beside)
            *slash = '\0';
        for (int i = 0; i < KINDS; i++) {
            char text[16];
            snprintf(text, sizeof text, "+%s", controllers[i].name);
            if (bounds[i] && !beside) /* where it fails, the bound's file will not be there */
                write_text(own, "cgroup.subtree_control", text);
        }
        result = make_directory(out->place[MEMORY], own, name);
        for (int i = 0; i < KINDS && result == 0; i++)
            if (bounds[i])
                result = write_bound(out->place[MEMORY], i, bounds[i], false);
        if (result != 0)
            cgroup_remove(out);
    }
    return result;
}

int cgroup_make(struct cgroup *out, const char *name, const struct cgroup_bounds *b,
                struct err *err)
{
    const uint64_t bounds[KINDS] = {b->memory, b->processes};
    char own[PATH_MAX];
    int result = 0;
    *out = (struct cgroup){0};
    for (int i = 0; i < KINDS && result == 0; i++) {
        bool is_v1 = false;
        if (!bounds[i])
            continue;
        result = own_place(own, controllers[i].name, &is_v1);
        if (result == 0 && !is_v1) { /* in v2; one controller in each kind is refused */
            result = *out->place[MEMORY] ? -EOPNOTSUPP : make_unified(out, own, name, b);
            break;
        }
        if (result == 0)
            result = make_directory(out->place[i], own, name);
        if (result == 0)
            result = write_bound(out->place[i], i, bounds[i], true);
    }
    if (result == 0)
        return 0;
    cgroup_remove(out);
    *out = (struct cgroup){0};
    /* A file that is not there is a facility that is not there. */
    return err_set(err, result == -ENOENT ? -EOPNOTSUPP : result,
                   "no cgroup for it can be made below %s: %s", top, strerror(-result));
}

int cgroup_enter(const struct cgroup *g, struct err *err)
{
    int result = 0;
    for (int i = 0; i < KINDS && result == 0; i++)
        if (*g->place[i])
            result = write_text(g->place[i], "cgroup.procs", "0");
    return result == 0 ? 0
                       : err_set(err, result, "cannot enter the new cgroup: %s", strerror(-result));
}

void cgroup_remove(const struct cgroup *g)
{
    enum { TRIES = 1000, PAUSE = 1000 };
    for (int i = 0; i < KINDS; i++)
        for (int tries = 0; *g->place[i] && tries < TRIES; tries++) {
            if (rmdir(g->place[i]) == 0 || errno != EBUSY)
                break;
            usleep(PAUSE);
        }
}
