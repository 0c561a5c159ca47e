/* site: what the shim does about syscalls that become jumps (arch/x86_64/site.h
 * has how, broker/text.c who writes them). */
#ifndef VOW_BOX_SHIM_SITE_H
#define VOW_BOX_SHIM_SITE_H

#include "box/shim/shim.h"

/* site_called: a syscall has trapped behind which `r` goes on: asks for a jump there,
 * and then it goes on in the stub. */
void site_called(struct thread *t, struct regs *r);
/* site_stopped: if the signal is of somebody who ran into a jump, or came while
 * it was written, he goes on in the stub. */
bool site_stopped(struct thread *t, int signal, struct context *c);
/* site_leave: who is in a stub is where he would be without it, in the text. */
void site_leave(struct context *c);
/* site_enter: the other way, for who comes back to right behind a syscall. */
void site_enter(struct context *c);
/* site_forget: another program is to come. */
void site_forget(void);

#endif
