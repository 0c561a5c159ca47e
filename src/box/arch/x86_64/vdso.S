/* vdso: the library that the kernel would have in every process, as a guest gets it:
 * an object of its own, whose image the shim carries. The clocks that the host's
 * library reads without a call are read by it, for it alone knows how; everything
 * else is a call at once, by the gate. What it is called, and which kernel it is of,
 * is the box's, and so is the processor that getcpu tells. */
#include "box/arch/x86_64/offsets.h"
#include "box/layout.h"

#define CLOCKS 0x8f3 /* REALTIME MONOTONIC _RAW _COARSE _COARSE BOOTTIME TAI */

        .text

        .macro begin name
        .globl __vdso_\name, \name
        .weak \name
        .type __vdso_\name, @function
        .type \name, @function
__vdso_\name:
\name:
        .cfi_startproc
        .endm

        .macro end name
        .cfi_endproc
        .size __vdso_\name, . - __vdso_\name
        .size \name, . - \name
        .endm

/* A call as a stub makes it (site.h). Whoever must make it again goes back to the
 * instruction in front of where it ends, which traps. */
        .macro make_call number
        movl $\number, %eax
        leaq 9f(%rip), %rcx
        jmp *%gs:T_GATE
        syscall
9:      ret
        .endm

        .macro ask pointer
        movq %gs:\pointer, %rax
        testq %rax, %rax
        je 8f
        jmp *%rax
        .endm

begin clock_gettime
        cmpl $11, %edi
        ja 8f
        movl $CLOCKS, %eax
        btl %edi, %eax
        jnc 8f
        ask T_HOST_CLOCK
8:      make_call 228
end clock_gettime

begin gettimeofday
        ask T_HOST_TIMEOFDAY
8:      make_call 96
end gettimeofday

begin time
        ask T_HOST_TIME
8:      make_call 201
end time

begin clock_getres
        make_call 229
end clock_getres

begin getcpu
        rdtscp
        andl $(BOX_PROCESSORS - 1), %ecx
        testq %rdi, %rdi
        je 1f
        movl %ecx, (%rdi)
1:      testq %rsi, %rsi
        je 2f
        movl $0, (%rsi)
2:      xorl %eax, %eax
        ret
end getcpu

/* Which kernel it is of: uname(2) says the same. */
        .section .note.kernel, "a", @note
        .align 4
        .long 6, 4, 0
        .asciz "Linux"
        .align 4
        .long (BOX_KERNEL_MAJOR << 16) + (BOX_KERNEL_MINOR << 8)
        .section .note.GNU-stack, "", @progbits
