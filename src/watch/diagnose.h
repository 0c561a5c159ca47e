/* diagnose: is it vow that stops this, and what would allow it? PURE. */
#ifndef VOW_DIAGNOSE_H
#define VOW_DIAGNOSE_H

#include "watch/watch.h"

/* denial_ask: fills in all verdicts; true if everything is allowed. An open
 * that creates is two operations; the first that is denied is its kind then. */
bool denial_ask(const struct policy *p, struct denial *denial);
/* denial_out_of_sight: allowed, but of a file in a directory of which the run
 * has its own (ORIGIN_PRIVATE): what the system has there, only a rule shows.
 * What makes names is at home in the run's own. denial_hide: says so. */
bool denial_out_of_sight(const struct denial *denial);
void denial_hide(struct denial *denial);
/* remedy_find: for a denial whose verdicts are not yet filled in. Empty where
 * nothing helps. */
void remedy_find(const struct policy *p, const struct denial *question, struct remedy *out);
void remedy_free(struct remedy *remedy);

/* One path of a held call, and what the system says about it. */
struct subject {
    enum operation_kind kind;
    const char *path; /* as the program names it, absolute */
    const char *real; /* where it leads (struct path_event) */
    bool create;      /* it is created where it is absent */
    bool exists;
    bool futile; /* it is needed and absent, or to be made and there already */
    /* Would the system do it without vow? Asked only where vow stops it. */
    bool (*permitted)(const void *asked);
    /* Is it there for the program as well? Asked only where the run has a
     * directory of its own in the place of the system's. */
    bool (*seen)(const void *asked);
    const void *asked;
};

/* diagnose_path: an allowed call goes on in the kernel; will vow's path rules
 * stop it there, and only they? Who makes what is there already learns that it is,
 * unless a view hides it. `out` has the call. */
enum diagnosis {
    DIAGNOSIS_ALLOWED, /* vow has nothing against it, whatever the system says */
    DIAGNOSIS_QUIET,   /* it fails without vow as well, or every start tries it */
    DIAGNOSIS_DENIED,  /* `out` says why; free it */
};
enum diagnosis diagnose_path(const struct policy *p, const struct subject *subject,
                             struct denial *out);

/* diagnose_call: a call that BPF denied: something to tell? Not where the
 * program has another way by design (ENOSYS), nor what every start tries,
 * unless it ends the program (--kill). A path that the system itself would refuse
 * is no reason for a rule.
 * `out` has pid, program, call and kind; `object` is what the operation is
 * about where it has no path. */
bool diagnose_call(const struct policy *p, const struct subject *subjects, size_t count,
                   struct denial *out);

/* diagnose_known_probe: shells look for their terminal at every start, vow for a
 * view, and do without; `program` is known by now. */
bool diagnose_known_probe(const struct denial *denial);

#endif
