/* host/userns: a mount namespace of one's own, with a user namespace where
 * one is needed to get it. */
#ifndef VOW_HOST_USERNS_H
#define VOW_HOST_USERNS_H

#include "base/base.h"

/* userns_enter: a new mount namespace for the calling process (one thread).
 * Without CAP_SYS_ADMIN also a new user namespace that knows one user and one
 * group, the caller's own. err names the cause and the way out. */
int userns_enter(struct err *err);
/* userns_is_doubtful: may a new user namespace come out without the right to use
 * it (AppArmor)? Then there is no way back for who entered it, and it wants
 * trying in a child. */
bool userns_is_doubtful(void);
/* userns_why: why user namespaces (or mounts in one) are refused on this
 * machine, as far as it can be told, and what to do about it. Returns code. */
int userns_why(int code, struct err *err);

#endif
