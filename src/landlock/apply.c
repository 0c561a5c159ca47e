#include "landlock/landlock.h"

#include "host/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

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
    int fd CLEAN_FD = open(rule->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return rule->optional ? 0 : fail(rule, -errno, err);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail(rule, -errno, err);
    uint32_t access = S_ISDIR(st.st_mode) ? rule->access : rule->access & FILE_ACCESS;
    int result = access ? host_landlock_add_path(ruleset, access, fd) : 0;
    return result < 0 ? fail(rule, result, err) : 0;
}

int landlock_apply(const struct landlock_plan *plan, struct err *err)
{
    int ruleset CLEAN_FD = host_landlock_create(plan->handled, plan->scoped);
    if (ruleset < 0)
        return err_set(err, ruleset, "Landlock: cannot make a ruleset: %s", strerror(-ruleset));
    for (size_t i = 0; i < plan->rule_count; i++) {
        int result = add_rule(ruleset, &plan->rules[i], err);
        if (result < 0)
            return result;
    }
    int result = host_landlock_restrict(ruleset, plan->all_threads);
    return result < 0
               ? err_set(err, result, "Landlock: cannot restrict itself: %s", strerror(-result))
               : 0;
}
