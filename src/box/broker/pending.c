/* pending: signals that wait. One of each number; of the real-time ones all, in
 * their order. */
#include <stdlib.h>

#include "box/broker/task.h"

enum { REAL_TIME = 32, MORE_MAX = 4096 };

struct more_pending {
    struct more_pending *next;
    struct siginfo_short info;
};

bool pending_add(struct pending *p, const struct siginfo_short *info)
{
    uint64_t bit = BIT(info->signal);
    if (!(p->set & bit)) {
        p->info[info->signal - 1] = *info;
        p->set |= bit;
        return true;
    }
    if (info->signal < REAL_TIME)
        return true; /* one is enough */
    struct more_pending *m = p->more_count < MORE_MAX ? malloc(sizeof *m) : NULL;
    struct more_pending **end = &p->more;
    if (!m)
        return false;
    *m = (struct more_pending){.info = *info};
    while (*end)
        end = &(*end)->next;
    *end = m;
    p->more_count++;
    return true;
}

static void drop(struct pending *p, struct more_pending **at)
{
    struct more_pending *m = *at;
    *at = m->next;
    p->more_count--;
    free(m);
}

bool pending_take(struct pending *p, uint64_t set, struct siginfo_short *out)
{
    if (!(p->set & set))
        return false;
    int signal = __builtin_ctzll(p->set & set) + 1;
    *out = p->info[signal - 1];
    struct more_pending **at = &p->more;
    while (*at && (*at)->info.signal != signal)
        at = &(*at)->next;
    if (*at) {
        p->info[signal - 1] = (*at)->info;
        drop(p, at);
    } else {
        p->set &= ~BIT(signal);
    }
    return true;
}

void pending_cancel(struct pending *p, uint64_t set)
{
    p->set &= ~set;
    for (struct more_pending **at = &p->more; *at;) {
        if (BIT((*at)->info.signal) & set)
            drop(p, at);
        else
            at = &(*at)->next;
    }
}
