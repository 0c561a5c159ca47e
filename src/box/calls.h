/* calls: every call of Linux that the box knows: who serves it, how its
 * arguments travel, and how much of it there is. calls.def has the table; the
 * shim, the broker and docs/box-syscalls.md are made from it. */
#ifndef VOW_BOX_CALLS_H
#define VOW_BOX_CALLS_H

#include <asm/unistd.h>
#include <stdint.h>

/* How one argument travels: three bits of kind, 13 of size. _N: the size times
 * the next argument; OUT_N: what is copied back is the size times the result. */
enum {
    ARG_VALUE = 0,
    ARG_PATH = 1 << 13, /* a string of up to PATH_MAX bytes */
    ARG_IN = 2 << 13,
    ARG_OUT = 3 << 13,
    ARG_INOUT = 4 << 13,
    ARG_IN_N = 5 << 13,
    ARG_OUT_N = 6 << 13,
    ARG_INOUT_N = 7 << 13,
    ARG_KIND = 7 << 13,
    ARG_SIZE = 0x1fff,
};
#define V ARG_VALUE
#define PATH ARG_PATH
#define IN(size) (ARG_IN | (size))
#define OUT(size) (ARG_OUT | (size))
#define INOUT(size) (ARG_INOUT | (size))
#define IN_N(size) (ARG_IN_N | (size))
#define OUT_N(size) (ARG_OUT_N | (size))
#define INOUT_N(size) (ARG_INOUT_N | (size))

/* Calls that are younger than the headers that this may be built with. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef SYS_openat2
#define SYS_openat2 __NR_openat2
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 __NR_fchmodat2
#endif

enum { CALL_PATH_MAX = 4096 };

#endif
