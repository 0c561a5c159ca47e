/* claim: how a guest opens and closes a file for reading without a round trip.
 *
 * For each process there is a table in the channel. To open a file that is published
 * (published.h) a guest writes down which, under which number, in an entry of that
 * table; to close it, it takes the entry back. The broker makes descriptors of what
 * is claimed before it does anything that could tell the difference.
 *
 * All that is valid is in one word: which entries are, and a version that every
 * change of theirs makes another one. A guest changes it by compare-and-swap from
 * what it was before the guest looked for a number and a file; while the broker gives
 * away a number, or changes the process's users, limits or root, the word is barred.
 * So no number is given twice, and what gave the right to open still does. Names may
 * change behind a walk, which is of one moment, as behind any open; that the file is
 * still there says the inode's life.
 *
 * An entry is built and given up by the one who made it CLAIM_BUSY. The broker says
 * in it what became of it: taken, that is, a descriptor; or dropped, for what it
 * claims is not to be had: the inode's index has got another meaning meanwhile
 * (published_inode.life), or a guest has forged it. */
#ifndef VOW_BOX_CLAIM_H
#define VOW_BOX_CLAIM_H

#include <stdint.h>

enum {
    CLAIMS = 32, /* of a process at a time */
    CLAIM_FDS = 1024,
};

/* The word: a bit for each entry that is valid; CLAIMS_BARRED; the version. */
#define CLAIMS_BARRED (UINT64_C(1) << CLAIMS)
#define CLAIMS_VERSION (UINT64_C(1) << (CLAIMS + 1)) /* one more */

enum claim_state { CLAIM_FREE, CLAIM_BUSY, CLAIM_OPEN, CLAIM_TAKEN, CLAIM_DROPPED };

struct claim {
    uint32_t state;
    uint32_t seq; /* odd: it is no open file; each is another number */
    uint16_t fd;
    uint16_t how;   /* FILE_x, as of published_file */
    uint32_t flags; /* O_x */
    uint32_t inode, life;
    uint64_t position;
};

struct claims {
    uint64_t word;
    struct claim of[CLAIMS];
} __attribute__((aligned(64)));

static inline uint32_t claims_valid(uint64_t word)
{
    return (uint32_t)word;
}
/* claims_next: with other valid entries; not barred. */
static inline uint64_t claims_next(uint64_t word, uint32_t valid)
{
    return ((word & ~(CLAIMS_VERSION - 1)) + CLAIMS_VERSION) | valid;
}

/* CLAIM_FLAGS: of an open that can be claimed: O_RDONLY and O_NOCTTY, O_NONBLOCK,
 * O_LARGEFILE, O_DIRECTORY, O_NOFOLLOW, O_NOATIME, O_CLOEXEC. */
#define CLAIM_CLOEXEC 02000000U
#define CLAIM_DIRECTORY 0200000U
#define CLAIM_NOFOLLOW 0400000U
#define CLAIM_FLAGS                                                                                \
    (0400U | 04000U | 0100000U | CLAIM_DIRECTORY | CLAIM_NOFOLLOW | 01000000U | CLAIM_CLOEXEC)

#endif
