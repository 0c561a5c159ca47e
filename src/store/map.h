/* map: which blocks hold an inode's contents: its extent tree, in memory.
 *
 * The leaves of the tree are kept decoded, each with its block; an operation
 * changes them in memory, and when it ends map_store encodes the leaves that
 * changed and, if leaves came or went, the index above them. The old block
 * maps of ext2 are read, and become extents with the first change. */
#ifndef VOW_STORE_MAP_H
#define VOW_STORE_MAP_H

#include "store/inode.h"

/* Blocks [logical, logical+count) of the file are at `physical`; 0: a hole. */
struct run {
    uint64_t physical;
    uint32_t logical, count;
    bool unwritten; /* reserved: reads as zeros */
};

struct leaf {
    struct run *runs;
    size_t count, capacity;
    uint64_t block; /* 0: in the inode, or none yet */
    uint32_t first; /* as the index has it */
    bool dirty;
};

struct map {
    struct leaf *leaves; /* at least one */
    size_t count, capacity;
    uint64_t *inner; /* blocks of the index */
    size_t inner_count, inner_capacity;
    uint64_t *dropped; /* blocks of leaves that are gone */
    size_t dropped_count, dropped_capacity;
    bool edited;  /* by the running operation */
    bool reshape; /* leaves came, went, or begin elsewhere */
    bool old;     /* a block map of ext2 */
};

/* map_load: fills n->map. */
int map_load(struct store *s, struct node *n);
/* map_find: what is at `logical`, and for how many blocks it goes on. */
struct run map_find(const struct map *m, uint32_t logical);
/* map_set: run->physical 0 makes a hole. The caller frees what was there. */
int map_set(struct store *s, struct node *n, const struct run *run);
int map_store(struct store *s, struct node *n);
void map_free(struct map *m);
/* map_drop: frees all blocks from `logical` on, at most about `most` of them;
 * 1: there are more. */
int map_drop(struct store *s, struct node *n, uint32_t logical, uint64_t most);
/* map_end: behind the last block. */
uint64_t map_end(const struct map *m);
/* map_runs: how many there are. */
size_t map_runs(const struct map *m);

enum { MAP_END = 0xffffffff }; /* no block has this number */

#endif
