/* gate: the one way from guest code into the shim and back.
 *
 * Stubs jump here (site.h). The SIGSYS handler comes here by changing the
 * instruction pointer, so that everything but the saving of registers happens in C on the thread's own
 * stack, interruptible. Vector registers are not touched by the shim.
 *
 * A kick that arrives between gate_exit, which looks whether there was one, and
 * gate_end would be forgotten until the next call: the signal handler sends such
 * a thread to gate_again. That works at every instruction in between, because
 * what was popped still lies below the stack pointer.
 *
 * popf alone takes longer than all the rest, so flags that a program may have set
 * without noticing are restored by other means, and what C preserves is not
 * restored at all. */
#include "box/arch/x86_64/offsets.h"

        .text

        .macro restore
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %r11
        popq %r10
        popq %r9
        popq %r8
        popq %rbp
        popq %rdi
        popq %rsi
        popq %rdx
        popq %rcx
        popq %rbx
        popq %rax
        leaq 16(%rsp), %rsp         /* the number, the stack pointer */
        popfq
        movq (%rsp), %rcx
        movq %gs:T_GUEST_SP, %rsp
        .endm

/* From a stub, which goes on at %rcx; from the handler, which says it. */
        .globl shim_site, shim_gate
shim_site:
        movq %rcx, %gs:T_ENTRY_IP
shim_gate:
        movq %rsp, %gs:T_GUEST_SP
        movq %gs:T_STACK, %rsp
        pushq %gs:T_ENTRY_IP
        pushfq
        cld
        pushq %gs:T_GUEST_SP
        pushq %rax                  /* the number */
        pushq %rax
        pushq %rbx
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rbp
        pushq %r8
        pushq %r9
        pushq %r10
        pushq %r11
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        movq %rsp, %gs:T_REGS
        movq %rsp, %rdi
        call gate_call
        .globl gate_exit, gate_end
gate_exit:
        cmpl $0, %gs:T_KICKED
        jne gate_again
        movq R_FLAGS(%rsp), %rax
        testl $FLAGS_SLOW, %eax
        jne gate_slow
        movl %eax, %ecx
        shrl $11, %ecx
        andl $1, %ecx
        addb $127, %cl              /* the overflow flag */
        movb %al, %ah
        sahf                        /* the others */
        movq R_R11(%rsp), %r11
        movq R_R10(%rsp), %r10
        movq R_R9(%rsp), %r9
        movq R_R8(%rsp), %r8
        movq R_DI(%rsp), %rdi
        movq R_SI(%rsp), %rsi
        movq R_DX(%rsp), %rdx
        movq R_AX(%rsp), %rax
        movq R_IP(%rsp), %rcx
        movq %gs:T_GUEST_SP, %rsp
        jmp *%rcx
gate_slow:
        restore
        jmp *%rcx
gate_end:

/* Leaves like gate_exit, but by an instruction that traps: the handler of
 * SIGILL gets what every other interrupted guest looks like. */
        .globl gate_again, gate_trap
gate_again:
        movq %gs:T_REGS, %rsp
        movl $0, %gs:T_KICKED
        movq R_IP(%rsp), %rcx
        movq %rcx, %gs:T_TRAP_IP
        restore
gate_trap:
        ud2

/* long guest_copy(void *to, const void *from, size_t size): 0, or -EFAULT. */
        .globl guest_copy, guest_copy_end, guest_copy_fault
guest_copy:
        xorl %eax, %eax
        cmpq $256, %rdx
        ja 4f                       /* what starts slowly pays from there on */
1:      subq $32, %rdx
        jb 2f
        movq (%rsi), %rcx
        movq 8(%rsi), %r8
        movq 16(%rsi), %r9
        movq 24(%rsi), %r10
        movq %rcx, (%rdi)
        movq %r8, 8(%rdi)
        movq %r9, 16(%rdi)
        movq %r10, 24(%rdi)
        addq $32, %rsi
        addq $32, %rdi
        jmp 1b
2:      addq $32, %rdx
        je 5f
3:      movb (%rsi), %cl
        movb %cl, (%rdi)
        incq %rsi
        incq %rdi
        decq %rdx
        jne 3b
        ret
4:      movq %rdx, %rcx
        rep movsb
5:      ret
/* long guest_clear(void *at, size_t size): 0, or -EFAULT. */
        .globl guest_clear
guest_clear:
        movq %rsi, %rcx
        xorl %eax, %eax
        rep stosb
        ret
/* long guest_copy_string(char *to, const char *from, size_t size): the length,
 * `size` if it is that long or longer, or -EFAULT. */
        .globl guest_copy_string
guest_copy_string:
        xorl %eax, %eax
1:      cmpq %rdx, %rax
        je 2f
        movb (%rsi,%rax), %cl
        movb %cl, (%rdi,%rax)
        testb %cl, %cl
        je 2f
        incq %rax
        jmp 1b
2:      ret
guest_copy_end:
guest_copy_fault:
        movq $-14, %rax
        ret

/* long host_futex(word, op, value, timeout, word2, value3), for waits on guest
 * words: if a kick comes before the kernel has the call, the handler goes to
 * futex_interrupted. */
        .globl host_futex, futex_call, futex_end, futex_interrupted
host_futex:
        movq %rcx, %r10
        cmpl $0, %gs:T_KICKED
        jne futex_interrupted
        movl $202, %eax
futex_call:
        syscall
futex_end:
        ret
futex_interrupted:
        movq $-4, %rax
        ret

/* long host_clone_thread(stack, tid_word, thread): the new thread runs
 * thread_start(thread). */
        .globl host_clone_thread
host_clone_thread:
        movq %rdx, -8(%rdi)
        movq %rsi, %r10
        leaq -8(%rdi), %rsi
        xorl %edx, %edx
        xorl %r8d, %r8d
        movl $0x250f00, %edi
        movl $56, %eax
        syscall
        testq %rax, %rax
        jne 1f
        xorl %ebp, %ebp
        popq %rdi
        cmpl $0, set_bases(%rip)
        jne 2f
        wrgsbase %rdi
        jmp 3f
2:      movq %rdi, %rbx
        movq %rdi, %rsi
        movl $0x1001, %edi          /* ARCH_SET_GS */
        movl $158, %eax
        syscall
        movq %rbx, %rdi
3:      call thread_start
        ud2
1:      ret

/* void host_sigreturn(void *frame): goes on with what the frame says. A kick on
 * the way starts it again, and then the frame leads to gate_trap. */
        .globl host_sigreturn, sigreturn_end
host_sigreturn:
        cmpl $0, %gs:T_KICKED
        jne 1f
        movq %rdi, %rsp
        movl $15, %eax
        syscall
sigreturn_end:
        ud2
1:      movl $0, %gs:T_KICKED
        leaq gate_trap(%rip), %rcx
        movq FRAME_IP(%rdi), %rax
        cmpq %rcx, %rax
        je host_sigreturn
        movq %rax, %gs:T_TRAP_IP
        movq %rcx, FRAME_IP(%rdi)
        jmp host_sigreturn

/* Of signal handlers. */
        .globl shim_restorer
shim_restorer:
        movl $15, %eax
        syscall

        .globl _start
_start:
        movq %rsp, %rdi
        andq $-16, %rsp
        xorl %ebp, %ebp
        call shim_start
        ud2
        .section .note.GNU-stack,"",@progbits
