/* lock: advisory locks of files: flock, and ranges of fcntl. */
#ifndef VOW_BOX_LOCK_H
#define VOW_BOX_LOCK_H

#include "box/broker/file.h"

int64_t lock_flock(struct thread *t, struct file *f, int how);
int64_t lock_fcntl(struct thread *t, struct file *f, struct call *c);
/* lock_file_closed: the last descriptor of an open file; lock_process_closed: any
 * descriptor of a process, which ends its locks of ranges. */
void lock_file_closed(struct file *f);
void lock_process_closed(struct process *p, struct file *f);
void lock_node_gone(struct node *n);

#endif
