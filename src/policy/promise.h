/* promise: the words of a policy and the families that they grant. PURE.
 * The tables are generated from data/promises.txt and data/families/. */
#ifndef VOW_PROMISE_H
#define VOW_PROMISE_H

#include "base/base.h"

#include "promise-ids.h" /* generated: enum promise { PROMISE_STDIO, … PROMISE_COUNT },
                            enum family { FAMILY_LAUNCH, … FAMILY_COUNT } */

typedef uint64_t promise_set; /* bit PROMISE_x */
#define PROMISE(x) (UINT64_C(1) << PROMISE_##x)

const char *promise_name(enum promise promise);
/* promise_words: what it allows, one sentence. */
const char *promise_words(enum promise promise);
/* promise_inert: parses, grants nothing on Linux (pf, vmm, tape …). */
bool promise_inert(enum promise promise);

/* A family is granted if one of its promise sets is held entirely
 * ("rpath wpath" for opening to read and write). Family `launch` has no
 * promise: decide grants it while policy.launch_secret is set. Nor has `probe`:
 * programs try that and go on without (struct call_verdict); nor `settled`,
 * which succeeds without doing anything. Families are
 * numbers (enum family, struct grant). */
bool family_granted(unsigned family, promise_set held);
/* family_sets: its promise sets. */
const promise_set *family_sets(unsigned family, size_t *count);
const char *family_name(unsigned family);
/* family_words: the operation: "open a file for reading". */
const char *family_words(unsigned family);

/* promise_parse: one word. Unknown → -EINVAL; err names it and the nearest
 * known word. */
int promise_parse(const char *word, size_t size, enum promise *out, struct err *err);
/* promises_parse: words separated by blanks; "" is the empty set. An unknown
 * word → -EINVAL; err also names its column (from 1). Repeated words are fine. */
int promises_parse(const char *text, promise_set *out, struct err *err);
/* promises_print: the words in table order, separated by one blank. */
void promises_print(struct str *out, promise_set set);

#endif
