/* vow: policies, and the calling process held to one. */
#include "host/threads.h"
#include "lib/enforcement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        return public_fail(error, &err, code);
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
    return code < 0 ? public_fail(error, &err, code) : 0;
}

PUBLIC int vow_apply(const struct vow_policy *policy, unsigned flags, struct vow_error *error)
{
    struct enforcement e CLEAN_ENFORCEMENT = {0};
    struct err err;
    memset(&err, 0, sizeof err);
    int code = enforcement_prepare(&e, &policy->policy, flags, NULL, &err);
    if (code < 0)
        return public_fail(error, &err, code);
    public_tell(error, &err);
    bool others = !threads_alone();
    if (others)
        code = threads_stop(&err);
    if (code == 0) {
        code = enforcement_apply(&e, others ? LANDLOCK_STOPPED : LANDLOCK_CALLER, &err);
        if (others)
            threads_go();
    }
    return code < 0 ? public_fail(error, &err, code) : 0;
}

PUBLIC int vow_supported(const struct vow_policy *policy, struct vow_error *error)
{
    struct enforcement e CLEAN_ENFORCEMENT = {0};
    struct err err;
    memset(&err, 0, sizeof err);
    int code = enforcement_prepare(&e, &policy->policy, VOW_BEST_EFFORT, NULL, &err);
    if (code < 0)
        return public_fail(error, &err, code);
    public_tell(error, &err);
    return err.text[0] == '\0';
}
