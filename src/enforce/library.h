/* library: which files a dynamic loader would map for a program, found by the
 * loader's own rules. One `struct libraries` is one program's set. */
#ifndef VOW_ENFORCE_LIBRARY_H
#define VOW_ENFORCE_LIBRARY_H

#include "enforce/elf.h"

enum loader_kind { LOADER_GLIBC, LOADER_MUSL };

/* A file of the program: 0 is the program, 1 its loader. */
struct object {
    struct elf elf;
    char *name;      /* as it was asked for; NULL for the program */
    char *path;      /* as it was found; of the program without symbolic links */
    size_t asked_by; /* index; the program's own is its own */
};

struct libraries {
    struct object *objects;
    size_t count, capacity;
    enum loader_kind kind;
    const char *library_path; /* LD_LIBRARY_PATH as the program gets it, or NULL */
    char *path_file;          /* musl: text of its path file, NULL if there is none */
    char *path_file_name;
    const void *cache; /* glibc: /etc/ld.so.cache, mapped; NULL if there is none */
    size_t cache_size;
};

/* libraries_open: starts the set with the program, already read into *elf
 * (which is emptied), and its loader, elf->interp. -ENOENT and others: the
 * loader cannot be used; err says why. */
int libraries_open(struct libraries *l, const char *path, struct elf *elf, const char *library_path,
                   struct err *err);
/* libraries_add: finds `name` as asked for by object `asked_by` and adds each
 * file that the loader may take (of several for different processors all).
 * 1 = found or already there, 0 = not found, or -errno. */
int libraries_add(struct libraries *l, size_t asked_by, const char *name);
/* libraries_follow: adds what the objects from `first` on ask for, and what
 * those ask for. */
int libraries_follow(struct libraries *l, size_t first);
/* libraries_have: is a file of this name (or soname) in the set? */
bool libraries_have(const struct libraries *l, const char *name);
void libraries_close(struct libraries *l);

/* library_default_dirs: glibc's default directories for files of this class
 * and machine, each with a ":" behind it. library_loader: the usual path of
 * its loader, NULL if there is none. */
void library_default_dirs(struct str *out, const struct elf *kind);
const char *library_loader(const struct elf *kind);

#endif
