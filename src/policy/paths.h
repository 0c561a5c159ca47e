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

struct path_facts {
    const char *home; /* the user's home directory, or NULL */
    const char *cwd;  /* where the program starts */
    const struct closure_path *closure;
    size_t closure_count;
    const char *private_tmp; /* "/tmp" where a view gives a private one, else NULL */
    const char *tty;         /* the controlling terminal's /dev/pts/N, or NULL */
    /* exists: asked for default rules alone (e.g. is there a .git here?). */
    bool (*exists)(void *context, const char *path);
    void *context;
};

/* paths_plan: completes p->paths with the defaults (if !p->paths_given), the
 * closure, the path exceptions of the promises and the private /tmp, merges
 * equal paths and sorts by path. Idempotent. */
int paths_plan(struct policy *p, const struct path_facts *facts, struct err *err);

/* paths_most_specific: the rule whose path is the longest component-wise
 * prefix of `path`, or NULL. */
const struct path_rule *paths_most_specific(const struct policy *p, const char *path);
/* path_covers: is `path` equal to or below `above`, by whole components? */
bool path_covers(const char *above, const char *path);
/* path_normalise: lexical: absolute against cwd, no "//", ".", "..". malloc'd. */
char *path_normalise(const char *path, const char *cwd);

#endif
