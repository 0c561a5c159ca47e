/* fds: which descriptors the program gets. Those that must not pass are marked
 * close-on-exec, never closed: a watched program shares its table with its
 * supervisor until the exec. */
#ifndef VOW_ENFORCE_FDS_H
#define VOW_ENFORCE_FDS_H

#include "base/base.h"

enum { FDS_KEPT_MAX = 256 };

struct kept_fds {
    int at[FDS_KEPT_MAX]; /* sorted, above 2, no repeats */
    size_t count;
};

/* fds_open_standard: opens /dev/null for those of 0, 1 and 2 that are closed,
 * so that no file opened later becomes one of them. Call it first. */
int fds_open_standard(struct err *err);
/* fds_choose: --fd's numbers, and those of arguments that end in /dev/fd/N or
 * /proc/self/fd/N (a process substitution of the shell) if they are open.
 * Refuses those that are not open, and, 0 to 2 included, directories and
 * O_PATH descriptors: openat would leave through them what path rules show. */
int fds_choose(const int *given, size_t given_count, char *const *argv, struct kept_fds *out,
               struct err *err);
/* fds_named: N of an argument that ends in /dev/fd/N or /proc/self/fd/N and has
 * before that nothing or one of =:,@ ; -1 if it does not. PURE. */
int fds_named(const char *argument);
/* fds_apply: marks everything above 2 close-on-exec but those kept. */
int fds_apply(const struct kept_fds *kept, struct err *err);

#endif
