/* enforcement: a policy made ready for the calling process or a child of its.
 *
 * What needs memory, files or thought comes first (enforcement_prepare); then
 * no_new_privs, Landlock and seccomp, in this order, as in enforce/. There is
 * no view: a process cannot change what it sees of the file system once it
 * runs. So a rule that takes away from the rule above it cannot be held and is
 * refused. */
#ifndef VOW_LIB_ENFORCEMENT_H
#define VOW_LIB_ENFORCEMENT_H

#include "bpf/bpf.h"
#include "landlock/landlock.h"
#include "policy/paths.h"

#include <vow.h>

#define PUBLIC __attribute__((visibility("default")))

struct vow_policy {
    struct policy policy;
};

/* All that is needed to confine, made from a policy that stays as it is. */
struct enforcement {
    struct policy policy; /* the planned copy; landlock borrows from it */
    struct landlock_plan landlock;
    struct program filter;
};

/* What must work once the policy holds, and what it takes: a program that is
 * executed, though exec may not be promised. */
struct enforcement_start {
    const struct closure_path *closure;
    size_t closure_count;
};

/* enforcement_prepare: all that can fail before anything is changed. `flags`
 * are those of vow_apply; `start` may be NULL. Where it succeeds, err->text
 * says what this kernel cannot hold, "" if nothing; without VOW_BEST_EFFORT
 * that is -ENOSYS. Zero-initialise *e, and free it in any case. */
int enforcement_prepare(struct enforcement *e, const struct policy *policy, unsigned flags,
                        const struct enforcement_start *start, struct err *err);
/* enforcement_apply: irreversible; allocates nothing. `whom` is about Landlock: the
 * kernel puts the filter on all threads. */
int enforcement_apply(const struct enforcement *e, enum landlock_whom whom, struct err *err);
void enforcement_free(struct enforcement *e);
#define CLEAN_ENFORCEMENT __attribute__((cleanup(enforcement_free)))

/* The public form of a message, and of a failure: -1 with errno. `error` may be
 * NULL. */
void public_tell(struct vow_error *error, const struct err *err);
int public_fail(struct vow_error *error, const struct err *err, int code);

#endif
