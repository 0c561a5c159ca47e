/* loader: what a program may execute, for Landlock.
 *
 * Every directory and file whose rule has x, then the loaders of this machine.
 * Landlock's rights add up on the way to the root and no rule takes any away.
 * So a directory with x that has a rule without x below it is not given: in its
 * place everything that is in it now, one by one, but for what has rules of its
 * own; and so on in those that lead to such a rule. */
#ifndef VOW_BROKER_LOADER_H
#define VOW_BROKER_LOADER_H

#include "broker/rules.h"

#define LOADER_DEPTH 16  /* of directories that are given by what is in them */
#define LOADER_MOST 4096 /* of all that is so given; the rest is not executed */

/* How far a program has asked. */
struct executables {
    size_t next;            /* of the rules, then of the loaders */
    int open[LOADER_DEPTH]; /* directories that are being read, the innermost last */
    size_t depth, given;
};

/* loader_next: a readable descriptor of the next (the kernel hands over no others).
 * -ESRCH: it is not there, or not given as a whole; ask again. -ENOENT: there are no
 * more. */
int loader_next(const struct rules *rules, struct executables *at);
/* loader_is_last: was the last one a loader of this machine, and no rule's? */
bool loader_is_last(const struct rules *rules, const struct executables *at);
/* loader_end: from the beginning, then. */
void loader_end(struct executables *at);

#endif
