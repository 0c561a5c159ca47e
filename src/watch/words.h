/* words: the parts of what is said of a denial. PURE. */
#ifndef VOW_WORDS_H
#define VOW_WORDS_H

#include "watch/watch.h"

/* operation_words: "open /etc/shadow for reading". */
void operation_words(struct str *out, const struct denial *denial);
/* rule_word: "-v +r:/etc/shadow", quoted for a shell. */
void rule_word(struct str *out, const struct path_perms *perms, const char *path);

#endif
