/* Theory of operation: the set starts with the program and its loader. For
 * each name that an object asks for, the directories are gone through in the
 * loader's order:
 *
 *   glibc  RPATH of the asking object and of those that asked for it (unless
 *          it has a RUNPATH), LD_LIBRARY_PATH, its RUNPATH, ld.so.cache, the
 *          default directories; in each directory glibc-hwcaps/ first
 *   musl   LD_LIBRARY_PATH, RUNPATH or RPATH of the same chain, the
 *          directories of the path file or the default ones
 *
 * A file counts if it is an ELF file of the program's class, byte order and
 * machine, as for the loader. Where the loader picks one of several files by
 * the processor, all are taken: they are libraries of the same system, and
 * reading one more harms nobody. */
#include "enforce/library.h"

#include "enforce/ldcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OBJECTS_MAX = 4096,
    PATH_FILE_MAX = 65536,
};

static const char glibc_cache[] = "/etc/ld.so.cache";

/* Debian's multiarch triplets (a default directory each, and $LIB there), and
 * the loaders that the psABIs name. */
static const struct abi {
    uint16_t machine; /* EM_… */
    bool elf64;
    const char *triplet, *loader;
} abis[] = {
    {62, true, "x86_64-linux-gnu", "/lib64/ld-linux-x86-64.so.2"},
    {3, false, "i386-linux-gnu", "/lib/ld-linux.so.2"},
    {183, true, "aarch64-linux-gnu", "/lib/ld-linux-aarch64.so.1"},
    {40, false, "arm-linux-gnueabihf", "/lib/ld-linux-armhf.so.3"},
    {40, false, "arm-linux-gnueabi", "/lib/ld-linux.so.3"},
    {243, true, "riscv64-linux-gnu", "/lib/ld-linux-riscv64-lp64d.so.1"},
    {21, true, "powerpc64le-linux-gnu", "/lib64/ld64.so.2"},
    {22, true, "s390x-linux-gnu", "/lib/ld64.so.1"},
    {258, true, "loongarch64-linux-gnu", "/lib64/ld-linux-loongarch-lp64d.so.1"},
    {8, true, "mips64el-linux-gnuabi64", "/lib64/ld.so.1"},
};

static bool abi_fits(const struct abi *abi, const struct elf *kind)
{
    return abi->machine == kind->machine && abi->elf64 == kind->elf64;
}

void library_default_dirs(struct str *out, const struct elf *kind)
{
    for (size_t i = 0; i < ARRAY_COUNT(abis); i++)
        if (abi_fits(&abis[i], kind))
            str_addf(out, "/lib/%s:/usr/lib/%s:", abis[i].triplet, abis[i].triplet);
    str_add(out, kind->elf64 ? "/lib64:/usr/lib64:" : "/lib32:/usr/lib32:");
    str_add(out, "/lib:/usr/lib:");
}

const char *library_loader(const struct elf *kind)
{
    for (size_t i = 0; i < ARRAY_COUNT(abis); i++)
        if (abi_fits(&abis[i], kind))
            return abis[i].loader;
    return NULL;
}

static const struct elf *program_of(const struct libraries *l)
{
    return &l->objects[0].elf;
}

static void object_free(struct object *o)
{
    elf_free(&o->elf);
    free(o->name);
    free(o->path);
}

/* Opens and reads a library; of one that is not of this kind the kind alone.
 * 0, or -errno where it is none. */
static int read_object(const char *path, const struct elf *kind, struct elf *elf, struct err *err)
{
    *elf = (struct elf){0};
    struct stat st; /* first: opening some devices does something */
    if (stat(path, &st) < 0)
        return err_set(err, -errno, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, -ENOEXEC, "is no regular file");
    CLEAN_FD int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, -errno, "%s", strerror(errno));
    struct elf_source source = elf_source_fd(fd);
    source.only = kind;
    return elf_read(&source, elf, err);
}

/* Adds an object that was read; takes over *elf. */
static int push(struct libraries *l, size_t asked_by, const char *name, const char *path,
                struct elf *elf)
{
    struct object o = {.elf = *elf, .asked_by = asked_by};
    *elf = (struct elf){0};
    o.name = name ? strdup(name) : NULL;
    o.path = strdup(path);
    void *objects = l->objects;
    if ((name && !o.name) || !o.path || l->count == OBJECTS_MAX ||
        array_grow(&objects, &l->capacity, l->count, sizeof o) < 0) {
        object_free(&o);
        return -ENOMEM;
    }
    l->objects = objects;
    l->objects[l->count++] = o;
    return 0;
}

/* A candidate: 1 if the loader would take it (and it is now in the set). */
static int try_file(struct libraries *l, size_t asked_by, const char *name, const char *path)
{
    struct elf elf;
    struct err ignored;
    int rc = read_object(path, program_of(l), &elf, &ignored);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        return 0;
    if (!elf_same_kind(&elf, program_of(l))) {
        elf_free(&elf);
        return 0;
    }
    rc = push(l, asked_by, name, path, &elf);
    return rc < 0 ? rc : 1;
}

struct search {
    struct libraries *libraries;
    size_t asked_by;
    const char *name;
};

/* dir + "/" + below + "/" + name. */
static int try_in(const struct search *s, const char *dir, const char *below)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%s%s%s", dir, below, *below ? "/" : "", s->name);
    if (size < 0 || (size_t)size >= sizeof path)
        return 0;
    return try_file(s->libraries, s->asked_by, s->name, path);
}

/* The variants for newer processors: dir/glibc-hwcaps/LEVEL/name. */
static int try_hwcaps(const struct search *s, const char *dir)
{
    char hwcaps[PATH_MAX];
    int size = snprintf(hwcaps, sizeof hwcaps, "%s/glibc-hwcaps", dir), found = 0;
    DIR *list = size > 0 && (size_t)size < sizeof hwcaps ? opendir(hwcaps) : NULL;
    if (!list)
        return 0;
    for (struct dirent *entry; found >= 0 && (entry = readdir(list));) {
        int rc = entry->d_name[0] == '.' ? 0 : try_in(s, hwcaps, entry->d_name);
        found = rc != 0 ? rc : found;
    }
    closedir(list);
    return found;
}

static int try_dir(const struct search *s, const char *dir)
{
    int found = s->libraries->kind == LOADER_GLIBC ? try_hwcaps(s, dir) : 0;
    if (found < 0)
        return found;
    int rc = try_in(s, dir, "");
    return rc != 0 ? rc : found;
}

/* Appends what $ORIGIN stands for in this object. */
static void add_origin(struct str *out, const struct object *o)
{
    const char *slash = strrchr(o->path, '/');
    if (slash)
        str_add_bytes(out, o->path, slash == o->path ? 1 : (size_t)(slash - o->path));
    else
        str_add(out, ".");
}

/* Does `text` begin with $NAME or ${NAME}? Its length, or 0. */
static size_t token(const char *text, const char *name)
{
    size_t size = strlen(name);
    if (strncmp(text, "${", 2) == 0 && strncmp(text + 2, name, size) == 0 && text[2 + size] == '}')
        return size + 3;
    return text[0] == '$' && strncmp(text + 1, name, size) == 0 ? size + 1 : 0;
}

/* Replaces the loader's tokens in one path. */
static void expand(struct str *out, const struct search *s, const char *path, size_t size,
                   const char *lib)
{
    const char *platform = (const char *)getauxval(AT_PLATFORM);
    for (size_t i = 0; i < size;) {
        size_t skip;
        if ((skip = token(path + i, "ORIGIN")))
            add_origin(out, &s->libraries->objects[s->asked_by]);
        else if ((skip = token(path + i, "LIB")))
            str_add(out, lib);
        else if ((skip = token(path + i, "PLATFORM")))
            str_add(out, platform ? platform : "");
        else
            str_add_char(out, path[i]);
        i += skip ? skip : 1;
    }
}

/* One element of a list of directories; an empty one is the working
 * directory. $LIB is not the same everywhere: each of its values is tried. */
static int try_element(const struct search *s, size_t origin, const char *dir, size_t size)
{
    const struct elf *program = program_of(s->libraries);
    const char *libs[ARRAY_COUNT(abis) + 2] = {program->elf64 ? "lib64" : "lib32", "lib"};
    char names[ARRAY_COUNT(abis)][64];
    size_t count = 2;
    for (size_t i = 0; i < ARRAY_COUNT(abis); i++)
        if (abi_fits(&abis[i], program)) {
            snprintf(names[i], sizeof names[i], "lib/%s", abis[i].triplet);
            libs[count++] = names[i];
        }
    if (!memmem(dir, size, "LIB", 3))
        count = 1;
    struct search from = {s->libraries, origin, s->name};
    for (size_t i = 0; i < count; i++) {
        CLEAN_STR struct str path = {0};
        expand(&path, &from, dir, size, libs[i]);
        if (path.failed)
            return -ENOMEM;
        int rc = try_dir(s, path.size > 0 ? str_get(&path) : ".");
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* A list as in RPATH; `origin` is the object whose $ORIGIN is meant. */
static int try_list(const struct search *s, size_t origin, const char *list, const char *separators)
{
    if (!list || !*list)
        return 0;
    for (;;) {
        size_t size = strcspn(list, separators);
        int rc = try_element(s, origin, list, size);
        if (rc != 0 || list[size] == '\0')
            return rc;
        list += size + 1;
    }
}

/* RPATH (musl: or RUNPATH) of the asking object and of those that asked for
 * it, up to the program. */
static int try_chain(const struct search *s)
{
    const struct libraries *l = s->libraries;
    for (size_t at = s->asked_by, steps = 0; steps <= l->count; steps++) {
        const struct elf *elf = &l->objects[at].elf;
        const char *list = elf->runpath ? elf->runpath : elf->rpath;
        if (elf->runpath && l->kind == LOADER_GLIBC)
            list = NULL;
        int rc = try_list(s, at, list, ":");
        if (rc != 0 || at == 0)
            return rc;
        at = l->objects[at].asked_by;
    }
    return 0;
}

static int try_defaults(const struct search *s)
{
    const struct libraries *l = s->libraries;
    if (l->kind == LOADER_MUSL)
        return try_list(s, 0, l->path_file ? l->path_file : "/lib:/usr/local/lib:/usr/lib", ":\n");
    CLEAN_STR struct str list = {0};
    library_default_dirs(&list, program_of(l));
    add_origin(&list, &l->objects[1]); /* a libc in a directory of its own: nix, guix */
    return list.failed ? -ENOMEM : try_list(s, 0, str_get(&list), ":");
}

struct cache_search {
    const struct search *search;
    int found;
};

static int cache_found(void *context, const char *path)
{
    struct cache_search *c = context;
    int rc = try_file(c->search->libraries, c->search->asked_by, c->search->name, path);
    if (rc > 0)
        c->found = 1;
    return rc < 0 ? rc : 0;
}

static int try_cache(const struct search *s)
{
    const struct libraries *l = s->libraries;
    struct cache_search c = {.search = s};
    if (!l->cache)
        return 0;
    int rc = ldcache_lookup(l->cache, l->cache_size, s->name, cache_found, &c);
    return rc == -ENOMEM ? rc : c.found;
}

static int search(const struct search *s)
{
    struct libraries *l = s->libraries;
    bool runpath = l->objects[s->asked_by].elf.runpath;
    int rc = 0;
    if (l->kind == LOADER_GLIBC && !runpath)
        rc = try_chain(s);
    if (rc == 0)
        rc = try_list(s, 0, l->library_path, l->kind == LOADER_GLIBC ? ":;" : ":\n");
    if (rc == 0 && l->kind == LOADER_MUSL)
        rc = try_chain(s);
    if (rc == 0 && l->kind == LOADER_GLIBC && runpath)
        rc = try_list(s, s->asked_by, l->objects[s->asked_by].elf.runpath, ":");
    if (rc == 0)
        rc = try_cache(s);
    return rc != 0 ? rc : try_defaults(s);
}

/* musl answers for the names of its parts itself. */
static bool part_of_musl(const char *name)
{
    static const char *const parts[] = {"c", "pthread", "rt", "m", "dl", "util", "xnet"};
    if (strncmp(name, "lib", 3) != 0)
        return false;
    size_t size = strcspn(name + 3, ".");
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        if (size == strlen(parts[i]) && memcmp(name + 3, parts[i], size) == 0 && name[3 + size])
            return true;
    return false;
}

bool libraries_have(const struct libraries *l, const char *name)
{
    for (size_t i = 1; i < l->count; i++) {
        const struct object *o = &l->objects[i];
        if (strcmp(o->name, name) == 0 || (o->elf.soname && strcmp(o->elf.soname, name) == 0))
            return true;
    }
    return l->kind == LOADER_MUSL && part_of_musl(name);
}

int libraries_add(struct libraries *l, size_t asked_by, const char *name)
{
    if (libraries_have(l, name))
        return 1;
    struct search s = {l, asked_by, name};
    if (!strchr(name, '/'))
        return search(&s);
    CLEAN_STR struct str path = {0};
    expand(&path, &s, name, strlen(name), "lib");
    return path.failed ? -ENOMEM : try_file(l, asked_by, name, str_get(&path));
}

int libraries_follow(struct libraries *l, size_t first)
{
    for (size_t i = first; i < l->count; i++)
        for (size_t n = 0; n < l->objects[i].elf.needed_count; n++) {
            int rc = libraries_add(l, i, l->objects[i].elf.needed[n]);
            if (rc < 0)
                return rc;
        }
    return 0;
}

/* Reads musl's path file, which lies beside the loader's directory. */
static int read_path_file(struct libraries *l, const char *loader)
{
    char text[PATH_FILE_MAX];
    const char *base = strrchr(loader, '/');
    const char *dir = base ? memrchr(loader, '/', (size_t)(base - loader)) : NULL;
    const char *end = base ? strstr(base, ".so") : NULL;
    if (!dir || !end)
        return 0;
    CLEAN_STR struct str path = {0};
    str_add_bytes(&path, loader, (size_t)(dir - loader));
    str_add(&path, "/etc");
    str_add_bytes(&path, base, (size_t)(end - base));
    str_add(&path, ".path");
    CLEAN_FD int fd = open(str_get(&path), O_RDONLY | O_CLOEXEC);
    struct elf_source source = elf_source_fd(fd);
    int64_t got = fd < 0 ? -1 : source.read(&source, text, sizeof text, 0);
    if (got < 0)
        return path.failed ? -ENOMEM : 0;
    l->path_file = strndup(text, (size_t)got);
    l->path_file_name = str_take(&path);
    return l->path_file && l->path_file_name ? 0 : -ENOMEM;
}

static void map_cache(struct libraries *l)
{
    CLEAN_FD int fd = open(glibc_cache, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
        return;
    void *cache = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (cache == MAP_FAILED)
        return;
    l->cache = cache;
    l->cache_size = (size_t)st.st_size;
}

int libraries_open(struct libraries *l, const char *path, struct elf *elf, const char *library_path,
                   struct err *err)
{
    *l = (struct libraries){.library_path = library_path};
    CLEAN_FREE char *interp = strdup(elf->interp);
    struct elf loader;
    struct err reason;
    CLEAN_FREE char *real = realpath(path, NULL);
    int rc = interp ? push(l, 0, NULL, real ? real : path, elf) : -ENOMEM;
    if (rc < 0)
        return err_set(err, rc, "out of memory");
    rc = read_object(interp, program_of(l), &loader, &reason);
    if (rc == 0 && !elf_same_kind(&loader, program_of(l))) {
        elf_free(&loader);
        rc = err_set(&reason, -ENOEXEC, "is for another architecture");
    }
    if (rc < 0)
        return err_set(err, rc, "its loader %s: %s", interp, reason.text);
    const char *base = strrchr(interp, '/');
    l->kind = strncmp(base ? base : interp, "/ld-musl-", 9) == 0 ? LOADER_MUSL : LOADER_GLIBC;
    rc = push(l, 0, interp, interp, &loader);
    if (rc == 0 && l->kind == LOADER_MUSL)
        rc = read_path_file(l, interp);
    if (rc == 0 && l->kind == LOADER_GLIBC)
        map_cache(l);
    return rc < 0 ? err_set(err, rc, "out of memory") : 0;
}

void libraries_close(struct libraries *l)
{
    for (size_t i = 0; i < l->count; i++)
        object_free(&l->objects[i]);
    free(l->objects);
    free(l->path_file);
    free(l->path_file_name);
    if (l->cache)
        munmap((void *)l->cache, l->cache_size);
    *l = (struct libraries){0};
}
