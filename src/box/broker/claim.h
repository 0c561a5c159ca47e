/* claim: makes descriptors of what guests have opened without asking (box/claim.h). */
#ifndef VOW_BOX_BROKER_CLAIM_H
#define VOW_BOX_BROKER_CLAIM_H

#include "box/broker/node.h"

/* claims_start, claims_end: of a new table, if it has a place; of one that goes. */
void claims_start(struct fd_table *fds);
void claims_end(struct fd_table *fds);
/* claims_take: all that is claimed is a descriptor, or dropped. claims_bar: likewise,
 * and nothing more is claimed before claims_open. */
void claims_take(struct fd_table *fds);
void claims_bar(struct fd_table *fds);
void claims_open(struct fd_table *fds);
/* claims_forget: no thread is left but the calling one: what others were about to do. */
void claims_forget(struct fd_table *fds);
/* claims_take_all: of every process. */
void claims_take_all(void);
/* claims_keep: its last user is about to drop a node: who claims it holds it then. */
void claims_keep(struct node *n);

#endif
