/* landlock: policy → Landlock rules (plan.c, PURE), and applying them
 * (apply.c, through host/). */
#ifndef VOW_LANDLOCK_H
#define VOW_LANDLOCK_H

#include "policy/decide.h"

/* LANDLOCK_ACCESS_FS_*, from the kernel's documentation; written here so that
 * the plan is the same on every build machine. */
enum {
    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_DIR = 1 << 4,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_CHAR = 1 << 6,
    LL_MAKE_DIR = 1 << 7,
    LL_MAKE_REG = 1 << 8,
    LL_MAKE_SOCK = 1 << 9,
    LL_MAKE_FIFO = 1 << 10,
    LL_MAKE_BLOCK = 1 << 11,
    LL_MAKE_SYM = 1 << 12,
    LL_REFER = 1 << 13,        /* ABI 2 */
    LL_TRUNCATE = 1 << 14,     /* ABI 3 */
    LL_IOCTL_DEV = 1 << 15,    /* ABI 5 */
    LL_RESOLVE_UNIX = 1 << 16, /* ABI 9 */
};
enum { LL_SCOPE_ABSTRACT_UNIX = 1, LL_SCOPE_SIGNAL = 2 }; /* ABI 6 */

struct landlock_rule {
    const char *path; /* borrowed from the policy */
    uint32_t access;
    bool optional;
    bool file;  /* as far as was seen */
    int opened; /* a descriptor of what is there, + 1; 0: `path` is opened */
};

/* The newest that plans make use of; of later ones they ask what they ask of this
 * one. ABI 10 brings ports of UDP (policy/decide.h) and rules without a log. */
#define LANDLOCK_ABI_NEWEST 9
#define LANDLOCK_GAPS 6

struct landlock_plan {
    int abi;
    uint32_t handled; /* file system rights that the domain restricts */
    uint32_t scoped;
    uint16_t only_port; /* of TCP, that can be connected to; 0: any (decide_only_port) */
    struct landlock_rule *rules;
    size_t rule_count, rule_capacity;
    char gaps[LANDLOCK_GAPS][160]; /* what this ABI cannot hold, one sentence each */
    size_t gap_count;
};

/* landlock_access: the rights that a rule grants under these promises. The
 * one place that maps letters and promises to rights. */
uint32_t landlock_access(promise_set promises, const struct path_rule *rule);
/* landlock_handled: the rights that a domain of this ABI restricts. */
uint32_t landlock_handled(int abi);
/* landlock_plan_make: p must be planned. A rule is left out where the rules
 * above it grant as much. What no mechanism holds: paths_check(). abi < 1 → -ENOSYS, err says what.
 */
int landlock_plan_make(const struct policy *p, int abi, struct landlock_plan *out, struct err *err);
void landlock_plan_free(struct landlock_plan *plan);

/* Whom a ruleset restricts: the calling thread; also those that are stopped
 * (host/threads.h); or all of the process, for which it takes ABI 8. */
enum landlock_whom { LANDLOCK_CALLER, LANDLOCK_STOPPED, LANDLOCK_ALL };
#define LANDLOCK_ABI_ALL 8

/* landlock_ruleset: opens the paths and makes the domain's descriptor
 * (close-on-exec), or -errno. landlock_restrict: puts threads into it;
 * no_new_privs must be set for the calling one. landlock_apply: both. None
 * allocates. */
int landlock_ruleset(const struct landlock_plan *plan, struct err *err);
int landlock_restrict(int ruleset, enum landlock_whom whom);
int landlock_apply(const struct landlock_plan *plan, enum landlock_whom whom, struct err *err);

#endif
