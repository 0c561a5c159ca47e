/* stranger: what memory and /proc tell of the processes that are watched. */
#ifndef VOW_STRANGER_H
#define VOW_STRANGER_H

#include "watch/decode.h"

/* One process (a thread's id will do). Its directory in /proc is held open, so
 * that a later process with its number is not taken for it. */
struct stranger {
    pid_t pid;
    int dir;
};

/* The processes that were looked at last. */
#define STRANGERS 8
struct strangers {
    struct stranger at[STRANGERS];
};

void strangers_init(struct strangers *all);
void strangers_free(struct strangers *all);
/* stranger_get: valid until the next call. */
struct stranger *stranger_get(struct strangers *all, pid_t pid);
/* stranger_target: for decode_call; lives as long as the stranger. */
struct target stranger_target(struct stranger *stranger);

/* stranger_name: what the kernel calls its program; "" if unknown. */
void stranger_name(const struct stranger *stranger, char *to, size_t size);
/* stranger_sees: is there anything at an absolute path in its view? */
bool stranger_sees(const struct stranger *stranger, const char *path);
/* stranger_outside: no more filters hold it than the caller, who watches a run,
 * or it is another user's: so it is none of the run, whose processes have one
 * more and no privilege to change their user. False where that cannot be told. */
bool stranger_outside(pid_t pid);
/* stranger_streams: is that descriptor of its a stream socket? False where that
 * cannot be told. */
bool stranger_streams(const struct stranger *stranger, int fd);
/* stranger_process: the process that a thread belongs to, or -errno. */
pid_t stranger_process(const struct stranger *stranger);

#endif
