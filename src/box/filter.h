/* filter: the two fixed filters of the box, the same for every program.
 * PURE: data, compiled by bpf/.
 *
 * guest   the processes that run the user's program and the shim. From the
 *         shim's text eight calls pass, with the arguments that the table
 *         gives; every other call, and every call from elsewhere, traps, or
 *         is told to the broker. A ninth, arch_prctl, passes where a program
 *         cannot set FS and GS itself: threads cannot be had without, and it
 *         gives a guest nothing that the two instructions would not.
 * broker  the one process that holds image and terminal. brk and mremap fail
 *         (malloc falls back to mmap); every other call ends it. */
#ifndef VOW_BOX_FILTER_H
#define VOW_BOX_FILTER_H

#include "bpf/bpf.h"

enum box_side { BOX_GUEST, BOX_BROKER };

/* How a guest's call comes to the shim: by the trap of its own filter, or by a
 * notification to the broker, which sends the thread there (broker/listener.h). */
enum box_host { BOX_TRAP, BOX_NOTIFY };
/* box_host_by_name: of --host: 0, or -ENOENT. */
int box_host_by_name(const char *name, enum box_host *out);

/* Which of the filters. */
struct box_confined {
    enum box_side side;
    enum box_host host;
    bool set_bases; /* FS and GS by arch_prctl, not by wrfsbase and wrgsbase */
};

/* box_filter_rules: of the guest those for calls from the shim's text: the rule set of one side on
 * an architecture; ruleset_free frees it. -ENOENT, with the reason, for an architecture without a
 * box. */
int box_filter_rules(struct box_confined which, const struct arch *arch, struct ruleset *out,
                     struct err *err);
/* box_filter: the same, compiled. */
int box_filter(struct box_confined which, const struct arch *arch, struct program *out,
               struct err *err);

#endif
