/* alloc: free and used blocks and inode numbers. Call inside an operation. */
#ifndef VOW_STORE_ALLOC_H
#define VOW_STORE_ALLOC_H

#include "store/fs.h"

/* blocks_alloc: a range of at most `want` blocks, near `goal`: how many it
 * has; -ENOSPC. blocks_free: -EUCLEAN if one of them is free or no data. */
int64_t blocks_alloc(struct store *s, uint64_t goal, uint32_t want, uint64_t *first);
int blocks_free(struct store *s, uint64_t first, uint64_t count);
/* rests_wake: after a commit: blocks that rested may be used; with
 * `checkpointed` all of them. rests_cut: forgets those from `count` on. */
void rests_wake(struct store *s, bool checkpointed);
void rests_cut(struct store *s, size_t count);

/* inode_alloc: a number near that of `parent`; inode_free. */
int inode_alloc(struct store *s, uint32_t parent, bool directory, uint32_t *ino);
int inode_free(struct store *s, uint32_t ino, bool directory);

#endif
