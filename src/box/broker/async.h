/* async: signals that tell that something can be done with a file: O_ASYNC. */
#ifndef VOW_BOX_ASYNC_H
#define VOW_BOX_ASYNC_H

#include <signal.h> /* POLL_IN */

#include "box/broker/file.h"

/* async_turn: switches them on or off, by the descriptor `fd`: 0 or -ENOMEM. Of
 * files that tell nothing, nothing happens. */
int async_turn(struct thread *t, struct file *f, int fd, bool on);
/* async_fcntl: who gets them, and which; -EINVAL: another request. async_ioctl: likewise of
 * sockets; -ENOTTY. */
int64_t async_fcntl(struct thread *t, struct file *f, const struct call *c);
int64_t async_ioctl(struct thread *t, struct file *f, uint32_t request, uint64_t argument);
void async_forget(struct file *f);
/* async_tell: POLL_IN and its like of all files with this data: what can be read is told to
 * those that can read. By async_deliver, once no call is in the midst of anything: the signal
 * may be one that ends who calls. */
void async_tell(const struct file_ops *ops, const void *data, int code);
extern bool async_is_due;
void async_deliver(void);

#endif
