/* insn: how long an instruction is, and whether it may run at another place.
 * Strict: what does not stand in its tables is unknown. PURE. */
#ifndef VOW_BOX_INSN_H
#define VOW_BOX_INSN_H

#include <stddef.h>
#include <stdint.h>

enum insn_kind {
    INSN_UNKNOWN, /* or one that must stay where it is */
    INSN_PLAIN,
    INSN_NOP,
    INSN_BRANCH, /* relative, if a condition holds */
    INSN_JUMP,   /* relative */
    INSN_END,    /* goes elsewhere by a register or memory, or returns */
};

struct insn {
    uint8_t kind;
    uint8_t size;
    uint8_t relative;  /* where four bytes lie that count from its end; 0: none */
    uint8_t condition; /* of a branch: the low half of its opcode */
    int32_t target;    /* of a branch or jump: from its end */
};

/* insn_decode: the instruction at `at`; unknown if it is not whole in `size`. */
struct insn insn_decode(const uint8_t *at, size_t size);

#endif
