/* enforce: the ordered steps by which a process confines itself, and the one
 * exec behind them.
 *
 *   view → capabilities → no_new_privs → Landlock → seccomp → exec
 *
 * Everything that needs memory, files or thought is done by launch_prepare,
 * in the unconfined parent; launch_confine only applies what was prepared, so
 * that it can run in a forked child. steps.c has the list. */
#ifndef VOW_ENFORCE_H
#define VOW_ENFORCE_H

#include "bpf/bpf.h"
#include "enforce/fds.h"
#include "enforce/limits.h"
#include "enforce/view.h"
#include "host/look_open.h"
#include "landlock/landlock.h"
#include "policy/paths.h"

/* What the command line and the policy ask for. */
struct launch_request {
    struct policy *policy; /* not yet planned; launch_prepare plans it */
    char **argv;           /* the program and its arguments */
    char *const *environ;  /* of which the program gets a part */
    const char *cwd;       /* where vow was started */
    const char *dir;       /* -C, or NULL */
    const int *keep_fds;   /* --fd */
    size_t keep_fd_count;
    bool best_effort; /* lose what this machine cannot hold, and say so */
    bool stays;       /* a child becomes the program, and ends with vow, its parent */
    bool listen;      /* … which watches: filters get a listener */
    bool plan_only;   /* --dry-run: nothing of this process changes but its directory */
};

struct launch {
    const struct launch_request *request;
    char *program; /* absolute path of the ELF file that is started */
    char *cwd;
    char **argv; /* as executed (an interpreter in front for scripts) */
    char **envp;
    const struct arch *arch; /* of the program's ELF file */
    struct program filter;   /* for that architecture, or, with exec, for all of the machine's */
    struct landlock_plan landlock; /* abi 0: there is none, and best effort was asked for */
    struct opened_paths opened;    /* what Landlock's rules are about, without a view */
    bool has_view;
    struct view_plan view;
    struct kept_fds fds;
    struct limits limits;
    struct str lost; /* with best_effort: what was lost, one line each */
    int listener;    /* set by launch_confine in the child when listening */
};

/* launch_prepare: 0, or -errno with the reason; *exit_status is then 125, 126
 * or 127. */
int launch_prepare(const struct launch_request *request, struct launch *out, int *exit_status,
                   struct err *err);
/* launch_confine: applies all steps in the calling process; irreversible. err
 * names the step that failed.
 *
 * A watched child shares its descriptor table with the supervisor until the
 * exec (that is how the listener reaches it, watch/spawn.c): descriptors that
 * the program must not have are marked close-on-exec, never closed. With
 * request->listen the filter is loaded with a listener and launch->listener is
 * its number; -EBUSY means that an outer listener is in force, and nobody but
 * it can explain. */
int launch_confine(struct launch *launch, struct err *err);
/* launch_exec: returns only on failure. */
int launch_exec(struct launch *launch, struct err *err);
void launch_free(struct launch *launch);

#endif
