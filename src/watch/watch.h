/* watch: the supervisor of an explained run. loop.c receives notifications,
 * decode.c turns one into an event (it reads the program's memory and /proc),
 * diagnose.c turns event + policy into words (PURE), report.c keeps what was
 * said and prints. Nothing here decides: a denied call stays denied, a path
 * call goes on in the kernel. */
#ifndef VOW_WATCH_H
#define VOW_WATCH_H

#include "enforce/enforce.h"

/* One thing that was stopped, with everything that a person is told. Strings
 * are raw bytes of strangers: printing quotes them. */
struct denial {
    int pid;
    const char *program; /* name of the process's program */
    struct call_event call;
    struct call_verdict verdict; /* of the call */
    enum operation_kind kind;
    const char *object;       /* absolute path, address, pid … or NULL */
    struct path_verdict path; /* of the object where it is a path */
    bool killed;
};

/* What the suggested command line is built from. */
struct run_line {
    const struct policy *policy; /* as the user gave it */
    char *const *options;        /* vow's own words of the command line, before "--" */
    size_t option_count;
    char *const *argv; /* program and arguments */
};

/* denial_words: "cat (pid 12) may not open /etc/shadow for reading: no path
 * rule covers it"; denial_advice: what to add ("-v r:/etc/shadow" or
 * "-p '… rpath'"), "" if nothing would help; denial_rerun: the whole line.
 * All PURE; all output is safe for a terminal. */
void denial_words(struct str *out, const struct denial *denial);
void denial_advice(struct str *out, const struct denial *denial);
void denial_rerun(struct str *out, const struct denial *denial, const struct run_line *line);

struct watch_options {
    int text_fd; /* explanations for a person, or -1 */
    int json_fd; /* one JSON object a line, or -1 */
    bool colour;
    struct run_line line;
};

/* watch_run: forks the program of a prepared launch (request->listen set),
 * supervises it until it and the listener's last user end, forwards what a
 * shell expects of a child (job control, signals), and returns the wait
 * status of the program, or -errno. */
int watch_run(struct launch *launch, const struct watch_options *options, struct err *err);

#endif
