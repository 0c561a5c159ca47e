/* names: from the arguments of calls to nodes and directories. */
#ifndef VOW_BOX_NAMES_H
#define VOW_BOX_NAMES_H

#include <fcntl.h>

#include "box/broker/node.h"

#define CWD ((uint64_t)(int64_t)AT_FDCWD)
enum { NAMES_EMPTY = 0x1000 }; /* AT_EMPTY_PATH */

/* names_find: the node, held, that a call names: by path, or, with
 * NAMES_EMPTY, by descriptor. `flags`: AT_x. */
int names_find(struct thread *t, uint64_t dir, uint64_t path_at, uint32_t flags, struct node **out);
/* names_last: a name that is to be made or removed. */
int names_last(struct thread *t, uint64_t dir, uint64_t path_at, struct last *out);
/* names_may_change: may the names of a directory change? 0 or -errno. */
int names_may_change(struct thread *t, struct node *dir);
/* names_new: what a new inode of this mode in this directory is. */
struct store_new names_new(const struct thread *t, struct node *dir, uint32_t mode);
int names_make(struct thread *t, const struct last *l, const struct store_new *what,
               struct node **out);

#endif
