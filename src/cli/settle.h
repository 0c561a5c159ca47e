/* settle: a policy as this machine would hold it, for commands that run
 * nothing. */
#ifndef VOW_SETTLE_H
#define VOW_SETTLE_H

#include "cli/cli.h"

/* settle_policy: plans the paths of a finished policy without a program of its
 * own, and asks the kernel for Landlock and a view. 0, or an exit status after
 * a message. */
int settle_policy(struct policy_options *o, const char *name);

#endif
