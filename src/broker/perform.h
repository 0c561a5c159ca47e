/* perform: does a held call in the caller's stead. */
#ifndef VOW_BROKER_PERFORM_H
#define VOW_BROKER_PERFORM_H

#include "broker/caller.h"
#include "broker/calls.h"
#include "broker/views.h"
#include "broker/walk.h"

#define DATA_SIZE 65536 /* of an extended attribute, and of a datagram over IP */

/* The call at hand. */
struct request {
    const struct call *call;
    struct notify_call held;
    struct judges judges;
    struct walk walk;
    struct caller_identity identity;
    char path[PATH_MAX];
    char other[PATH_MAX]; /* the second path, the name of an attribute … */
    char data[DATA_SIZE];
};

struct broker {
    int listener;
    int root, proc; /* O_PATH */
    pid_t self;
    bool changed; /* somebody has changed as whom it acts */
    struct views views;
    struct request request;
};

/* An answer is a value, or -errno, or one of these. */
#define ANSWER_CONTINUE INT64_MIN
#define ANSWER_GIVEN (INT64_MIN + 1) /* has been answered */

/* perform: answers broker->request.held. */
void perform(struct broker *broker);

/* For the operations, in files.c and sockets.c. */

/* find: the place that the path at argument `path` leads to, seen from the
 * directory at argument `dir` (-1: the working directory), with the caller's
 * identity taken. `flags` are AT_…; `wanted`: RULE_… that must be had. The place
 * is to be closed. */
#define FIND_NAME 1u   /* a name to make or remove: not followed */
#define FIND_ABSENT 2u /* it may be absent */
#define FIND_UMASK 4u  /* it will be made, with the caller's umask */
#define FIND_LOOK 8u   /* only its stat is wanted */
#define FIND_OPEN 16u  /* … or that its name can be opened by */
#define FIND_READ (-1) /* the path: it is in request->path already */
struct finding {
    int dir, path;
    unsigned flags, how;
    uint8_t wanted;
};
int find(struct broker *broker, const struct finding *finding, struct place *out);
/* take_identity: acts as the caller, if somebody has changed as whom it acts; with
 * its umask where something is made. find() does. */
int take_identity(struct broker *broker, bool creating);
/* put: writes to the caller's memory; nothing acts as the caller afterwards. */
int put(struct broker *broker, uint64_t address, const void *from, size_t size);
/* Where the libc's struct stat is the kernel's. */
#if defined(__x86_64__) && __SIZEOF_LONG__ == 8 || defined(__aarch64__)
#define STAT_IS_KERNELS 1
#else
#define STAT_IS_KERNELS 0
#endif
/* kernel_stat: what the kernel writes for stat, in its own layout. */
extern const size_t kernel_stat_size;
int kernel_stat(int object, void *to);
/* argument: of the held call. */
uint64_t argument(const struct broker *broker, int index);
int argument_int(const struct broker *broker, int index);

int64_t files_perform(struct broker *broker);
int64_t sockets_perform(struct broker *broker);
int64_t requests_perform(struct broker *broker);

/* A call that may take long goes on in a child of the broker, so that nobody
 * else waits for it. elsewhere: true in the child, which ends by
 * answer_and_end(). still_wanted: after EINTR in it: is the caller waiting, and
 * has no signal of its own to see to? */
bool elsewhere(struct broker *broker);
bool still_wanted(struct broker *broker);
_Noreturn void answer_and_end(struct broker *broker, int64_t result);

#endif
