/* offsets: of members that assembly reaches, checked by shim/thread.c. Of struct
 * thread, at %gs: */
#define T_SELF 0
#define T_GUEST_SP 8
#define T_STACK 16
#define T_ENTRY_IP 24
#define T_KICKED 32
#define T_TRAP_IP 40
#define T_REGS 48
#define T_GATE 56
#define T_HOST_CLOCK 64
#define T_HOST_TIMEOFDAY 72
#define T_HOST_TIME 80
/* Of struct regs: */
#define R_R11 32
#define R_R10 40
#define R_R9 48
#define R_R8 56
#define R_DI 72
#define R_SI 80
#define R_DX 88
#define R_AX 112
#define R_FLAGS 136
#define R_IP 144
/* Flags that popf alone restores: trap, direction, nested task, alignment. */
#define FLAGS_SLOW 0x44500
/* Of struct context: */
#define FRAME_IP 168
