/* filter: promises → BPF. PURE. */
#include "pledge/pledge.h"

#include <errno.h>

/* What a violation is: a trap, with which the handler deals, also while `error`
 * is held; but a program that is executed has none. `""` leaves only the end, so
 * nothing can be said. */
static struct filter_mode mode_of(promise_set held, bool executes)
{
    struct filter_mode mode = {.deny = RET_TRAP, .spare_probes = true};
    if (held & PROMISE(ERROR) && executes)
        mode.deny = RET_ERRNO(arch_native()->enosys);
    if (held == 0)
        mode = (struct filter_mode){.deny = RET_KILL_PROCESS, .unknown = RET_KILL_PROCESS};
    return mode;
}

static int compile(const struct policy *policy, const struct filter_mode *mode, bool all_archs,
                   struct program *out, struct err *err)
{
    struct ruleset rules[ARCH_COUNT] = {0};
    const struct ruleset *sets[ARCH_COUNT];
    size_t count = 0;
    int code = 0;
    for (int id = 0; id < ARCH_COUNT && code == 0; id++) {
        const struct arch *arch = &archs[id];
        if (!arch_table(arch->id) || (arch != arch_native() && !all_archs))
            continue;
        code = ruleset_from_policy(policy, arch, mode, &rules[count], err);
        sets[count] = &rules[count];
        count++;
    }
    if (code == 0)
        code = bpf_compile(sets, count, RET_KILL_PROCESS, out, err);
    while (count > 0)
        ruleset_free(&rules[--count]);
    return code;
}

int pledge_filter(promise_set held, bool broker, struct program *out, struct err *err)
{
    uint8_t families[FAMILY_COUNT];
    struct policy policy = {.promises = held, .families = families};
    struct filter_mode mode = mode_of(held, held & PROMISE(EXEC));
    pledge_families(held, broker, families);
    return compile(&policy, &mode, held & PROMISE(EXEC), out, err);
}

int pledge_exec_filter(promise_set held, uint64_t secret, struct program *out, struct err *err)
{
    uint8_t families[FAMILY_COUNT];
    struct policy policy = {.promises = held, .families = families, .launch_secret = secret};
    struct filter_mode mode = mode_of(held, true);
    pledge_families(held | PROMISE(EXEC), false, families);
    return compile(&policy, &mode, true, out, err);
}
