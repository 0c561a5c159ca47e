/* escape: ways out of a run, each tried and stopped.
 *
 * A row names what is tried, under which promises (wide ones, so that nothing
 * but the wall in question is in the way), how it is stopped, and a twin that
 * is allowed. test.c takes each row through three runs, as root and as an
 * ordinary user:
 *
 *   1. without vow, to see that the attempt ends otherwise;
 *   2. under vow, where it is stopped as the row says;
 *   3. the twin under vow, which works.
 *
 * A row that passes, but could tell nothing because the first run was stopped
 * in the same way, counts as skipped.
 *
 * The attempts are in one file a theme and are linked into `inner`, which
 * runs under vow; test.c is what stands outside. */
#ifndef VOW_ESCAPE_H
#define VOW_ESCAPE_H

#include "base/base.h"

#include <errno.h>
#include <sys/types.h>

/* What there is around an attempt. The working directory is DIR/work, which
 * the default rules show; DIR/outside is shown by no rule. In it: `secret`, a
 * file; `bus`, a socket somebody listens on. DIR/work/bus is one, too. */
struct scene {
    const char *dir;
    pid_t outsider;    /* a process of the same user outside of the run */
    uintptr_t address; /* of an int in its memory */
    int number;        /* makes names unique: abstract sockets, shared memory */
};

#define STOPPED_MAX 4

/* Landlock and seccomp alone. The scene has .git/hooks, which only a view
 * protects: hence best effort. */
#define NO_VIEW "--view none --best-effort"

struct escape {
    const char *name;
    const char *promises;
    const char *options;                   /* of vow run, separated by blanks, or NULL */
    int stopped[STOPPED_MAX];              /* errnos, or a negative signal */
    int (*attempt)(const struct scene *s); /* 0: it got through, else errno */
    int (*twin)(const struct scene *s);    /* 0: it works */
    const char *twin_promises;             /* NULL: the same */
    const char *twin_options;              /* NULL: the same */
    enum { ANYBODY, ROOT_ONLY, USER_ONLY, USER_OF_ROOT } who; /* the last: root lays it out */
    bool everywhere;   /* stopped as well where the machine could not do it anyhow */
    const char *lacks; /* what a machine is without where a signal ends it without vow */
};

/* A theme's rows end with one without a name. */
#define THEMES(X)                                                                                  \
    X(calls)                                                                                       \
    X(memory)                                                                                      \
    X(processes) X(files) X(modes) X(sockets) X(ipc) X(terminal) X(start) X(root) X(limits)
#define DECLARE_THEME(name) extern const struct escape escapes_##name[];
THEMES(DECLARE_THEME)

/* TRY: 0, or the errno of a call that returns -1. */
#define TRY(call) ((call) < 0 ? errno : 0)
/* RAW: the same for a bare system call. */
#define RAW(...) TRY(syscall(__VA_ARGS__))

/* escape_path: a path in the scene, static storage, good for eight calls. */
const char *escape_path(const struct scene *s, const char *name);
/* escape_write: creates or overwrites a file. 0 or errno. */
int escape_write(const char *path, const char *text);
/* escape_read: opens and reads one byte. 0 or errno. */
int escape_read(const char *path);
#endif
