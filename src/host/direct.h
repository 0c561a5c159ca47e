/* direct: a system call without the libc's function of its name, for calls that
 * every architecture has and takes alike. What libvow imports costs each program
 * that links it some 800 instructions before main(), and 66 bytes. */
#ifndef VOW_HOST_DIRECT_H
#define VOW_HOST_DIRECT_H

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* told: the result, or -errno for -1. */
static inline int64_t told(int64_t result)
{
    return result < 0 ? -errno : result;
}

/* direct(mkdirat, dir, name, mode): told() what it returned. errno is set, too. */
#define direct(name, ...) told(syscall(SYS_##name, __VA_ARGS__))

#endif
