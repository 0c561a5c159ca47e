#include "cli/box_progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool shown;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void box_progress(uint64_t files, uint64_t bytes)
{
    static int64_t next;
    int64_t now = now_ms();
    if (next == 0)
        next = now + 1000;
    if (now < next || !isatty(STDERR_FILENO))
        return;
    next = now + 100;
    shown = true;
    fprintf(stderr, "\r%llu files, %llu MiB", (unsigned long long)files,
            (unsigned long long)(bytes >> 20));
}

void box_progress_end(void)
{
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
}
