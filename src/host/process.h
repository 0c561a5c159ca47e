/* process: what a process does to itself; thin wrappers, 0 or -errno. None but
 * process_cwd allocates. */
#ifndef VOW_HOST_PROCESS_H
#define VOW_HOST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* process_no_new_privs: no exec gives privileges any more. */
int process_no_new_privs(void);
/* process_end_with_parent: when the parent ends, SIGKILL ends this process;
 * also after an exec, but not its children. */
int process_end_with_parent(void);
/* process_close_on_exec: marks all open descriptors from `first` to `last`. */
int process_close_on_exec(int first, int last);
/* process_exec: execve by execveat; returns only on failure. `secret` is for
 * the filter: the kernel reads five arguments. */
int process_exec(const char *path, char *const *argv, char *const *envp, uint64_t secret);
/* process_cwd: the working directory, malloc'd; NULL, with errno. A buffer for the
 * longest path there may be would touch pages that nothing else needs. */
char *process_cwd(void);

#endif
