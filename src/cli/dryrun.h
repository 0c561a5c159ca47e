/* dryrun: a prepared launch in words. */
#ifndef VOW_CLI_DRYRUN_H
#define VOW_CLI_DRYRUN_H

#include "enforce/enforce.h"

/* dryrun_words: what would be started and what would be held, by what. PURE.
 * Strings of strangers come out quoted. */
void dryrun_words(struct str *out, const struct launch *launch);
/* dryrun_print: the same to standard output; the exit status. */
int dryrun_print(const struct launch *launch);

#endif
