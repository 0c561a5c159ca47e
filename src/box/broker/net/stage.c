/* stage: datagrams that are larger than a window, in pieces. */
#include <stdlib.h>
#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/net/socket.h"
#include "box/broker/task.h"
#include "box/message.h"

enum { STAGED_ALL_MAX = 64 << 20 };

static size_t memory; /* of all */

void stage_drop(struct thread *t)
{
    if (!t->staged)
        return;
    memory -= t->staged->size;
    free(t->staged);
    t->staged = NULL;
}

int stage_keep(struct thread *t, const char *bytes, size_t size)
{
    size_t before = t->staged ? t->staged->size : 0;
    if (size > MESSAGE_STAGE_MAX - before || size > STAGED_ALL_MAX - memory)
        return size > MESSAGE_STAGE_MAX - before ? -EMSGSIZE : -ENOBUFS;
    struct staged *more = realloc(t->staged, sizeof *more + before + size);
    if (!more)
        return -ENOMEM;
    t->staged = more;
    memcpy(more->at + before, bytes, size);
    more->size = before + size;
    memory += size;
    return 0;
}

/* at, size, whether it is the first piece */
int64_t box_stage(struct thread *t, struct call *c)
{
    const char *from = call_window(t, c->a[0], c->a[1]);
    if (!from)
        return -EFAULT;
    if (c->a[2])
        stage_drop(t);
    return stage_keep(t, from, c->a[1]);
}

/* at, size, offset: how much there was */
int64_t box_unstage(struct thread *t, struct call *c)
{
    char *to = call_window(t, c->a[0], c->a[1]);
    size_t there = t->staged ? t->staged->size : 0;
    if (!to)
        return -EFAULT;
    if (c->a[2] >= there)
        return 0;
    size_t size = c->a[1] < there - c->a[2] ? c->a[1] : there - c->a[2];
    memcpy(to, t->staged->at + c->a[2], size);
    if (c->a[2] + size == there)
        stage_drop(t);
    return (int64_t)size;
}
