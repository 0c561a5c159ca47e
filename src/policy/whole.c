#include "policy/whole.h"

#include "policy/path.h"

const char *const whole_paths[WHOLE_COUNT] = {"/proc", "/etc", "/sys", "/dev"};

/* So many rules must be about a part. */
static const struct {
    const char *part;
    size_t needed;
} rules[WHOLE_COUNT] = {{"/proc", 1}, {"/etc", 4}, {"/sys", 3}, {"/dev/ptmx", 1}};

bool whole_shown(const struct policy *p, size_t whole)
{
    size_t count = 0;
    if (whole != WHOLE_PROC && p->landlock_abi < 1)
        return false;
    for (size_t i = 0; i < p->path_count && count < rules[whole].needed; i++)
        count += p->paths[i].perms && path_covers(rules[whole].part, p->paths[i].real);
    return count == rules[whole].needed;
}

bool whole_covers(const struct policy *p, const char *path)
{
    for (size_t i = 0; i < WHOLE_COUNT; i++)
        if (path_covers(whole_paths[i], path) && whole_shown(p, i))
            return true;
    return false;
}
