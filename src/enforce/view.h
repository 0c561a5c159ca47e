/* view: what a confined program sees of the file system.
 *
 * Landlock decides what may be opened, written, made; a view hides besides,
 * in a mount namespace of the program's own:
 *
 *   - a name that no rule shows is not there (ENOENT, also for stat and
 *     connect, which Landlock does not mediate);
 *   - a rule below another may take away from it: read-only below writable,
 *     not executable, hidden. Landlock alone cannot do that;
 *   - what the program may write is mounted noexec unless prot_exec or the
 *     letter x says otherwise: else it could map its own file executable;
 *   - nothing is setuid, and device nodes work below /dev alone;
 *   - /tmp is its own.
 *
 * view_plan.c turns planned path rules into an ordered list of actions (PURE:
 * the host is asked through struct view_facts), view_words.c says in words
 * what a view does and cannot do (PURE), view_apply.c carries the list out. */
#ifndef VOW_VIEW_H
#define VOW_VIEW_H

#include "policy/paths.h"

struct view_facts {
    const char *cwd; /* absolute, no links: where the program starts */
    const char *tty; /* its terminal, /dev/pts/N, or NULL; shown so that ttyname works */
    /* link: the malloc'd text of the symbolic link at path, NULL if it is none. */
    char *(*link)(void *context, const char *path);
    void *context;
};

enum view_action_kind {
    VIEW_DIRECTORY, /* make an empty directory (in the view's own tmpfs) */
    VIEW_FILE,      /* make an empty file, to mount on */
    VIEW_SYMLINK,   /* make a link to `target` */
    VIEW_BIND,      /* show the host's path at the same path */
    VIEW_PIN,       /* mount a directory on itself: it cannot be renamed away */
    VIEW_OWN,       /* mount an empty directory of the view's own: private /tmp */
    VIEW_HIDE,      /* mount an empty directory that cannot be read */
    VIEW_HIDE_FILE, /* mount an empty file that cannot be read */
};

enum {
    VIEW_READ_ONLY = 1,
    VIEW_NO_EXEC = 2,
    VIEW_NO_DEVICES = 4,
    VIEW_PASSABLE = 8, /* of a VIEW_HIDE: something below it is shown */
};

struct view_action {
    uint8_t kind;  /* enum view_action_kind */
    uint8_t attrs; /* VIEW_READ_ONLY …, of the mount that it makes; nosuid always */
    char *path;    /* absolute, no component is a symbolic link */
    char *target;  /* of a VIEW_SYMLINK, else NULL */
};

struct view_plan {
    bool host_root;     /* starts from the host's whole tree, else from nothing */
    uint8_t root_attrs; /* … with these attributes */
    struct view_action *actions;
    size_t count, capacity;
    char *cwd; /* where the program is afterwards */
};

/* view_plan_make: p->paths must be planned. p->view: VIEW_ALL starts from the
 * host's tree, read-only; anything else from nothing. The view has what rules
 * are about and the symbolic links that lead there. A working directory that no rule shows is an
 * empty one there; -EACCES if a rule hides it. */
int view_plan_make(const struct policy *p, const struct view_facts *facts, struct view_plan *out,
                   struct err *err);
void view_plan_free(struct view_plan *plan);
/* view_link: a `link` that asks the running system. */
char *view_link(void *context, const char *path);

/* view_plan_print: one action a line, "bind /usr (read-only)". PURE. */
void view_plan_print(struct str *out, const struct view_plan *plan);

/* view_attrs: the mount attributes that a rule asks for under these promises. */
uint8_t view_attrs(promise_set promises, const struct path_rule *rule);

/* How well something is held. Never wider without a word. */
enum view_fit {
    FIT_EXACT,
    FIT_NARROWER, /* something that is allowed does not work */
    FIT_WIDER,    /* something that is not allowed works: such a rule is refused */
};

/* One rule and what surrounds it. */
struct view_case {
    uint8_t perms;
    bool directory;
    bool below;          /* another rule covers it … */
    uint8_t above_perms; /* … with these letters */
};
/* view_fit: how Landlock and a view together hold such a rule under these
 * promises; *why (never NULL) is one sentence, "" if exact. view_fit_alone:
 * the same for Landlock without a view. PURE; docs/paths.md is made of them. */
enum view_fit view_fit(promise_set promises, const struct view_case *c, const char **why);
enum view_fit view_fit_alone(promise_set promises, const struct view_case *c, const char **why);

/* view_needed: the first rule of a planned policy that Landlock cannot hold
 * without a view (it takes away from the rule above it), or NULL. */
const struct path_rule *view_needed(const struct policy *p);
/* view_unheld: the first rule that cannot be held even with a view, or NULL;
 * *why says what. Such a policy must be refused. */
const struct path_rule *view_unheld(const struct policy *p, const char **why);
/* view_gaps: what a run of p, with or without a view, leaves open besides its
 * rules, one sentence a line. */
void view_gaps(struct str *out, const struct policy *p, bool view);
/* view_lost: those of them by which a run without a view allows more than was
 * promised, so that nobody may lose the view unasked. */
void view_lost(struct str *out, const struct policy *p);

/* view_enter: gives the calling process (one thread only) a mount namespace
 * in which it may mount: its own user namespace with its own ids, or, with
 * CAP_SYS_ADMIN, the mount namespace alone. What it sees does not change, so
 * after a failure it can go on without a view. Capabilities that a user
 * namespace brought are there afterwards: the next step drops them. */
int view_enter(struct err *err);
/* view_probe: would view_enter and a mount work? Tries it in a child. err
 * names the cause and the way out. */
int view_probe(struct err *err);
/* view_apply: view_enter (unless it was called before) and the plan, in the
 * calling process. Irreversible; allocates nothing. */
int view_apply(const struct view_plan *plan, struct err *err);

#endif
