/* The calls of System V IPC whose arguments depend on each other; and mapping what
 * shmat attaches. */
#include <linux/mman.h>

#include "box/shim/memory.h"
#include "box/shim/sys.h"

enum {
    ATTACHED_MAX = 4096,
    TYPE = 8,
    MESSAGE_MAX = 8192,
    RDONLY = 010000,
    RND = 020000,
    REMAP = 040000,
    EXECUTE = 0100000
};
enum { IPC_RMID = 0, IPC_SET = 1, IPC_STAT = 2, IPC_64 = 0x100, GETALL = 13, SETALL = 17 };
enum { SHM_SIZE = 112, SEM_SIZE = 104, MSG_SIZE = 120, SEM_COUNT_AT = 80 };

/* What is attached, in this process; its fork's child has the same. */
static struct {
    uint64_t start, size; /* size 0: free */
    long token;
} attached[ATTACHED_MAX];
static unsigned used; /* what lies behind was never touched: most programs attach nothing */
static struct lock lock;

void sys_shm_forget(void)
{
    memset(attached, 0, used * sizeof attached[0]);
    used = 0;
    lock.word = 0;
}

/* Where it goes: 0 or -errno in *result. */
static uint64_t place(uint64_t wanted, uint64_t size, long flags, long *result)
{
    uint64_t at = wanted & ~(uint64_t)(PAGE_SIZE - 1);
    *result = 0;
    if (!wanted) {
        at = memory_find(size, memory_top);
        *result = at ? 0 : -ENOMEM;
    } else if ((at != wanted && !(flags & RND)) || at < GUEST_LOW || at + size > GUEST_TOP ||
               (!(flags & REMAP) && !memory_is_free(at, at + size))) {
        *result = -EINVAL;
    }
    return at;
}

static bool note(uint64_t start, uint64_t size, long token)
{
    for (unsigned i = 0; i < ATTACHED_MAX; i++)
        if (!attached[i].size) {
            attached[i].start = start;
            attached[i].token = token;
            attached[i].size = size;
            if (i >= used)
                used = i + 1;
            return true;
        }
    return false;
}

long sys_shmat(struct thread *t, struct regs *r, const long a[6])
{
    struct box_shm found;
    bool read_only = a[2] & RDONLY;
    (void)r;
    if ((a[2] & REMAP && !a[1]) || (a[1] & (PAGE_SIZE - 1) && !(a[2] & RND)))
        return -EINVAL;
    lock_take(&memory_lock);
    long result, token = call_broker(t, __NR_shmat, a[0], read_only, WINDOW_START);
    if (token < 0) {
        lock_drop(&memory_lock);
        return token;
    }
    memcpy(&found, t->window + WINDOW_START, sizeof found);
    uint64_t at = place((uint64_t)a[1], found.size, a[2], &result);
    struct mapping m = {.start = at,
                        .end = at + found.size,
                        .prot = PROT_READ | (read_only ? 0 : PROT_WRITE) |
                                (a[2] & EXECUTE ? PROT_EXEC : 0),
                        .kind = MAPPING_SHARED,
                        .writable = !read_only,
                        .arena = map_place(found.map)};
    if (result == 0)
        result = memory_map_file(&m, map_present(found.map));
    if (result < 0)
        memory_not_mapped(m.arena);
    lock_drop(&memory_lock);
    lock_take(&lock);
    if (result >= 0 && !note(at, found.size, token))
        result = -ENOMEM;
    lock_drop(&lock);
    if (result < 0)
        call_broker(t, __NR_shmdt, token);
    return result;
}

long sys_shmdt(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t size = 0;
    long token = 0;
    (void)r;
    lock_take(&lock);
    for (unsigned i = 0; i < used && !size; i++)
        if (attached[i].size && attached[i].start == (uint64_t)a[0]) {
            size = attached[i].size;
            token = attached[i].token;
            attached[i].size = 0;
        }
    lock_drop(&lock);
    if (!size)
        return -EINVAL;
    lock_take(&memory_lock);
    memory_unmap((uint64_t)a[0], (uint64_t)a[0] + size);
    lock_drop(&memory_lock);
    return call_broker(t, __NR_shmdt, token);
}

/* Commands that take a struct, of the size that the kind has. */
static long control(struct thread *t, uint32_t nr, const long b[6], int which, uint32_t size)
{
    long a[6];
    int command = (int)b[which - 1] & ~IPC_64;
    for (int i = 0; i < 6; i++)
        a[i] = b[i];
    a[which - 1] = command;
    if (command == IPC_STAT || command == IPC_SET)
        a[which] = WINDOW_START;
    if (command == IPC_SET &&
        guest_copy(t->window + WINDOW_START, (const void *)b[which], size) < 0)
        return -EFAULT;
    long result = call_post(t, nr, a);
    if (result >= 0 && command == IPC_STAT &&
        guest_copy((void *)b[which], t->window + WINDOW_START, size) < 0)
        return -EFAULT;
    return result;
}

long sys_shmctl(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return control(t, __NR_shmctl, a, 2, SHM_SIZE);
}

long sys_msgctl(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return control(t, __NR_msgctl, a, 2, MSG_SIZE);
}

/* How many semaphores a set has, or -errno. */
static long count_of(struct thread *t, long id)
{
    uint64_t count;
    long result = call_broker(t, __NR_semctl, id, 0, IPC_STAT, WINDOW_START);
    if (result < 0)
        return result;
    memcpy(&count, t->window + WINDOW_START + SEM_COUNT_AT, sizeof count);
    return count <= (WINDOW_SIZE - WINDOW_START) / 2 ? (long)count : -EINVAL;
}

long sys_semctl(struct thread *t, struct regs *r, const long a[6])
{
    int command = (int)a[2] & ~IPC_64;
    (void)r;
    if (command != GETALL && command != SETALL)
        return control(t, __NR_semctl, a, 3, SEM_SIZE);
    long count = count_of(t, a[0]);
    if (count < 0)
        return count;
    uint64_t size = (uint64_t)count * 2;
    if (command == SETALL && guest_copy(t->window + WINDOW_START, (const void *)a[3], size) < 0)
        return -EFAULT;
    long result = call_broker(t, __NR_semctl, a[0], 0, command, WINDOW_START);
    if (result >= 0 && command == GETALL &&
        guest_copy((void *)a[3], t->window + WINDOW_START, size) < 0)
        return -EFAULT;
    return result;
}

long sys_msgsnd(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    if ((uint64_t)a[2] > MESSAGE_MAX)
        return -EINVAL;
    if (guest_copy(t->window + WINDOW_START, (const void *)a[1], TYPE + (uint64_t)a[2]) < 0)
        return -EFAULT;
    return call_broker(t, __NR_msgsnd, a[0], WINDOW_START, a[2], a[3]);
}

long sys_msgrcv(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    long size = a[2] > MESSAGE_MAX ? MESSAGE_MAX : a[2];
    long result = call_broker(t, __NR_msgrcv, a[0], WINDOW_START, size, a[3], a[4]);
    if (result >= 0 &&
        guest_copy((void *)a[1], t->window + WINDOW_START, TYPE + (uint64_t)result) < 0)
        return -EFAULT;
    return result;
}
