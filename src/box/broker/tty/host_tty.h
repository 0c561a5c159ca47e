/* tty: the terminal that the box was started on, as the guests have it. */
#ifndef VOW_BOX_HOST_TTY_H
#define VOW_BOX_HOST_TTY_H

#include "box/broker/task.h"

/* tty_start: which of 0, 1 and 2 are terminals. The first process's session has
 * the first of them. */
void tty_start(const bool kinds[3]);
bool tty_is(int fd);
/* tty_open: /dev/tty: the terminal of the process, whichever it is. */
int tty_open(struct node *n, struct thread *t, uint32_t flags, struct file **out);
/* tty_host_signal: the host's terminal sent it to the broker. */
void tty_host_signal(int signal);
/* tty_may_read: 0, or what a read from the background gets. */
int64_t tty_may_read(struct thread *t);
int64_t tty_ioctl(struct thread *t, int fd, uint32_t request, uint64_t argument);
/* tty_fd: the descriptor of the host that is the terminal; -1: there is none. */
int tty_fd(void);

#endif
