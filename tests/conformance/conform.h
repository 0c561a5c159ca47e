/* conform: the rules of pledge(2) and unveil(2), a row a rule.
 *
 * A row is a line: what holds, the rule in words, where OpenBSD says so, and
 * an action in C (an expression; a function above the row if it is long):
 *
 *   GRANTS("rpath", "stdio", "open(2) reads a file", "pledge.2 rpath", open("file", O_RDONLY));
 *   FAILS(EPERM, "stdio", "promises do not come back", "pledge.2 EPERM", pledge("stdio rpath", 0));
 *   HIDES("r:dir", "what no rule names is absent", "unveil.2", open("hidden/file", O_RDONLY));
 *
 * An action succeeds if it is not negative. Every row that denies has its
 * twin, in which the same action succeeds: with the promise that GRANTS names,
 * without any promise or rule for the others, or as `.twin…` says.
 *
 * Each runs in a process of its own, whose working directory is a scene
 * (scene.h), twice: in a process of one thread, and in a thread that ran before
 * another one made the promises. A death must be a violation's, and its message
 * on standard error must name the promise that is missing.
 *
 * Where Linux must differ, the row says what happens here, and two fields say
 * more: `.openbsd`, what happens there, and `.because`, why not here. The
 * manual's list of differences is made of them (list.c). */
#ifndef VOW_CONFORM_H
#define VOW_CONFORM_H

#include "scene.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <vow.h>

/* The signal of a violation. */
#define VIOLATION SIGSYS

/* What comes of an action. */
enum result { WORKS, ERROR, DEATH };

struct row {
    const char *rule;
    const char *source;
    const char *file; /* its topic is the file's name */
    int line;
    long (*action)(void);
    enum result result;
    int number; /* the errno of ERROR (0: any), the signal of DEATH */

    /* What holds, in this order; NULL: nothing. */
    const char *veil;     /* rules of unveil, "PERMISSIONS:PATH …", not locked */
    const char *promises; /* of pledge */

    const char *names;      /* the promise that the message of a death must name */
    const char *silent;     /* why a violation has no message */
    long (*twin)(void);     /* NULL: the action */
    const char *twin_veil;  /* NULL: none */
    const char *twin_needs; /* promises of the twin, NULL: none */
    const char *openbsd;    /* what it does there, NULL: the same */
    const char *because;    /* why not here */
    const char *needs;      /* "root: …": a skip if that facility is missing */
    const char *single;     /* why it cannot run beside other threads */
    struct row *next;
};

/* row_register: called by each row before main(). */
void row_register(struct row *row);

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define ROW(act, ...)                                                                              \
    static long CONCAT(action_, __LINE__)(void)                                                    \
    {                                                                                              \
        return (long)(act);                                                                        \
    }                                                                                              \
    static struct row CONCAT(row_, __LINE__) = {                                                   \
        .action = CONCAT(action_, __LINE__), .file = __FILE__, .line = __LINE__, __VA_ARGS__};     \
    __attribute__((constructor)) static void CONCAT(register_, __LINE__)(void)                     \
    {                                                                                              \
        row_register(&CONCAT(row_, __LINE__));                                                     \
    }                                                                                              \
    struct row

/* The action works under these promises. */
#define ALLOWS(held, in_words, said_in, act, ...)                                                  \
    ROW(act, .rule = in_words, .source = said_in, .promises = held, ##__VA_ARGS__)
/* It is a violation beside these promises, and works with one more. */
#define GRANTS(word, beside, in_words, said_in, act, ...)                                          \
    ROW(act, .rule = in_words, .source = said_in, .promises = beside, .result = DEATH,             \
        .number = VIOLATION, .names = word, .twin_needs = beside " " word, ##__VA_ARGS__)
/* The same for one of several promises that would do: the message names another. */
#define ALSO_GRANTS(word, named, beside, in_words, said_in, act, ...)                              \
    ROW(act, .rule = in_words, .source = said_in, .promises = beside, .result = DEATH,             \
        .number = VIOLATION, .names = named, .twin_needs = beside " " word, ##__VA_ARGS__)
/* It is a violation under these promises, and works without any. */
#define DIES(held, in_words, said_in, act, ...)                                                    \
    ROW(act, .rule = in_words, .source = said_in, .promises = held, .result = DEATH,               \
        .number = VIOLATION, ##__VA_ARGS__)
/* It fails under these promises, and works without any. */
#define FAILS(code, held, in_words, said_in, act, ...)                                             \
    ROW(act, .rule = in_words, .source = said_in, .promises = held, .result = ERROR,               \
        .number = code, ##__VA_ARGS__)
/* Under these rules of unveil it works, is absent, is refused; without them it
 * works. */
#define SHOWS(rules, in_words, said_in, act, ...)                                                  \
    ROW(act, .rule = in_words, .source = said_in, .veil = rules, ##__VA_ARGS__)
#define HIDES(rules, in_words, said_in, act, ...)                                                  \
    ROW(act, .rule = in_words, .source = said_in, .veil = rules, .result = ERROR,                  \
        .number = ENOENT, ##__VA_ARGS__)
#define FORBIDS(rules, in_words, said_in, act, ...)                                                \
    ROW(act, .rule = in_words, .source = said_in, .veil = rules, .result = ERROR,                  \
        .number = EACCES, ##__VA_ARGS__)

/* OK: an action that is a condition. */
#define OK(condition) ((condition) ? 0 : -1)

#endif
