/* calls: the native calls that a broker has to do with. */
#ifndef VOW_BROKER_CALLS_H
#define VOW_BROKER_CALLS_H

#include "base/base.h"

/* NR_NEWER: the number of a call that is newer than the headers of the oldest
 * system that builds this. From 424 on numbers are the same everywhere, but for
 * where an architecture begins to count. */
#define NR_NEWER(n) (SYS_pidfd_send_signal - 424 + (n))

enum call_kind {
    CALL_OPEN,
    CALL_CREAT,
    CALL_STAT,
    CALL_STATX,
    CALL_ACCESS,
    CALL_READLINK,
    CALL_CHDIR,
    CALL_EXEC,
    CALL_CHMOD,
    CALL_CHOWN,
    CALL_UTIME,
    CALL_UTIMES,
    CALL_UTIMENSAT,
    CALL_TRUNCATE,
    CALL_GETXATTR,
    CALL_LISTXATTR,
    CALL_SETXATTR,
    CALL_REMOVEXATTR,
    CALL_WATCH,
    CALL_MKDIR,
    CALL_MKNOD,
    CALL_SYMLINK,
    CALL_REMOVE,
    CALL_LINK,
    CALL_RENAME,
    CALL_CONNECT,
    CALL_BIND,
    CALL_SEND,
    CALL_SOCKETCALL, /* one of the three above */
    CALL_IDENTITY,
    CALL_REQUEST,
};

/* One call. Its arguments stand in one order everywhere: directory, path, what
 * belongs to the path; so the places of two of them tell the rest. */
struct call {
    uint16_t nr;
    uint8_t kind;
    int8_t dir, path; /* arguments; -1: none */
    int8_t flags;     /* argument of AT_… flags; -1: `fixed` stands for them */
    uint16_t fixed;
};

extern const struct call calls[];
extern const size_t call_count;
/* call_find: NULL for one that is not in the table. */
const struct call *call_find(uint32_t nr);

/* What socketcall(2) stands for, by its first argument. The second leads to as many
 * words in memory: the arguments. */
struct socketcall {
    uint8_t kind, count;
    uint16_t nr;
};
#define SOCKETCALLS 3
extern const struct socketcall socketcalls[SOCKETCALLS];

/* Calls that fail for as long as there is a broker, with the errno. */
struct call_refused {
    uint16_t nr;
    uint16_t error;
};
extern const struct call_refused calls_refused[];
extern const size_t call_refused_count;

#endif
