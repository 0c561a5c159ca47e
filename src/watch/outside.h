/* outside: whom a run's processes cannot reach any more, because Landlock's
 * scopes keep signals and abstract sockets inside. What cannot be told counts as
 * inside: nothing is said of it. */
#ifndef VOW_OUTSIDE_H
#define VOW_OUTSIDE_H

#include "base/base.h"

#include <sys/types.h>

/* outside_process: is it none of the run, and would the system let the caller,
 * who watches the run, signal it? outside_group: has a process group such a
 * member besides the caller? Group -1: is there any such process? */
bool outside_process(pid_t pid);
bool outside_group(pid_t group);
/* outside_socket: is there an abstract socket of this name ("@name") that no
 * process of the run has open? `pid` asks, whose network is meant. */
bool outside_socket(pid_t pid, const char *name);

#endif
