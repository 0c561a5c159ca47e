/* birth: which process of the host is a new process of the box. Its parent says it,
 * if it lives to do so. */
#ifndef VOW_BOX_BIRTH_H
#define VOW_BOX_BIRTH_H

/* birth_unclaimed: a child of the host's ended, and nobody knows it yet. */
void birth_unclaimed(int host_pid, int status);
/* birth_parent_ended: it will say nothing any more. */
void birth_parent_ended(int host_pid);

#endif
