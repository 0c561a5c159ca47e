/* decide: the one decision function. PURE. Everything that enforces, explains
 * or exports a policy asks here; the compiler is proved equal to it.
 *
 * A system call is judged by three parties that see different things: BPF
 * sees number and argument words, Landlock sees the object of a path
 * operation, a view hides names. decide_call answers for BPF, decide_path for
 * all three on one path operation. */
#ifndef VOW_DECIDE_H
#define VOW_DECIDE_H

#include "arch/arch.h"
#include "policy/policy.h"

enum answer {
    ANSWER_NONE, /* this party has no say */
    ANSWER_ALLOW,
    ANSWER_DENY,
    ANSWER_HIDE, /* ENOENT: the name is not there */
};

enum operation_kind {
    OP_NONE,
    OP_OPEN_READ,
    OP_OPEN_WRITE,
    OP_OPEN_READ_WRITE,
    OP_LIST,
    OP_STAT, /* stat, access, readlink, statfs */
    OP_CHDIR,
    OP_CREATE, /* open with O_CREAT of an absent file, mkdir, symlink, link */
    OP_MKNOD,  /* fifo, device */
    OP_REMOVE,
    OP_RENAME,
    OP_TRUNCATE,
    OP_ATTR, /* chmod, utimes, xattr */
    OP_CHOWN,
    OP_EXEC,
    OP_CONNECT, /* connect, or send to an address */
    OP_BIND,
    OP_SOCKET,
    OP_SIGNAL,
    OP_IOCTL,
    OP_PROCESS, /* fork, clone */
    OP_MEMORY,  /* mmap, mprotect */
    OP_OPEN,    /* open: becomes one of the four above by its flags */
    OP_KIND_COUNT,
};

/* One system call as a filter sees it. */
struct call_event {
    const struct arch *arch; /* NULL: one that the filter does not know */
    uint32_t nr;
    uint64_t args[6];
};

struct call_verdict {
    enum answer bpf;             /* ALLOW or DENY */
    bool known;                  /* the table has the number */
    bool fatal;                  /* foreign architecture or x32: always ends the program */
    uint16_t error;              /* errno of the denial: EPERM, ENOSYS …; 0: it succeeds, and
                                    nothing happens (family settled) */
    const struct sys_call *call; /* NULL if unknown */
    bool probe;                  /* denied, but programs try it and go on without: a call
                                    of family probe or settled, or one that fails with ENOSYS */
    promise_set missing;         /* the smallest set that would allow it; 0 if allowed
                                    or if nothing would */
    uint16_t family;             /* the family that allows it, or would with `missing`;
                                    FAMILY_COUNT: none */
};
void decide_call(const struct policy *p, const struct call_event *event, struct call_verdict *out);
/* decide_reason: why no promise would allow a call of this architecture (NULL: of an
 * unknown one); NULL if one would. */
const char *decide_reason(const struct arch *arch, const struct call_verdict *verdict);

/* One operation on a path, already resolved by whoever asks (watch/, cli/):
 * absolute, symlinks resolved as far as they exist (the last one only where
 * the call follows it). The program's own /proc/PID is written /proc/self. An
 * open that creates and writes is two events, OP_CREATE and OP_OPEN_WRITE; a
 * rename or link is one at either path. */
struct path_event {
    enum operation_kind kind;
    const char *path;
};

struct path_verdict {
    enum answer bpf, landlock, view;
    promise_set missing;          /* the smallest set of promises that is missing */
    uint8_t missing_perms;        /* letters missing on the path, 0 if none */
    bool on_parent;               /* … on the directory that holds it */
    const struct path_rule *rule; /* most specific rule that covers path, or NULL */
    bool allowed;                 /* none of the three denies or hides */
};
/* decide_only_port: the one TCP port that Landlock lets a program connect to, the
 * name servers': where dns is promised and inet is not, from ABI 4 on; else 0,
 * for any. Not of UDP, though ABI 10 could: getaddrinfo() connects datagram sockets
 * to what it found, by the port of the service, to learn how to sort it. */
uint16_t decide_only_port(promise_set promises, int landlock_abi);
/* operation_letters: what an operation needs of a path; 0: any letter. */
uint8_t operation_letters(enum operation_kind kind);
/* p->paths must be planned (policy/paths.h), p->view settled (AUTO counts as
 * none) and p->landlock_abi set. */
void decide_path(const struct policy *p, const struct path_event *event, struct path_verdict *out);

#endif
