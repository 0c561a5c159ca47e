/* decode: from a held system call to what it is about.
 *
 * Everything comes from a stranger: it is bounded, may be missing, and serves
 * words alone, never a decision. The stranger's memory and links are read
 * through `struct target`, so that tests and the fuzzer bring their own. */
#ifndef VOW_DECODE_H
#define VOW_DECODE_H

#include "policy/decide.h"

#include <sys/types.h>

struct target {
    /* read: the bytes from `address` on, as many as can be read, or -errno. */
    ssize_t (*read)(void *context, uint64_t address, void *to, size_t size);
    /* link: where the process's "cwd" or "fd/N" leads, NUL-terminated; 0 or -errno. */
    int (*link)(void *context, const char *name, char *to, size_t size);
    void *context;
};

#define DECODE_PATH_SIZE 4096  /* PATH_MAX, with its NUL */
#define DECODE_OBJECT_SIZE 160 /* an address, a number, a request */

/* A path that a call names, absolute as the program sees it, not resolved. */
struct place {
    enum operation_kind kind;
    bool follow;    /* a symlink at its end is followed */
    bool create;    /* where it is absent it is created, too */
    bool exclusive; /* … and must be absent */
    bool source;    /* of a rename or link: must be there */
    char path[2 * DECODE_PATH_SIZE];
};

struct decoded {
    enum operation_kind kind;
    bool closed;        /* the program's memory may not be read */
    uint16_t port;      /* of an internet address, or 0 */
    size_t place_count; /* 0 where the call names none, or it could not be read */
    struct place places[2];
    char object[DECODE_OBJECT_SIZE]; /* of an operation that has no path; "" if none */
};

/* decode_call: `call` must have an operation (call_operation). */
void decode_call(const struct target *target, const struct call_event *event,
                 const struct sys_call *call, struct decoded *out);

#endif
