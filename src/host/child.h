/* child: a forked child that is looked after. */
#ifndef VOW_CHILD_H
#define VOW_CHILD_H

#include "base/base.h"

#include <sys/types.h>

/* child_fork: fork; if `share` the child shares the caller's table of descriptors
 * until it executes something. Single-threaded callers only. Returns as fork
 * does, or -errno; *pidfd is set in the parent, close-on-exec. */
pid_t child_fork(int *pidfd, bool share);
/* child_clone: fork by the kernel's call alone, without what the libc does
 * besides, with these flags of clone. The child of a process with threads makes
 * system calls only. */
pid_t child_clone(unsigned long flags);
/* child_wait: until it has ended; 0 or -errno. One of child_clone(0) keeps its
 * status even where whoever started us had SIGCHLD ignored. */
int child_wait(pid_t pid, int *status);
/* child_keep_only: gives the caller a table of its own that holds 0, 1, 2 and
 * the descriptors listed (negative ones are skipped). */
int child_keep_only(const int *fds, size_t count);
/* child_null_onto: /dev/null takes the place of the descriptors 0 to `last`. */
void child_null_onto(int last);
/* child_signal: to the process behind a pidfd, never to a later one of its pid. */
int child_signal(int pidfd, int signal);
/* child_read: reads another process's memory; the bytes up to the first that
 * cannot be read, or -errno if that is the very first. */
ssize_t child_read(pid_t pid, uint64_t address, void *to, size_t size);

#endif
