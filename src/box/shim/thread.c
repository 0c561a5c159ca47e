/* thread: blocks of memory, one for each thread of the process. */
#include "box/shim/shim.h"

#include <linux/mman.h>

#include "box/arch/x86_64/offsets.h"

_Static_assert(offsetof(struct thread, guest_sp) == T_GUEST_SP, "gate.S");
_Static_assert(offsetof(struct thread, stack) == T_STACK, "gate.S");
_Static_assert(offsetof(struct thread, entry_ip) == T_ENTRY_IP, "gate.S");
_Static_assert(offsetof(struct thread, kicked) == T_KICKED, "gate.S");
_Static_assert(offsetof(struct thread, trap_ip) == T_TRAP_IP, "gate.S");
_Static_assert(offsetof(struct thread, regs) == T_REGS, "gate.S");
_Static_assert(offsetof(struct thread, gate) == T_GATE, "site.h");
_Static_assert(offsetof(struct thread, clocks.clock) == T_HOST_CLOCK, "vdso.S");
_Static_assert(offsetof(struct thread, clocks.timeofday) == T_HOST_TIMEOFDAY, "vdso.S");
_Static_assert(offsetof(struct thread, clocks.time) == T_HOST_TIME, "vdso.S");
_Static_assert(offsetof(struct regs, ax) == R_AX, "gate.S");
_Static_assert(offsetof(struct regs, r11) == R_R11, "gate.S");
_Static_assert(offsetof(struct regs, r10) == R_R10, "gate.S");
_Static_assert(offsetof(struct regs, r9) == R_R9, "gate.S");
_Static_assert(offsetof(struct regs, r8) == R_R8, "gate.S");
_Static_assert(offsetof(struct regs, di) == R_DI, "gate.S");
_Static_assert(offsetof(struct regs, si) == R_SI, "gate.S");
_Static_assert(offsetof(struct regs, dx) == R_DX, "gate.S");
_Static_assert(offsetof(struct regs, flags) == R_FLAGS, "gate.S");
_Static_assert(offsetof(struct regs, ip) == R_IP, "gate.S");
_Static_assert(offsetof(struct context, regs.rip) == FRAME_IP, "gate.S");
_Static_assert(sizeof(struct thread) <= ALT_STACK_AT, "a block");

static struct lock lock;
static bool mapped[BLOCK_COUNT];

static struct thread *block(unsigned index)
{
    return (struct thread *)(BLOCKS_BASE + (uint64_t)index * BLOCK_SIZE);
}

static bool map_block(unsigned index)
{
    if (!mapped[index])
        mapped[index] = host_call(__NR_mmap, (long)block(index), BLOCK_SIZE, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
                                  0) == (long)block(index);
    return mapped[index];
}

struct thread *thread_new(void)
{
    struct thread *t = NULL;
    lock_take(&lock);
    for (unsigned i = 0; i < BLOCK_COUNT && !t; i++)
        if ((!mapped[i] || __atomic_load_n(&block(i)->host_tid, __ATOMIC_ACQUIRE) == 0) &&
            map_block(i))
            t = block(i);
    if (t) {
        memset(t, 0, sizeof *t);
        t->self = t;
        t->gate = shim_site;
        t->clocks = vdso_clocks;
        t->stack = (uintptr_t)t + BLOCK_SIZE;
        t->host_tid = 1;  /* in use: the kernel clears it */
        t->alt.flags = 2; /* SS_DISABLE */
        t->spin = 100;
    }
    lock_drop(&lock);
    return t;
}

void thread_drop(struct thread *t)
{
    __atomic_store_n(&t->host_tid, 0, __ATOMIC_RELEASE);
}

void thread_use_slot(struct thread *t, unsigned slot)
{
    t->slot = &channel()->slots[slot];
    t->window = (char *)CHANNEL_BASE + CHANNEL_HEADER + (uint64_t)slot * WINDOW_SIZE;
}

void thread_forget_others(const struct thread *t)
{
    for (unsigned i = 0; i < BLOCK_COUNT; i++)
        if (mapped[i] && block(i) != t)
            block(i)->host_tid = 0;
    lock.word = 0;
}

void thread_each(void (*what)(struct thread *t))
{
    for (unsigned i = 0; i < BLOCK_COUNT; i++)
        if (mapped[i] && __atomic_load_n(&block(i)->host_tid, __ATOMIC_ACQUIRE) && block(i)->slot)
            what(block(i));
}

uint32_t set_bases;

void thread_set_fs(struct thread *t, uint64_t value)
{
    t->fs = value;
    if (set_bases)
        host_call(__NR_arch_prctl, SET_FS, (long)value);
    else
        cpu_set_fs(value);
}

uint64_t thread_fs(const struct thread *t)
{
    return set_bases ? t->fs : cpu_fs();
}

void thread_start(struct thread *t)
{
    thread_set_fs(t, t->fs);
    barrier_answer(t); /* the kick may have come too early (on_kick) */
    signal_enter(t, &t->start);
}
