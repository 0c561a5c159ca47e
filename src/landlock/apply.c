#include "landlock/landlock.h"

#include "host/landlock.h"
#include "host/process.h"
#include "host/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The rights that the kernel takes for a file that is no directory. */
#define FILE_ACCESS                                                                                \
    (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV | LL_RESOLVE_UNIX)

static int fail(const struct landlock_rule *rule, int code, struct err *err)
{
    return err_set(err, code, "Landlock: cannot add a rule for %.300s: %s", rule->path,
                   strerror(-code));
}

static int add_rule(int ruleset, const struct landlock_rule *rule, struct err *err)
{
    /* Not open(): musl's sets O_CLOEXEC by a call of its own, again. */
    int own CLEAN_FD = rule->opened ? -1 : openat(AT_FDCWD, rule->path, O_PATH | O_CLOEXEC);
    int fd = rule->opened ? rule->opened - 1 : own;
    if (fd < 0)
        return rule->optional ? 0 : fail(rule, -errno, err);
    uint32_t for_file = rule->access & FILE_ACCESS;
    uint32_t access = rule->file ? for_file : rule->access;
    int result = access ? host_landlock_add_path(ruleset, access, fd) : 0;
    if (result == -EINVAL && access != for_file) /* no directory, which costs less to be told */
        result = for_file ? host_landlock_add_path(ruleset, for_file, fd) : 0;
    return result < 0 ? fail(rule, result, err) : 0;
}

int landlock_ruleset(const struct landlock_plan *plan, struct err *err)
{
    int ruleset CLEAN_FD = host_landlock_create(plan->handled, plan->scoped, plan->only_port);
    if (ruleset < 0)
        return err_set(err, ruleset, "Landlock: cannot make a ruleset: %s", strerror(-ruleset));
    for (size_t i = 0; i < plan->rule_count; i++) {
        int result = add_rule(ruleset, &plan->rules[i], err);
        if (result < 0)
            return result;
    }
    return take_fd(&ruleset);
}

/* What every other thread does where the kernel restricts one at a time. */
static int restrict_thread(void *ruleset, ucontext_t *signal)
{
    (void)signal;
    int result = process_no_new_privs();
    return result < 0 ? result : host_landlock_restrict(*(int *)ruleset, false);
}

int landlock_restrict(int ruleset, enum landlock_whom whom)
{
    int result = whom == LANDLOCK_STOPPED ? threads_run(restrict_thread, &ruleset) : 0;
    return result < 0 ? result : host_landlock_restrict(ruleset, whom == LANDLOCK_ALL);
}

int landlock_apply(const struct landlock_plan *plan, enum landlock_whom whom, struct err *err)
{
    int ruleset CLEAN_FD = landlock_ruleset(plan, err);
    int result = ruleset < 0 ? 0 : landlock_restrict(ruleset, whom);
    if (result < 0)
        return err_set(err, result, "Landlock: cannot restrict itself: %s", strerror(-result));
    return ruleset < 0 ? ruleset : 0;
}
