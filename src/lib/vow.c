/* The functions of include/vow.h: the pieces that `vow run` is made of, put
 * together for the calling process.
 *
 * What needs memory, files or thought comes first (enforcement_prepare); then
 * no_new_privs, Landlock and seccomp, in this order, as in enforce/. There is
 * no view: a process cannot change what it sees of the file system once it
 * runs. So a rule that takes away from the rule above it cannot be held and is
 * refused. */
#include "bpf/bpf.h"
#include "enforce/view.h"
#include "host/landlock.h"
#include "host/look.h"
#include "host/process.h"
#include "host/seccomp.h"
#include "landlock/landlock.h"
#include "policy/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vow.h>

#define PUBLIC __attribute__((visibility("default")))

struct vow_policy {
    struct policy policy;
};

/* All that vow_apply needs, made from a policy that stays as it is. */
struct enforcement {
    struct policy policy; /* the planned copy; landlock borrows from it */
    struct landlock_plan landlock;
    struct program filter;
};

static void enforcement_free(struct enforcement *e)
{
    program_free(&e->filter);
    landlock_plan_free(&e->landlock);
    policy_free(&e->policy);
}
#define CLEAN_ENFORCEMENT __attribute__((cleanup(enforcement_free)))

static void tell(struct vow_error *error, const struct err *err)
{
    if (error)
        memcpy(error->text, err->text, sizeof error->text);
}

/* fail: the public form of a failure. */
static int fail(struct vow_error *error, const struct err *err, int code)
{
    tell(error, err);
    errno = -code;
    return -1;
}

PUBLIC struct vow_policy *vow_policy_new(void)
{
    struct vow_policy *policy = malloc(sizeof *policy);
    if (policy)
        policy_init(&policy->policy);
    return policy;
}

PUBLIC void vow_policy_free(struct vow_policy *policy)
{
    if (!policy)
        return;
    policy_free(&policy->policy);
    free(policy);
}

PUBLIC int vow_policy_promises(struct vow_policy *policy, const char *promises,
                               struct vow_error *error)
{
    struct err err;
    promise_set set;
    int code = promises_parse(promises, &set, &err);
    if (code < 0)
        return fail(error, &err, code);
    policy->policy.promises |= set;
    return 0;
}

PUBLIC int vow_policy_path(struct vow_policy *policy, const char *path, const char *permissions,
                           struct vow_error *error)
{
    struct err err;
    struct path_perms perms;
    char *cwd CLEAN_FREE = NULL;
    int code = perms_parse(permissions, strlen(permissions), &perms, &err);
    if (code == 0 && path[0] != '/' && !(cwd = getcwd(NULL, 0)))
        code = err_set(&err, -errno, "the current directory has no name: %s", strerror(errno));
    if (code == 0)
        code = policy_add_path(&policy->policy, path, cwd ? cwd : "/", &perms, &err);
    return code < 0 ? fail(error, &err, code) : 0;
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
static int prepare_paths(struct enforcement *e, bool best_effort, struct err *err)
{
    struct look_cache cache = {0};
    struct path_facts facts = {.cwd = "/", .look = host_look, .context = &cache};
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

/* enforcement_prepare: all that can fail before anything is changed. */
static int enforcement_prepare(struct enforcement *e, const struct policy *policy, unsigned flags,
                               struct err *err)
{
    policy_init(&e->policy);
    e->policy.promises = policy->promises;
    e->policy.promises_given = true;
    e->policy.kill = flags & VOW_KILL;
    int code = copy_rules(policy, &e->policy, err);
    if (code == 0)
        code = prepare_paths(e, flags & VOW_BEST_EFFORT, err);
    if (code == 0)
        code = prepare_filter(e, err);
    return code;
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

/* enforce: irreversible from here on. */
static int enforce(const struct enforcement *e, struct err *err)
{
    int code = process_no_new_privs();
    if (code < 0)
        return err_set(err, code, "no_new_privs: %s", strerror(-code));
    if (e->landlock.abi > 0 && (code = landlock_apply(&e->landlock, err)) < 0)
        return code;
    if ((code = no_core()) < 0)
        return err_set(err, code, "setrlimit: %s", strerror(-code));
    code = seccomp_load(e->filter.at, e->filter.count, false);
    return code < 0 ? err_set(err, code, "seccomp: %s", strerror(-code)) : 0;
}

PUBLIC int vow_apply(const struct vow_policy *policy, unsigned flags, struct vow_error *error)
{
    struct enforcement e CLEAN_ENFORCEMENT = {0};
    struct err err = {0};
    if (flags & ~(VOW_KILL | VOW_BEST_EFFORT))
        return fail(error, &err, err_set(&err, -EINVAL, "unknown flag in %#x", flags));
    if (process_has_threads())
        return fail(error, &err, err_set(&err, -EBUSY, "other threads run already"));
    int code = enforcement_prepare(&e, &policy->policy, flags, &err);
    if (code < 0)
        return fail(error, &err, code);
    gaps(&e, &err);
    if (err.text[0] != '\0' && !(flags & VOW_BEST_EFFORT))
        return fail(error, &err, -ENOSYS);
    tell(error, &err);
    code = enforce(&e, &err);
    return code < 0 ? fail(error, &err, code) : 0;
}

PUBLIC int vow_supported(const struct vow_policy *policy, struct vow_error *error)
{
    struct enforcement e CLEAN_ENFORCEMENT = {0};
    struct err err = {0};
    int code = enforcement_prepare(&e, &policy->policy, VOW_BEST_EFFORT, &err);
    if (code < 0)
        return fail(error, &err, code);
    gaps(&e, &err);
    tell(error, &err);
    return err.text[0] == '\0';
}
