/* start: the first moments of the first process of a box. The host has executed
 * the shim as a program, with the guest's arguments as its own. */
#include <linux/audit.h>
#include <linux/auxvec.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "box/published.h"
#include "box/shim/shim.h"

enum { CHANNEL_FD = 5, PUBLISHED_FD = 6, NOT_EXECUTABLE = 126, NOT_FOUND = 127, SETUP = 125 };

_Noreturn void shim_start(uint64_t *stack);

static void require(bool holds)
{
    if (!holds)
        for (;;)
            host_call(__NR_exit_group, SETUP);
}

/* No descriptor but the arena's two is left. */
static void close_others(void)
{
    host_call(__NR_close_range, 0, GUEST_ARENA_READ - 1, 0);
    require(host_call(__NR_close_range, GUEST_ARENA_WRITE + 1, (long)UINT32_MAX, 0) == 0);
}

/* Descriptor 0 is the listener, until the broker has its own. Closing it is the
 * first call that the broker is told of. */
static void confine_with_listener(const struct sock_fprog *program)
{
    uint32_t *state = &channel()->listen;
    long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    require(host_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)program) == 0);
    __atomic_store_n(state, LISTEN_MADE, __ATOMIC_SEQ_CST);
    host_call(__NR_futex, (long)state, FUTEX_WAKE, 1);
    while (__atomic_load_n(state, __ATOMIC_SEQ_CST) == LISTEN_MADE)
        host_call(__NR_futex, (long)state, FUTEX_WAIT, LISTEN_MADE);
    require(host_call(__NR_close, 0) == 0);
}

static void confine(void)
{
    const struct channel *c = channel();
    struct sock_fprog program = {(unsigned short)c->insn_count,
                                 (struct sock_filter *)(uintptr_t)c->insns};
    require(host_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (c->listen == LISTEN_NONE)
        require(host_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program) == 0);
    else
        confine_with_listener(&program);
}

void shim_start(uint64_t *stack)
{
    uint64_t argc = stack[0], *argv = stack + 1, *envp = argv + argc + 1, *auxv = envp;
    while (*auxv++)
        ;
    require(host_call(__NR_mmap, CHANNEL_BASE, (long)CHANNEL_SIZE, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_FIXED_NOREPLACE, CHANNEL_FD, 0) == (long)CHANNEL_BASE);
    require(host_call(__NR_mmap, PUBLISHED_BASE, (long)PUBLISHED_SIZE(PAGE_COUNT_MAX), PROT_READ,
                      MAP_SHARED | MAP_FIXED_NOREPLACE, PUBLISHED_FD, 0) == (long)PUBLISHED_BASE);
    for (const uint64_t *a = auxv; a[0] != AT_NULL; a += 2)
        if (a[0] == AT_SYSINFO_EHDR)
            vdso_start(a[1]);
    set_bases = channel()->set_bases;
    struct thread *t = thread_new();
    require(t && host_call(__NR_arch_prctl, SET_GS, (long)t) == 0);
    thread_use_slot(t, 0);
    exec_start(auxv);
    signal_start(t);
    close_others();
    confine();
    /* argv[0] is the path of the program; what it is called comes behind it. */
    long result =
        exec_replace(t, (const long[3]){(long)argv[0], (long)(argv + 1), (long)envp}, false);
    int status = result == -ENOENT || result == -ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE;
    call_leave(t, true, status << 8);
}
