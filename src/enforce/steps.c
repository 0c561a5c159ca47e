/* steps: how a process confines itself, in the only order that works.
 *
 *   descriptors    marked, while nothing stands in the way
 *   view           mounting needs capabilities and works in no Landlock domain
 *   capabilities   those that the view's user namespace brought, too
 *   no_new_privs   without capabilities, Landlock and seccomp ask for it
 *   Landlock       opens the paths of its rules, as the view shows them
 *   limits         lowering them takes calls that the filter may refuse
 *   seccomp        last: from here on the filter judges us, too
 *
 * Nothing here allocates; launch_prepare did. */
#include "enforce/enforce.h"

#include "host/caps.h"
#include "host/process.h"
#include "host/seccomp.h"

#include <errno.h>
#include <string.h>

static int failed(struct err *err, int rc)
{
    return rc < 0 ? err_set(err, rc, "%s", strerror(-rc)) : 0;
}

static int step_descriptors(struct launch *launch, struct err *err)
{
    return fds_apply(&launch->fds, err);
}

static int step_view(struct launch *launch, struct err *err)
{
    return launch->has_view ? view_apply(&launch->view, err) : 0;
}

static int step_capabilities(struct launch *launch UNUSED, struct err *err)
{
    return failed(err, caps_drop());
}

static int step_no_new_privs(struct launch *launch UNUSED, struct err *err)
{
    return failed(err, process_no_new_privs());
}

static int step_landlock(struct launch *launch, struct err *err)
{
    return launch->landlock.abi > 0 ? landlock_apply(&launch->landlock, LANDLOCK_CALLER, err) : 0;
}

static int step_limits(struct launch *launch, struct err *err)
{
    return limits_apply(&launch->limits, err);
}

static int step_seccomp(struct launch *launch, struct err *err)
{
    bool listen = launch->request->listen;
    int rc = launch->request->stays ? process_end_with_parent() : 0;
    if (rc < 0)
        return failed(err, rc);
    rc = seccomp_load(launch->filter.at, launch->filter.count, listen);
    if (rc == -EBUSY)
        return err_set(err, rc, "somebody outside already watches this process");
    if (rc >= 0 && listen)
        launch->listener = rc;
    return failed(err, rc);
}

static const struct step {
    const char *name;
    int (*apply)(struct launch *launch, struct err *err);
} steps[] = {
    {"descriptors", step_descriptors},   {"view", step_view},
    {"capabilities", step_capabilities}, {"no_new_privs", step_no_new_privs},
    {"Landlock", step_landlock},         {"limits", step_limits},
    {"seccomp", step_seccomp},
};

/* Puts the name before a reason that does not begin with it already. */
static int name_step(const char *name, int code, const struct err *reason, struct err *err)
{
    size_t size = strlen(name);
    bool named = strncmp(reason->text, name, size) == 0 && reason->text[size] == ':';
    return err_set(err, code, "%s%s%s", named ? "" : name, named ? "" : ": ", reason->text);
}

int launch_confine(struct launch *launch, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct err reason;
        int rc = steps[i].apply(launch, &reason);
        if (rc < 0)
            return name_step(steps[i].name, rc, &reason, err);
    }
    return 0;
}
