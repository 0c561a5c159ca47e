#include "enforce/filter.h"

#include <stdlib.h>
#include <string.h>

static const struct prepared_filter *find(const struct policy *policy)
{
    const struct prepared_filter *at = prepared_filters;
    while (at->count && at->promises != policy->promises)
        at++;
    return at->count && !at->secret[0] == !policy->launch_secret ? at : NULL;
}

/* Denials with their errno, and nobody who looks on. */
static bool is_plain(const struct filter_mode *mode)
{
    return !mode->deny && !mode->unknown && !mode->path_allow;
}

bool filter_prepared(const struct policy *policy, const struct arch *program,
                     const struct filter_mode *mode, struct program *out)
{
    bool known = is_plain(mode) && program == arch_native() && !policy->families;
    const struct prepared_filter *found = known ? find(policy) : NULL;
    if (!found || !(out->at = malloc(found->count * sizeof *out->at)))
        return false;
    out->count = out->capacity = found->count;
    memcpy(out->at, prepared_insns + found->first, found->count * sizeof *out->at);
    for (unsigned half = 0; half < 2; half++)
        if (found->secret[half])
            out->at[found->secret[half]].k = (uint32_t)(policy->launch_secret >> 32 * half);
    return true;
}
