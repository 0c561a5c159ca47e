#include "box/arch/x86_64/insn.h"

#include <stdbool.h>
#include <string.h>

/* What follows an opcode, and what it does:
 *   . unknown   n nothing   m operands   M operands, byte   Z operands, word
 *   b byte      z word      v what a register holds
 *   e another table         p prefix     x REX
 *   j branch    k branch, word           S jump, byte       J jump, word
 *   r return    R return, two bytes
 *   0 1 2 3 4 5 6: in operands(), for the groups */
static const char one_byte[] = "mmmmbz..mmmmbz.e"
                               "mmmmbz..mmmmbz.."
                               "mmmmbzp.mmmmbzp."
                               "mmmmbzp.mmmmbzp."
                               "xxxxxxxxxxxxxxxx"
                               "nnnnnnnnnnnnnnnn"
                               "...mppp.zZbM...."
                               "jjjjjjjjjjjjjjjj"
                               "MZ.Mmmmmmmmm.0.."
                               "nnnnnnnnnn..n.nn"
                               "....nnnnbznnnnnn"
                               "bbbbbbbbvvvvvvvv"
                               "MMRr..12.n......"
                               "mmmm............"
                               ".........J.S...."
                               "..pp.n34nn..nn56";
static const char two_bytes[] = "................"
                                "mmmmmmmmm......7"
                                "........mmmmmmmm"
                                "................"
                                "mmmmmmmmmmmmmmmm"
                                "mmmmmmmmmmmmmmmm"
                                "mmmmmmmmmmmmmmmm"
                                "M888mmm.....mmmm"
                                "kkkkkkkkkkkkkkkk"
                                "mmmmmmmmmmmmmmmm"
                                "...mMm.....mMm.m"
                                "mm.m..mm..9mmmmm"
                                "mmMmMMM.nnnnnnnn"
                                "mmmmmmmmmmmmmmmm"
                                "mmmmmmmmmmmmmmmm"
                                "mmmmmmmmmmmmmmm.";

enum { SIZE_MAX_ = 15, PREFIX_16 = 1, PREFIX_REPNE = 2, PREFIX_REP = 4, REX_W = 8, REX_B = 1 };

/* An instruction on the way. */
struct reader {
    const uint8_t *at;
    size_t size, used;
    unsigned prefixes;
    uint8_t rex;
    struct insn out;
};

static bool skip(struct reader *r, size_t count)
{
    r->used += count;
    return r->used <= r->size && r->used <= SIZE_MAX_;
}

static bool next(struct reader *r, uint8_t *out)
{
    if (!skip(r, 1))
        return false;
    *out = r->at[r->used - 1];
    return true;
}

/* The place of an operand in memory. */
static bool address(struct reader *r, uint8_t modrm)
{
    unsigned mode = modrm >> 6, base = modrm & 7;
    uint8_t sib;
    if (mode == 3)
        return true;
    if (base == 4) {
        if (!next(r, &sib))
            return false;
        base = mode == 0 && (sib & 7) == 5 ? 8 : 4;
    }
    if (mode == 0 && base == 5)
        r->out.relative = (uint8_t)r->used;
    if (mode == 2 || base == 8 || (mode == 0 && base == 5))
        return skip(r, 4);
    return mode == 0 || skip(r, 1);
}

static size_t word_size(const struct reader *r)
{
    return r->prefixes & PREFIX_16 ? 2 : 4;
}

/* ff: inc, dec, call, far call, jmp, far jmp, push. */
static bool group_ff(struct reader *r, unsigned reg)
{
    if (reg == 4)
        r->out.kind = INSN_END;
    return reg <= 1 || reg == 4 || reg == 6;
}

static bool operands(struct reader *r, char class)
{
    uint8_t modrm;
    if (!next(r, &modrm) || !address(r, modrm))
        return false;
    unsigned reg = modrm >> 3 & 7;
    bool memory = modrm >> 6 != 3;
    switch (class) {
    case 'm': return true;
    case 'M': return skip(r, 1);
    case 'Z': return skip(r, word_size(r));
    case '0': return memory; /* lea */
    case '1': return reg == 0 && skip(r, 1);
    case '2': return reg == 0 && skip(r, word_size(r));
    case '3': return reg != 1 && skip(r, reg == 0 ? 1 : 0);
    case '4': return reg != 1 && skip(r, reg == 0 ? word_size(r) : 0);
    case '5': return reg <= 1;
    case '6': return group_ff(r, reg);
    case '7': r->out.kind = INSN_NOP; return reg == 0;
    case '8': return !memory && (reg == 2 || reg == 4 || reg == 6) && skip(r, 1);
    case '9': return reg >= 4 && skip(r, 1);
    default: return false;
    }
}

static bool jump(struct reader *r, enum insn_kind kind, bool wide)
{
    if (r->prefixes & (PREFIX_16 | PREFIX_REPNE) || !skip(r, wide ? 4 : 1))
        return false;
    r->out.kind = (uint8_t)kind;
    r->out.condition = r->at[r->used - (wide ? 5 : 2)] & 15;
    if (wide)
        memcpy(&r->out.target, r->at + r->used - 4, sizeof r->out.target);
    else
        r->out.target = (int8_t)r->at[r->used - 1];
    return true;
}

static bool leave(struct reader *r, size_t bytes)
{
    r->out.kind = INSN_END;
    return !(r->prefixes & (PREFIX_16 | PREFIX_REPNE)) && skip(r, bytes);
}

static bool rest(struct reader *r, char class, uint8_t opcode)
{
    switch (class) {
    case '.':
    case 'e':
    case 'p':
    case 'x': return false;
    case 'n':
        if (opcode == 0x90 && !(r->rex & REX_B) && !(r->prefixes & PREFIX_REP))
            r->out.kind = INSN_NOP;
        return true;
    case 'b': return skip(r, 1);
    case 'z': return skip(r, word_size(r));
    case 'v': return skip(r, r->rex & REX_W ? 8 : word_size(r));
    case 'j': return jump(r, INSN_BRANCH, false);
    case 'k': return jump(r, INSN_BRANCH, true);
    case 'S': return jump(r, INSN_JUMP, false);
    case 'J': return jump(r, INSN_JUMP, true);
    case 'r': return leave(r, 0);
    case 'R': return leave(r, 2);
    default: return operands(r, class);
    }
}

static void note_prefix(struct reader *r, uint8_t byte)
{
    r->prefixes |= byte == 0x66 ? PREFIX_16 : byte == 0xf2 ? PREFIX_REPNE : 0;
    r->prefixes |= byte == 0xf3 ? PREFIX_REP : 0;
}

struct insn insn_decode(const uint8_t *at, size_t size)
{
    struct reader r = {.at = at, .size = size, .out.kind = INSN_PLAIN};
    const struct insn unknown = {.kind = INSN_UNKNOWN};
    uint8_t byte;
    do {
        if (!next(&r, &byte))
            return unknown;
        note_prefix(&r, byte);
    } while (one_byte[byte] == 'p');
    if (one_byte[byte] == 'x') {
        r.rex = byte;
        if (!next(&r, &byte))
            return unknown;
    }
    char class = one_byte[byte];
    if (class == 'e') {
        if (!next(&r, &byte))
            return unknown;
        class = two_bytes[byte];
    }
    if (!rest(&r, class, byte))
        return unknown;
    if (r.prefixes & PREFIX_16 && r.rex & REX_W && strchr("zZv24", class))
        return unknown; /* both sizes of a word asked for: nobody writes that */
    r.out.size = (uint8_t)r.used;
    return r.out;
}
