/* cpu: what the shim and the broker both ask the processor. */
#ifndef VOW_BOX_CPU_H
#define VOW_BOX_CPU_H

#include <stdint.h>

/* cpu_number: the core that this runs on, as the kernel tells rdtscp. */
static inline uint32_t cpu_number(void)
{
    uint32_t number;
    __asm__ volatile("rdtscp" : "=c"(number) : : "rax", "rdx");
    return number;
}

#endif
