/* cache: the metadata blocks in memory, and operations that can be undone.
 *
 * A block is clean, dirty (changed by the running transaction), logged (its
 * last committed version is in the journal, its home is older), or both. Clean
 * blocks may be dropped, but only between operations: inside one, a pointer to
 * a block stays valid. */
#ifndef VOW_STORE_CACHE_H
#define VOW_STORE_CACHE_H

#include "base/base.h"

struct store;
struct node;

/* Owners of what belongs to no inode, and of attribute blocks, which several
 * inodes may share. */
#define OWNER_SYSTEM 0u
#define OWNER_XATTRS UINT32_MAX

/* How the checksum of a block is kept. */
enum seal { SEAL_NONE, SEAL_DIRECTORY, SEAL_INDEXED, SEAL_EXTENTS, SEAL_XATTRS };

/* Whose block it is: a block has one use; a second is damage. */
struct use {
    uint32_t owner; /* inode number, or OWNER_SYSTEM */
    enum seal seal;
    uint32_t seed; /* of the checksum */
};

enum { BLOCK_DIRTY = 1, BLOCK_LOGGED = 2, BLOCK_PINNED = 4, BLOCK_SAVED = 8 };

struct block {
    uint64_t number;
    struct use use;
    uint32_t state;      /* BLOCK_… */
    size_t dirty_index;  /* in cache.dirty, if dirty */
    size_t logged_index; /* in cache.logged, if logged */
    struct block *next;  /* in its hash chain */
    uint8_t *data;
};

struct block_list {
    struct block **at;
    size_t count, capacity;
};

struct cache {
    struct block **buckets;
    size_t bucket_count, count;
    struct block_list dirty, logged;
};

/* What an operation must put back if it fails. */
enum undo_kind { UNDO_EDIT, UNDO_FRESH, UNDO_FORGET };
struct undo {
    struct block *block;
    uint8_t *saved; /* its contents before; only of UNDO_EDIT */
    enum undo_kind kind;
    uint32_t state;
};
struct undo_node {
    struct node *node;
    uint8_t *raw; /* NULL: the inode is new */
    uint64_t changed;
    bool dirty;
};
struct op {
    struct undo *blocks;
    size_t block_count, block_capacity;
    struct undo_node *nodes;
    size_t node_count, node_capacity;
    size_t rest_count; /* of the store, when it began */
    uint8_t **spare;   /* buffers for saved contents */
    size_t spare_count, spare_capacity;
};

int cache_init(struct store *s);
/* cache_drop: forgets all clean blocks; cache_free: all. */
void cache_drop(struct store *s);
void cache_free(struct store *s);

/* block_get: a block, read if it is not there; -EUCLEAN: outside of the file
 * system, used otherwise already, or with a wrong checksum. */
int block_get(struct store *s, uint64_t number, const struct use *use, struct block **out);
/* block_fresh: a block that was just allocated: zeros, to be changed. */
int block_fresh(struct store *s, uint64_t number, const struct use *use, struct block **out);
/* block_edit: call before the first change of a block in an operation. */
int block_edit(struct store *s, struct block *b);
/* block_forget: the block was freed: its contents do not matter any more.
 * 1: an old version of it is in the journal. */
int block_forget(struct store *s, uint64_t number);
bool block_cached(const struct store *s, uint64_t number);

/* store_trim: makes room in memory, unless an operation runs. Pointers to
 * blocks and nodes are not valid after it. */
void store_trim(struct store *s);

/* op_begin: 0, -EROFS, or a commit's error: makes room in the transaction and
 * in memory. op_end: finishes what the operation changed, or, if result is
 * negative or finishing fails, undoes it; returns the result. */
int op_begin(struct store *s);
int64_t op_end(struct store *s, int64_t result);
/* op_node: call before the first change of an inode; op_made: it is new. */
int op_node(struct store *s, struct node *n);
int op_made(struct store *s, struct node *n);
void op_free(struct store *s);
/* op_is_large: the running transaction is full enough: an operation that can
 * go on in another one should end. */
bool op_is_large(const struct store *s);

/* For op.c and journal.c: puts back, or keeps, what the operation changed. */
void op_undo_blocks(struct store *s);
void op_keep_blocks(struct store *s);
/* block_list_add: O(1); *index is the block's member for it. */
int block_list_add(struct block_list *list, struct block *b, size_t *index) MUST_USE;

/* OPERATION: runs `call` as an operation: -ENOSPC while freed blocks still
 * rest makes them usable and tries once more. */
#define OPERATION(s, call)                                                                         \
    ({                                                                                             \
        int64_t result_;                                                                           \
        do {                                                                                       \
            result_ = op_begin(s);                                                                 \
            if (result_ == 0)                                                                      \
                result_ = op_end(s, call);                                                         \
        } while (op_retry(s, result_));                                                            \
        result_;                                                                                   \
    })
bool op_retry(struct store *s, int64_t result);

#endif
