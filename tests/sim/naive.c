#include "naive.h"

#include "bpf/insn.h"

/* Jumps that are aimed at one place once it is known. */
struct jumps {
    uint16_t at[INSN_MAX];
    size_t count;
};

static void put(struct program *p, struct insn insn)
{
    if (p->count < p->capacity)
        p->at[p->count] = insn;
    p->count++;
}

static void jump(struct program *p, struct jumps *jumps)
{
    if (p->count < p->capacity)
        jumps->at[jumps->count++] = (uint16_t)p->count;
    put(p, (struct insn){.code = INSN_JUMP});
}

static void jump_if(struct program *p, uint16_t code, uint32_t k, struct jumps *jumps)
{
    put(p, (struct insn){.code = code, .jf = 1, .k = k});
    jump(p, jumps);
}

static void jump_unless(struct program *p, uint16_t code, uint32_t k, struct jumps *jumps)
{
    put(p, (struct insn){.code = code, .jt = 1, .k = k});
    jump(p, jumps);
}

static void aim_here(struct program *p, const struct jumps *jumps)
{
    for (size_t i = 0; i < jumps->count; i++)
        p->at[jumps->at[i]].k = (uint32_t)(p->count - jumps->at[i] - 1);
}

static void load(struct program *p, const struct arch *arch, const struct atom *atom, bool high)
{
    uint32_t mask = (uint32_t)(high ? atom->mask >> 32 : atom->mask);
    put(p, (struct insn){.code = INSN_LOAD, .k = data_word(arch, 2u * atom->arg + high)});
    if (mask != UINT32_MAX)
        put(p, (struct insn){.code = INSN_AND, .k = mask});
}

/* One range of an atom that looks at both words. */
static void check_wide(struct program *p, const struct arch *arch, const struct atom *atom,
                       const struct range *r, struct jumps *fails)
{
    struct jumps above_lo = {.count = 0}, below_hi = {.count = 0};
    load(p, arch, atom, true);
    jump_if(p, INSN_JGT, (uint32_t)(r->lo >> 32), &above_lo);
    jump_unless(p, INSN_JEQ, (uint32_t)(r->lo >> 32), fails);
    load(p, arch, atom, false);
    jump_unless(p, INSN_JGE, (uint32_t)r->lo, fails);
    aim_here(p, &above_lo);
    load(p, arch, atom, true);
    jump_if(p, INSN_JGT, (uint32_t)(r->hi >> 32), fails);
    jump_unless(p, INSN_JEQ, (uint32_t)(r->hi >> 32), &below_hi);
    load(p, arch, atom, false);
    jump_if(p, INSN_JGT, (uint32_t)r->hi, fails);
    aim_here(p, &below_hi);
}

static void check_atom(struct program *p, const struct arch *arch, const struct atom *atom,
                       struct jumps *fails)
{
    bool wide = atom->width == 64 && arch->bits == 64;
    struct jumps holds = {.count = 0};
    if (!wide)
        load(p, arch, atom, false);
    for (size_t i = 0; i < atom->range_count; i++) {
        const struct range *r = &atom->ranges[i];
        struct jumps next = {.count = 0};
        if (wide) {
            check_wide(p, arch, atom, r, &next);
            jump(p, &holds);
        } else if (r->lo == r->hi) {
            jump_if(p, INSN_JEQ, (uint32_t)r->lo, &holds);
        } else {
            jump_unless(p, INSN_JGE, (uint32_t)r->lo, &next);
            jump_unless(p, INSN_JGT, (uint32_t)r->hi, &holds);
        }
        aim_here(p, &next);
    }
    jump(p, fails);
    aim_here(p, &holds);
}

static void check_rule(struct program *p, const struct arch *arch, const struct rule *rule)
{
    for (size_t i = 0; i < rule->clause_count + rule->settled_count; i++) {
        uint32_t holds = i < rule->clause_count ? rule->allow : rule->settled;
        struct jumps fails = {.count = 0};
        for (size_t j = 0; j < rule->clauses[i].atom_count; j++)
            check_atom(p, arch, &rule->clauses[i].atoms[j], &fails);
        put(p, (struct insn){.code = INSN_RET, .k = holds});
        aim_here(p, &fails);
    }
    put(p, (struct insn){.code = INSN_RET, .k = rule->always ? rule->allow : rule->deny});
}

bool naive_compile(const struct ruleset *set, uint32_t foreign, struct program *out)
{
    struct jumps is_foreign = {.count = 0}, is_unknown = {.count = 0};
    out->count = 0;
    put(out, (struct insn){.code = INSN_LOAD, .k = DATA_ARCH});
    jump_unless(out, INSN_JEQ, set->arch->audit, &is_foreign);
    for (size_t i = 0; i < set->call_count; i++) {
        struct jumps next = {.count = 0};
        put(out, (struct insn){.code = INSN_LOAD, .k = DATA_NR});
        jump_unless(out, INSN_JEQ, set->calls[i].nr, &next);
        check_rule(out, set->arch, &set->rules[set->calls[i].rules]);
        aim_here(out, &next);
    }
    if (set->arch->id == ARCH_X86_64) {
        put(out, (struct insn){.code = INSN_LOAD, .k = DATA_NR});
        jump_if(out, INSN_JGT, X32_LAST, &is_unknown);
        jump_if(out, INSN_JGE, X32_FIRST, &is_foreign);
        aim_here(out, &is_unknown);
    }
    put(out, (struct insn){.code = INSN_RET, .k = set->unknown});
    aim_here(out, &is_foreign);
    put(out, (struct insn){.code = INSN_RET, .k = foreign});
    return out->count <= out->capacity;
}
