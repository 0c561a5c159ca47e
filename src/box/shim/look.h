/* look: what the broker has published (published.h), read without asking it. */
#ifndef VOW_BOX_SHIM_LOOK_H
#define VOW_BOX_SHIM_LOOK_H

#include "box/published.h"
#include "box/shim/sys.h"

/* Beside a result and -errno: it is not there, or changed too often: the broker
 * knows. */
enum { LOOK_ASK = -8192, LOOK_TRIES = 4 };

static inline const struct published *published(void)
{
    return (const struct published *)PUBLISHED_BASE;
}

/* look_begin: an even sequence number, or odd: it changes right now. look_holds:
 * has nothing changed since? */
static inline uint32_t look_begin(const uint32_t *seq)
{
    return __atomic_load_n(seq, __ATOMIC_ACQUIRE);
}
static inline bool look_holds(const uint32_t *seq, uint32_t before)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return !(before & 1) && __atomic_load_n(seq, __ATOMIC_RELAXED) == before;
}

/* An open file, published or claimed: which one a descriptor is. */
struct look_file {
    const uint32_t *seq_at;
    uint64_t *position;
    uint32_t seq, inode, flags; /* flags: FILE_x */
};
/* look_file: false: not published, or odd. look_file_holds: it still is the same. */
bool look_file(const struct thread *t, long fd, struct look_file *out);
static inline bool look_file_holds(const struct look_file *f)
{
    return look_holds(f->seq_at, f->seq);
}

/* What a call asks about; flags: AT_x. */
struct look_object {
    long dir;
    const char *path; /* of the guest */
    long flags;
    bool by_real_ids; /* not the effective ones: access(2) */
};
/* look_for: which inode it is, and who may do what with it: 0, -errno or LOOK_ASK.
 * look_for_file: which one a descriptor is; of it nothing but that. */
struct look_found {
    uint32_t inode, life, mode;
    struct access_ids owner;
};
long look_for(const struct thread *t, const struct look_object *o, struct look_found *out);
bool look_for_file(const struct thread *t, long fd, struct look_found *out);
/* look_inode: what is known of it is read now, then look_inode_holds says whether it
 * was all there, of one moment and of what was found. */
struct look_inode {
    const struct published_inode *at;
    uint32_t seq, life;
};
static inline struct look_inode look_inode(const struct look_found *f)
{
    const struct published_inode *n = &published()->inodes[f->inode];
    return (struct look_inode){n, look_begin(&n->seq), f->life};
}
static inline bool look_inode_holds(const struct look_inode *i)
{
    bool is_it = i->at->flags & INODE_KNOWN && i->at->life == i->life;
    return look_holds(&i->at->seq, i->seq) && is_it;
}
/* look_place: of the calling process; its number, 0: it has none. */
uint32_t look_place_number(const struct thread *t);
static inline const struct published_place *look_place(const struct thread *t)
{
    return &published()->places[look_place_number(t)];
}
/* look_ids: of the calling process. */
struct access_ids look_ids(const struct thread *t, bool effective);
/* look_read: part of a read or pread64, of up to `size` bytes from `done` on: how
 * many, -errno or LOOK_ASK. */
long look_read(struct thread *t, struct transfer *x, uint64_t done, uint64_t size);

/* claim.c (box/claim.h): claim_find: an open file that is claimed. claim_open: the
 * descriptor, -errno or LOOK_ASK. claim_close: 0, or LOOK_ASK. */
bool claim_find(const struct thread *t, uint32_t fd, struct look_file *out);
long claim_open(const struct thread *t, const struct look_object *o, uint32_t flags);
long claim_close(const struct thread *t, uint32_t fd);

#endif
