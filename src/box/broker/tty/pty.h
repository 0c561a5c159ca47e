/* pty: pseudoterminals: /dev/ptmx, and /dev/pts with a name for each. */
#ifndef VOW_BOX_PTY_H
#define VOW_BOX_PTY_H

#include "box/broker/node.h"

/* pty_open_master: of /dev/ptmx; pty_open_slave: of a name in /dev/pts. */
int pty_open_master(struct node *n, struct thread *t, uint32_t flags, struct file **out);
int pty_open_slave(struct node *n, struct thread *t, uint32_t flags, struct file **out);
/* pty_index: of the slave's file; -1: it is none. */
int pty_index(const struct file *f);
/* pty_is: a file of one. pty_foreground: the slave's foreground group, 0: none. */
bool pty_is(const struct file *f);
uint32_t pty_foreground(const struct file *f);

#endif
