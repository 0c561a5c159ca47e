/* inode: an inode in memory: `struct node`. Its raw bytes are the truth; they
 * go into the block of the inode table when the transaction is committed. */
#ifndef VOW_STORE_INODE_H
#define VOW_STORE_INODE_H

#include "store/fs.h"

struct node {
    uint32_t ino;
    uint32_t holds;
    struct node *next; /* in its hash chain */
    struct map *map;   /* NULL: not loaded */
    struct dir *dir;   /* NULL: not loaded */
    uint64_t changed;  /* transaction of its last change, 0: none */
    bool dirty;        /* raw is newer than the inode table */
    bool touched;      /* by the running operation */
    struct ext2_inode_large raw[];
};

/* node_get: an inode that has a name or is held. -ENOENT, -EUCLEAN.
 * node_load: also one that is free or without a name. */
int node_get(struct store *s, uint32_t ino, struct node **out);
int node_load(struct store *s, uint32_t ino, struct node **out);
/* node_make: the inode of a number that was just allocated. */
int node_make(struct store *s, uint32_t ino, const struct store_new *what, struct node **out);
/* node_write: copies raw into its block. */
int node_write(struct store *s, struct node *n);
/* node_forget: out of memory; node_forget_parts: only what was derived. */
void node_forget(struct store *s, struct node *n);
void node_forget_parts(struct store *s, struct node *n);
/* nodes_trim: makes room in memory, between operations. */
void nodes_trim(struct store *s);
void nodes_free(struct store *s);

/* node_type: S_IFREG …; node_mode: with the permissions. */
uint32_t node_type(const struct node *n);
/* node_is_short_link: of a symbolic link: its text is in the inode. */
bool node_is_short_link(const struct node *n);
uint64_t node_size(const struct node *n);
void node_set_size(struct store *s, struct node *n, uint64_t size);
/* node_charge: changes the number of the inode's blocks. */
void node_charge(struct store *s, struct node *n, int64_t blocks);
uint64_t node_blocks(const struct store *s, const struct node *n);
/* node_seed: what the checksums of its blocks begin with. */
uint32_t node_seed(const struct store *s, const struct node *n);
/* node_goal: where its first block would best be. */
uint64_t node_goal(const struct store *s, const struct node *n);

enum node_time { NODE_ATIME, NODE_MTIME, NODE_CTIME, NODE_BTIME };
void node_set_time(const struct store *s, struct node *n, enum node_time which,
                   const struct timespec *t);
struct timespec node_time(const struct store *s, const struct node *n, enum node_time which);
/* node_changed: ctime, and with contents mtime, become now. */
void node_changed(struct store *s, struct node *n, bool contents);

/* orphan.c: inodes without a name that are not free yet form a list on disk,
 * so that a crash does not lose them. orphan_free: frees the inode and its
 * blocks, in several operations if it is large. */
int orphan_add(struct store *s, struct node *n);
int orphan_remove(struct store *s, struct node *n);
int orphan_free(struct store *s, uint32_t ino);
/* orphans_free: those that a crash left, or whose holders are gone. */
int orphans_free(struct store *s);

#endif
