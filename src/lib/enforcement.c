#include "lib/enforcement.h"

#include "enforce/view.h"
#include "host/landlock.h"
#include "host/look.h"
#include "host/process.h"
#include "host/seccomp.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void enforcement_free(struct enforcement *e)
{
    program_free(&e->filter);
    landlock_plan_free(&e->landlock);
    policy_free(&e->policy);
}

void public_tell(struct vow_error *error, const struct err *err)
{
    if (error)
        memcpy(error->text, err->text, sizeof error->text);
}

int public_fail(struct vow_error *error, const struct err *err, int code)
{
    public_tell(error, err);
    errno = -code;
    return -1;
}

/* copy_rules: the rules as they were given; without any, the promises hold for
 * all that there is. */
static int copy_rules(const struct policy *from, struct policy *to, struct err *err)
{
    static const struct path_perms all = {.letters =
                                              PERM_READ | PERM_WRITE | PERM_EXEC | PERM_CREATE};
    for (size_t i = 0; i < from->path_count; i++) {
        struct path_perms perms = {.letters = from->paths[i].perms,
                                   .optional = from->paths[i].optional};
        int code = policy_add_path(to, from->paths[i].path, "/", &perms, err);
        if (code < 0)
            return code;
    }
    return from->path_count > 0 ? 0 : policy_add_path(to, "/", "/", &all, err);
}

/* prepare_filter: for programs of this machine's architecture and, where the
 * process may execute others, of the 32-bit one beside it. */
static int prepare_filter(struct enforcement *e, struct err *err)
{
    struct filter_mode mode = {.deny = e->policy.kill ? RET_KILL_PROCESS : 0};
    struct ruleset rules[ARCH_COUNT] = {0};
    const struct ruleset *sets[ARCH_COUNT];
    size_t count = 0;
    int code = 0;
    for (int id = 0; id < ARCH_COUNT && code == 0; id++) {
        const struct arch *arch = &archs[id];
        bool wanted = arch == arch_native() || (e->policy.promises & PROMISE(EXEC));
        if (!wanted || !arch_table(arch->id))
            continue;
        code = ruleset_from_policy(&e->policy, arch, &mode, &rules[count], err);
        sets[count] = &rules[count];
        count++;
    }
    if (code == 0)
        code = bpf_compile(sets, count, RET_KILL_PROCESS, &e->filter, err);
    while (count > 0)
        ruleset_free(&rules[--count]);
    return code;
}

/* prepare_paths: with best effort, no Landlock is a gap like any other. */
static int prepare_paths(struct enforcement *e, bool best_effort,
                         const struct enforcement_start *start, struct err *err)
{
    struct look_cache cache = {0};
    struct path_facts facts = {.cwd = "/", .look = host_look, .context = &cache};
    if (start) {
        facts.closure = start->closure;
        facts.closure_count = start->closure_count;
    }
    int abi = host_landlock_abi();
    int code = paths_plan(&e->policy, &facts, err);
    look_cache_free(&cache);
    const struct path_rule *rule = code == 0 ? view_needed(&e->policy) : NULL;
    if (rule)
        return err_set(err, -EINVAL, "%s: a rule can add to the rules above it, not take away",
                       rule->path);
    if (code == 0 && (abi > 0 || !best_effort))
        return landlock_plan_make(&e->policy, abi, &e->landlock, err);
    return code;
}

/* prepare_start: a program is executed once without the promise exec, with a
 * number that only its launcher knows (enforce/exec.c). */
static int prepare_start(struct enforcement *e, struct err *err)
{
    uintptr_t secret = 0;
    while (!(e->policy.promises & PROMISE(EXEC)) && secret == 0)
        if (syscall(SYS_getrandom, &secret, sizeof secret, 0) != sizeof secret)
            return err_set(err, -errno, "getrandom: %s", strerror(errno));
    e->policy.launch_secret = secret;
    return 0;
}

/* gaps: what this kernel cannot hold, "" if nothing. */
static void gaps(const struct enforcement *e, struct err *err)
{
    struct str text CLEAN_STR = {0};
    if (e->landlock.abi < 1)
        str_add(&text, "no Landlock in this kernel: path rules are not held");
    for (size_t i = 0; i < e->landlock.gap_count; i++)
        str_addf(&text, "%s%s", i > 0 ? "; " : "", e->landlock.gaps[i]);
    err_set(err, 0, "%s", str_get(&text));
}

int enforcement_prepare(struct enforcement *e, const struct policy *policy, unsigned flags,
                        const struct enforcement_start *start, struct err *err)
{
    policy_init(&e->policy);
    if (flags & ~(VOW_KILL | VOW_BEST_EFFORT))
        return err_set(err, -EINVAL, "unknown flag in %#x", flags);
    e->policy.promises = policy->promises;
    e->policy.promises_given = true;
    e->policy.kill = flags & VOW_KILL;
    int code = copy_rules(policy, &e->policy, err);
    if (code == 0)
        code = prepare_paths(e, flags & VOW_BEST_EFFORT, start, err);
    if (code == 0 && start)
        code = prepare_start(e, err);
    if (code == 0)
        code = prepare_filter(e, err);
    if (code < 0)
        return code;
    gaps(e, err);
    return err->text[0] != '\0' && !(flags & VOW_BEST_EFFORT) ? -ENOSYS : 0;
}

/* no_core: only a limit of 1 keeps the kernel from starting the program that
 * core_pattern names, outside of all confinement, when the caller crashes. */
static int no_core(void)
{
    struct rlimit core;
    if (getrlimit(RLIMIT_CORE, &core) < 0)
        return -errno;
    core.rlim_cur = core.rlim_max = core.rlim_max < 1 ? core.rlim_max : 1;
    return setrlimit(RLIMIT_CORE, &core) < 0 ? -errno : 0;
}

int enforcement_apply(const struct enforcement *e, enum landlock_whom whom, struct err *err)
{
    int code = process_no_new_privs();
    if (code < 0)
        return err_set(err, code, "no_new_privs: %s", strerror(-code));
    if (e->landlock.abi > 0 && (code = landlock_apply(&e->landlock, whom, err)) < 0)
        return code;
    if ((code = no_core()) < 0)
        return err_set(err, code, "setrlimit: %s", strerror(-code));
    code = seccomp_load(e->filter.at, e->filter.count, false);
    return code < 0 ? err_set(err, code, "seccomp: %s", strerror(-code)) : 0;
}
