/* usage: kills record | write | check N | work TOKEN
 * What kills.py ends at random moments, in a box.
 *
 * record  appends numbered lines and replaces a file by one of the same number,
 *         each made durable before the number is printed: then it is a promise
 * write   the same once, made durable by nobody
 * check   are the promises up to N kept, and nothing torn behind them?
 * work    processes that do what processes do, and a parent that starts a new one
 *         for each that ends; stops at the end of its input, and looks whether
 *         what the dead held is free again */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BODY = 6000, WORKERS = 4, MANY = 60 };

struct line {
    uint64_t number, body[7];
};

static struct line line_of(uint64_t number)
{
    struct line l = {.number = number};
    for (int i = 0; i < 7; i++)
        l.body[i] = number * 0x9e3779b97f4a7c15u + (uint64_t)i;
    return l;
}

static void need(int holds, const char *what, long number)
{
    if (holds)
        return;
    printf("%s: %ld\n", what, number);
    exit(1);
}

static void fill(uint64_t *words, uint64_t number)
{
    for (int i = 0; i < BODY / 8; i++)
        words[i] = number;
}

/* Goes on behind what is there: it is killed again and again. */
static _Noreturn void record(int syncs)
{
    uint64_t words[BODY / 8];
    int log = open("/log", O_RDWR | O_CREAT | O_APPEND, 0644), root = open("/", O_RDONLY);
    uint64_t number = (uint64_t)lseek(log, 0, SEEK_END) / sizeof(struct line);
    for (;;) {
        struct line l = line_of(++number);
        need(write(log, &l, sizeof l) == sizeof l, "write", (long)number);
        need(!syncs || fdatasync(log) == 0, "sync", (long)number);
        int fd = open("/new", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        fill(words, number);
        need(write(fd, words, BODY) == BODY && (!syncs || fsync(fd) == 0), "new", (long)number);
        need(rename("/new", "/current") == 0 && (!syncs || fsync(root) == 0), "rename",
             (long)number);
        close(fd);
        printf("%lu\n", (unsigned long)number);
        fflush(stdout);
        if (!syncs)
            for (;;)
                pause();
    }
}

static int check(uint64_t promised)
{
    uint64_t words[BODY / 8 + 1], number = 0;
    struct line l;
    int log = open("/log", O_RDONLY), fd = open("/current", O_RDONLY);
    long n;
    while ((n = read(log, &l, sizeof l)) == sizeof l) {
        const struct line wanted = line_of(++number);
        need(memcmp(&l, &wanted, sizeof l) == 0, "torn line", (long)number);
    }
    need(n <= 0, "half a line", (long)number);
    need(number >= promised, "lines", (long)number);
    if (promised || fd >= 0) {
        need(read(fd, words, sizeof words) == BODY, "size of the file", (long)promised);
        need(words[0] >= promised && words[0] <= number, "number of the file", (long)words[0]);
        for (int i = 1; i < BODY / 8; i++)
            need(words[i] == words[0], "torn file", (long)words[0]);
    }
    printf("kept\n");
    return 0;
}

/* What processes do --------------------------------------------------------------------------*/

static void *idle(void *nothing)
{
    usleep(1000);
    return nothing;
}

static void one_round(unsigned seed)
{
    char name[32], byte = 0, block[9000] = {1};
    int ends[2];
    pthread_t thread;
    struct stat st;
    snprintf(name, sizeof name, "/tmp/k%u", seed % 7);
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    write(fd, block, sizeof block);
    unlink(name); /* held until the process ends */
    stat("/tmp", &st);
    pread(fd, block, sizeof block, 0);
    if (pipe(ends) == 0) {
        write(ends[1], &byte, 1);
        read(ends[0], &byte, 1);
        close(ends[0]);
        close(ends[1]);
    }
    if (seed % 3 == 0 && pthread_create(&thread, NULL, idle, NULL) == 0)
        pthread_join(thread, NULL);
    pid_t child = seed % 2 ? fork() : -1;
    if (child == 0)
        _exit(0);
    if (child > 0)
        waitpid(child, NULL, 0);
    close(fd);
}

static pid_t start_worker(unsigned seed)
{
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            one_round(seed++);
    return pid;
}

/* Slots and blocks that the dead held are free again. */
static void look_for_leaks(uint64_t free_before)
{
    struct statvfs fs;
    pid_t children[MANY];
    int count = 0;
    for (; count < MANY && (children[count] = fork()) >= 0; count++)
        if (children[count] == 0)
            for (;;)
                pause();
    need(count == MANY, "processes that can be started", count);
    for (int i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    for (int i = 0; i < 7; i++) {
        char name[32];
        snprintf(name, sizeof name, "/tmp/k%d", i);
        unlink(name);
    }
    sync();
    statvfs("/", &fs);
    need(fs.f_bfree + 64 >= free_before, "blocks that are gone", (long)(free_before - fs.f_bfree));
}

static int work(void)
{
    struct pollfd input = {0, POLLIN, 0};
    struct statvfs fs;
    pid_t workers[WORKERS];
    unsigned seed = 0;
    long deaths = 0;
    mkdir("/tmp", 01777);
    sync();
    statvfs("/", &fs);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_worker(seed += 100);
    while (poll(&input, 1, 2) == 0)
        for (int i = 0, status; i < WORKERS; i++)
            if (waitpid(workers[i], &status, WNOHANG) == workers[i]) {
                need(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status", status);
                deaths++;
                workers[i] = start_worker(seed += 100);
                printf("%ld\n", deaths);
                fflush(stdout);
            }
    for (int i = 0; i < WORKERS; i++)
        kill(workers[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    look_for_leaks(fs.f_bfree);
    printf("whole\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "record") == 0)
        record(1);
    if (argc == 2 && strcmp(argv[1], "write") == 0)
        record(0);
    if (argc == 3 && strcmp(argv[1], "check") == 0)
        return check(strtoul(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "work") == 0)
        return work();
    return 2;
}
