/* where: what a thread sees of the file system: its root, where it works, and what it
 * masks of new files' modes. The threads of a process share one until they ask for
 * their own; processes share one if they were made so (CLONE_FS). */
#ifndef VOW_BOX_WHERE_H
#define VOW_BOX_WHERE_H

#include "box/broker/task.h"

struct where {
    unsigned references;
    /* What is published (published.h) is not about it: it has a root of its own, or is
     * not that of one whole process. Its threads ask the broker. */
    bool asks;
    struct node *root, *cwd; /* held */
    uint32_t umask;
};

/* where_first: the box's root. where_copy: one of its own. NULL: no memory. */
struct where *where_first(void);
struct where *where_copy(const struct where *from);
static inline struct where *where_hold(struct where *w)
{
    w->references++;
    return w;
}
void where_drop(struct where *w);
/* where_for_child, where_for_thread: what a new process or thread of t's gets, held. */
struct where *where_for_child(struct thread *t, bool shared);
struct where *where_for_thread(struct thread *t, bool shared);
/* where_start: of a new process: publishes it. */
void where_start(const struct process *p, const struct where *w);
/* where_leave: of a process that has ended, its program included. */
void where_leave(struct process *p);
/* where_change_directory: takes the node. */
void where_change_directory(struct thread *t, struct node *dir);
/* where_of: that of one thread, or, with 0, of a process; NULL: it has ended. */
const struct where *where_of(const struct process *p, uint32_t tid);

#endif
