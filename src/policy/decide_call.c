/* decide_call: what a filter answers to one call, by plain search of the
 * tables. The compiler is not used here: it is proved equal to this. */
#include "policy/decide.h"

static unsigned promise_count(promise_set set)
{
    return (unsigned)__builtin_popcountll(set);
}

/* Fewer promises; of as many, those that stand earlier in the table. */
static bool smaller(promise_set a, promise_set b)
{
    return promise_count(a) != promise_count(b) ? promise_count(a) < promise_count(b) : a < b;
}

/* Notes the least that must be added for this family, whose clause holds. */
static void note_missing(promise_set held, unsigned family, struct call_verdict *out)
{
    size_t count;
    const promise_set *sets = family_sets(family, &count);
    for (size_t i = 0; i < count; i++) {
        promise_set more = sets[i] & ~held; /* none: withheld from a promise that is held */
        if (more == 0)
            continue;
        if (out->missing == 0 || smaller(more, out->missing)) {
            out->missing = more;
            out->family = (uint16_t)family;
        }
    }
}

/* Searches the grants of a call that is known. */
static void search(const struct policy *p, const struct call_event *event, struct call_verdict *out)
{
    uint64_t args[6];
    for (size_t i = 0; i < 6; i++)
        args[i] = event->arch->bits == 32 ? (uint32_t)event->args[i] : event->args[i];
    struct range launch = {p->launch_secret, p->launch_secret};
    const struct grant *grants = call_grants(out->call);
    bool settled = false;
    for (size_t i = 0; i < call_rules(out->call)->grant_count; i++) {
        struct clause clause;
        grant_clause(&grants[i], p->launch_secret ? &launch : NULL, &clause);
        if (!clause_holds(&clause, args))
            continue;
        if (policy_grants(p, grants[i].family)) {
            out->bpf = ANSWER_ALLOW;
            out->family = grants[i].family;
            out->missing = 0;
            out->probe = false;
            return;
        }
        settled |= grants[i].family == FAMILY_SETTLED;
        out->probe |= grants[i].family == FAMILY_PROBE;
        note_missing(p->promises, grants[i].family, out);
    }
    if (settled) {
        out->error = 0;
        out->missing = 0;
        out->probe = true;
    }
}

void decide_call(const struct policy *p, const struct call_event *event, struct call_verdict *out)
{
    const struct arch *arch = event->arch;
    *out = (struct call_verdict){.bpf = ANSWER_DENY, .family = FAMILY_COUNT};
    if (!arch || arch->id == ARCH_X32 || arch_is_x32(arch, event->nr)) {
        out->fatal = true;
        out->call = arch ? arch_call(&archs[ARCH_X32], event->nr) : NULL;
        out->known = out->call != NULL;
        return;
    }
    out->call = arch_call(arch, event->nr);
    out->known = out->call != NULL;
    out->error = out->known ? call_rules(out->call)->denial : arch->enosys;
    if (!out->known) {
        out->probe = true;
        return;
    }
    out->probe = out->error == arch->enosys;
    search(p, event, out);
}

const char *decide_reason(const struct arch *arch, const struct call_verdict *verdict)
{
    if (verdict->bpf == ANSWER_ALLOW || verdict->missing)
        return NULL;
    if (verdict->fatal)
        return arch ? "x32 calls are never allowed"
                    : "calls of another architecture are never allowed";
    if (!verdict->known)
        return "vow does not know this call";
    if (verdict->error == 0)
        return "it is so already, and the program is told so";
    if (call_rules(verdict->call)->grant_count > 0)
        return "no promise allows it with these arguments";
    return call_reason(verdict->call);
}

uint16_t decide_only_port(promise_set promises, int landlock_abi)
{
    enum { NAME_SERVERS = 53, FIRST_ABI = 4 };
    bool names_alone = promises & PROMISE(DNS) && !(promises & PROMISE(INET));
    return names_alone && landlock_abi >= FIRST_ABI ? NAME_SERVERS : 0;
}
