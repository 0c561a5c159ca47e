/* text: the code of programs as guests execute it: a copy of a part of a file, in
 * which syscalls become jumps once they are known to be syscalls (site.h). All
 * processes of the box that map the same part share it.
 *
 * Rewriting is an optimisation only. A site that was not rewritten traps, and
 * what lies here is as open to the guests as the rest of the arena: it is read
 * once, and nothing is done with it but to write it back. */
#ifndef VOW_BOX_BROKER_TEXT_H
#define VOW_BOX_BROKER_TEXT_H

#include "box/broker/broker.h"

/* text_map: the arena's offset of `size` bytes at `offset` of a file, to execute;
 * what they need of stubs follows TEXT_STUBS behind. -ENOTSUP: map the file. */
int64_t text_map(struct node *n, uint64_t offset, uint64_t size);
/* text_node: the file whose code lies there in the arena, and where in it; or NULL. */
struct node *text_node(uint64_t arena, uint64_t *offset);

#endif
