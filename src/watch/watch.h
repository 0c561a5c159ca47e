/* watch: the supervisor of an explained run.
 *
 *   spawn, job      starts the program, and is to its shell as if nobody watched
 *   loop            takes held calls and answers them
 *   decode          one call → its objects, read from the program's memory
 *   stranger        … through its memory and /proc
 *   resolve         where a path leads, and what the system alone allows
 *   diagnose        is it vow that stops it? (PURE)
 *   remedy          what would allow it? (PURE)
 *   words, rerun    the same for a person (PURE)
 *   report, json    each denial once
 *   hint            the same parent without a listener: one line about a failure
 *
 * Nothing here decides: a denied call stays denied, a path call goes on in the
 * kernel. docs/explain.md says what is told and what of it can be trusted. */
#ifndef VOW_WATCH_H
#define VOW_WATCH_H

#include "enforce/enforce.h"

/* What would allow a denied operation; all empty where nothing would. */
#define REMEDY_RULES 2 /* a name can ask for one on its directory besides */
struct remedy {
    promise_set promises;
    struct remedy_rule {
        char *path;
        uint8_t perms; /* letters to add there */
        bool home;     /* with them all of the home directory can be changed */
    } rules[REMEDY_RULES];
    size_t rule_count;
};

/* One thing that was stopped, with everything that a person is told. Strings
 * are raw bytes of strangers: printing quotes them. */
struct denial {
    int pid;                     /* 0: nobody's, a question of `vow why` */
    const char *program;         /* name of the process's program, or NULL */
    struct call_event call;      /* arch NULL: an operation without a call */
    struct call_verdict verdict; /* of the call */
    enum operation_kind kind;
    const char *object; /* path as the program names it, address, pid … or NULL */
    const char *real;   /* the path that it leads to (struct path_event), or NULL */
    bool creates;       /* an open that creates `real` first */
    /* Is there something at a path? A rule is about what is there. NULL: always. */
    bool (*is_there)(const char *path);
    struct path_verdict path; /* of `real` */
    uint16_t port;            /* of TCP, that is connected to; 0: none */
    bool outside;             /* a signal to a process, or an abstract socket, of others */
    struct remedy remedy;
    bool killed;
};

/* denial_judge: asks decide about call, kind, real, creates and is_there, which the
 * caller has set (the rest is zero), and fills in verdict, path and remedy;
 * kind becomes OP_CREATE where that is what is denied. False if all of it is
 * allowed. PURE, as the three below. */
bool denial_judge(const struct policy *p, struct denial *denial);
void denial_free(struct denial *denial);

/* A word of vow's own command line, with its value if it has one. */
struct run_option {
    const char *name;  /* "-p", "--best-effort", "--view=all" */
    const char *value; /* NULL: none, or behind "=" */
};

/* What the suggested command line is built from. */
struct run_line {
    const struct run_option *options; /* implied ones (--preset, -p) written out */
    size_t option_count;
    char *const *argv; /* program and arguments, NULL-terminated */
};

/* denial_words: "cat[12] may not open /etc/shadow for reading: no path rule
 * covers it". denial_advice: what to add ("-v +r:/etc/shadow", "the promise
 * rpath"), "" if nothing would help. denial_rerun: a command line that allows
 * all of these denials for which something would. All output is safe for a
 * terminal, and the line for a shell. */
void denial_words(struct str *out, const struct denial *denial);
void denial_advice(struct str *out, const struct denial *denial);
void denial_rerun(struct str *out, const struct denial *denials, size_t count,
                  const struct run_line *line);

/* How a program ended that failed. */
struct ending {
    int number;         /* its status, or the signal's number */
    const char *signal; /* its name in words; NULL: none */
};
/* hint_words: one line about a failure that nobody watched: "cat ended with
 * status 1, held to 'stdio rpath'; to see …: vow run --explain …". PURE. */
void hint_words(struct str *out, const struct ending *ending, promise_set promises,
                const struct run_line *line);

struct watch_options {
    int text_fd; /* explanations for a person, or -1 */
    int json_fd; /* one JSON object a line, or -1 */
    bool colour;
    struct run_line line;
};

/* watch_run: forks the program of a prepared launch (request->listen set),
 * supervises it until it ends, forwards what a shell expects of a child (job
 * control, signals), and returns its wait status. What the program leaves
 * running is answered by a copy of the supervisor, in silence. -errno: nothing
 * ran; *exit_status is then 125, 126 or 127. The caller has nothing left to do
 * but to end: its other descriptors are closed, its capabilities gone. */
int watch_run(struct launch *launch, const struct watch_options *options, int *exit_status,
              struct err *err);

/* hint_run: forks the program of a prepared launch (request->stays set, not
 * listen): `become` confines and executes it in the child, or says why not and
 * returns an exit status. Is to its shell what watch_run is; when the program
 * has failed, `line` says how to have that explained. Its wait status, or -errno. */
int hint_run(struct launch *launch, int (*become)(struct launch *launch),
             const struct run_line *line, struct err *err);

#endif
