/* sim: what the kernel does with a program, without the kernel. */
#include <errno.h>

#include "bpf/bpf.h"
#include "bpf/insn.h"

/* What is wrong with one instruction, or NULL. */
static const char *complaint(const struct program *program, size_t at)
{
    const struct insn *i = &program->at[at];
    size_t left = program->count - at - 1; /* instructions behind it */
    switch (i->code) {
    case INSN_LOAD:
        if (i->k % 4 != 0 || i->k >= DATA_SIZE)
            return "loads outside of what a filter sees";
        break;
    case INSN_AND: break;
    case INSN_RET: return NULL;
    case INSN_JUMP: return i->k < left ? NULL : "jumps behind the end";
    case INSN_JEQ:
    case INSN_JGT:
    case INSN_JGE:
    case INSN_JSET: return i->jt < left && i->jf < left ? NULL : "jumps behind the end";
    default: return "is not an instruction that vow uses";
    }
    return left > 0 ? NULL : "runs over the end";
}

int bpf_check(const struct program *program, struct err *err)
{
    if (program->count == 0 || program->count > INSN_MAX)
        return err_set(err, -EINVAL, "%zu instructions, not 1 to %d", program->count, INSN_MAX);
    for (size_t at = 0; at < program->count; at++) {
        const char *wrong = complaint(program, at);
        if (wrong)
            return err_set(err, -EINVAL, "instruction %zu %s", at, wrong);
    }
    return 0;
}

/* The 32-bit word at byte k of seccomp_data. */
static uint32_t word_at(const struct arch *arch, const struct seccomp_event *event, uint32_t k)
{
    if (k == DATA_NR)
        return event->nr;
    if (k == DATA_ARCH)
        return event->arch;
    uint64_t whole = k < DATA_ARGS ? event->ip : event->args[(k - DATA_ARGS) / 8];
    bool high = (k % 8 == 0) == arch->big_endian;
    return (uint32_t)(high ? whole >> 32 : whole);
}

int bpf_run(const struct program *program, const struct arch *arch,
            const struct seccomp_event *event, uint32_t *ret, size_t *steps)
{
    uint32_t a = 0;
    size_t count = 0;
    for (size_t at = 0; at < program->count; at++) {
        const struct insn *i = &program->at[at];
        if (complaint(program, at))
            return -EINVAL;
        count++;
        switch (i->code) {
        case INSN_LOAD: a = word_at(arch, event, i->k); break;
        case INSN_AND: a &= i->k; break;
        case INSN_JUMP: at += i->k; break;
        case INSN_RET:
            *ret = i->k;
            if (steps)
                *steps = count;
            return 0;
        default: at += insn_test(i->code, a, i->k) ? i->jt : i->jf;
        }
    }
    return -EINVAL;
}

bool bpf_constant(const struct program *program, uint32_t audit_arch, uint32_t nr)
{
    uint32_t a = 0;
    for (size_t at = 0; at < program->count; at++) {
        const struct insn *i = &program->at[at];
        switch (i->code) {
        case INSN_LOAD:
            if (i->k != DATA_NR && i->k != DATA_ARCH)
                return false;
            a = i->k == DATA_NR ? nr : audit_arch;
            break;
        case INSN_AND: a &= i->k; break;
        case INSN_JUMP: at += i->k; break;
        case INSN_RET: return i->k == RET_ALLOW;
        case INSN_JEQ:
        case INSN_JGT:
        case INSN_JGE:
        case INSN_JSET: at += insn_test(i->code, a, i->k) ? i->jt : i->jf; break;
        default: return false;
        }
    }
    return false;
}
