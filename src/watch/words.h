/* words: what words.c and rerun.c share. PURE. */
#ifndef VOW_WORDS_H
#define VOW_WORDS_H

#include "watch/watch.h"

/* rule_word: "-v +r:/etc/shadow", quoted for a shell. */
void rule_word(struct str *out, const struct path_perms *perms, const char *path);

#endif
