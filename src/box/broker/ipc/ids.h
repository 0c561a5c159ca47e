/* ids: what System V IPC's three kinds of object have in common: keys, numbers,
 * owners, modes. */
#ifndef VOW_BOX_IDS_H
#define VOW_BOX_IDS_H

#include "box/broker/task.h"

enum { IDS_MAX = 4096 };

/* The first member of each kind. */
struct ipc_object {
    int id;
    int32_t key; /* 0: private */
    uint32_t uid, gid, creator_uid, creator_gid;
    uint32_t mode;
    int64_t changed; /* seconds of the clock */
};
struct ipc_table {
    struct ipc_object *objects[IDS_MAX];
    uint16_t sequences[IDS_MAX];
    unsigned count;
};

/* struct ipc64_perm */
struct ipc_perm_out {
    int32_t key;
    uint32_t uid, gid, creator_uid, creator_gid, mode;
    uint16_t sequence, pad[3];
    uint64_t unused[2];
};
_Static_assert(sizeof(struct ipc_perm_out) == 48, "struct ipc64_perm");

/* ipc_lookup: the object with the key of a ..get call; NULL and 0: it is to be
 * made; NULL and -errno. `size_fits` is for the caller to check. */
struct ipc_object *ipc_lookup(struct thread *t, const struct ipc_table *table, int32_t key,
                              uint32_t flags, int *result);
/* ipc_add: its number, or -ENOSPC. */
int ipc_add(struct thread *t, struct ipc_table *table, struct ipc_object *o, int32_t key,
            uint32_t flags);
void ipc_remove(struct ipc_table *table, struct ipc_object *o);
/* ipc_find: by number, with permission for `how` (4 read, 2 write, 0 none).
 * NULL and -EINVAL, -EIDRM (of a call that waited for it) or -EACCES. */
struct ipc_object *ipc_find(struct thread *t, const struct ipc_table *table, uint64_t id, int how,
                            int *result);
/* ipc_may_change: of IPC_SET and IPC_RMID: 0 or -EPERM. */
int ipc_may_change(const struct thread *t, const struct ipc_object *o);
struct ipc_perm_out ipc_perm(const struct ipc_object *o);
void ipc_set(struct ipc_object *o, const struct ipc_perm_out *to);
int64_t ipc_now(void);

/* Of a process that begins, executes or ends. */
int shm_copy(struct process *p, const struct process *from);
void shm_detach_all(struct process *p);
void sem_undo_all(struct process *p);

#endif
