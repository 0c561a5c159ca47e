#include "box/broker/ipc/ids.h"

#include <sys/ipc.h>
#include <time.h>

int64_t ipc_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

static bool may(const struct thread *t, const struct ipc_object *o, uint32_t how)
{
    const struct credentials *k = &t->process->cred;
    uint32_t bits = o->mode;
    if (may_override(t->process))
        return true;
    if (k->euid == o->uid || k->euid == o->creator_uid)
        bits >>= 6;
    else if (k->egid == o->gid || k->egid == o->creator_gid)
        bits >>= 3;
    return (bits & how) == how;
}

struct ipc_object *ipc_lookup(struct thread *t, const struct ipc_table *table, int32_t key,
                              uint32_t flags, int *result)
{
    struct ipc_object *o = NULL;
    *result = 0;
    for (unsigned i = 0; key != IPC_PRIVATE && i < IDS_MAX && !o; i++)
        if (table->objects[i] && table->objects[i]->key == key)
            o = table->objects[i];
    if (!o)
        *result = key == IPC_PRIVATE || flags & IPC_CREAT ? 0 : -ENOENT;
    else if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
        *result = -EEXIST;
    else if (!may(t, o, (flags >> 6 | flags >> 3 | flags) & 7))
        *result = -EACCES;
    return *result ? NULL : o;
}

int ipc_add(struct thread *t, struct ipc_table *table, struct ipc_object *o, int32_t key,
            uint32_t flags)
{
    const struct credentials *k = &t->process->cred;
    unsigned i = 0;
    while (i < IDS_MAX && table->objects[i])
        i++;
    if (i == IDS_MAX)
        return -ENOSPC;
    o->id = (int)((unsigned)(table->sequences[i]++ & 0x7fff) * IDS_MAX + i);
    o->key = key;
    o->uid = o->creator_uid = k->euid;
    o->gid = o->creator_gid = k->egid;
    o->mode = flags & 0777;
    o->changed = ipc_now();
    table->objects[i] = o;
    table->count++;
    return o->id;
}

void ipc_remove(struct ipc_table *table, struct ipc_object *o)
{
    table->objects[o->id % IDS_MAX] = NULL;
    table->count--;
}

struct ipc_object *ipc_find(struct thread *t, const struct ipc_table *table, uint64_t id, int how,
                            int *result)
{
    struct ipc_object *o = (int)id < 0 ? NULL : table->objects[(uint32_t)id % IDS_MAX];
    if (!o || o->id != (int)id) {
        *result = t->blocked_on ? -EIDRM : -EINVAL;
        return NULL;
    }
    *result = may(t, o, (uint32_t)how) ? 0 : -EACCES;
    return *result ? NULL : o;
}

int ipc_may_change(const struct thread *t, const struct ipc_object *o)
{
    uint32_t user = t->process->cred.euid;
    return may_override(t->process) || user == o->uid || user == o->creator_uid ? 0 : -EPERM;
}

struct ipc_perm_out ipc_perm(const struct ipc_object *o)
{
    return (struct ipc_perm_out){.key = o->key,
                                 .uid = o->uid,
                                 .gid = o->gid,
                                 .creator_uid = o->creator_uid,
                                 .creator_gid = o->creator_gid,
                                 .mode = o->mode,
                                 .sequence = (uint16_t)(o->id / IDS_MAX)};
}

void ipc_set(struct ipc_object *o, const struct ipc_perm_out *to)
{
    o->uid = to->uid;
    o->gid = to->gid;
    o->mode = (o->mode & ~0777u) | (to->mode & 0777);
    o->changed = ipc_now();
}
