/* arena: the memory that processes of the box share: one sparse memory file of
 * 2^ARENA_SHIFT bytes, of which guests map parts. It is given away in windows of
 * 2^WINDOW_SHIFT bytes: to a node, whose pages lie in one or several in a row; to a
 * text; or to shared memory without a name. Who has mapped something of a window is
 * known by process: the shim tells when the last mapping of one is gone. */
#ifndef VOW_BOX_ARENA_H
#define VOW_BOX_ARENA_H

#include "box/broker/broker.h"

enum { WINDOWS = 1 << (ARENA_SHIFT - WINDOW_SHIFT) };
#define WINDOW_BYTES (UINT64_C(1) << WINDOW_SHIFT)

enum arena_kind { ARENA_FREE, ARENA_NODE, ARENA_TEXT, ARENA_NAMELESS };

/* arena_claim: so many windows in a row; the first one's number, or -ENOMEM.
 * arena_extend: one more, right behind `end`; false: that one is taken.
 * arena_drop: gives them back, and their pages. */
int64_t arena_claim(enum arena_kind kind, struct node *node, unsigned count);
bool arena_extend(struct node *node, unsigned end);
void arena_drop(unsigned first, unsigned count);
char *arena_at(unsigned window, uint64_t offset);
/* arena_users: how many processes have mapped something of it. */
unsigned arena_users(unsigned first, unsigned count);

/* arena_limit: how many bytes there may be. arena_spend: so many more are about to
 * be there, for which others may have to go: 0 or -ENOMEM. arena_refund: they went. */
void arena_limit(uint64_t bytes);
int arena_spend(uint64_t bytes);
void arena_refund(uint64_t bytes);

/* arena_populate: the pages for so many bytes at `offset` of a file of `file_size`,
 * all at once, before they are filled: a fault for each takes longer than that. */
void arena_populate(void *at, uint64_t size, uint64_t offset, uint64_t file_size);

/* arena_node: whose bytes lie there, and which of them; NULL: no file's. */
struct node *arena_node(uint64_t arena, uint64_t *offset);
/* arena_small: memory without a name, from a window that others share. */
int64_t arena_small(uint64_t size);
enum { ARENA_SMALL = 1 << 20 };

/* arena_note: the process is about to map so many bytes there. arena_inherit: what
 * its parent has; -ENOMEM. arena_leave: it has nothing any more. */
void arena_note(struct process *p, uint64_t arena, uint64_t size);
int arena_inherit(struct process *p, const struct process *parent);
void arena_leave(struct process *p);

/* arena_unlinked: a name of the node went: what is kept of it though nobody maps it. */
void arena_unlinked(struct node *n);

/* text.c: text_unused: nobody maps the text there any more. text_make_room: one that
 * nobody maps goes; false: there is none. text_forget: those of a node that nobody
 * can map again go. */
void text_unused(unsigned window);
bool text_make_room(void);
void text_forget(const struct node *n);
/* window.c: the same of nodes. */
void window_unused(struct node *n);
uint64_t window_offset(const struct node *n, uint64_t arena);
bool window_make_room(struct node *n);

#endif
