/* machine: how large this one is. */
#ifndef VOW_HOST_MACHINE_H
#define VOW_HOST_MACHINE_H

#include <stdint.h>

/* machine_memory: bytes of memory that processes like this one may use: the machine's,
 * or what a cgroup leaves of it. */
uint64_t machine_memory(void);

#endif
