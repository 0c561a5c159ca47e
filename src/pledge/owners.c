/* owners: what the kernel asks of a process without CAP_CHOWN, for one that has it. */
#include "pledge/pledge.h"

#include "host/caps.h"

#include <stdlib.h>
#include <unistd.h>

static int by_value(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

/* make_disjoint: sorted, each once, neighbours as one range; how many. */
static uint16_t make_disjoint(struct range *ranges, size_t count)
{
    uint16_t kept = 1;
    qsort(ranges, count, sizeof *ranges, by_value);
    for (size_t i = 1; i < count; i++)
        if (ranges[i].lo > ranges[kept - 1].hi + 1)
            ranges[kept++] = ranges[i];
        else
            ranges[kept - 1].hi = ranges[i].hi;
    return kept;
}

static struct range exactly(uint32_t value)
{
    return (struct range){value, value};
}

bool pledge_owners(struct pledge_owners *out)
{
    gid_t groups[PLEDGE_GROUPS - 2];
    if (!caps_has_any())
        return false;
    int count = getgroups(PLEDGE_GROUPS - 2, groups); /* with more of them: its own alone */
    size_t at = 0;
    out->users[0] = exactly(geteuid());
    out->users[1] = exactly(UINT32_MAX);
    for (int i = 0; i < count; i++)
        out->groups[at++] = exactly(groups[i]);
    out->groups[at++] = exactly(getegid());
    out->groups[at++] = exactly(UINT32_MAX);
    out->group_count = make_disjoint(out->groups, at);
    return true;
}
