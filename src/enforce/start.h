/* start: which file is started for a command, through scripts and their
 * interpreters, and with which arguments. */
#ifndef VOW_ENFORCE_START_H
#define VOW_ENFORCE_START_H

#include "enforce/elf.h"
#include "enforce/shebang.h"

enum {
    START_SETUP = 125,
    START_NOT_EXECUTABLE = 126,
    START_NOT_FOUND = 127,
    START_STEPS_MAX = 2 * SHEBANG_DEPTH + 2,
};

/* One file on the way: scripts first, the program last. */
struct start_step {
    char *path;     /* as it was found: relative to the working directory, or absolute */
    struct elf elf; /* of an ELF file that may be read, else empty */
    bool readable, script;
};

struct start {
    struct start_step steps[START_STEPS_MAX];
    size_t step_count;
    char **argv; /* with the interpreters in front; strings malloc'd */
};

struct start_request {
    char *const *argv, *const *envp;
    bool exec; /* is exec promised? */
};

/* start_look_up: the file that `name` stands for, as execvp finds it, seen from
 * the directory `at`; `search` is PATH, or NULL for the default. 0 and a
 * malloc'd path, or -ENOENT, or what kept the first match from being executed. */
int start_look_up(int at, const char *name, const char *search, char **out);

/* start_find: looks for argv[0] as start_look_up does, in the PATH of envp; follows
 * "#!" as the kernel does, and "#!/usr/bin/env NAME" to NAME, so that nothing
 * but the program itself is ever executed. A text file without "#!" is
 * /bin/sh's. What a script asks of env beyond a name and plain words is left
 * to env if exec is promised, else it is an error. On failure -errno, and
 * *exit_status is START_… . */
int start_find(const struct start_request *request, struct start *out, int *exit_status,
               struct err *err);
/* start_last: the step of the ELF file. */
const struct start_step *start_last(const struct start *start);
void start_free(struct start *start);

#endif
