/* shm: System V shared memory: files without a name, whose pages lie in the arena.
 * The shim maps them; here is counted who has. */
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "box/broker/arena.h"
#include "box/broker/calls.h"
#include "box/broker/ipc/ids.h"
#include "box/broker/node.h"

enum { ATTACHED_MAX = 4096, PAGE = 4096, DESTROYED = 01000 };

struct segment {
    struct ipc_object object;
    struct node *node; /* held */
    uint64_t size, attached;
    int64_t attach_time, detach_time;
    uint32_t creator, last;
};

/* One attachment of a process, which has `token` from the broker. */
struct attachment {
    struct attachment *next;
    struct segment *segment;
    int token;
};

static struct ipc_table segments;

/* struct shmid64_ds */
struct segment_out {
    struct ipc_perm_out perm;
    uint64_t size;
    int64_t attach_time, detach_time, change_time;
    uint32_t creator, last;
    uint64_t attached, unused[2];
};
_Static_assert(sizeof(struct segment_out) == 112, "struct shmid64_ds");

static void maybe_free(struct segment *s)
{
    if (s->attached || !(s->object.mode & DESTROYED))
        return;
    ipc_remove(&segments, &s->object);
    node_drop(s->node);
    free(s);
}

int64_t do_shmget(struct thread *t, struct call *c)
{
    int result;
    uint32_t flags = (uint32_t)c->a[2];
    struct segment *s =
        (struct segment *)ipc_lookup(t, &segments, (int32_t)c->a[0], flags, &result);
    if (s)
        return c->a[1] > s->size ? -EINVAL : s->object.id;
    if (result != 0)
        return result;
    if (flags & SHM_HUGETLB || c->a[1] == 0)
        return flags & SHM_HUGETLB ? -ENOMEM : -EINVAL;
    s = calloc(1, sizeof *s);
    if (s && !(s->node = memory_fs_new_file(t->process, 0600))) {
        free(s);
        s = NULL;
    }
    if (!s)
        return -ENOMEM;
    s->size = c->a[1];
    s->creator = t->process->pid;
    result = s->node->ops->truncate(s->node, s->size);
    if (result == 0)
        result = ipc_add(t, &segments, &s->object, (int32_t)c->a[0], flags);
    if (result < 0) {
        node_drop(s->node);
        free(s);
    }
    return result == -EFBIG ? -ENOMEM : result;
}

static int attach(struct process *p, struct segment *s, int token)
{
    struct attachment *a = malloc(sizeof *a);
    if (!a)
        return -ENOMEM;
    *a = (struct attachment){p->attached, s, token};
    p->attached = a;
    s->attached++;
    s->attach_time = ipc_now();
    s->last = p->pid;
    return 0;
}

static void detach(struct process *p, struct attachment **at)
{
    struct attachment *a = *at;
    struct segment *s = a->segment;
    *at = a->next;
    free(a);
    s->attached--;
    s->detach_time = ipc_now();
    s->last = p->pid;
    maybe_free(s);
}

int shm_copy(struct process *p, const struct process *from)
{
    int result = 0;
    p->attached = NULL;
    for (const struct attachment *a = from->attached; a && result == 0; a = a->next)
        result = attach(p, a->segment, a->token);
    return result;
}

void shm_detach_all(struct process *p)
{
    while (p->attached)
        detach(p, &p->attached);
}

/* id, read only?, out: what the shim is to map (struct box_shm): a token. */
int64_t do_shmat(struct thread *t, struct call *c)
{
    struct process *p = t->process;
    int result, token = 0;
    unsigned count = 0;
    struct segment *s = (struct segment *)ipc_find(t, &segments, c->a[0], c->a[1] ? 4 : 6, &result);
    if (!s)
        return result;
    for (const struct attachment *a = p->attached; a; a = a->next, count++)
        if (a->token >= token)
            token = a->token + 1;
    if (count >= ATTACHED_MAX)
        return -EMFILE;
    uint64_t size = (s->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    int64_t map = window_map(s->node, &(struct window_part){0, size, true});
    if (map < 0)
        return map;
    arena_note(p, map_place(map), size);
    window_hold(s->node);
    struct box_shm out = {.map = map, .size = size};
    result = call_put(t, c->a[2], &out, sizeof out);
    if (result == 0)
        result = attach(p, s, token);
    return result ? result : token;
}

/* token */
int64_t do_shmdt(struct thread *t, struct call *c)
{
    struct attachment **at = &t->process->attached;
    while (*at && (*at)->token != (int)c->a[0])
        at = &(*at)->next;
    if (!*at)
        return -EINVAL;
    detach(t->process, at);
    return 0;
}

static int64_t look(struct thread *t, const struct segment *s, uint64_t to)
{
    struct segment_out out = {.perm = ipc_perm(&s->object),
                              .size = s->size,
                              .attach_time = s->attach_time,
                              .detach_time = s->detach_time,
                              .change_time = s->object.changed,
                              .creator = s->creator,
                              .last = s->last,
                              .attached = s->attached};
    return call_put(t, to, &out, sizeof out);
}

int64_t do_shmctl(struct thread *t, struct call *c)
{
    struct segment_out to;
    int result;
    uint32_t command = (uint32_t)c->a[1];
    struct segment *s =
        (struct segment *)ipc_find(t, &segments, c->a[0], command == IPC_STAT ? 4 : 0, &result);
    if (!s)
        return result;
    if (command == IPC_STAT)
        return look(t, s, c->a[2]);
    if (command != IPC_SET && command != IPC_RMID && command != SHM_LOCK && command != SHM_UNLOCK)
        return -EINVAL;
    result = ipc_may_change(t, &s->object);
    if (result != 0)
        return result;
    if (command == IPC_SET) {
        if (call_get(t, c->a[2], &to, sizeof to) != 0)
            return -EFAULT;
        ipc_set(&s->object, &to.perm);
    } else if (command == IPC_RMID) {
        s->object.mode |= DESTROYED;
        s->object.key = IPC_PRIVATE;
        maybe_free(s);
    }
    return 0;
}
