#include "box/arch/x86_64/site.h"

#include <errno.h>
#include <string.h>

#include "box/arch/x86_64/insn.h"

enum { ALIGNED = 16, BREAKPOINT = 0xcc, JUMP = 0xe9, JCC_ESCAPE = 0x0f, JCC = 0x80, JCC_SIZE = 6 };

_Static_assert(sizeof(struct stub_notes) == 16, "a stub's end");

/* Bytes that raise #UD in 64-bit mode wherever an instruction begins with one. */
static bool is_no_opcode(uint8_t byte)
{
    static const uint8_t none[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f,
                                   0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xea};
    return memchr(none, byte, sizeof none) != NULL;
}

int site_read(const uint8_t *bytes, size_t size, uint64_t address, struct site *out)
{
    *out = (struct site){.size = SITE_CALL_SIZE};
    if (size < SITE_CALL_SIZE || bytes[0] != 0x0f || bytes[1] != 0x05)
        return -EINVAL;
    while (out->size < SITE_JUMP_SIZE) {
        if (out->ends && out->size < size && bytes[out->size] == BREAKPOINT) {
            out->size++; /* Go's padding */
            continue;
        }
        struct insn i = insn_decode(bytes + out->size, size - out->size);
        if (i.kind == INSN_UNKNOWN)
            return -ENOTSUP;
        if (out->ends) {
            /* Padding: nobody comes here. A function might begin with such a thing. */
            if (i.kind != INSN_NOP || (address + out->size) % ALIGNED == 0)
                return -ENOTSUP;
        } else {
            out->guarded |= (uint8_t)(1U << out->size);
            out->at[out->count++] = out->size;
            out->ends = i.kind == INSN_JUMP || i.kind == INSN_END;
        }
        out->size = (uint8_t)(out->size + i.size);
    }
    return 0;
}

bool site_fits(const struct site *s, int64_t distance)
{
    int64_t relative = distance - SITE_JUMP_SIZE;
    if (relative != (int32_t)relative)
        return false;
    for (unsigned i = 1; i < SITE_JUMP_SIZE; i++)
        if (s->guarded >> i & 1 && !is_no_opcode((uint8_t)(relative >> 8 * (i - 1))))
            return false;
    return true;
}

static bool put_word(uint8_t *to, int64_t value)
{
    int32_t word = (int32_t)value;
    memcpy(to, &word, sizeof word);
    return word == value;
}

/* A jump from `at` of the stub to `target`, which counts from the site. */
static bool put_jump(struct stub *out, unsigned *at, int64_t target, int64_t distance)
{
    out->bytes[*at] = JUMP;
    bool fits = put_word(out->bytes + *at + 1, target - distance - *at - SITE_JUMP_SIZE);
    *at += SITE_JUMP_SIZE;
    return fits;
}

/* One instruction that moves, from `from` of the text to *at of the stub. */
static bool move(struct stub *out, unsigned *at, const uint8_t *bytes, unsigned from,
                 int64_t distance)
{
    struct insn i = insn_decode(bytes + from, SITE_REACH - from);
    int64_t target = (int64_t)from + i.size + i.target;
    if (i.kind == INSN_JUMP)
        return put_jump(out, at, target, distance);
    if (i.kind == INSN_BRANCH) {
        out->bytes[*at] = JCC_ESCAPE;
        out->bytes[*at + 1] = (uint8_t)(JCC | i.condition);
        *at += JCC_SIZE;
        return put_word(out->bytes + *at - 4, target - distance - *at);
    }
    int32_t relative = 0;
    bool fits = true;
    memcpy(out->bytes + *at, bytes + from, i.size);
    if (i.relative) {
        memcpy(&relative, bytes + from + i.relative, sizeof relative);
        fits = put_word(out->bytes + *at + i.relative, relative + (int64_t)from - distance - *at);
    }
    *at += i.size;
    return fits;
}

int site_write(const struct site *s, const uint8_t *bytes, int64_t distance, int32_t gate,
               struct stub *out)
{
    static const uint8_t head[] = {
        0x48, 0x8d, 0x0d, 8,    0, 0, 0,   /* lea resume(%rip), %rcx */
        0x65, 0xff, 0x24, 0x25, 0, 0, 0, 0 /* jmp *%gs:gate */
    };
    uint8_t whole[SITE_REACH] = {0};
    struct stub_notes notes = {.site = (int32_t)-distance, .count = (uint8_t)(s->count + 1)};
    unsigned at = STUB_RESUME;
    bool fits = true;
    _Static_assert(sizeof head == STUB_RESUME, "resume");
    memcpy(whole, bytes, s->size);
    memset(out->bytes, 0xcc, sizeof out->bytes);
    memcpy(out->bytes, head, sizeof head);
    put_word(out->bytes + sizeof head - 4, gate);
    for (unsigned i = 0; i < s->count; i++) {
        notes.pairs[i] = (struct stub_pair){s->at[i], (uint8_t)at};
        fits &= move(out, &at, whole, s->at[i], distance);
    }
    notes.pairs[s->count] = (struct stub_pair){s->size, (uint8_t)at};
    if (!s->ends)
        fits &= put_jump(out, &at, s->size, distance);
    memcpy(out->bytes + STUB_NOTES, &notes, sizeof notes);
    out->jump[0] = JUMP;
    put_word(out->jump + 1, distance - SITE_JUMP_SIZE);
    return fits && at <= STUB_NOTES ? 0 : -ERANGE;
}
