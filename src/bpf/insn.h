/* insn: the part of classic BPF that is used here, and what it looks at.
 *
 * Written down rather than taken from linux/, so that filters for every
 * architecture are made and run on any machine. */
#ifndef VOW_BPF_INSN_H
#define VOW_BPF_INSN_H

#include "arch/arch.h"

/* struct insn.code. A is the one register. */
enum {
    INSN_RET = 0x06,  /* return k */
    INSN_LOAD = 0x20, /* A = the 32-bit word at byte k of seccomp_data */
    INSN_AND = 0x54,  /* A &= k */
    INSN_JUMP = 0x05, /* skip k instructions */
    INSN_JEQ = 0x15,  /* skip jt instructions if A == k, else jf */
    INSN_JGT = 0x25,
    INSN_JGE = 0x35,
    INSN_JSET = 0x45, /* if A & k */
};

/* Offsets in struct seccomp_data. */
enum {
    DATA_NR = 0,
    DATA_ARCH = 4,
    DATA_IP = 8,
    DATA_ARGS = 16,
    DATA_SIZE = 64,
};

#define INSN_MAX 4096  /* BPF_MAXINSNS */
#define INSN_REACH 255 /* of a conditional jump */

/* data_word: where the half of an argument lies: word 2 * i is the low one of
 * argument i, 2 * i + 1 the high one. */
static inline uint16_t data_word(const struct arch *arch, unsigned word)
{
    return (uint16_t)(DATA_ARGS + 4 * (arch->big_endian ? word ^ 1 : word));
}

/* data_ip: where a half of the instruction pointer lies. */
static inline uint16_t data_ip(const struct arch *arch, bool high)
{
    return (uint16_t)(DATA_IP + (arch->big_endian != high ? 4 : 0));
}

static inline bool insn_is_test(uint16_t code)
{
    return (code & 0x07) == INSN_JUMP && code != INSN_JUMP;
}

/* insn_test: the condition of a conditional jump. */
static inline bool insn_test(uint16_t code, uint32_t a, uint32_t k)
{
    switch (code) {
    case INSN_JEQ: return a == k;
    case INSN_JGT: return a > k;
    case INSN_JGE: return a >= k;
    default: return (a & k) != 0;
    }
}

#endif
