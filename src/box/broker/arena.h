/* arena: how large it is, and what its users know of it. */
#ifndef VOW_BOX_ARENA_H
#define VOW_BOX_ARENA_H

#include <stdint.h>

struct node;

enum { ARENA_SHIFT = 45 };

/* arena_nameless: 2 GiB of it, for good, that belong to no file: where they begin, or
 * -ENOMEM. */
int64_t arena_nameless(void);
/* arena_populate: the pages for so many bytes at `offset` of a file of `file_size`,
 * all at once, before they are filled: a fault for each takes longer than that. */
void arena_populate(void *at, uint64_t size, uint64_t offset, uint64_t file_size);

/* arena_node: whose bytes lie there, and which of them; NULL: no file's. */
struct node *arena_node(uint64_t arena, uint64_t *offset);

#endif
