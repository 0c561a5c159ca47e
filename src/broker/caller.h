/* caller: the thread whose call is held, seen from the broker: its memory, its
 * directories and descriptors, and as whom it acts.
 *
 * It may be killed at any time, and its number given to another; what was read
 * counts once caller_alive() has said so afterwards. The broker's working
 * directory is /proc. */
#ifndef VOW_BROKER_CALLER_H
#define VOW_BROKER_CALLER_H

#include "host/notify.h"

/* caller_number: the number behind a word in /proc/PID/status ("Tgid:"), or 0. */
pid_t caller_number(pid_t pid, const char *word);
/* caller_decimal: writes a number, without NUL; its size. */
size_t caller_decimal(char *to, uint64_t value);

/* self_path: the name by which the broker finds its own descriptor. */
#define SELF_PATH_SIZE 24
const char *self_path(int fd, char to[SELF_PATH_SIZE]);

/* caller_text: a string of the caller's with its NUL, at most `room` bytes: its
 * length; -EFAULT, -ENAMETOOLONG. caller_read, caller_write: all `size` bytes or
 * -EFAULT. */
ssize_t caller_text(const struct notify_call *call, uint64_t address, char *to, size_t room);
int caller_read(const struct notify_call *call, uint64_t address, void *to, size_t size);
int caller_write(const struct notify_call *call, uint64_t address, const void *from, size_t size);

/* caller_directory: the working directory (AT_FDCWD) or what is behind one of
 * the caller's descriptors, O_PATH; or -EBADF. */
int caller_directory(const struct notify_call *call, int fd);
/* caller_process: a pidfd of a process, or -errno. */
int caller_process(pid_t process);
/* caller_descriptor: a copy of one of its descriptors. */
int caller_descriptor(const struct notify_call *call, int fd);

/* caller_signalled: has it a signal to handle as soon as the call ends? */
bool caller_signalled(const struct notify_call *call);

/* As whom a thread acts on files. */
#define CALLER_GROUPS 256
struct caller_identity {
    uint32_t user, group, umask;
    uint64_t capabilities;
    size_t group_count;
    uint32_t groups[CALLER_GROUPS];
};
/* caller_identify: reads it; -errno, and -E2BIG with more groups. */
int caller_identify(const struct notify_call *call, struct caller_identity *out);
/* caller_become: acts on files as this one from now on; only for a broker that
 * was started with all of its rights. caller_return: as itself again. */
int caller_become(const struct caller_identity *who);
void caller_return(void);

#endif
