/* shim: the part of the box that lives in every guest process. Freestanding,
 * general registers only, no state but what is here.
 *
 * It serves the calls that concern nothing but the process itself (memory map,
 * threads, exec, signal frames, private futexes) and sends all others to the
 * broker. It is as untrusted as the guest: whatever it does, the filter holds. */
#ifndef VOW_BOX_SHIM_H
#define VOW_BOX_SHIM_H

#include <asm/errno.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box/arch/x86_64/host.h"
#include "box/channel.h"

enum {
    BLOCK_SIZE = 256 * 1024,
    BLOCK_COUNT = 512,
    ALT_STACK_AT = 16 * 1024, /* in a block */
    ALT_STACK_SIZE = 96 * 1024,
    PAGE_SIZE = 4096,
};
#define PAGE_UP(n) (((n) + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the gate saves; the order is gate.S's. */
struct regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, bp, di, si, dx, cx, bx, ax;
    uint64_t nr, sp, flags, ip;
};

struct alt_stack {
    uint64_t at;
    uint32_t flags, pad;
    uint64_t size;
};

/* The kernel's struct ucontext as signal frames have it. */
struct context {
    uint64_t flags, link;
    struct alt_stack stack;
    struct sigcontext regs;
    uint64_t mask;
};

/* Functions of the host's own library; 0: it has none. */
struct host_clocks {
    uint64_t clock, timeofday, time;
};

/* One thread, at the start of its block, which also has its two stacks. The
 * first members are known to gate.S. */
struct thread {
    struct thread *self;
    uint64_t guest_sp;
    uint64_t stack; /* top of the shim's stack */
    uint64_t entry_ip;
    uint32_t kicked;
    uint32_t trapped; /* the call at the gate did */
    uint64_t trap_ip;
    struct regs *regs;
    const char *gate;          /* shim_site: stubs find it here */
    struct host_clocks clocks; /* and vdso.S these */
    struct slot *slot;
    char *window;
    bool is_between; /* its slot is not, or may soon not be, its own */
    bool restoring;  /* the mask becomes saved_mask when no signal was handled */
    uint64_t saved_mask;
    struct alt_stack alt; /* the guest's */
    uint64_t clear_tid;   /* guest address, 0: none */
    uint64_t robust;      /* guest address of its list of locks, 0: none */
    uint32_t host_tid;    /* cleared by the kernel when the thread has ended */
    unsigned spin;        /* how long it pays to spin */
    unsigned yields;      /* of the processor, so far */
    struct regs start;    /* of a new thread */
    uint64_t fs;          /* as a new thread begins; with set_bases, as it is */
};

/* Of arch_prctl. */
enum { SET_GS = 0x1001, SET_FS = 0x1002, GET_FS = 0x1003 };

static inline struct thread *thread_self(void)
{
    struct thread *t;
    __asm__("movq %%gs:0, %0" : "=r"(t));
    return t;
}
static inline struct channel *channel(void)
{
    return (struct channel *)CHANNEL_BASE;
}

/* gate.S */
extern const char shim_site[], shim_gate[], gate_exit[], gate_end[], gate_again[], gate_trap[];
extern const char guest_copy_end[], guest_copy_fault[];
extern const char futex_call[], futex_end[], futex_interrupted[], sigreturn_end[];
extern const char shim_restorer[];
/* guest_copy: with one side in guest memory: 0 or -EFAULT. */
long guest_copy(void *to, const void *from, size_t size);
/* guest_clear: writes zeros: likewise. */
long guest_clear(void *at, size_t size);
/* guest_copy_string: the length, `size` if it is not shorter, or -EFAULT. */
long guest_copy_string(char *to, const char *from, size_t size);
long host_clone_thread(uint64_t stack, uint32_t *tid_word, struct thread *t);
_Noreturn void host_sigreturn(void *frame); /* a struct context */

/* text.c */
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *at, int byte, size_t size);
size_t text_length(const char *s);

/* call.c: calls to the broker. */
/* call_post: sends what the slot's window and `args` have, and waits. */
long call_post(struct thread *t, uint32_t nr, const long args[6]);
#define call_broker(t, nr, ...) call_post((t), (nr), (const long[6]){__VA_ARGS__})
/* call_leave: posts a call that has no answer, and ends the thread or process. */
_Noreturn void call_leave(struct thread *t, bool group, int status);
/* call_forward: sends a guest's call as calls.def says. */
long call_forward(struct thread *t, uint32_t nr, const long args[6]);

/* gate.c: what each call of a guest leads to. */
typedef long local_call(struct thread *t, struct regs *r, const long a[6]);
void gate_call(struct regs *r);

/* signal.c */
void signal_start(struct thread *t);
/* signal_enter: goes on as `r` says, with a fresh state of the processor. */
_Noreturn void signal_enter(struct thread *t, const struct regs *r);
long signal_return(struct thread *t, struct regs *r);
/* signal_set_mask: makes room for a signal that waits, too. */
void signal_set_mask(struct thread *t, uint64_t mask);
/* signal_suspend_mask: until the call that follows has ended. */
void signal_suspend_mask(struct thread *t, uint64_t mask);

/* barrier.c: barrier_answer: what another thread waits for, if one does. barrier_quiet: around a
 * wait in which the thread need not be asked. barrier_forget: nobody is registered. */
bool barrier_answer(struct thread *t);
void barrier_quiet(struct thread *t, bool is_quiet);
void barrier_forget(void);

/* vdso.c: vdso_start: the first process, before its first thread is made. */
void vdso_start(uint64_t host);
extern struct host_clocks vdso_clocks;

/* lock.c */
struct lock {
    uint32_t word;
};
void lock_take(struct lock *l);
void lock_drop(struct lock *l);

/* exec.c: exec_start: from the auxiliary vector of the process. */
void exec_start(const uint64_t *auxv);
/* `a`: path, argv, envp. Returns only on failure. */
long exec_replace(struct thread *t, const long a[3], bool by_descriptor);
/* tell.c: tell: the broker is told what it asked for with -WANTS_x. tell_environ_at:
 * where the environment lies. */
long tell(struct thread *t, long what);
void tell_environ_at(uint64_t start, uint64_t end);
/* tell_is_stack: the environment lies in it. */
bool tell_is_stack(uint64_t start, uint64_t end);
/* exec_forget: after a fork: what other threads were about to do. */
void exec_forget(void);

/* thread.c */
struct thread *thread_new(void);
void thread_drop(struct thread *t);
void thread_use_slot(struct thread *t, unsigned slot);
/* thread_forget_others: after a fork the child has one thread. */
void thread_forget_others(const struct thread *t);
/* thread_each: of the process. */
void thread_each(void (*what)(struct thread *t));
void thread_start(struct thread *t);
/* The register FS of the calling thread: by an instruction, or with set_bases by a call. */
extern uint32_t set_bases;
void thread_set_fs(struct thread *t, uint64_t value);
uint64_t thread_fs(const struct thread *t);

#endif
