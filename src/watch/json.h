/* json: the events of a run, one object a line; docs/explain.md has the
 * schema. Bytes of strangers that are not UTF-8 become U+FFFD, and the exact
 * bytes then stand beside them in hexadecimal. */
#ifndef VOW_JSON_H
#define VOW_JSON_H

#include "watch/watch.h"

#include <jansson.h>

#define JSON_SCHEMA 1

void json_start(struct str *out, const struct launch *launch, int pid);
void json_denial(struct str *out, const struct denial *denial, const struct run_line *line);
/* json_set_missing: as "missing" of an object. */
void json_set_missing(json_t *object, const struct remedy *remedy);
void json_closed(struct str *out, const char *program, int pid);
/* What report_end knows. */
struct json_totals {
    int status; /* as waitpid gives it */
    size_t operations;
    uint64_t times;
    const char *rerun;
};
void json_end(struct str *out, const struct json_totals *totals);

#endif
