/* shebang: the first line of a script, as the kernel reads it. PURE. */
#ifndef VOW_ENFORCE_SHEBANG_H
#define VOW_ENFORCE_SHEBANG_H

#include "base/base.h"

enum {
    SHEBANG_SIZE = 256,  /* the kernel looks at so many bytes */
    SHEBANG_DEPTH = 5,   /* scripts that are interpreters of scripts */
    SHEBANG_WORDS = 128, /* words of an `env -S` line: two bytes each at least */
};

struct shebang {
    char interpreter[SHEBANG_SIZE];
    char argument[SHEBANG_SIZE]; /* "" if there is none */
};

/* shebang_parse: `bytes` are the first bytes of the file, `size` at most
 * SHEBANG_SIZE. 1 = parsed; 0 = no script; -ENOEXEC = "#!" without an
 * interpreter, or one that is cut off, as for the kernel. */
int shebang_parse(const char *bytes, size_t size, struct shebang *out);

/* shebang_is_text: would a shell take a file without "#!" for a script? As
 * bash decides: there is no NUL in the first line. */
bool shebang_is_text(const char *bytes, size_t size);

/* What env(1) would start for `#!…/env ARGUMENT`: NAME and the words behind
 * it. Plain words alone are understood, of options only -S; what needs more
 * of env (assignments, quotes, backslashes, $, other options) is -ENOTSUP.
 * words point into `text`. */
struct env_words {
    char text[SHEBANG_SIZE];
    char *words[SHEBANG_WORDS];
    size_t count;
};
int shebang_env(const char *argument, struct env_words *out);

#endif
