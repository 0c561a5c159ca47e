/* dir: a directory: names and inode numbers in blocks, as ext2 has them.
 *
 * With the first lookup all names go into a hash table in memory, together
 * with the largest gap of each block. What is on disk stays the truth: an
 * entry is found in its block again before it is changed.
 *
 * The kernel's hash trees look like ordinary blocks to who reads them in
 * order. The first change of such a directory makes it an ordinary one
 * (dir_unindex); `e2fsck -D` builds a tree again. */
#ifndef VOW_STORE_DIR_H
#define VOW_STORE_DIR_H

#include "store/inode.h"

struct dir_name {
    uint32_t hash, ino, block; /* block: of the directory, logical; ino 0: removed */
    uint32_t name;             /* in dir.names: size, then bytes */
};

struct dir {
    struct dir_name *entries;
    size_t count, capacity, live;
    uint32_t *slots; /* hash table: index + 1 into entries, 0: free */
    size_t slot_count;
    struct str names;
    uint16_t *gaps; /* largest gap of each block */
    size_t block_count, block_capacity;
    size_t hint; /* a block with room, perhaps */
};

/* dir_load: fills n->dir; -ENOTDIR, -EUCLEAN. */
int dir_load(struct store *s, struct node *n);
/* dir_find: the entry of a name, NULL if there is none. `.` and `..` too. */
const struct dir_name *dir_find(const struct dir *d, const char *name, size_t size);
/* dir_is_empty: nothing but `.` and `..`. */
bool dir_is_empty(const struct dir *d);
/* The following are called inside an operation, with names that dir_find has
 * looked up: dir_add that it is not there, the others that it is. */
int dir_add(struct store *s, struct node *n, const struct store_name *name,
            const struct node *target);
int dir_remove(struct store *s, struct node *n, const char *name, size_t size);
/* dir_change: the name now means another inode. */
int dir_change(struct store *s, struct node *n, const struct store_name *name,
               const struct node *target);
/* dir_start: the first block of a new directory. */
int dir_start(struct store *s, struct node *n, uint32_t parent);
void dir_free(struct store *s, struct dir *d);
/* dir_block: a block of a directory; dir_walk: calls visit for each entry of
 * it, in order; stops when that returns other than 0. */
int dir_block(struct store *s, struct node *n, uint32_t logical, struct block **out);
struct dir_place {
    struct ext2_dir_entry_2 *entry;
    uint32_t offset; /* in the block */
    uint32_t before; /* offset of the entry before it, or its own if it is the first */
};
int dir_walk(struct store *s, struct block *b,
             int (*visit)(void *context, const struct dir_place *place), void *context);
/* name_check: 0, -ENOENT (empty), -ENAMETOOLONG, -EINVAL ('/' or NUL). */
int name_check(const char *name, size_t size);

#endif
