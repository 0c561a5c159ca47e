#include "enforce/closure.h"

#include "enforce/env.h"
#include "enforce/library.h"
#include "policy/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 65536 };

/* glibc opens it in the middle of a run: pthread_exit, pthread_cancel and
 * backtrace need its unwinder. */
static const char unwinder[] = "libgcc_s.so.1";

int closure_add(struct closure *c, const char *path, uint8_t perms)
{
    /* "DIR/../X" depends on where DIR leads. */
    CLEAN_FREE char *real = strstr(path, "/..") ? realpath(path, NULL) : NULL;
    CLEAN_FREE char *copy = path_normalise(real ? real : path, c->cwd);
    for (size_t i = 0; copy && i < c->count; i++)
        if (strcmp(c->paths[i].path, copy) == 0) {
            c->paths[i].perms |= perms;
            return 0;
        }
    void *paths = c->paths;
    if (!copy || array_grow(&paths, &c->capacity, c->count, sizeof *c->paths) < 0)
        return -ENOMEM;
    c->paths = paths;
    c->paths[c->count++] = (struct closure_path){take_ptr(copy), perms};
    return 0;
}

void closure_free(struct closure *c)
{
    for (size_t i = 0; i < c->count; i++)
        free((char *)c->paths[i].path);
    free(c->paths);
    *c = (struct closure){0};
}

/* The text of a small file, NULL if there is none. */
static char *read_text(const char *path)
{
    /* Not open(): musl's sets O_CLOEXEC by a call of its own, again. */
    CLEAN_FD int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char *text = fd < 0 ? NULL : malloc(TEXT_MAX);
    if (!text)
        return NULL;
    struct elf_source source = elf_source_fd(fd);
    int64_t size = source.read(&source, text, TEXT_MAX - 1, 0);
    text[size < 0 ? 0 : size] = '\0';
    return text;
}

/* Adds each library of a list, as LD_PRELOAD has it. */
static int add_list(struct libraries *l, const char *list, const char *separators)
{
    CLEAN_FREE char *copy = list ? strdup(list) : NULL;
    char *rest = copy, *name;
    int rc = list && !copy ? -ENOMEM : 0;
    while (rc >= 0 && (name = strsep(&rest, separators)))
        if (*name)
            rc = libraries_add(l, 0, name);
    return rc < 0 ? rc : 0;
}

static int add_preloads(struct libraries *l, char *const *envp)
{
    int rc = add_list(l, env_get(envp, "LD_PRELOAD"), " :");
    if (rc < 0 || l->kind == LOADER_MUSL)
        return rc;
    rc = add_list(l, env_get(envp, "LD_AUDIT"), ":");
    CLEAN_FREE char *text = read_text("/etc/ld.so.preload");
    for (char *comment = text; comment && (comment = strchr(comment, '#'));)
        memset(comment, ' ', strcspn(comment, "\n"));
    return rc < 0 ? rc : add_list(l, text, " \t\n:");
}

/* Which promise reads this database of nsswitch.conf? */
static promise_set database_promise(const char *name, size_t size)
{
    static const struct {
        const char *name;
        promise_set promise;
    } databases[] = {
        {"hosts", PROMISE(DNS)},    {"networks", PROMISE(DNS)},     {"protocols", PROMISE(DNS)},
        {"services", PROMISE(DNS)}, {"passwd", PROMISE(GETPW)},     {"group", PROMISE(GETPW)},
        {"shadow", PROMISE(GETPW)}, {"initgroups", PROMISE(GETPW)},
    };
    for (size_t i = 0; i < ARRAY_COUNT(databases); i++)
        if (size == strlen(databases[i].name) && memcmp(name, databases[i].name, size) == 0)
            return databases[i].promise;
    return 0;
}

/* The modules that one line of nsswitch.conf names: "hosts: files [..] dns". */
static int add_services(struct libraries *l, char *services, size_t asked_by)
{
    char *rest = services, *word, name[256];
    bool action = false; /* inside [ ] */
    while ((word = strsep(&rest, " \t"))) {
        action = action || *word == '[';
        bool service = !action && *word;
        if (strchr(word, ']'))
            action = false;
        int size = service ? snprintf(name, sizeof name, "libnss_%s.so.2", word) : 0;
        int rc = size > 0 && (size_t)size < sizeof name ? libraries_add(l, asked_by, name) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The modules with which glibc asks for names of hosts and users. */
static int add_name_services(struct libraries *l, promise_set promises, size_t asked_by)
{
    if (!(promises & (PROMISE(DNS) | PROMISE(GETPW))))
        return 0;
    CLEAN_FREE char *text = read_text("/etc/nsswitch.conf");
    char *rest = text, *line;
    int rc = 0;
    while (rc == 0 && rest && (line = strsep(&rest, "\n"))) {
        line[strcspn(line, "#")] = '\0';
        line += strspn(line, " \t");
        size_t size = strcspn(line, ": \t");
        char *colon = strchr(line, ':');
        if (colon && database_promise(line, size) & promises)
            rc = add_services(l, colon + 1, asked_by);
    }
    return rc;
}

/* What glibc loads later, when certain functions are called. */
static int add_late_libraries(struct libraries *l, promise_set promises)
{
    for (size_t i = 1; i < l->count; i++) {
        if (strncmp(l->objects[i].name, "libc.so.", 8) != 0)
            continue;
        int rc = libraries_add(l, i, unwinder);
        return rc < 0 ? rc : add_name_services(l, promises, i);
    }
    return 0;
}

static int add_objects(struct closure *c, const struct libraries *l)
{
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < l->count; i++)
        rc = closure_add(c, l->objects[i].path, i == 1 ? PERM_READ | PERM_EXEC : PERM_READ);
    return rc;
}

static int add_loader_files(struct closure *c, const struct libraries *l)
{
    int rc = 0;
    if (l->cache)
        rc = closure_add(c, "/etc/ld.so.cache", PERM_READ);
    if (rc == 0 && l->kind == LOADER_GLIBC && access("/etc/ld.so.preload", R_OK) == 0)
        rc = closure_add(c, "/etc/ld.so.preload", PERM_READ);
    if (rc == 0 && l->path_file)
        rc = closure_add(c, l->path_file_name, PERM_READ);
    return rc;
}

static int add_dynamic(struct closure *c, const struct closure_request *request, struct err *err)
{
    struct libraries l;
    int rc = libraries_open(&l, request->program, request->elf,
                            env_get(request->envp, "LD_LIBRARY_PATH"), err);
    if (rc == 0) {
        rc = add_preloads(&l, request->envp);
        if (rc == 0)
            rc = libraries_follow(&l, 0);
        size_t late = l.count;
        if (rc == 0)
            rc = add_late_libraries(&l, request->promises);
        if (rc == 0)
            rc = libraries_follow(&l, late);
        if (rc == 0)
            rc = add_objects(c, &l);
        if (rc == 0)
            rc = add_loader_files(c, &l);
        if (rc < 0)
            err_set(err, rc, "cannot list its libraries: %s", strerror(-rc));
    }
    libraries_close(&l);
    return rc;
}

int closure_add_program(struct closure *c, const struct closure_request *request, struct err *err)
{
    int rc = closure_add(c, request->program, PERM_READ | PERM_EXEC);
    if (rc < 0)
        return err_set(err, rc, "out of memory");
    return request->elf->interp ? add_dynamic(c, request, err) : 0;
}

int closure_add_unreadable(struct closure *c, const char *program, const struct elf *kind,
                           struct err *err)
{
    CLEAN_STR struct str dirs = {0};
    library_default_dirs(&dirs, kind);
    const char *loader = library_loader(kind);
    int rc = dirs.failed ? -ENOMEM : closure_add(c, program, PERM_READ | PERM_EXEC);
    if (rc == 0 && loader && access(loader, F_OK) == 0)
        rc = closure_add(c, loader, PERM_READ | PERM_EXEC);
    char *rest = dirs.at, *dir;
    while (rc == 0 && (dir = strsep(&rest, ":")))
        if (*dir && access(dir, F_OK) == 0)
            rc = closure_add(c, dir, PERM_READ);
    return rc < 0 ? err_set(err, rc, "out of memory") : 0;
}
