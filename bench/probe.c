/* probe: what a program pays inside a sandbox. Static and tiny, so that its
 * own start weighs little.
 *
 *   probe            ends at once: what a start costs
 *   probe wait       says "ready" and sleeps: what stays resident
 *   probe inside F   nanoseconds for getppid, for a read of nothing from
 *                    standard input, for open+close of F and for starting
 *                    itself and waiting: one "NAME NS" line each, the median
 *                    of BATCHES */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 15

extern char **environ;

struct subject {
    const char *self, *file;
};

static void call_getppid(const struct subject *s)
{
    (void)s;
    syscall(SYS_getppid);
}

static void call_read(const struct subject *s)
{
    char byte;
    (void)s;
    if (read(STDIN_FILENO, &byte, 1) < 0)
        _exit(3);
}

static void call_open(const struct subject *s)
{
    int fd = open(s->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        _exit(4);
    close(fd);
}

static void call_spawn(const struct subject *s)
{
    char *argv[] = {(char *)s->self, NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, s->self, NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0)
        _exit(5);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, void (*call)(const struct subject *), int count,
                    const struct subject *s)
{
    double batch[BATCHES];
    for (int b = 0; b < BATCHES; b++) {
        double start = now_ns();
        for (int i = 0; i < count; i++)
            call(s);
        batch[b] = (now_ns() - start) / count;
    }
    qsort(batch, BATCHES, sizeof batch[0], compare);
    printf("%s %.1f\n", name, batch[BATCHES / 2]);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "wait") == 0) {
        puts("ready");
        fflush(stdout);
        for (;;)
            pause();
    }
    if (argc == 3 && strcmp(argv[1], "inside") == 0) {
        struct subject s = {argv[0], argv[2]};
        measure("getppid", call_getppid, 2000, &s);
        measure("read", call_read, 2000, &s);
        measure("open", call_open, 500, &s);
        measure("spawn", call_spawn, 4, &s);
    }
    return 0;
}
