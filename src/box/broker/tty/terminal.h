/* terminal: a session's terminal and job control, whatever the terminal is. */
#ifndef VOW_BOX_TERMINAL_H
#define VOW_BOX_TERMINAL_H

#include "box/broker/task.h"

struct terminal {
    struct terminal *next;
    uint32_t session, foreground; /* 0: nobody's */
    /* open: what /dev/tty is to a process that has it. */
    int (*open)(struct terminal *self, uint32_t flags, struct file **out);
};

void terminal_add(struct terminal *term);
void terminal_remove(struct terminal *term);
/* terminal_of: the one that a process's session has, or NULL. */
struct terminal *terminal_of(const struct process *p);
/* terminal_take: a leader's session has it from now on. 0 or -EPERM. */
int64_t terminal_take(struct thread *t, struct terminal *term, bool steal);
/* terminal_may: 0, or what a call from the background gets instead; `signal` is
 * SIGTTIN or SIGTTOU. */
int64_t terminal_may(struct thread *t, const struct terminal *term, int signal);
void terminals_process_ended(const struct process *p);
void terminal_hang_up(struct terminal *term);
/* terminal_ioctl: those of job control; -ENOTTY: another. `outside`: by the other
 * side of a pseudoterminal. */
int64_t terminal_ioctl(struct thread *t, struct terminal *term, uint32_t request, uint64_t argument,
                       bool outside);

#endif
