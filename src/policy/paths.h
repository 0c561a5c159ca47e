/* paths: from what the user said to the full list of path rules. PURE: what
 * it must know of the system is handed in. */
#ifndef VOW_PATHS_H
#define VOW_PATHS_H

#include "policy/policy.h"

/* A path of the program's closure with the letters that it needs ("r", "rx"). */
struct closure_path {
    const char *path;
    uint8_t perms;
};

/* What programs share with everybody: /tmp, and /dev/shm for POSIX shared memory
 * and semaphores. NULL-terminated. */
extern const char *const private_paths[];

struct path_facts {
    const char *home; /* the user's home directory, or NULL */
    const char *cwd;  /* where the program starts */
    const struct closure_path *closure;
    size_t closure_count;
    bool has_private; /* a view gives directories of its own in place of these: */
    const char *tty;  /* the controlling terminal's /dev/pts/N, or NULL */
    /* look: where an absolute path leads (malloc'd; /proc/self stays as it is)
     * and what is there: 0 or -errno. NULL: every path leads to itself and
     * what is there is unknown. host_look (host/look.h) is the real one. */
    int (*look)(void *context, const char *path, char **real, enum path_kind *kind);
    void *context;
    /* lean: for Landlock alone, and nobody will ask which promise is missing.
     * Default rules that the promises cut to nothing are left out; where no
     * rule is the user's, none is looked up, for nothing can be taken away. */
    bool lean;
};

/* paths_plan: completes p->paths with the defaults (if !p->paths_given), the
 * closure, the path exceptions of the promises and the private /tmp; resolves
 * all, drops optional rules for what is absent, and sorts by real path. No two
 * rules have the same path, and those that lead to the same place have the
 * same letters. Once for a policy. */
int paths_plan(struct policy *p, const struct path_facts *facts, struct err *err);

/* path_rule_perms: the letters that are left of a rule under these promises. */
uint8_t path_rule_perms(promise_set promises, const struct path_rule *rule);
/* path_rule_writable: do these promises change anything there (data, names,
 * attributes), so that a view has to bind it writable? Of its closure, which is
 * mapped executable, only where prot_exec is promised. */
bool path_rule_writable(promise_set promises, const struct path_rule *rule);

/* paths_most_specific: the rule whose real path is the longest component-wise
 * prefix of `path`, or NULL. */
const struct path_rule *paths_most_specific(const struct policy *p, const char *path);
/* paths_exception: the promises each of which opens `path` so by itself. */
promise_set paths_exception(const char *path, uint8_t letters);
/* policy_exception: the same in a run, whose own terminal tty opens. */
promise_set policy_exception(const struct policy *p, const char *path, uint8_t letters);

#endif
