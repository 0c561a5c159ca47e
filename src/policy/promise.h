/* promise: the words of a policy and the families that they grant. PURE.
 * The tables are generated from data/promises.txt and data/families/. */
#ifndef VOW_PROMISE_H
#define VOW_PROMISE_H

#include "base/base.h"

#include "promise-ids.h" /* generated: enum promise { PROMISE_STDIO, … PROMISE_COUNT } */

typedef uint64_t promise_set; /* bit PROMISE_x */
#define PROMISE(x) (UINT64_C(1) << PROMISE_##x)

struct promise_row {
    const char *name;
    const char *words; /* what it allows, one sentence */
    bool inert;        /* parses, grants nothing on Linux (pf, vmm, tape …) */
};
extern const struct promise_row promises[PROMISE_COUNT];

/* A family is granted if one of its promise sets is held entirely
 * ("rpath wpath" for opening to read and write). Family `launch` has no
 * promise: decide grants it while policy.launch_fd >= 0. */
struct family_row {
    const char *name;
    const char *words; /* the operation: "open a file for reading" */
    const promise_set *any_of;
    size_t any_of_count;
};
extern const struct family_row families[];
extern const size_t family_count;

bool family_granted(const struct family_row *family, promise_set held);

/* promises_parse: words separated by blanks; "" is the empty set. An unknown
 * word → -EINVAL; err names it, its column (from 1) and the nearest known
 * word. Repeated words are fine. */
int promises_parse(const char *text, promise_set *out, struct err *err);
/* promises_print: the words in table order, separated by one blank. */
void promises_print(struct str *out, promise_set set);

#endif
