/* views: which rules hold for whom.
 *
 * One view does for a program and all that it starts, until a process other
 * than the first speaks of rules: then it gets a view of its own, as it has one
 * after fork() on OpenBSD. A program that was executed and begins anew gets one
 * that lies on top of what it inherits, so that it can take away and not add.
 *
 * A process without a view of its own has that of the nearest ancestor. One
 * whose ancestors are gone may come from any of them: all views hold for it,
 * and once one was forgotten it sees nothing. */
#ifndef VOW_BROKER_VIEWS_H
#define VOW_BROKER_VIEWS_H

#include "broker/loader.h"
#include "broker/rules.h"

#include <sys/types.h>

struct view {
    bool locked;        /* no more rules */
    bool landlocked;    /* Landlock holds what it executes */
    bool except;        /* the exceptions of the promises are open */
    pid_t process;      /* whose it is */
    int process_fd;     /* tells when this has ended */
    struct view *under; /* holds, too */
    struct rules rules;
    struct executables executables; /* while it is being locked */
};

#define VIEWS 64
struct views {
    struct view *at[VIEWS];
    size_t count;
    bool forgotten; /* that of a process that has ended */
};

/* The views that hold for a thread, its own first; none: it sees nothing. */
struct judges {
    struct view *at[VIEWS];
    size_t count;
};
void views_of(const struct views *views, pid_t thread, struct judges *out);
/* views_serve: is this a process that belongs to one of them, or a child of one? */
bool views_serve(const struct views *views, pid_t pid);
/* views_own: the view of this thread's process, made for it where it has none:
 * a copy of what it has, or (`anew`) an empty one on top of that. NULL: there
 * are too many. */
struct view *views_own(struct views *views, pid_t thread, bool anew);

#endif
