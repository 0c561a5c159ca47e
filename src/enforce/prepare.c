/* prepare: everything of a launch that needs memory, files or thought. */
#include "enforce/closure.h"
#include "enforce/enforce.h"
#include "enforce/env.h"
#include "enforce/filter.h"
#include "enforce/start.h"
#include "host/probe.h"
#include "host/process.h"
#include "policy/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

/* Where the launch is put together. */
struct preparation {
    const struct launch_request *request;
    struct policy *policy;
    struct launch *launch;
    struct start start;
    struct closure closure;
    struct err no_view; /* why there is none */
    bool view_refused;  /* by this machine, not by the user */
    int *exit_status;
    struct err *err;
};

static int no_memory(struct preparation *p)
{
    return err_set(p->err, -ENOMEM, "out of memory");
}

/* What this machine cannot hold: an error, or with --best-effort a line of
 * launch->lost. */
static int lose(struct preparation *p, int code, const char *what)
{
    if (!p->request->best_effort)
        return err_set(p->err, code,
                       "not started: %s. --best-effort runs without; 'vow doctor' shows what this "
                       "system can hold",
                       what);
    str_addf(&p->launch->lost, "%s\n", what);
    return p->launch->lost.failed ? no_memory(p) : 0;
}

static int enter_directory(struct preparation *p)
{
    const char *dir = p->request->dir;
    if (dir && chdir(dir) < 0)
        return err_set(p->err, -errno, "-C %s: %s", dir, strerror(errno));
    p->launch->cwd = dir ? process_cwd() : strdup(p->request->cwd);
    if (!p->launch->cwd)
        return err_set(p->err, -errno, "working directory: %s", strerror(errno));
    return 0;
}

static int choose_what_passes(struct preparation *p)
{
    const struct launch_request *r = p->request;
    p->launch->envp = env_build(p->policy, r->environ, r->dir ? p->launch->cwd : NULL);
    if (!p->launch->envp)
        return no_memory(p);
    return fds_choose(r->keep_fds, r->keep_fd_count, r->argv, &p->launch->fds, p->err);
}

static int choose_architecture(struct preparation *p, const struct start_step *program)
{
    const struct arch *native = arch_native();
    const struct elf *elf = &program->elf;
    p->launch->arch =
        program->readable ? arch_by_elf(elf->machine, elf->elf64, elf->big_endian) : native;
    if (p->launch->arch == native ||
        (p->launch->arch && p->launch->arch == filter_companion(native)))
        return 0;
    *p->exit_status = START_NOT_EXECUTABLE;
    return err_set(p->err, -ENOEXEC, "%s is a program for %s; this system runs %s",
                   p->launch->program,
                   p->launch->arch ? p->launch->arch->name : "an unknown machine", native->name);
}

/* The kernel maps a program as its file says, and asks no filter. */
static int check_memory(struct preparation *p, const struct start_step *program)
{
    if (!program->readable || !program->elf.writable_code ||
        p->policy->promises & PROMISE(PROT_EXEC))
        return 0;
    *p->exit_status = START_NOT_EXECUTABLE;
    return err_set(p->err, -EPERM,
                   "%s asks for memory that is writable and executable: add the promise prot_exec",
                   p->launch->program);
}

/* Finds the program, its arguments and its closure. */
static int find_program(struct preparation *p)
{
    struct launch *l = p->launch;
    struct start_request what = {p->request->argv, l->envp, p->policy->promises & PROMISE(EXEC)};
    int rc = start_find(&what, &p->start, p->exit_status, p->err);
    if (rc < 0)
        return rc;
    struct start_step *program = &p->start.steps[p->start.step_count - 1];
    l->argv = take_ptr(p->start.argv);
    l->program = path_normalise(program->path, l->cwd);
    if (!l->program)
        return no_memory(p);
    rc = choose_architecture(p, program);
    if (rc == 0)
        rc = check_memory(p, program);
    for (size_t i = 0; rc == 0 && i + 1 < p->start.step_count; i++)
        if (closure_add(&p->closure, p->start.steps[i].path, PERM_READ) < 0)
            return no_memory(p);
    if (rc < 0)
        return rc;
    if (!program->readable) {
        struct elf kind = {.machine = l->arch->elf_machine, .elf64 = l->arch->elf64};
        return closure_add_unreadable(&p->closure, program->path, &kind, p->err);
    }
    struct closure_request request = {program->path, &program->elf, l->envp, p->policy->promises};
    struct err reason;
    rc = closure_add_program(&p->closure, &request, &reason);
    if (rc == -ENOENT)
        *p->exit_status = START_NOT_FOUND;
    return rc < 0 ? err_set(p->err, rc, "%s: %s", l->program, reason.text) : 0;
}

/* Settles whether there is a view; where nobody shares this process, enters
 * its namespace at once, which costs less than to try it in a child first. */
static int settle_view(struct preparation *p)
{
    enum view_mode asked = p->policy->view;
    if (asked == VIEW_NONE)
        return err_set(&p->no_view, 0, "--view none was asked for");
    bool apart = p->request->listen || p->request->plan_only;
    int rc = apart ? view_probe(&p->no_view) : view_enter(&p->no_view);
    p->launch->has_view = rc == 0;
    p->view_refused = rc < 0;
    if (rc < 0)
        p->policy->view = VIEW_NONE;
    else if (asked == VIEW_AUTO)
        p->policy->view = VIEW_SYSTEM;
    return rc == 0 || asked == VIEW_AUTO ? 0 : lose(p, rc, p->no_view.text);
}

/* The terminal of one of the first three descriptors; not where nothing needs its name. */
static const char *find_terminal(const struct preparation *p, char *path, size_t size)
{
    bool needed = p->launch->has_view || p->policy->promises & PROMISE(TTY);
    for (int fd = 0; needed && fd <= 2; fd++)
        if (ttyname_r(fd, path, size) == 0)
            return path;
    return NULL;
}

static int plan_paths(struct preparation *p)
{
    char terminal[64];
    struct opened_paths *opened = &p->launch->opened;
    bool lean = !p->launch->has_view && !p->request->listen && !p->request->plan_only;
    struct path_facts facts = {
        .home = p->policy->home,
        .cwd = p->launch->cwd,
        .closure = p->closure.paths,
        .closure_count = p->closure.count,
        .has_private = p->launch->has_view,
        .tty = find_terminal(p, terminal, sizeof terminal),
        /* A view has other files at the same paths, and the watcher's child shares our
         * descriptors. */
        .look = lean ? host_look_open : host_look,
        .context = lean ? (void *)opened : &opened->cache,
        .lean = lean,
    };
    return paths_plan(p->policy, &facts, p->err);
}

/* What a run without a view cannot hold of this policy. */
static int lose_view(struct preparation *p)
{
    struct err text;
    struct str words CLEAN_STR = {0};
    const struct path_rule *rule = view_needed(p->policy);
    int rc = 0;
    if (rule) {
        path_rule_words(&words, rule);
        err_set(&text, 0, "%.300s needs a view: %.200s", str_get(&words), p->no_view.text);
        rc = lose(p, -EOPNOTSUPP, text.text);
    }
    CLEAN_STR struct str lost = {0};
    if (p->view_refused)
        view_lost(&lost, p->policy);
    char *rest = lost.at, *line;
    while (rc == 0 && (line = strsep(&rest, "\n")))
        if (*line) {
            err_set(&text, 0, "%.250s; %.200s", line, p->no_view.text);
            rc = lose(p, -EOPNOTSUPP, text.text);
        }
    return lost.failed ? no_memory(p) : rc;
}

static int plan_view(struct preparation *p)
{
    char terminal[64];
    const char *why;
    const struct path_rule *rule = view_unheld(p->policy, &why);
    struct str words CLEAN_STR = {0};
    if (rule) {
        path_rule_words(&words, rule);
        return err_set(p->err, -EINVAL, "%s cannot be held: %s", str_get(&words), why);
    }
    if (!p->launch->has_view)
        return lose_view(p);
    struct view_facts facts = {.cwd = p->launch->cwd,
                               .tty = find_terminal(p, terminal, sizeof terminal),
                               .link = view_link};
    return view_plan_make(p->policy, &facts, &p->launch->view, p->err);
}

static int plan_landlock(struct preparation *p)
{
    struct err reason;
    int abi = probe_landlock(&reason), rc = 0;
    if (abi < 0)
        return lose(p, abi, reason.text);
    p->policy->landlock_abi = abi;
    struct landlock_plan *plan = &p->launch->landlock;
    rc = landlock_plan_make(p->policy, abi, plan, p->err);
    for (size_t i = 0; rc == 0 && i < plan->rule_count; i++)
        plan->rules[i].opened = opened_find(&p->launch->opened, plan->rules[i].path) + 1;
    for (size_t i = 0; rc == 0 && i < plan->gap_count; i++)
        rc = lose(p, -EOPNOTSUPP, plan->gaps[i]);
    return rc;
}

/* As wide as a register, and never 0. */
static bool draw_secret(uint64_t *out)
{
    uintptr_t secret = 0;
    while (secret == 0)
        if (getrandom(&secret, sizeof secret, 0) != sizeof secret)
            return false;
    *out = secret;
    return true;
}

/* The secret with which the program is executed where exec is off. */
static int plan_exec(struct preparation *p)
{
    p->policy->launch_secret = 0;
    if (!(p->policy->promises & PROMISE(EXEC)) && !draw_secret(&p->policy->launch_secret))
        return err_set(p->err, -errno, "getrandom: %s", strerror(errno));
    return 0;
}

static int plan_limits(struct preparation *p)
{
    return limits_plan(p->policy, &p->launch->limits, p->err);
}

/* Where core_pattern starts a program, only a limit of 1 keeps the kernel from
 * it (limits.c), and a lower one cannot be raised any more. */
static int hold_cores(struct preparation *p)
{
    struct rlimit core;
    char first = '\0';
    if (getrlimit(RLIMIT_CORE, &core) < 0)
        return err_set(p->err, -errno, "getrlimit: %s", strerror(errno));
    if (core.rlim_max > 0)
        return 0;
    CLEAN_FD int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, &first, 1) < 0)
        first = '\0';
    if (!strchr("|@", first) || first == '\0')
        return 0;
    return lose(p, -EPERM,
                "a crash would start the program in core_pattern, outside of the run: the limit of "
                "core files is 0 and cannot be set to 1, which prevents it");
}

/* The operations that Landlock or the view may stop behind the filter. */
static uint32_t stoppable(const struct launch *l)
{
    uint32_t kinds = 1 << OP_OPEN | 1 << OP_CREATE | 1 << OP_MKNOD | 1 << OP_REMOVE |
                     1 << OP_RENAME | 1 << OP_TRUNCATE | 1 << OP_EXEC | 1 << OP_BIND;
    if (l->has_view)
        kinds |= 1 << OP_STAT | 1 << OP_CHDIR | 1 << OP_ATTR | 1 << OP_CHOWN;
    if (l->landlock.scoped & LL_SCOPE_SIGNAL)
        kinds |= 1 << OP_SIGNAL;
    if (l->has_view || l->landlock.handled & LL_RESOLVE_UNIX ||
        l->landlock.scoped & LL_SCOPE_ABSTRACT_UNIX || l->landlock.only_port)
        kinds |= 1 << OP_CONNECT;
    return kinds;
}

static int make_filter(struct preparation *p)
{
    struct launch *l = p->launch;
    struct filter_mode mode = {.deny = p->policy->kill ? RET_KILL_PROCESS : 0};
    if (p->request->listen)
        mode.deny = mode.path_allow = RET_USER_NOTIF;
    mode.path_kinds = stoppable(l);
    if (filter_prepared(p->policy, l->arch, &mode, &l->filter))
        return 0;
    return filter_compile(p->policy, l->arch, &mode, &l->filter, p->err);
}

int launch_prepare(const struct launch_request *request, struct launch *out, int *exit_status,
                   struct err *err)
{
    static int (*const parts[])(struct preparation *) = {
        enter_directory, choose_what_passes, find_program, settle_view, plan_paths,  plan_landlock,
        plan_view,       plan_limits,        hold_cores,   plan_exec,   make_filter,
    };
    *out = (struct launch){.request = request, .listener = -1};
    *exit_status = START_SETUP;
    struct preparation p = {.request = request,
                            .policy = request->policy,
                            .launch = out,
                            .exit_status = exit_status,
                            .err = err};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_COUNT(parts); i++) {
        rc = parts[i](&p);
        p.closure.cwd = out->cwd;
    }
    start_free(&p.start);
    closure_free(&p.closure);
    if (rc < 0)
        launch_free(out);
    return rc;
}

void launch_free(struct launch *launch)
{
    for (char **word = launch->argv; word && *word; word++)
        free(*word);
    free(launch->argv);
    env_free(launch->envp);
    free(launch->program);
    free(launch->cwd);
    program_free(&launch->filter);
    landlock_plan_free(&launch->landlock);
    opened_free(&launch->opened);
    view_plan_free(&launch->view);
    str_free(&launch->lost);
    *launch = (struct launch){.listener = -1};
}
