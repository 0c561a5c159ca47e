/* sem: System V semaphores. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "box/broker/calls.h"
#include "box/broker/ipc/ids.h"

enum {
    VALUE_MAX = 32767,
    SET_MAX = 32000,
    OPERATIONS_MAX = 500,
    ALL_MAX = 1 << 18,
    UNDO_MAX = 1024, /* semaphores that one process takes back */
};

struct semaphore {
    uint16_t value;
    uint32_t pid; /* who changed it last */
};
struct sem_set {
    struct ipc_object object;
    unsigned count;
    int64_t operated;
    struct queue changed;
    struct semaphore all[];
};

/* What a process takes back when it ends. */
struct sem_undo {
    struct sem_undo *next;
    struct sem_set *set;
    unsigned index;
    int by;
};

static struct ipc_table sets;
static unsigned used; /* semaphores of all sets */

/* struct semid64_ds */
struct set_out {
    struct ipc_perm_out perm;
    int64_t operated, unused1, changed, unused2;
    uint64_t count, unused[2];
};
_Static_assert(sizeof(struct set_out) == 104, "struct semid64_ds");

int64_t do_semget(struct thread *t, struct call *c)
{
    int result, count = (int)c->a[1];
    uint32_t flags = (uint32_t)c->a[2];
    if (count < 0 || count > SET_MAX)
        return -EINVAL;
    struct sem_set *s = (struct sem_set *)ipc_lookup(t, &sets, (int32_t)c->a[0], flags, &result);
    if (s)
        return (unsigned)count > s->count ? -EINVAL : s->object.id;
    if (result != 0 || count == 0)
        return result ? result : -EINVAL;
    if (used + (unsigned)count > ALL_MAX)
        return -ENOSPC;
    s = calloc(1, sizeof *s + (size_t)count * sizeof *s->all);
    if (!s)
        return -ENOMEM;
    s->count = (unsigned)count;
    result = ipc_add(t, &sets, &s->object, (int32_t)c->a[0], flags);
    if (result < 0)
        free(s);
    else
        used += s->count;
    return result;
}

/* Undoing --------------------------------------------------------------------------------*/

static struct sem_undo *undo_of(struct process *p, struct sem_set *s, unsigned index)
{
    struct sem_undo *u = p->undo;
    unsigned count = 0;
    for (; u && (u->set != s || u->index != index); count++)
        u = u->next;
    if (!u && count < UNDO_MAX && (u = calloc(1, sizeof *u))) {
        *u = (struct sem_undo){p->undo, s, index, 0};
        p->undo = u;
    }
    return u;
}

/* Nobody takes back what was done to a set, or to one of it (index >= 0). */
static void forget_undo(const struct sem_set *s, int index)
{
    for (struct process *p = box.first; p; p = p->next)
        for (struct sem_undo **at = &p->undo; *at;) {
            struct sem_undo *u = *at;
            if (u->set == s && (index < 0 || u->index == (unsigned)index)) {
                *at = u->next;
                free(u);
            } else {
                at = &u->next;
            }
        }
}

void sem_undo_all(struct process *p)
{
    while (p->undo) {
        struct sem_undo *u = p->undo;
        struct semaphore *one = &u->set->all[u->index];
        int to = one->value + u->by;
        p->undo = u->next;
        one->value = (uint16_t)(to < 0 ? 0 : to > VALUE_MAX ? VALUE_MAX : to);
        one->pid = p->pid;
        queue_wake(&u->set->changed);
        free(u);
    }
}

/* Operations -----------------------------------------------------------------------------*/

static int64_t blocks(struct thread *t, struct sem_set *s, const struct sembuf *op)
{
    if (op->sem_flg & IPC_NOWAIT || wait_timed_out(t))
        return -EAGAIN;
    t->blocked_on = s;
    t->blocked_how = op->sem_num << 1 | (op->sem_op == 0);
    return wait_on(t, &s->changed);
}

/* What the operations add up to must stay a number that can be taken back. */
static int can_undo(struct process *p, struct sem_set *s, const struct sembuf *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sem_undo *u = ops[i].sem_flg & SEM_UNDO ? undo_of(p, s, ops[i].sem_num) : NULL;
        if (!(ops[i].sem_flg & SEM_UNDO))
            continue;
        if (!u)
            return -ENOMEM;
        int by = u->by;
        for (size_t k = 0; k <= i; k++)
            by -= ops[k].sem_flg & SEM_UNDO && ops[k].sem_num == u->index ? ops[k].sem_op : 0;
        if (by < -VALUE_MAX - 1 || by > VALUE_MAX)
            return -ERANGE;
    }
    return 0;
}

/* One after the other on a copy of what changes: all or none. */
static int64_t operate(struct thread *t, struct sem_set *s, const struct sembuf *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int value = s->all[ops[i].sem_num].value, by = 0;
        for (size_t before = 0; before < i; before++)
            by += ops[before].sem_num == ops[i].sem_num ? ops[before].sem_op : 0;
        value += by;
        if (ops[i].sem_op == 0 ? value != 0 : value + ops[i].sem_op < 0)
            return blocks(t, s, &ops[i]);
        if (value + ops[i].sem_op > VALUE_MAX)
            return -ERANGE;
    }
    int result = can_undo(t->process, s, ops, count);
    if (result != 0)
        return result;
    for (size_t i = 0; i < count; i++) {
        struct semaphore *one = &s->all[ops[i].sem_num];
        one->value = (uint16_t)(one->value + ops[i].sem_op);
        one->pid = t->process->pid;
        if (ops[i].sem_flg & SEM_UNDO)
            undo_of(t->process, s, ops[i].sem_num)->by -= ops[i].sem_op;
    }
    s->operated = ipc_now();
    queue_wake(&s->changed);
    return 0;
}

int64_t do_semtimedop(struct thread *t, struct call *c)
{
    struct sembuf ops[OPERATIONS_MAX];
    size_t count = c->a[2];
    bool changes = false;
    int64_t limit;
    int result;
    if (count == 0)
        return -EINVAL;
    if (count > OPERATIONS_MAX)
        return -E2BIG;
    if (call_get(t, c->a[1], ops, count * sizeof *ops) != 0)
        return -EFAULT;
    for (size_t i = 0; i < count; i++)
        changes |= ops[i].sem_op != 0;
    struct sem_set *s = (struct sem_set *)ipc_find(t, &sets, c->a[0], changes ? 2 : 4, &result);
    if (!s)
        return result;
    for (size_t i = 0; i < count; i++)
        if (ops[i].sem_num >= s->count)
            return -EFBIG;
    if (c->a[3] && !wait_has_limit(t)) {
        if ((result = (int)time_get(t, c->a[3], &limit)) != 0)
            return result;
        wait_until(t, time_now() + limit);
    }
    return operate(t, s, ops, count);
}

int64_t do_semop(struct thread *t, struct call *c)
{
    struct call forever = {.a = {c->a[0], c->a[1], c->a[2], 0}};
    return do_semtimedop(t, &forever);
}

/* Control --------------------------------------------------------------------------------*/

static int64_t waiting(const struct sem_set *s, uint64_t index, bool for_zero)
{
    int64_t count = 0;
    for (const struct process *p = box.first; p; p = p->next)
        for (const struct thread *t = p->threads; t; t = t->next)
            count +=
                t->busy && t->blocked_on == s && t->blocked_how == (int)(index << 1 | for_zero);
    return count;
}

static int64_t remove_set(struct sem_set *s)
{
    forget_undo(s, -1);
    ipc_remove(&sets, &s->object);
    used -= s->count;
    queue_free(&s->changed);
    free(s);
    return 0;
}

static int64_t set_value(struct thread *t, struct sem_set *s, unsigned index, int value)
{
    if (value < 0 || value > VALUE_MAX)
        return -ERANGE;
    s->all[index].value = (uint16_t)value;
    s->all[index].pid = t->process->pid;
    s->object.changed = ipc_now();
    forget_undo(s, (int)index);
    queue_wake(&s->changed);
    return 0;
}

/* They may change in the window while they are read. */
static int64_t set_all(struct thread *t, struct sem_set *s, const uint16_t *from)
{
    uint16_t values[SET_MAX];
    memcpy(values, from, s->count * sizeof *values);
    for (unsigned i = 0; i < s->count; i++)
        if (values[i] > VALUE_MAX)
            return -ERANGE;
    for (unsigned i = 0; i < s->count; i++)
        s->all[i] = (struct semaphore){values[i], t->process->pid};
    s->object.changed = ipc_now();
    forget_undo(s, -1);
    queue_wake(&s->changed);
    return 0;
}

static int64_t all_values(struct thread *t, struct sem_set *s, uint64_t at, bool set)
{
    uint16_t *values = call_window(t, at, s->count * sizeof *values);
    if (!values)
        return -EFAULT;
    if (set)
        return set_all(t, s, values);
    for (unsigned i = 0; i < s->count; i++)
        values[i] = s->all[i].value;
    return 0;
}

static int64_t of_one(struct thread *t, struct sem_set *s, const struct call *c, uint32_t command)
{
    if (c->a[1] >= s->count)
        return -EINVAL;
    const struct semaphore *one = &s->all[c->a[1]];
    switch (command) {
    case GETVAL: return one->value;
    case GETPID: return one->pid;
    case GETNCNT: return waiting(s, c->a[1], false);
    case GETZCNT: return waiting(s, c->a[1], true);
    case SETVAL: return set_value(t, s, (unsigned)c->a[1], (int)c->a[3]);
    }
    return -EINVAL;
}

static int64_t look(struct thread *t, const struct sem_set *s, uint64_t to)
{
    struct set_out out = {.perm = ipc_perm(&s->object),
                          .operated = s->operated,
                          .changed = s->object.changed,
                          .count = s->count};
    return call_put(t, to, &out, sizeof out);
}

int64_t do_semctl(struct thread *t, struct call *c)
{
    struct set_out to;
    int result;
    uint32_t command = (uint32_t)c->a[2];
    bool writes = command == SETVAL || command == SETALL;
    bool owner = command == IPC_SET || command == IPC_RMID;
    struct sem_set *s = (struct sem_set *)ipc_find(t, &sets, c->a[0],
                                                   owner    ? 0
                                                   : writes ? 2
                                                            : 4,
                                                   &result);
    if (!s)
        return result;
    if (owner && (result = ipc_may_change(t, &s->object)) != 0)
        return result;
    switch (command) {
    case IPC_STAT: return look(t, s, c->a[3]);
    case IPC_SET:
        if (call_get(t, c->a[3], &to, sizeof to) != 0)
            return -EFAULT;
        ipc_set(&s->object, &to.perm);
        return 0;
    case IPC_RMID: return remove_set(s);
    case GETALL: return all_values(t, s, c->a[3], false);
    case SETALL: return all_values(t, s, c->a[3], true);
    }
    return of_one(t, s, c, command);
}
