/* closure: the files without which a program cannot start: itself, its
 * loader, its libraries, and what the loader reads. They are what a program
 * may read that promised no rpath. */
#ifndef VOW_ENFORCE_CLOSURE_H
#define VOW_ENFORCE_CLOSURE_H

#include "enforce/elf.h"
#include "policy/paths.h"

struct closure {
    const char *cwd;            /* what relative paths are relative to */
    struct closure_path *paths; /* absolute; each path is malloc'd */
    size_t count, capacity;
};

struct closure_request {
    const char *program; /* path of the ELF file */
    struct elf *elf;     /* read from it; may be emptied */
    char *const *envp;   /* as the program gets it: LD_LIBRARY_PATH, LD_PRELOAD, LD_AUDIT */
    promise_set promises;
};

/* closure_add: one more file; equal paths are merged. 0 or -ENOMEM. */
int closure_add(struct closure *c, const char *path, uint8_t perms);
/* closure_add_program: the program and all it needs. A missing library is the
 * loader's to report; a loader that is not there is -ENOENT. */
int closure_add_program(struct closure *c, const struct closure_request *request, struct err *err);
/* closure_add_unreadable: for a program that may be executed but not read, so
 * that nobody can say what it needs: the default directories of libraries. */
int closure_add_unreadable(struct closure *c, const char *program, const struct elf *kind,
                           struct err *err);
void closure_free(struct closure *c);

#endif
