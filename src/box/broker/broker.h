/* broker: the one process of a box that has authority: the image, the terminal,
 * the clock, and all that guests share. One thread serves them, one call at a
 * time, so nothing here is locked.
 *
 * A call that must wait returns WAIT after it has put its thread on the queues
 * that can end the wait (wait.h). When one of them is woken, the call is made
 * again from the start. */
#ifndef VOW_BOX_BROKER_H
#define VOW_BOX_BROKER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/base.h"
#include "box/channel.h"
#include "store/store.h"

/* Answers of a call beside a value and -errno. */
enum { ANSWER_WAIT = -8192, ANSWER_NEVER = -8193 };
enum { PATH_ROOM = 4096 };

struct thread;
struct process;
struct file;
struct node;

/* The box, once. */
struct box {
    struct channel *channel;
    struct store *store;
    char *arena; /* all of it, mapped */
    struct published *published;
    struct thread *slots[SLOT_COUNT];
    struct process *first;     /* of all processes, by next */
    int status;                /* of the first process, as wait(2) has it; -1: it lives */
    bool has_started;          /* the first process has executed its program */
    char *hostname, *domain;   /* domain: NULL: none */
    struct call_counts counts; /* of threads that have ended */
};
extern struct box box;

/* Calls -------------------------------------------------------------------------------*/

/* One request, copied from the slot. */
struct call {
    uint32_t nr;
    uint64_t a[6];
};
typedef int64_t call_fn(struct thread *t, struct call *c);

/* call_window: `size` bytes of the thread's window at an argument; NULL if that is
 * null or does not fit. What lies there can change at any moment. */
void *call_window(const struct thread *t, uint64_t at, uint64_t size);
/* call_get, call_put: copy a struct from and to an argument: 0, -EFAULT. */
int call_get(const struct thread *t, uint64_t at, void *to, size_t size);
int call_put(const struct thread *t, uint64_t at, const void *from, size_t size);
/* call_path: a string of an argument: 0, -EFAULT, -ENAMETOOLONG. */
int call_path(const struct thread *t, uint64_t at, char to[PATH_ROOM]);

#endif
