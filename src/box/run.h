/* run: a box from start to end. */
#ifndef VOW_BOX_RUN_H
#define VOW_BOX_RUN_H

#include "box/filter.h"
#include "host/cgroup.h"

struct box_request {
    const char *image; /* path of the image */
    bool discard;      /* what is written vanishes with the box */
    bool stats;        /* say at the end how calls came */
    bool plain;        /* guests ask for what they could read or set themselves */
    uint64_t memory;   /* of shared memory and mapped files at most; 0: half of what there is */
    struct cgroup_bounds bounds; /* of the whole box; none: no cgroup is made */
    enum box_host host;          /* how calls come to the shim */
    char *const *argv;    /* the program, by its path or name in the image, and its arguments */
    char *const *environ; /* as the program gets it */
};

/* box_must_set_bases: whether guests need a call for what other machines have instructions for: see
 * filter.h. */
bool box_must_set_bases(void);

/* box_run: runs the program and what it starts to the end of the first process.
 * Call it with one thread and nothing open that must stay: all descriptors above
 * 2 are closed. *status: how the first process ended, as wait(2) says it. 0, or
 * -errno and the reason: the box did not start. 1: the program could not be
 * executed, and *status is as of a shell: 127 if there is none, else 126. */
int box_run(const struct box_request *request, int *status, struct err *err);

#endif
