/* box_probe: what calls and programs cost, measured by a process inside.
 *
 *   box_probe calls           nanoseconds of single calls, a line each: "NAME NS",
 *                             the median of batches
 *   box_probe apart           of a call that is served elsewhere, after a pause
 *   box_probe parallel        of open+close, in one process and in four at once
 *   box_probe run NAME WORD…  of a program, from fork to wait; its output is dropped
 *   box_probe wait            says "ready" and sleeps
 *   box_probe                 ends at once
 */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 11, PAGE = 4096, FILE_SIZE = 1 << 20 };

extern char **environ;
static const char *self;
static const char path[] = "/tmp/box-probe";
static int file, reader, there[2], back[2];
static char buffer[64 << 10];

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void require(int holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(3);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

/* Calls --------------------------------------------------------------------------------*/

static void call_getppid(void)
{
    syscall(SYS_getppid);
}

static void call_read(void)
{
    if (read(reader, buffer, 1) == 0)
        lseek(reader, 0, SEEK_SET);
}

static void call_pread_1(void)
{
    require(pread(reader, buffer, 1, 77) == 1, "pread");
}

static void call_pread_4k(void)
{
    require(pread(reader, buffer, PAGE, 2 * PAGE) == PAGE, "pread");
}

static void call_pread_64k(void)
{
    require(pread(reader, buffer, sizeof buffer, 0) == (ssize_t)sizeof buffer, "pread");
}

static void call_write_4k(void)
{
    require(pwrite(file, buffer, PAGE, 3 * PAGE) == PAGE, "pwrite");
}

static void call_stat(void)
{
    struct stat st;
    require(stat(path, &st) == 0, "stat");
}

static void call_open(void)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    require(fd >= 0, "open");
    close(fd);
}

/* One that changes something, so that nobody can answer it from what he knows. */
static void call_fchmod(void)
{
    require(fchmod(file, 0600) == 0, "fchmod");
}

static void call_mmap(void)
{
    char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(at != MAP_FAILED, "mmap");
    *at = 1;
    munmap(at, PAGE);
}

static void call_ping(void)
{
    char byte = 1;
    require(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "ping");
}

static void *nothing(void *value)
{
    return value;
}

static void call_thread(void)
{
    pthread_t thread;
    require(pthread_create(&thread, NULL, nothing, NULL) == 0, "pthread_create");
    pthread_join(thread, NULL);
}

static void call_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    require(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
}

static posix_spawn_file_actions_t quiet; /* what it prints is nobody's */

static double spawn(char *const *argv, int *status)
{
    pid_t pid;
    double start = now_ns();
    require(posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) == 0, argv[0]);
    require(waitpid(pid, status, 0) == pid, "waitpid");
    return now_ns() - start;
}

static void call_exec(void)
{
    int status;
    spawn((char *const[]){(char *)self, NULL}, &status);
    require(status == 0, "exec");
}

static double measure(void (*call)(void), int count)
{
    double batch[BATCHES];
    for (int b = 0; b < BATCHES; b++) {
        double start = now_ns();
        for (int i = 0; i < count; i++)
            call();
        batch[b] = (now_ns() - start) / count;
    }
    return median(batch, BATCHES);
}

/* Somebody who answers each byte. */
static pid_t start_echo(void)
{
    char byte;
    require(pipe(there) == 0 && pipe(back) == 0, "pipe");
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    close(there[1]);
    while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
        ;
    _exit(0);
}

static void open_file(void)
{
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(file >= 0, path);
    for (int at = 0; at < FILE_SIZE; at += (int)sizeof buffer)
        require(write(file, buffer, sizeof buffer) == (ssize_t)sizeof buffer, "write");
    reader = open(path, O_RDONLY | O_CLOEXEC);
    require(reader >= 0, path);
}

static void calls(void)
{
    static const struct {
        const char *name;
        void (*call)(void);
        int count;
    } rows[] = {
        {"getppid", call_getppid, 2000},
        {"read", call_read, 1000},
        {"pread-1", call_pread_1, 1000},
        {"pread-4k", call_pread_4k, 500},
        {"pread-64k", call_pread_64k, 100},
        {"pwrite-4k", call_write_4k, 200},
        {"stat", call_stat, 500},
        {"open", call_open, 300},
        {"fchmod", call_fchmod, 500},
        {"mmap", call_mmap, 100},
        {"pipe", call_ping, 50},
        {"thread", call_thread, 20},
        {"fork", call_fork, 5},
        {"exec", call_exec, 3},
    };
    open_file();
    pid_t echo = start_echo();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf("%s %.1f\n", rows[i].name, measure(rows[i].call, rows[i].count));
    close(there[1]);
    waitpid(echo, NULL, 0);
    unlink(path);
}

static void apart(void)
{
    double took[41];
    open_file();
    for (int i = 0; i < 41; i++) {
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
        double start = now_ns();
        call_fchmod();
        took[i] = now_ns() - start;
    }
    printf("apart %.1f\n", median(took, 41));
    unlink(path);
}

/* Processes -----------------------------------------------------------------------------*/

static double many_opens(int processes)
{
    enum { OPENS = 3000 };
    double start = now_ns();
    for (int i = 0; i < processes; i++)
        if (fork() == 0) {
            for (int n = 0; n < OPENS; n++)
                call_open();
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    return (now_ns() - start) / (OPENS * processes);
}

static void parallel(void)
{
    open_file();
    printf("alone %.1f\n", many_opens(1));
    printf("four %.1f\n", many_opens(4));
    unlink(path);
}

static void run(const char *name, char *const *argv)
{
    int status;
    fflush(stdout);
    double took = spawn(argv, &status);
    if (status != 0)
        printf("%s failed %d\n", name, status);
    else
        printf("%s %.1f\n", name, took);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    self = argv[0];
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (strcmp(what, "calls") == 0)
        calls();
    else if (strcmp(what, "apart") == 0)
        apart();
    else if (strcmp(what, "parallel") == 0)
        parallel();
    else if (strcmp(what, "run") == 0 && argc > 3)
        run(argv[2], argv + 3);
    else if (strcmp(what, "wait") == 0) {
        puts("ready");
        fflush(stdout);
        for (;;)
            pause();
    }
    return 0;
}
