/* host: the calls that the shim makes to the kernel. */
#ifndef VOW_BOX_HOST_H
#define VOW_BOX_HOST_H

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

/* All of the shim is one object to the linker: nothing goes through a table. */
#pragma GCC visibility push(hidden)

static inline long host_call6(long nr, const long a[6])
{
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    long result = nr;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define host_call(nr, ...) host_call6((nr), (const long[6]){__VA_ARGS__})

/* In gate.S. */
long host_futex(volatile uint32_t *word, long op, long value, const void *timeout,
                volatile uint32_t *word2, long value3);

/* Where the processor has FSGSBASE. */
static inline uint64_t cpu_fs(void)
{
    uint64_t value;
    __asm__ volatile("rdfsbase %0" : "=r"(value));
    return value;
}

static inline void cpu_set_fs(uint64_t value)
{
    __asm__ volatile("wrfsbase %0" : : "r"(value));
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline void full_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
