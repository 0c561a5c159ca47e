/* calls: cases that are run outside and in a box, and must print the same. A case
 * prints what calls answer; what differs by nature (numbers of processes, inodes,
 * addresses) is not printed. */
#ifndef VOW_GUEST_CALLS_H
#define VOW_GUEST_CALLS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct theme {
    const char *name;
    void (*run)(void);
};
extern const struct theme file_themes[];
extern const struct theme process_themes[];
extern const struct theme signal_themes[];
extern const struct theme memory_themes[];
extern const struct theme time_themes[];
extern const struct theme tty_themes[];
extern const struct theme socket_themes[];
extern const struct theme site_themes[];
extern const struct theme inet_themes[];
extern const struct theme message_themes[];
extern const struct theme ipc_themes[];
extern const struct theme identity_themes[];
extern const struct theme futex_themes[];
extern const struct theme more_themes[];
extern const struct theme become_themes[];
extern const struct theme proc_themes[];
extern const struct theme inotify_themes[];
extern const struct theme limit_themes[];
extern const struct theme map_themes[];
extern const struct theme library_themes[];
extern const struct theme claim_themes[];
extern const struct theme where_themes[];
extern const struct theme barrier_themes[];
extern const struct theme strict_themes[];
extern const struct theme async_themes[];

/* SHOW: what an expression gives, and the errno if it is -1. */
#define SHOW(expression) show(#expression, (long)(expression))
/* FAILS: only whether, and with what. */
#define FAILS(expression) show(#expression, (long)(expression) == -1 ? -1 : 0)

static inline void show(const char *text, long result)
{
    int error = errno;
    printf("%s = %ld", text, result);
    if (result == -1)
        printf(" %s", strerrorname_np(error) ? strerrorname_np(error) : "?");
    printf("\n");
    fflush(stdout);
}

/* until_asleep: waits until process `pid`, which does not end, is seen to wait in a
 * call so often in a row that it is no short one. */
static inline void until_asleep(int pid)
{
    char name[32], text[256];
    for (int seen = 0; seen < 10;) {
        snprintf(name, sizeof name, "/proc/%d/stat", pid);
        FILE *file = fopen(name, "r");
        char *state = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
        seen = state && state[2] == 'S' ? seen + 1 : 0;
        if (file)
            fclose(file);
        usleep(2000);
    }
}

#endif
