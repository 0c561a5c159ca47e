/* inotify: tells who watches a node what happens to it. Reads are not told of. */
#ifndef VOW_BOX_INOTIFY_H
#define VOW_BOX_INOTIFY_H

#include <sys/inotify.h>

#include "box/broker/node.h"

/* inotify_is_used: does anybody watch anything? */
bool inotify_is_used(void);
/* inotify_event: something happened to a node: tells its directory, then itself. */
void inotify_event(struct node *n, uint32_t mask);
/* inotify_self: tells those alone who watch the node itself. */
void inotify_self(struct node *n, uint32_t mask);
/* inotify_entry: something happened to a name in a directory. */
void inotify_entry(struct node *dir, const struct store_name *name, uint32_t mask, uint32_t cookie);
/* inotify_cookie: what binds the two halves of one rename. */
uint32_t inotify_cookie(void);
/* inotify_unused: nobody but its watches holds a node: they end if it has no name. */
void inotify_unused(struct node *n);

#endif
