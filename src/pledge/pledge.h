/* pledge: OpenBSD's pledge(2) for the process that calls it.
 *
 *   narrow    what two strings ask of the promises that are held (PURE)
 *   families  where a pledge differs from the promises of vow run (PURE)
 *   filter    promises → BPF (PURE)
 *   owners    whom root may still give files to under fattr
 *   domain    promises → Landlock's rules, and putting them on
 *   exec      execpromises: what a program is given as it is executed
 *   set       the way through all of these
 *   trap      what becomes of a refused call: served (serve_*), or a death
 *   message   the last words, to standard error and the log; caller is whose
 *   gate, memory, regs   how a signal handler calls the kernel and looks at
 *             the program
 *
 * The kernel enforces: the state here only says which call of pledge() is an
 * error, and what a message names. Nothing that is wrong with it, or with the
 * handler, gives anything back. */
#ifndef VOW_PLEDGE_H
#define VOW_PLEDGE_H

#include "bpf/bpf.h"
#include "landlock/landlock.h"

/* What a process has promised. */
struct pledge_state {
    bool pledged;         /* `held` counts; else everything is allowed */
    bool pledged_at_exec; /* `held_at_exec` counts; else programs that it
                             executes inherit what it holds */
    promise_set held;
    promise_set held_at_exec;
};

/* pledge_narrow: what pledge(promises, execpromises) makes of `now`. NULL
 * keeps a side as it is. -EINVAL: an unknown word; -EPERM: a promise that is
 * not held any more (where that side has `error` it is ignored instead). `next` is
 * only written on success. */
int pledge_narrow(const struct pledge_state *now, const char *promises, const char *execpromises,
                  struct pledge_state *next, struct err *err);

/* pledge_families: what goes beside the promises, for struct policy. `broker`:
 * one of unveil's serves the process. PURE. */
void pledge_families(promise_set held, bool broker, uint8_t families[FAMILY_COUNT]);
/* pledge_missing: the promise that a violation lacks; 0: none would help. PURE. */
promise_set pledge_missing(const struct call_event *event, const struct call_verdict *verdict);

/* Whom a process that could give files to anybody may give them to: itself, and
 * its groups; the last of both is -1, which changes nothing. */
#define PLEDGE_GROUPS 66
struct pledge_owners {
    struct range users[2], groups[PLEDGE_GROUPS];
    uint16_t group_count;
};
/* pledge_owners: of this process; false where the kernel sees to it, because it has
 * no capability. */
bool pledge_owners(struct pledge_owners *out);

/* pledge_filter: compiled for this machine's architecture, and where `exec` is
 * held for the 32-bit one beside it. `broker`: as above. `owners`: NULL where the
 * owner of a file is not the filter's business. PURE. */
struct pledge_filter_for {
    bool broker;
    const struct pledge_owners *owners;
};
int pledge_filter(promise_set held, const struct pledge_filter_for *process, struct program *out,
                  struct err *err);
/* pledge_exec_filter: for a program that is executed: one execveat is let
 * through, with this number as its sixth argument. */
int pledge_exec_filter(promise_set held, uint64_t secret, struct program *out, struct err *err);

#define PLEDGE_ALL UINT64_MAX /* before the first pledge */

/* pledge_plan: what Landlock has to add for `held`, nothing where `before` left
 * no more; the plan borrows from the policy, and both are freed in any case. */
int pledge_plan(promise_set before, promise_set held, struct policy *p, struct landlock_plan *plan,
                struct err *err);
/* pledge_domain: the ruleset of what `held` leaves of paths, signals and
 * abstract sockets, or -1 where that is not less than what `before` left. 0 or
 * -errno. */
int pledge_domain(promise_set before, promise_set held, int *ruleset, struct err *err);

/* pledge_set: the whole of pledge(2), 0 or -errno. Thread-safe. */
int pledge_set(const char *promises, const char *execpromises, struct err *err);

#endif
