#include "policy/whole.h"

#include "policy/path.h"

const char *const whole_paths[WHOLE_COUNT] = {"/proc", "/etc", "/sys"};

/* So many rules must be about parts. */
static const size_t rules_needed[WHOLE_COUNT] = {1, 4, 3};

bool whole_shown(const struct policy *p, size_t whole)
{
    size_t count = 0;
    if (whole != WHOLE_PROC && p->landlock_abi < 1)
        return false;
    for (size_t i = 0; i < p->path_count && count < rules_needed[whole]; i++)
        count += p->paths[i].perms && path_covers(whole_paths[whole], p->paths[i].real);
    return count == rules_needed[whole];
}

bool whole_covers(const struct policy *p, const char *path)
{
    for (size_t i = 0; i < WHOLE_COUNT; i++)
        if (path_covers(whole_paths[i], path) && whole_shown(p, i))
            return true;
    return false;
}
