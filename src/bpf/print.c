/* print: programs as text. */
#include "bpf/bpf.h"
#include "bpf/insn.h"

#define NAMES 3 /* calls that are named behind a load of an argument */
#define EPERM_EVERYWHERE 1

void bpf_print_ret(struct str *out, uint32_t ret, const struct arch *arch)
{
    uint32_t data = ret & 0xffff;
    switch (ret & 0xffff0000) {
    case RET_ALLOW: str_add(out, "allow"); return;
    case RET_KILL_PROCESS: str_add(out, "kill"); return;
    case RET_TRAP: str_add(out, "trap"); return;
    case RET_USER_NOTIF: str_add(out, "notify"); return;
    case RET_LOG: str_add(out, "log"); return;
    case RET_ERRNO(0): break;
    default: str_addf(out, "return 0x%x", ret); return;
    }
    if (data == EPERM_EVERYWHERE)
        str_add(out, "deny with EPERM");
    else if (data == arch->enosys)
        str_add(out, "deny with ENOSYS");
    else
        str_addf(out, "deny with error %u", data);
}

/* Which calls get to this instruction. */
static void print_calls(struct str *out, const struct program *program, const struct arch *arch,
                        size_t pc)
{
    const struct arch_table *table = arch_table(arch->id);
    size_t count = 0;
    for (size_t i = 0; table && i < table->call_count; i++) {
        struct bpf_way way = {.audit = arch->audit, .nr = table->calls[i].nr};
        if (!bpf_reaches(program, &way, pc))
            continue;
        if (count < NAMES)
            str_addf(out, "%s%s", count ? " " : "  of ", call_name(&table->calls[i]));
        count++;
    }
    if (count > NAMES)
        str_addf(out, " and %zu more", count - NAMES);
}

static void print_load(struct str *out, const struct program *program, const struct arch *arch,
                       size_t pc)
{
    uint32_t k = program->at[pc].k;
    if (k < DATA_ARGS) {
        str_addf(out, "load %s", k == DATA_NR ? "number" : k == DATA_ARCH ? "arch" : "address");
        return;
    }
    bool high = (k % 8 == 0) == arch->big_endian;
    str_addf(out, "load a%u%s", (k - DATA_ARGS) / 8, high && arch->bits == 64 ? " high" : "");
    print_calls(out, program, arch, pc);
}

/* What a test compares with, by name where it is a call or an architecture. */
static void print_operand(struct str *out, uint32_t k, uint32_t offset, const struct arch *arch)
{
    const struct sys_call *call = offset == DATA_NR ? arch_call(arch, k) : NULL;
    const struct arch *named = offset == DATA_ARCH ? arch_by_audit(k, 0) : NULL;
    str_addf(out, offset == DATA_NR && k < X32_FIRST ? "%u" : k < 10 ? "%u" : "0x%x", k);
    if (call || named)
        str_addf(out, " %s", call ? call_name(call) : named->name);
}

static void print_test(struct str *out, const struct insn *i, size_t pc, uint32_t offset,
                       const struct arch *arch)
{
    static const char signs[][4] = {
        [INSN_JEQ] = "==", [INSN_JGT] = ">", [INSN_JGE] = ">=", [INSN_JSET] = "&"};
    str_addf(out, "if %s ", signs[i->code]);
    print_operand(out, i->k, offset, arch);
    str_addf(out, ": %zu, else %zu", pc + 1 + i->jt, pc + 1 + i->jf);
}

/* Which word the register holds; equal tails may serve several. */
enum { HOLDS_NOTHING = 0xffff, HOLDS_SEVERAL = 0xfffe };

static void pass_on(uint16_t *holds, uint16_t word)
{
    *holds = *holds == HOLDS_NOTHING || *holds == word ? word : HOLDS_SEVERAL;
}

/* In front of each instruction; ways lead forward, so one pass will do. */
static void find_words(const struct program *program, uint16_t *holds)
{
    for (size_t pc = 0; pc < program->count; pc++)
        holds[pc] = HOLDS_NOTHING;
    for (size_t pc = 0; pc < program->count; pc++) {
        const struct insn *i = &program->at[pc];
        uint16_t word = i->code == INSN_LOAD ? (uint16_t)i->k : holds[pc];
        if (i->code == INSN_RET)
            continue;
        if (insn_is_test(i->code))
            pass_on(&holds[pc + 1 + i->jt], word);
        pass_on(&holds[pc + 1 + (i->code == INSN_JUMP ? i->k : i->jf)], word);
    }
}

void bpf_print(struct str *out, const struct program *program, const struct arch *arch)
{
    uint16_t holds[INSN_MAX];
    find_words(program, holds);
    for (size_t pc = 0; pc < program->count; pc++) {
        const struct insn *i = &program->at[pc];
        str_addf(out, "%4zu: ", pc);
        switch (i->code) {
        case INSN_LOAD: print_load(out, program, arch, pc); break;
        case INSN_AND: str_addf(out, "and 0x%x", i->k); break;
        case INSN_JUMP: str_addf(out, "go to %zu", pc + 1 + i->k); break;
        case INSN_RET: bpf_print_ret(out, i->k, arch); break;
        default: print_test(out, i, pc, holds[pc], arch);
        }
        str_add_char(out, '\n');
    }
}
