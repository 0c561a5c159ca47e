/* broker: the process that performs a program's calls with a path.
 *
 *   start     makes it: forked, unseen by wait(), without the program's descriptors
 *   filter    which calls the kernel holds for it
 *   calls     the table of these calls: which argument is what
 *   perform   does one of them; files, sockets: the operations
 *   walk      where a path leads, and under which rules (rules: PURE)
 *   caller    whose call it is: its memory, directories, identity
 *
 * A call is held by the kernel until the broker has answered. The broker reads
 * what the call names once, judges it, performs the operation itself on what it
 * has judged, and hands back the result or a descriptor; what the program
 * writes to its memory meanwhile changes nothing. Only three calls go on in
 * the program: execve, which nobody can do for another (what it may execute is
 * then up to Landlock), chdir, and the calls that change who it is.
 *
 * chdir goes on in the kernel with a path that was judged before, so that a
 * second thread could exchange it and stand in a hidden directory. It has
 * nothing of it: for a relative path the broker looks where the caller really
 * is, and judges from there. What it can learn is whether a directory is there.
 *
 * The broker ends with the last process that its filter holds. Should it die
 * before, each of these calls fails with ENOSYS. */
#ifndef VOW_BROKER_H
#define VOW_BROKER_H

#include "base/base.h"

/* Requests of a program: prctl(BROKER_CALL, request, …), which the filter holds
 * like the calls with a path. */
#define BROKER_CALL 0x766f7721u
enum broker_request {
    BROKER_ANEW,       /* rules of its own, on top of those that it inherits */
    BROKER_HELLO,      /* 0: there is a broker */
    BROKER_ADD,        /* path, permissions: unveil() */
    BROKER_LOCK,       /* whether Landlock holds execve now */
    BROKER_FETCH,      /* path: one of the exceptions of the promises */
    BROKER_EXCEPT,     /* these are open to ordinary calls, too */
    BROKER_EXECUTABLE, /* 0 to begin, or 1: what else Landlock is to let it execute */
};

/* A broker that waits for its program. */
struct broker_link {
    int socket; /* close-on-exec; -1: there is none */
    int pid;
    uint64_t inode; /* the socket's: the program may have closed it and opened another */
};
/* broker_start: forks a broker, which is not held by filters that are loaded
 * afterwards. 0 or -errno. */
int broker_start(struct broker_link *link);
/* broker_waits: is it still there, and serves nobody yet? */
bool broker_waits(const struct broker_link *link);
/* broker_serve: loads the filter in all threads; the broker serves the process
 * and its children from then on. The link's socket is closed. -EBUSY: another
 * listener is in force; else as seccomp(2), or -EPIPE: the broker has died. */
int broker_serve(struct broker_link *link);

#endif
