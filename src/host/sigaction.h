/* sigaction: the kernel's rt_sigaction, past what the libc keeps for itself. */
#ifndef VOW_HOST_SIGACTION_H
#define VOW_HOST_SIGACTION_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel takes for a set of signals. */
#if defined(__mips__)
#define SIGNAL_SET_SIZE 16
#else
#define SIGNAL_SET_SIZE 8
#endif
struct signal_set {
    unsigned long words[SIGNAL_SET_SIZE / sizeof(long)];
};
#define SIGNAL_WORD(sig) (((unsigned)(sig)-1) / (8 * sizeof(long)))
#define SIGNAL_BIT(sig) (1ul << ((unsigned)(sig)-1) % (8 * sizeof(long)))

typedef void (*signal_handler)(int, siginfo_t *, void *);

/* The kernel's struct sigaction: the mask is last everywhere. */
struct kernel_action {
#if defined(__mips__)
    unsigned flags;
    signal_handler handler;
#else
    signal_handler handler;
    unsigned long flags;
#if !defined(__riscv) && !defined(__loongarch__)
    void (*restorer)(void);
#endif
#endif
    struct signal_set mask;
};

/* The mark in the sixth argument, which the kernel does not read, with which
 * libvow's filters let its own calls through (data/families/library.txt). */
#define LIBRARY_MARK 0x766f7721L

/* What a handler blocks while it runs, beside what was blocked. */
enum signal_block { SIGNAL_BLOCK_NONE, SIGNAL_BLOCK_ALL };

/* host_sigaction: 0 or -errno; errno stays. `handler` NULL is SIG_DFL; `before`
 * may be NULL. For signal handlers. */
int host_sigaction(int signal, signal_handler handler, int flags, enum signal_block block,
                   struct kernel_action *before);
/* host_sigaction_restore: puts back what it gave. */
int host_sigaction_restore(int signal, const struct kernel_action *before);

#endif
