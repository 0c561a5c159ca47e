/* measure: where the ways through a program lead and how long they are. */
#include "bpf/bpf.h"
#include "bpf/insn.h"

/* What is known in front of an instruction. */
struct arrival {
    uint32_t steps; /* on the longest way, this instruction included; 0: none leads here */
    bool known;     /* the register holds the value a on all ways */
    uint32_t a;
};

static void arrive(struct arrival *at, const struct arrival *from)
{
    if (at->steps == 0) {
        *at = *from;
        return;
    }
    at->known = at->known && from->known && at->a == from->a;
    if (from->steps > at->steps)
        at->steps = from->steps;
}

/* The register behind a load. */
static void load(struct arrival *at, uint32_t k, const struct bpf_way *way)
{
    at->known = !way->any_call && (k == DATA_NR || k == DATA_ARCH);
    at->a = k == DATA_NR ? way->nr : way->audit;
}

/* All ways lead forward, so one pass sees every way to an instruction before
 * the instruction itself. */
static void walk(const struct program *program, const struct bpf_way *way, struct arrival *at)
{
    at[0] = (struct arrival){.steps = 1, .known = true};
    for (size_t pc = 0; pc < program->count; pc++) {
        const struct insn *i = &program->at[pc];
        struct arrival next = at[pc];
        if (next.steps++ == 0 || i->code == INSN_RET)
            continue;
        bool both = insn_is_test(i->code) && !next.known;
        bool test = insn_is_test(i->code) && insn_test(i->code, next.a, i->k);
        if (i->code == INSN_AND)
            next.a &= i->k;
        if (i->code == INSN_LOAD)
            load(&next, i->k, way);
        if (both || test)
            arrive(&at[pc + 1 + i->jt], &next);
        if (both || !test)
            arrive(&at[pc + 1 + (i->code == INSN_JUMP ? i->k : i->jf)], &next);
    }
}

size_t bpf_longest_way(const struct program *program, const struct bpf_way *way)
{
    struct arrival at[INSN_MAX] = {0};
    size_t longest = 0;
    walk(program, way, at);
    for (size_t pc = 0; pc < program->count; pc++) {
        const struct insn *i = &program->at[pc];
        bool counts = i->code == INSN_RET && (way->any_end || i->k == way->end);
        if (counts && at[pc].steps > longest)
            longest = at[pc].steps;
    }
    return longest;
}

bool bpf_reaches(const struct program *program, const struct bpf_way *way, size_t pc)
{
    struct arrival at[INSN_MAX] = {0};
    walk(program, way, at);
    return at[pc].steps > 0;
}
