/* memory: the map of the process. All but memory_reset and memory_set_break want
 * memory_lock to be held. Ranges are of whole pages. */
#ifndef VOW_BOX_SHIM_MEMORY_H
#define VOW_BOX_SHIM_MEMORY_H

#include <linux/mman.h>

#include "box/shim/shim.h"

enum mapping_kind {
    MAPPING_ANON,
    MAPPING_FILE,   /* private, of the arena */
    MAPPING_SHARED, /* of the arena */
};
struct mapping {
    uint64_t start, end;
    uint32_t prot;
    uint16_t kind;
    bool writable;  /* MAPPING_SHARED: may become so */
    bool text;      /* MAPPING_FILE: has stubs */
    bool absent;    /* of the arena: nothing is there until somebody touches it */
    uint64_t arena; /* where `start` lies in it */
};

static inline bool mapping_has_arena(const struct mapping *m)
{
    return m->kind == MAPPING_FILE || m->kind == MAPPING_SHARED;
}
/* mapping_last: where its last byte lies in the arena. */
static inline uint64_t mapping_last(const struct mapping *m)
{
    return m->arena + (m->end - m->start) - 1;
}
/* mapping_is_data: what RLIMIT_DATA speaks of. */
static inline bool mapping_is_data(const struct mapping *m)
{
    return m->kind != MAPPING_SHARED && m->prot & PROT_WRITE;
}

extern struct lock memory_lock;
extern uint64_t memory_top; /* mappings go below */
/* memory_may_be_text: is there room for its stubs? */
bool memory_may_be_text(uint64_t start, uint64_t end);

/* memory_reset: unmaps everything and chooses anew where things go. */
void memory_reset(uint64_t seed);
void memory_set_break(uint64_t at);

/* memory_map: in place of whatever is there. The address, or -errno. */
long memory_map(const struct mapping *m);
/* memory_map_file: what BOX_MAP said is there, and the rest as absent. */
long memory_map_file(const struct mapping *m, uint64_t present);
/* memory_touch: takes the lock itself: somebody touched a page of the arena: true: it
 * is there now, or was. memory_is_absent: it is not, for its file ends before it. */
bool memory_touch(struct thread *t, uint64_t at, bool writes);
bool memory_is_absent(uint64_t at);
/* memory_not_mapped: what BOX_MAP answered came to nothing. */
void memory_not_mapped(uint64_t arena);
long memory_unmap(uint64_t start, uint64_t end);
long memory_protect(uint64_t start, uint64_t end, uint32_t prot);
/* memory_find: the highest free place below `top`, 0 if there is none. */
uint64_t memory_find(uint64_t size, uint64_t top);
/* memory_find_text: where text may lie, if there is room. */
uint64_t memory_find_text(uint64_t size);
/* memory_fits: may there be so much more, of data that is the process's own or of other
 * things, by its limits? `start`, `end`: what it takes the place of. */
enum memory_what { MEMORY_OTHER, MEMORY_DATA };
bool memory_fits(enum memory_what what, uint64_t size, uint64_t start, uint64_t end);
bool memory_is_free(uint64_t start, uint64_t end);
const struct mapping *memory_at(uint64_t at);
/* memory_next: the mapping with this index, NULL behind the last. */
const struct mapping *memory_next(unsigned index);
/* memory_above: the first mapping that ends above, NULL if there is none. */
const struct mapping *memory_above(uint64_t at);
/* memory_break: the end of the heap, moved if that was possible. */
uint64_t memory_break(uint64_t to);
long memory_discard(uint64_t start, uint64_t end);
enum { MEMORY_STAY = -1, MEMORY_MAY_MOVE = -2 };
/* memory_resize: `to`: an address, or one of the above. */
long memory_resize(uint64_t at, uint64_t old_size, uint64_t new_size, int64_t to);

#endif
