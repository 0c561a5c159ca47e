/* msg: System V message queues. */
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "box/broker/calls.h"
#include "box/broker/ipc/ids.h"

enum {
    MESSAGE_MAX = 8192,
    QUEUE_BYTES = 16384,
    QUEUES_MAX = 1024,
    ALL_MAX = 1 << 17, /* messages of all queues: one may be empty */
    COPY = 040000,
};

struct message {
    struct message *next;
    int64_t type;
    size_t size;
    uint8_t bytes[];
};
struct msg_queue {
    struct ipc_object object;
    struct message *first;
    uint64_t bytes, count, room;
    int64_t sent, received;
    uint32_t last_sender, last_receiver;
    struct queue changed;
};

static struct ipc_table queues;
static unsigned message_count;

/* struct msqid64_ds */
struct queue_out {
    struct ipc_perm_out perm;
    int64_t sent, received, changed;
    uint64_t bytes, count, room;
    uint32_t last_sender, last_receiver;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct queue_out) == 120, "struct msqid64_ds");

int64_t do_msgget(struct thread *t, struct call *c)
{
    int result;
    uint32_t flags = (uint32_t)c->a[1];
    struct msg_queue *q =
        (struct msg_queue *)ipc_lookup(t, &queues, (int32_t)c->a[0], flags, &result);
    if (q || result != 0)
        return q ? q->object.id : result;
    if (queues.count >= QUEUES_MAX)
        return -ENOSPC;
    q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    q->room = QUEUE_BYTES;
    result = ipc_add(t, &queues, &q->object, (int32_t)c->a[0], flags);
    if (result < 0)
        free(q);
    return result;
}

/* id, type and bytes, the bytes' size, flags */
int64_t do_msgsnd(struct thread *t, struct call *c)
{
    int result;
    int64_t type;
    size_t size = c->a[2];
    if (size > MESSAGE_MAX || (int)c->a[0] < 0)
        return -EINVAL;
    if (call_get(t, c->a[1], &type, sizeof type) != 0)
        return -EFAULT;
    struct msg_queue *q = (struct msg_queue *)ipc_find(t, &queues, c->a[0], 2, &result);
    if (type < 1 || !q)
        return type < 1 ? -EINVAL : result;
    if (q->bytes + size > q->room || q->count + 1 > q->room) {
        if (c->a[3] & IPC_NOWAIT)
            return -EAGAIN;
        t->blocked_on = q;
        return wait_on(t, &q->changed);
    }
    struct message *m = message_count < ALL_MAX ? malloc(sizeof *m + size) : NULL;
    struct message **end = &q->first;
    if (!m || call_get(t, c->a[1] + sizeof type, m->bytes, size) != 0) {
        free(m);
        return m ? -EFAULT : -ENOMEM;
    }
    m->next = NULL;
    m->type = type;
    m->size = size;
    while (*end)
        end = &(*end)->next;
    *end = m;
    q->bytes += size;
    q->count++;
    message_count++;
    q->sent = ipc_now();
    q->last_sender = t->process->pid;
    queue_wake(&q->changed);
    return 0;
}

/* The message that a type means, as msgrcv(2) has it. */
static struct message **choose(struct msg_queue *q, int64_t type, bool except)
{
    struct message **best = NULL;
    int64_t most = type == INT64_MIN ? INT64_MAX : -type;
    for (struct message **at = &q->first; *at; at = &(*at)->next) {
        int64_t have = (*at)->type;
        if (type == 0 || (type > 0 && (have == type) != except))
            return at;
        if (type < 0 && have <= most && (!best || have < (*best)->type))
            best = at;
    }
    return best;
}

/* id, room for type and bytes, the bytes' size, type, flags */
int64_t do_msgrcv(struct thread *t, struct call *c)
{
    int result;
    uint64_t flags = c->a[4];
    if ((int64_t)c->a[2] < 0 || (int)c->a[0] < 0)
        return -EINVAL;
    struct msg_queue *q = (struct msg_queue *)ipc_find(t, &queues, c->a[0], 4, &result);
    if (!q || flags & COPY)
        return q ? -ENOSYS : result;
    struct message **at = choose(q, (int64_t)c->a[3], flags & MSG_EXCEPT), *m = at ? *at : NULL;
    if (!m) {
        if (flags & IPC_NOWAIT)
            return -ENOMSG;
        t->blocked_on = q;
        return wait_on(t, &q->changed);
    }
    size_t size = m->size < c->a[2] ? m->size : c->a[2];
    if (size < m->size && !(flags & MSG_NOERROR))
        return -E2BIG;
    if (call_put(t, c->a[1], &m->type, sizeof m->type) != 0 ||
        call_put(t, c->a[1] + sizeof m->type, m->bytes, size) != 0)
        return -EFAULT;
    *at = m->next;
    q->bytes -= m->size;
    q->count--;
    message_count--;
    q->received = ipc_now();
    q->last_receiver = t->process->pid;
    free(m);
    queue_wake(&q->changed);
    return (int64_t)size;
}

static int64_t look(struct thread *t, const struct msg_queue *q, uint64_t to)
{
    struct queue_out out = {.perm = ipc_perm(&q->object),
                            .sent = q->sent,
                            .received = q->received,
                            .changed = q->object.changed,
                            .bytes = q->bytes,
                            .count = q->count,
                            .room = q->room,
                            .last_sender = q->last_sender,
                            .last_receiver = q->last_receiver};
    return call_put(t, to, &out, sizeof out);
}

static int64_t remove_queue(struct msg_queue *q)
{
    while (q->first) {
        struct message *m = q->first;
        q->first = m->next;
        message_count--;
        free(m);
    }
    ipc_remove(&queues, &q->object);
    queue_free(&q->changed);
    free(q);
    return 0;
}

int64_t do_msgctl(struct thread *t, struct call *c)
{
    struct queue_out to;
    int result;
    uint32_t command = (uint32_t)c->a[1];
    if (command != IPC_STAT && command != IPC_SET && command != IPC_RMID)
        return -EINVAL;
    struct msg_queue *q =
        (struct msg_queue *)ipc_find(t, &queues, c->a[0], command == IPC_STAT ? 4 : 0, &result);
    if (!q)
        return result;
    if (command == IPC_STAT)
        return look(t, q, c->a[2]);
    result = ipc_may_change(t, &q->object);
    if (result != 0 || command == IPC_RMID)
        return result ? result : remove_queue(q);
    if (call_get(t, c->a[2], &to, sizeof to) != 0)
        return -EFAULT;
    if (to.room > QUEUE_BYTES)
        return -EPERM;
    ipc_set(&q->object, &to.perm);
    q->room = to.room;
    queue_wake(&q->changed);
    return 0;
}
