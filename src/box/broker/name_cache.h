/* name_cache: which inode a name of a directory of the image leads to, or that
 * there is none. What it knows, guests can read. It holds the nodes it knows. */
#ifndef VOW_BOX_NAME_CACHE_H
#define VOW_BOX_NAME_CACHE_H

#include "box/broker/node.h"

/* name_cache_find: is it known? *out: the node, held, or NULL: no such name. */
bool name_cache_find(struct node *dir, const char *name, size_t size, struct node **out);
/* name_cache_put: `child`: NULL: there is none. */
void name_cache_put(struct node *dir, const char *name, size_t size, struct node *child);
void name_cache_forget(struct node *dir, const char *name, size_t size);
/* name_cache_forget_in: all names of a directory, which so loses its holds. */
void name_cache_forget_in(struct node *dir);

#endif
