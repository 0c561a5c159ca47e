/* report: what was said so far. Each distinct denial is said once: a line for
 * a person, an object for a program; the rest is counted. */
#ifndef VOW_REPORT_H
#define VOW_REPORT_H

#include "watch/watch.h"

/* More distinct denials than this are counted, not shown: a program must not
 * be able to fill a terminal or our memory. */
#define REPORT_MAX 100

struct report {
    const struct watch_options *options;
    struct denial *denials; /* owned, with their strings */
    uint64_t *keys;         /* beside denials */
    size_t count;
    uint64_t times; /* denials, repeated ones as well */
    bool full;      /* it was said that no more are shown */
    bool closed;    /* report_closed has said it */
};

int report_init(struct report *report, const struct watch_options *options);
void report_free(struct report *report);
void report_start(struct report *report, const struct launch *launch, int pid);
/* report_denial: copies what it keeps. */
void report_denial(struct report *report, const struct denial *denial);
/* report_closed: nobody may read this program's memory, so its path calls are
 * not explained. Said once. */
void report_closed(struct report *report, const char *program, int pid);
/* report_end: the summary; `status` as waitpid gives it. */
void report_end(struct report *report, int status);

#endif
