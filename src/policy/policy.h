/* policy: what one run may do, as the user said it. PURE: parsing works on
 * text in memory; files are read by cli/. */
#ifndef VOW_POLICY_H
#define VOW_POLICY_H

#include "policy/promise.h"

/* unveil's letters. */
enum {
    PERM_READ = 1,   /* r: open for reading, list */
    PERM_WRITE = 2,  /* w: open for writing, truncate */
    PERM_EXEC = 4,   /* x: execute (needs exec), and read what is executed; mapping
                        executable goes with reading */
    PERM_CREATE = 8, /* c: create, remove, rename */
};

/* Where a path rule comes from: explanations say so. CLOSURE and PROMISE rules
 * hold whatever the promises (`kept`); all others are cut by them. */
enum path_origin {
    ORIGIN_USER,    /* -v, --ro …, policy file */
    ORIGIN_SYSTEM,  /* default: the system (data/system-paths.txt) */
    ORIGIN_WORKDIR, /* default: the working directory and what it protects */
    ORIGIN_CLOSURE, /* program, loader, libraries, interpreter */
    ORIGIN_PROMISE, /* path exceptions of stdio, dns, getpw, tty … */
    ORIGIN_PRIVATE, /* directories of the run alone (private_paths) */
};

/* A rule is about what its path leads to. `real` and `kind` are known once the
 * paths are planned; every comparison of paths is one of `real`. */
struct path_rule {
    char *path;     /* absolute, lexically normal, no symlink resolved */
    char *real;     /* where it leads, symlinks resolved as far as it exists; may be `path` */
    uint8_t perms;  /* 0: hidden */
    uint8_t kept;   /* those of perms that no missing promise takes away */
    uint8_t origin; /* enum path_origin */
    uint8_t kind;   /* enum path_kind */
    bool adds;      /* its letters are on top of those of the rule above it, not
                       instead of them ("+", and all rules but the user's own) */
    bool optional;  /* may be absent without an error */
    char *said_at;  /* "FILE:LINE:COLUMN" in a policy file, or NULL */
};

enum view_mode {
    VIEW_AUTO,   /* system where it can be had, else none; enforce settles it */
    VIEW_SYSTEM, /* a mount namespace with granted paths alone */
    VIEW_ALL,    /* a mount namespace that shows the host, read-only where no w or c */
    VIEW_NONE,
};

enum limit_kind { LIMIT_CPU, LIMIT_FILES, LIMIT_FSIZE, LIMIT_MEM, LIMIT_PROCS, LIMIT_COUNT };

/* What is said of a family beside the promises. */
enum family_say { FAMILY_BY_PROMISE, FAMILY_GRANTED, FAMILY_WITHHELD };

struct policy {
    char *home; /* what a leading ~ of a path means; NULL: an error */
    promise_set promises;
    bool promises_given;
    const uint8_t *families; /* an enum family_say for each family; NULL: BY_PROMISE all.
                                Borrowed. */
    struct path_rule *paths; /* as given, then as planned (paths_plan) */
    size_t path_count, path_capacity;
    bool paths_given; /* a USER rule that grants, without "+": no default ones */
    char *tty;        /* the run's terminal, which a view shows by name; NULL: none */
    int landlock_abi; /* what decide_path assumes of the kernel; 0: no Landlock */
    enum view_mode view;
    bool kill;              /* a denial ends the program */
    uint64_t launch_secret; /* the number that lets one execveat through, or 0 */
    char **env;             /* names passed through, NULL-terminated */
    char **setenv;          /* NAME=VALUE, NULL-terminated */
    bool env_all;
    bool limit_given[LIMIT_COUNT];
    uint64_t limit[LIMIT_COUNT]; /* seconds, count, bytes, bytes, count */
    char **programs;             /* of `program` lines, but a preset's: absolute paths */
};

void policy_init(struct policy *p);
void policy_free(struct policy *p);
void path_rule_clear(struct path_rule *rule);

/* policy_grants: does it grant this family? */
bool policy_grants(const struct policy *p, unsigned family);

/* A rule's permissions as they are written: `[+]letters[?]`, letters "rwxc" in
 * any order, none = hidden. "+": on top of what other rules grant there, and
 * beside the default rules, not instead of them. "?": may be absent. */
struct path_perms {
    uint8_t letters;
    bool adds;
    bool optional;
    const char *said_at; /* for messages, as in struct path_rule; perms_parse leaves it NULL */
};
/* perms_parse: -EINVAL names the letter. */
int perms_parse(const char *text, size_t size, struct path_perms *out, struct err *err);
void perms_print(struct str *out, uint8_t letters);

/* path_rule_words: "the rule for PATH", behind where a file says it. */
void path_rule_words(struct str *out, const struct path_rule *rule);

/* policy_add_path: a rule of the user. Copies; normalises lexically against
 * `cwd` (absolute); "~" and "~/…" are p->home. A later rule for the same path replaces the earlier.
 */
int policy_add_path(struct policy *p, const char *path, const char *cwd,
                    const struct path_perms *perms, struct err *err);
/* path_rule_parse: "PERMS:PATH" as in -v. */
int path_rule_parse(struct policy *p, const char *text, const char *cwd, struct err *err);
/* policy_set_limit: "cpu=10s", "files=64", "fsize=1M", "mem=1G", "procs=20". */
int policy_set_limit(struct policy *p, const char *text, struct err *err);
/* policy_set_view: "auto", "system", "all" or "none". */
int policy_set_view(struct policy *p, const char *word, struct err *err);
int policy_add_env(struct policy *p, const char *name, struct err *err);
int policy_add_program(struct policy *p, const char *path, struct err *err);
int policy_add_setenv(struct policy *p, const char *assignment, struct err *err);

/* Where policy text comes from. */
struct policy_source {
    const char *name; /* for messages: "name:line:column: …" */
    const char *text;
    size_t size;
    const char *dir; /* what relative paths are relative to; NULL: none are allowed */
    bool preset;     /* its programs are those that it is for */
};

/* load: the text (malloc'd) of a preset by name, or of a file by its absolute
 * path. The parser never opens anything itself. */
struct policy_loader {
    int (*load)(void *context, const char *name, bool preset, struct str *text, struct err *err);
    void *context;
};

/* policy_parse: adds what a policy file says to p. Includes are bounded and
 * circles named. loader: NULL refuses includes. Grammar: man/vow-policy.5. */
int policy_parse(struct policy *p, const struct policy_source *source,
                 const struct policy_loader *loader, struct err *err);

#endif
