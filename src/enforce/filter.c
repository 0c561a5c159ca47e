#include "enforce/filter.h"

const struct arch *filter_companion(const struct arch *native)
{
    return native->id == ARCH_X86_64    ? &archs[ARCH_I386]
           : native->id == ARCH_AARCH64 ? &archs[ARCH_ARM]
                                        : NULL;
}

int filter_compile(const struct policy *policy, const struct arch *program,
                   const struct filter_mode *mode, struct program *out, struct err *err)
{
    const struct arch *native = arch_native(), *other = filter_companion(native);
    bool exec = policy->promises & PROMISE(EXEC);
    bool both = other && (exec || program == other);
    /* Whoever looks on is told of another architecture's calls, too. */
    uint32_t foreign = mode->path_allow ? mode->path_allow : RET_KILL_PROCESS;
    struct policy nothing = {.launch_secret = policy->launch_secret};
    struct ruleset sets[2] = {0};
    const struct ruleset *pointers[2] = {&sets[0], &sets[1]};
    int rc = ruleset_from_policy(both && !exec ? &nothing : policy, native, mode, &sets[0], err);
    if (rc == 0 && both)
        rc = ruleset_from_policy(policy, other, mode, &sets[1], err);
    if (rc == 0)
        rc = bpf_compile(pointers, both ? 2 : 1, foreign, out, err);
    ruleset_free(&sets[0]);
    ruleset_free(&sets[1]);
    return rc;
}
