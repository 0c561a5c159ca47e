/* journal: commits in jbd2's format, as the kernel and e2fsck replay them.
 *
 * The log is a ring of blocks of the journal's inode. A commit writes
 * descriptor blocks (which home each of the following blocks has), the blocks,
 * and, after a flush that also covers file data, a commit block, and a second
 * flush. Blocks go home at a checkpoint: right after a commit, when the cache
 * is exactly what was committed, once half of the log is used. No revoke
 * records are written: freed blocks whose old version is in the log are not
 * used again before the checkpoint (struct rest). */
#ifndef VOW_STORE_JOURNAL_H
#define VOW_STORE_JOURNAL_H

#include "base/base.h"

struct store;

/* A range of the log and where it is on the device, in blocks. */
struct log_run {
    uint32_t logical, count;
    uint64_t physical;
};

struct journal {
    struct log_run *runs;
    size_t run_count;
    uint32_t first, end;   /* the ring is [first, end) */
    uint32_t head;         /* next block to be written */
    uint32_t used;         /* blocks from the tail to the head */
    uint32_t sequence;     /* of the next commit */
    uint32_t seed;         /* of checksums */
    bool wide, checksums;  /* 64-bit numbers; version 3 checksums */
    bool started;          /* the image says that the journal must be replayed */
    bool checkpoint_asked; /* blocks are needed that rest */
};

/* journal_open: finds and checks the journal of an image. */
int journal_open(struct store *s, struct err *err);
/* journal_replay: writes home what the log has; the image is clean after it. */
int journal_replay(struct store *s, struct err *err);
/* journal_limit: how many blocks a transaction may have. */
size_t journal_limit(const struct store *s);
/* journal_stop: checkpoint, and the image needs no replay. */
int journal_stop(struct store *s);
void journal_close(struct store *s);
/* journal_block: where a block of the log is, 0 if nowhere. */
uint64_t journal_block(const struct journal *j, uint32_t logical);

#endif
