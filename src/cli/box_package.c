#include "cli/box_package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS "/var/lib/dpkg/status"
#define LISTS "/var/lib/dpkg/info"

/* A text file in memory; its lines are cut in place. */
static char *read_text(const char *path)
{
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return NULL;
    char *text = calloc(1, (size_t)st.st_size + 1);
    ssize_t got = text ? read(fd, text, (size_t)st.st_size) : -1;
    if (got != st.st_size) {
        free(text);
        return NULL;
    }
    return text;
}

struct package {
    const char *name;
    const char *depends[2], *provides; /* lists, or NULL */
    bool wanted;
};

struct database {
    char *status;
    struct package *packages;
    size_t count, capacity;
};

static int read_status(struct database *d)
{
    d->status = read_text(STATUS);
    struct package *p = NULL;
    for (char *line = d->status, *next; line && *line; line = next) {
        char *end = strchr(line, '\n');
        next = end ? end + 1 : line + strlen(line);
        if (end)
            *end = 0;
        if (strncmp(line, "Package: ", 9) == 0) {
            if (array_grow((void **)&d->packages, &d->capacity, d->count, sizeof *p) != 0)
                return -ENOMEM;
            p = &d->packages[d->count++];
            *p = (struct package){.name = line + 9};
        } else if (p && strncmp(line, "Depends: ", 9) == 0) {
            p->depends[0] = line + 9;
        } else if (p && strncmp(line, "Pre-Depends: ", 13) == 0) {
            p->depends[1] = line + 13;
        } else if (p && strncmp(line, "Provides: ", 10) == 0) {
            p->provides = line + 10;
        }
    }
    return d->count ? 0 : 1;
}

/* The end of a package's name in a list: "libc6 (>= 2.36), x:any | y". */
static size_t name_size(const char *at)
{
    return strcspn(at, " ,|:(");
}

static const char *next_name(const char *at)
{
    at += name_size(at);
    at += strcspn(at, ",|");
    return at + strspn(at, ",| ");
}

static bool list_has(const char *list, const char *name, size_t size)
{
    for (; list && *list; list = next_name(list))
        if (name_size(list) == size && memcmp(list, name, size) == 0)
            return true;
    return false;
}

static void want(struct database *d, const char *name, size_t size);

/* Wants a package and all that it depends on; of alternatives all that are
 * installed. */
static void want_package(struct database *d, struct package *p)
{
    if (p->wanted)
        return;
    p->wanted = true;
    size_t size = strlen(p->name), minimal = sizeof "-minimal" - 1;
    if (size > minimal && strcmp(p->name + size - minimal, "-minimal") == 0)
        want(d, p->name, size - minimal); /* the rest of it, if it is there */
    for (size_t i = 0; i < ARRAY_COUNT(p->depends); i++)
        for (const char *at = p->depends[i]; at && *at; at = next_name(at))
            want(d, at, name_size(at));
}

static void want(struct database *d, const char *name, size_t size)
{
    for (size_t i = 0; i < d->count; i++) {
        struct package *p = &d->packages[i];
        if ((strlen(p->name) == size && memcmp(p->name, name, size) == 0) ||
            list_has(p->provides, name, size))
            want_package(d, p);
    }
}

/* Lists of files ------------------------------------------------------------*/

/* The package of a list "NAME.list" or "NAME:ARCH.list". */
static size_t list_package(const char *file)
{
    size_t size = strlen(file);
    bool is_list = size > 5 && strcmp(file + size - 5, ".list") == 0;
    return is_list ? strcspn(file, ":") < size - 5 ? strcspn(file, ":") : size - 5 : 0;
}

static bool has_line(const char *text, const char *line)
{
    size_t size = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at += size)
        if ((at == text || at[-1] == '\n') && (at[size] == '\n' || at[size] == 0))
            return true;
    return false;
}

/* Debian's lists may have names from before /bin became a link to /usr/bin. */
static bool list_owns(const char *text, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_line(text, paths[i]) ||
            (strncmp(paths[i], "/usr/", 5) == 0 && has_line(text, paths[i] + 4)))
            return true;
    return false;
}

static bool is_left_out(const char *path)
{
    static const char *const out[] = {
        "/usr/share/doc/",     "/usr/share/man/", "/usr/share/locale/",   "/usr/share/info/",
        "/usr/share/lintian/", "/usr/share/bug/", "/usr/share/doc-base/", "/boot/"};
    for (size_t i = 0; i < ARRAY_COUNT(out); i++)
        if (strncmp(path, out[i], strlen(out[i])) == 0)
            return true;
    return strcmp(path, "/.") == 0;
}

struct visit {
    struct database *d;
    const char *const *paths; /* looking for owners of these */
    size_t count;
    int (*each)(void *context, const char *path); /* or handing out */
    void *context;
};

static int hand_out(const struct visit *v, char *text)
{
    int r = 0;
    for (char *line = text, *next; *line && r == 0; line = next) {
        char *end = strchr(line, '\n');
        next = end ? end + 1 : line + strlen(line);
        if (end)
            *end = 0;
        r = is_left_out(line) ? 0 : v->each(v->context, line);
    }
    return r;
}

static bool is_wanted(const struct database *d, const char *name, size_t size)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->packages[i].wanted && strlen(d->packages[i].name) == size &&
            memcmp(d->packages[i].name, name, size) == 0)
            return true;
    return false;
}

static int visit_list(const struct visit *v, const char *file)
{
    char path[PATH_MAX];
    size_t size = list_package(file);
    if (size == 0 || (!v->paths && !is_wanted(v->d, file, size)))
        return 0;
    snprintf(path, sizeof path, LISTS "/%s", file);
    char *text CLEAN_FREE = read_text(path);
    if (!text)
        return 0;
    if (!v->paths)
        return hand_out(v, text);
    if (list_owns(text, v->paths, v->count))
        want(v->d, file, size);
    return 0;
}

static int visit_lists(const struct visit *v)
{
    DIR *dir = opendir(LISTS);
    int r = 0;
    if (!dir)
        return 1;
    for (struct dirent *e; r == 0 && (e = readdir(dir));)
        r = visit_list(v, e->d_name);
    closedir(dir);
    return r;
}

/* Hands out the files of what is wanted; 1: there is nothing. */
static int hand_out_wanted(struct database *d, int (*each)(void *context, const char *path),
                           void *context)
{
    struct visit files = {.d = d, .each = each, .context = context};
    bool any = false;
    for (size_t i = 0; i < d->count; i++)
        any |= d->packages[i].wanted;
    return any ? visit_lists(&files) : 1;
}

static void database_free(struct database *d)
{
    free(d->packages);
    free(d->status);
}

int package_files(const char *const *paths, size_t count,
                  int (*each)(void *context, const char *path), void *context)
{
    struct database d = {0};
    struct visit owners = {.d = &d, .paths = paths, .count = count};
    int r = read_status(&d);
    if (r == 0)
        r = visit_lists(&owners);
    if (r == 0)
        r = hand_out_wanted(&d, each, context);
    database_free(&d);
    return r;
}

int package_named(const char *name, int (*each)(void *context, const char *path), void *context)
{
    struct database d = {0};
    int r = read_status(&d);
    if (r == 0) {
        want(&d, name, strlen(name));
        r = hand_out_wanted(&d, each, context);
    }
    database_free(&d);
    return r;
}
