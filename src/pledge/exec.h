/* exec: execpromises. A filter outlives an exec and cannot be left for later,
 * so the process takes on what it said for programs in the last moment, in the
 * handler: execve() is trapped, and made again once the process is narrowed.
 *
 * This serves a program that wants the other one held to less. Code that has
 * taken over the process may come by the trap, or find the number with which it
 * is made again, and then executes what it likes, with the promises that the
 * process holds itself, never with more. */
#ifndef VOW_PLEDGE_EXEC_H
#define VOW_PLEDGE_EXEC_H

#include "pledge/pledge.h"
#include "pledge/regs.h"

/* exec_prepare: from now on programs get `at_exec`, of which the caller holds
 * each promise. 0 or -errno. With what it returned in `trap` (count 0: it is in
 * force already) exec_start loads the filter that traps. */
int exec_prepare(promise_set held, promise_set at_exec, struct program *trap, struct err *err);

/* serve_exec: execve and execveat of a process that has said execpromises. */
long serve_exec(const struct trapped *call);

#endif
