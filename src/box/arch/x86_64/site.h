/* site: a `syscall` instruction in a program's text, and the jump that takes its
 * place. PURE.
 *
 * A jump has five bytes, syscall two: the instructions behind it make room, and
 * move to a stub,
 *
 *   text:  jmp stub              stub:  lea resume(%rip), %rcx
 *          (rest of what moved)         jmp *%gs:GATE
 *   end:   …                    resume: what moved
 *                                       jmp end
 *
 * Nobody has to know who jumps where. The stub is put at a distance such that
 * each byte of the jump at which a moved instruction began is one that is no
 * instruction on any processor of this architecture: who comes there, by a jump
 * or because he was there already when the jump was written, gets SIGILL, and the
 * shim sends him to the instruction in the stub. */
#ifndef VOW_BOX_SITE_H
#define VOW_BOX_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SITE_CALL_SIZE = 2, /* of a syscall */
    SITE_JUMP_SIZE = 5,
    SITE_REACH = 32, /* bytes that may matter, from the syscall on */
    SITE_MOVED_MAX = 3,
    STUB_SIZE = 64,
    STUB_RESUME = 15, /* where in a stub what moved begins */
};

/* Where an instruction was, from the site, and is, in the stub. */
struct stub_pair {
    uint8_t text, stub;
};

/* The end of each stub: what leads back from an address in it. */
struct stub_notes {
    int32_t site; /* from the stub */
    uint8_t count;
    struct stub_pair pairs[SITE_MOVED_MAX + 1]; /* the last one: what did not move */
    uint8_t unused[3];
};
enum { STUB_NOTES = STUB_SIZE - sizeof(struct stub_notes) };

struct site {
    uint8_t size;  /* of all that moves, the syscall too */
    uint8_t count; /* of instructions behind it that move */
    bool ends;     /* the last of them never goes on behind itself */
    uint8_t at[SITE_MOVED_MAX];
    uint8_t guarded; /* bit n: who comes to byte n of the jump must be stopped */
};

struct stub {
    uint8_t bytes[STUB_SIZE] __attribute__((aligned(4))); /* the notes, too */
    uint8_t jump[SITE_JUMP_SIZE];
};

/* site_read: `bytes`: SITE_REACH at most, from a syscall on; `address`: the site's,
 * or anything that is equal to it modulo 16. 0; -EINVAL: no syscall; -ENOTSUP:
 * what follows cannot move. */
int site_read(const uint8_t *bytes, size_t size, uint64_t address, struct site *out);
/* site_fits: may the stub lie so far from the site? */
bool site_fits(const struct site *s, int64_t distance);
/* site_write: the stub and the jump for a distance that fits. `gate`: from %gs.
 * 0, or -ERANGE: what moved reaches too far. */
int site_write(const struct site *s, const uint8_t *bytes, int64_t distance, int32_t gate,
               struct stub *out);

/* stub_text: where in its text somebody is who is at `offset` of a stub: from the
 * site. */
static inline unsigned stub_text(const struct stub_notes *notes, unsigned offset)
{
    unsigned text = 0;
    for (unsigned i = 0; i < notes->count && i < SITE_MOVED_MAX + 1; i++)
        if (notes->pairs[i].stub <= offset)
            text = notes->pairs[i].text;
    return text;
}

/* stub_place: the other way; -1: what is at `offset` of the text did not move. */
static inline int stub_place(const struct stub_notes *notes, unsigned offset)
{
    for (unsigned i = 0; i + 1 < notes->count && i < SITE_MOVED_MAX; i++)
        if (notes->pairs[i].text == offset)
            return notes->pairs[i].stub;
    return -1;
}

#endif
