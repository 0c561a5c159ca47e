/* The calls about threads and processes that the shim has a part in. */
#include "box/arch/x86_64/cpu.h"
#include "box/calls.h"
#include "box/shim/memory.h"
#include "box/shim/sys.h"

#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>

enum {
    HOST_PROCESS_FLAGS = CLONE_PARENT | SIGCHLD,
    STATUS_SHIFT = 8,
    SLOT_BITS = 16,
    YIELDS_AWAKE = 16
};
#define THREAD_FLAGS (CLONE_VM | CLONE_FILES | CLONE_SIGHAND)

static long put_id(uint64_t at, uint32_t id)
{
    return guest_copy((void *)at, &id, sizeof id);
}

/* So that what the child has of them is whole. */
static void lock_tables(void)
{
    lock_take(&memory_lock);
    lock_take(&actions_lock);
}

static void drop_tables(void)
{
    lock_drop(&actions_lock);
    lock_drop(&memory_lock);
}

/* The child has its parent's slot until it has its own. */
static void set_between(struct thread *t, bool is_between)
{
    __atomic_store_n(&t->is_between, is_between, __ATOMIC_SEQ_CST);
    barrier_answer(t);
}

/* In the child; its memory is a copy, this stack too. */
static long become_child(struct thread *t, unsigned slot, const long a[6])
{
    uint64_t flags = (uint64_t)a[0];
    thread_use_slot(t, slot);
    set_between(t, false);
    thread_forget_others(t);
    exec_forget();
    t->kicked = 0;
    t->restoring = false;
    t->robust = 0;
    drop_tables();
    if (flags & CLONE_SETTLS)
        thread_set_fs(t, (uint64_t)a[4]);
    if (flags & CLONE_CHILD_SETTID)
        put_id((uint64_t)a[3], t->slot->tid);
    t->clear_tid = flags & CLONE_CHILD_CLEARTID ? (uint64_t)a[3] : 0;
    if (a[1])
        t->guest_sp = (uint64_t)a[1];
    return 0;
}

static long fork_process(struct thread *t, const long a[6])
{
    long wait = (a[0] & CLONE_VFORK) != 0;
    lock_tables();
    long child = call_broker(t, BOX_FORK, wait, a[0] & CSIGNAL, (a[0] & CLONE_FS) != 0);
    if (child < 0) {
        drop_tables();
        return child;
    }
    unsigned slot = child & ((1 << SLOT_BITS) - 1);
    set_between(t, true);
    long host = host_call(__NR_clone, HOST_PROCESS_FLAGS, 0, 0, 0, 0);
    if (host == 0)
        return become_child(t, slot, a);
    set_between(t, false);
    drop_tables();
    call_broker(t, BOX_FORKED, slot, host);
    if (host < 0)
        return host;
    if (a[0] & CLONE_PARENT_SETTID)
        put_id((uint64_t)a[2], (uint32_t)(child >> SLOT_BITS));
    return child >> SLOT_BITS;
}

static long start_thread(struct thread *t, const struct regs *r, const long a[6])
{
    struct thread *n = thread_new();
    if (!n)
        return -EAGAIN;
    long id = call_broker(t, BOX_THREAD, (a[0] & CLONE_FS) != 0);
    if (id < 0) {
        thread_drop(n);
        return id;
    }
    unsigned slot = id & ((1 << SLOT_BITS) - 1);
    uint32_t tid = (uint32_t)(id >> SLOT_BITS);
    thread_use_slot(n, slot);
    n->start = *r;
    n->start.ax = 0;
    n->start.cx = r->ip;
    n->start.sp = a[1] ? (uint64_t)a[1] : r->sp;
    n->fs = a[0] & CLONE_SETTLS ? (uint64_t)a[4] : thread_fs(t);
    if (a[0] & CLONE_CHILD_CLEARTID)
        n->clear_tid = (uint64_t)a[3];
    if (a[0] & CLONE_CHILD_SETTID)
        put_id((uint64_t)a[3], tid);
    if (a[0] & CLONE_PARENT_SETTID)
        put_id((uint64_t)a[2], tid);
    long host = host_clone_thread(n->stack, &n->host_tid, n);
    call_broker(t, BOX_THREADED, slot, host);
    if (host < 0) {
        thread_drop(n);
        return host;
    }
    return tid;
}

long sys_clone(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t flags = (uint64_t)a[0];
    if (flags & (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                 CLONE_NEWPID | CLONE_NEWNET))
        return -EPERM;
    if (flags & CLONE_THREAD)
        return (flags & THREAD_FLAGS) == THREAD_FLAGS ? start_thread(t, r, a) : -EINVAL;
    if (flags & CLONE_VM && !(flags & CLONE_VFORK))
        return -ENOSYS; /* memory shared without being a thread */
    return fork_process(t, a);
}

long sys_fork(struct thread *t, struct regs *r, const long a[6])
{
    (void)r, (void)a;
    return fork_process(t, (const long[6]){SIGCHLD});
}

long sys_vfork(struct thread *t, struct regs *r, const long a[6])
{
    (void)r, (void)a;
    return fork_process(t, (const long[6]){CLONE_VFORK | SIGCHLD});
}

long sys_exit(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    sys_robust_end(t);
    if (t->clear_tid && put_id(t->clear_tid, 0) == 0)
        host_call(__NR_futex, (long)t->clear_tid, FUTEX_WAKE, 1);
    call_leave(t, false, (int)(a[0] & 255) << STATUS_SHIFT);
}

long sys_exit_group(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    thread_each(sys_robust_end);
    call_leave(t, true, (int)(a[0] & 255) << STATUS_SHIFT);
}

long sys_execve(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    return exec_replace(t, a, false);
}

/* By way of the name that a descriptor has in /proc. */
long sys_execveat(struct thread *t, struct regs *r, const long a[6])
{
    enum { AT_FDCWD_ = -100, EMPTY = 0x1000, NOFOLLOW = 0x100, PREFIX = 14, ROOM = 4096 + 32 };
    char path[ROOM] = "/proc/self/fd/";
    unsigned at = PREFIX;
    (void)r;
    if (a[4] & ~(long)(EMPTY | NOFOLLOW))
        return -EINVAL;
    long length = guest_copy_string(t->window + WINDOW_START, (const char *)a[1], CALL_PATH_MAX);
    if (length < 0 || length == CALL_PATH_MAX)
        return length < 0 ? length : -ENAMETOOLONG;
    if (length == 0 && !(a[4] & EMPTY))
        return -ENOENT;
    if (length > 0 && (t->window[WINDOW_START] == '/' || (int)a[0] == AT_FDCWD_))
        return exec_replace(t, (const long[3]){a[1], a[2], a[3]}, false);
    uint32_t fd = (uint32_t)a[0], unit = 1000000000;
    if (call_broker(t, __NR_fcntl, fd, F_GETFD) < 0)
        return -EBADF;
    for (; unit; unit /= 10)
        if (fd / unit || unit == 1)
            path[at++] = (char)('0' + fd / unit % 10);
    if (length > 0)
        path[at++] = '/';
    memcpy(path + at, t->window + WINDOW_START, (uint64_t)length + 1);
    return exec_replace(t, (const long[3]){(long)path, a[2], a[3]}, true);
}

/* What the broker keeps in the slot. */
#define SLOT_VALUE(name, member)                                                                   \
    long sys_##name(struct thread *t, struct regs *r, const long a[6])                             \
    {                                                                                              \
        (void)r, (void)a;                                                                          \
        return t->slot->member;                                                                    \
    }
SLOT_VALUE(getpid, pid)
SLOT_VALUE(gettid, tid)
SLOT_VALUE(getppid, parent)
SLOT_VALUE(getuid, uid)
SLOT_VALUE(geteuid, euid)
SLOT_VALUE(getgid, gid)
SLOT_VALUE(getegid, egid)

long sys_set_tid_address(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    t->clear_tid = (uint64_t)a[0];
    return t->slot->tid;
}

long sys_arch_prctl(struct thread *t, struct regs *r, const long a[6])
{
    (void)r;
    if (a[0] == SET_FS) {
        if ((uint64_t)a[1] >= GUEST_TOP)
            return -EPERM;
        thread_set_fs(t, (uint64_t)a[1]);
        return 0;
    }
    uint64_t fs = thread_fs(t);
    return a[0] == GET_FS ? guest_copy((void *)a[1], &fs, sizeof fs) : -EINVAL;
}

/* As the library of the guests has it (vdso.S). */
long sys_getcpu(struct thread *t, struct regs *r, const long a[6])
{
    uint32_t cpu = cpu_number() % BOX_PROCESSORS;
    (void)t, (void)r;
    if ((a[0] && put_id((uint64_t)a[0], cpu) < 0) || (a[1] && put_id((uint64_t)a[1], 0) < 0))
        return -EFAULT;
    return 0;
}

long sys_sched_yield(struct thread *t, struct regs *r, const long a[6])
{
    const long moment[2] = {0, 1000};
    uint32_t nobody = 0;
    (void)r, (void)a;
    cpu_pause();
    if (++t->yields % YIELDS_AWAKE == 0) /* whoever it waits for may need this processor */
        host_call(__NR_futex, (long)&nobody, FUTEX_WAIT_PRIVATE, 0, (long)moment);
    return 0;
}
