/* regs: the registers of a trapped call, and what else differs between the
 * architectures. Where this file knows nothing there is no handler: a
 * violation is then a death without a word, and nothing is served. */
#ifndef VOW_PLEDGE_REGS_H
#define VOW_PLEDGE_REGS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* A call that the filter trapped. `at` is the address behind it, `stack` the
 * stack of its caller, `link` where it returns to if a register holds that. */
struct trapped {
    long nr;
    unsigned long args[6];
    uintptr_t at, stack, link;
    ucontext_t *context;
};

#define REGS_KNOWN 1
#define REGS_FAIL(c, e) ((void)0)

#if defined(__x86_64__) && !defined(__ILP32__)
#define REG(c, n) ((c)->uc_mcontext.gregs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        (unsigned long)REG(c, REG_RDI), (unsigned long)REG(c, REG_RSI),                            \
            (unsigned long)REG(c, REG_RDX), (unsigned long)REG(c, REG_R10),                        \
            (unsigned long)REG(c, REG_R8), (unsigned long)REG(c, REG_R9)                           \
    }
#define REGS_RESULT(c) REG(c, REG_RAX)
#define REGS_STACK(c) REG(c, REG_RSP)
#define REGS_LINK(c) 0
#elif defined(__i386__)
#define REG(c, n) ((c)->uc_mcontext.gregs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        (unsigned long)REG(c, REG_EBX), (unsigned long)REG(c, REG_ECX),                            \
            (unsigned long)REG(c, REG_EDX), (unsigned long)REG(c, REG_ESI),                        \
            (unsigned long)REG(c, REG_EDI), (unsigned long)REG(c, REG_EBP)                         \
    }
#define REGS_RESULT(c) REG(c, REG_EAX)
#define REGS_STACK(c) REG(c, REG_ESP)
#define REGS_LINK(c) 0
#elif defined(__aarch64__)
#define REG(c, n) ((c)->uc_mcontext.regs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        REG(c, 0), REG(c, 1), REG(c, 2), REG(c, 3), REG(c, 4), REG(c, 5)                           \
    }
#define REGS_RESULT(c) REG(c, 0)
#define REGS_STACK(c) ((c)->uc_mcontext.sp)
#define REGS_LINK(c) REG(c, 30)
#elif defined(__arm__)
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        (c)->uc_mcontext.arm_r0, (c)->uc_mcontext.arm_r1, (c)->uc_mcontext.arm_r2,                 \
            (c)->uc_mcontext.arm_r3, (c)->uc_mcontext.arm_r4, (c)->uc_mcontext.arm_r5              \
    }
#define REGS_RESULT(c) ((c)->uc_mcontext.arm_r0)
#define REGS_STACK(c) ((c)->uc_mcontext.arm_sp)
#define REGS_LINK(c) ((c)->uc_mcontext.arm_lr)
#elif defined(__riscv) && __riscv_xlen == 64
#define REG(c, n) ((c)->uc_mcontext.__gregs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        REG(c, 10), REG(c, 11), REG(c, 12), REG(c, 13), REG(c, 14), REG(c, 15)                     \
    }
#define REGS_RESULT(c) REG(c, 10)
#define REGS_STACK(c) REG(c, 2)
#define REGS_LINK(c) REG(c, 1)
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
/* A call by `sc` fails by a bit of the condition register and a positive
 * errno, one by `scv` (trap 0x3000) by a negative one. */
#define REG(c, n) ((c)->uc_mcontext.gp_regs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        REG(c, 3), REG(c, 4), REG(c, 5), REG(c, 6), REG(c, 7), REG(c, 8)                           \
    }
#define REGS_RESULT(c) REG(c, 3)
#define REGS_STACK(c) REG(c, 1)
#define REGS_LINK(c) REG(c, 36)
#undef REGS_FAIL
#define REGS_FAIL(c, e)                                                                            \
    do {                                                                                           \
        if ((REG(c, 40) & ~0xful) != 0x3000) {                                                     \
            REG(c, 38) = (REG(c, 38) & ~0x10000000ul) | ((e) < 0 ? 0x10000000ul : 0);              \
            REG(c, 3) = (unsigned long)((e) < 0 ? -(e) : (e));                                     \
        }                                                                                          \
    } while (0)
#elif defined(__s390x__)
#define REG(c, n) ((c)->uc_mcontext.gregs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        REG(c, 2), REG(c, 3), REG(c, 4), REG(c, 5), REG(c, 6), REG(c, 7)                           \
    }
#define REGS_RESULT(c) REG(c, 2)
#define REGS_STACK(c) REG(c, 15)
#define REGS_LINK(c) REG(c, 14)
#elif defined(__loongarch64)
#define REG(c, n) ((c)->uc_mcontext.__gregs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        REG(c, 4), REG(c, 5), REG(c, 6), REG(c, 7), REG(c, 8), REG(c, 9)                           \
    }
#define REGS_RESULT(c) REG(c, 4)
#define REGS_STACK(c) REG(c, 3)
#define REGS_LINK(c) REG(c, 1)
#elif defined(__mips64)
#define REG(c, n) ((c)->uc_mcontext.gregs[n])
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        REG(c, 4), REG(c, 5), REG(c, 6), REG(c, 7), REG(c, 8), REG(c, 9)                           \
    }
#define REGS_RESULT(c) REG(c, 2)
#define REGS_STACK(c) REG(c, 29)
#define REGS_LINK(c) REG(c, 31)
#undef REGS_FAIL
#define REGS_FAIL(c, e)                                                                            \
    do {                                                                                           \
        REG(c, 7) = (e) < 0;                                                                       \
        REG(c, 2) = (unsigned long)((e) < 0 ? -(e) : (e));                                         \
    } while (0)
#else
#undef REGS_KNOWN
#define REGS_KNOWN 0
#define REGS_ARGS(c)                                                                               \
    {                                                                                              \
        0                                                                                          \
    }
#define REGS_RESULT(c) (*(long *)(c))
#define REGS_STACK(c) 0
#define REGS_LINK(c) 0
#endif

#endif
