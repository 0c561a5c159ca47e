/* The attempts of whoever has taken over a process. Each says what it got; a
 * line "got …" on standard output, wherever that leads, is a failure of the
 * sandbox. Alone (`attempt NAME`) they show that each works where nothing
 * stops it. */
#include "hole.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

/* All that is left to report: one line, in one write. */
static void got(const char *what, const char *detail)
{
    char line[256];
    int size = snprintf(line, sizeof line, "got %s%s%s\n", what, *detail ? ": " : "", detail);
    if (write(STDOUT_FILENO, line, (size_t)size) < 0)
        _exit(3);
}

static void read_from(int fd, const char *what)
{
    char text[80];
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (size < 0)
        return;
    text[size] = '\0';
    text[strcspn(text, "\n")] = '\0';
    got(what, text);
}

static void read_file(void)
{
    read_from(open("/etc/passwd", O_RDONLY), "the users");
}

static void write_file(void)
{
    if (open("taken", O_WRONLY | O_CREAT, 0600) >= 0)
        got("a file", "taken");
}

static void remove_file(void)
{
    if (unlink("precious") == 0)
        got("rid of a file", "precious");
}

static void connect_out(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == ECONNREFUSED))
        got("to the network", "");
}

static void shell(void)
{
    char *const argv[] = {"sh", "-c", "echo got a shell", NULL};
    execv("/bin/sh", argv);
}

static void multiply(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid > 0 && waitpid(pid, NULL, 0) == pid)
        got("a child", "");
}

static void signal_parent(void)
{
    if (kill(getppid(), 0) == 0)
        got("hold of its parent", "");
}

static void trace_parent(void)
{
    if (ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0)
        got("into its parent", "");
}

static void read_parent(void)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/environ", getppid());
    read_from(open(path, O_RDONLY), "its parent's environment");
}

static void run_own_code(void)
{
    void *memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        got("memory for code", "");
}

/* Calls that a list made by hand forgets. */
static void other_doors(void)
{
#ifdef SYS_openat2
    struct {
        uint64_t flags, mode, resolve;
    } how = {0};
    read_from((int)syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how),
              "the users by openat2");
#endif
#ifdef SYS_open
    read_from((int)syscall(SYS_open, "/etc/passwd", O_RDONLY), "the users by open");
#endif
}

static void *read_file_there(void *unused)
{
    read_file();
    return unused;
}

static void read_in_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, read_file_there, NULL) == 0)
        pthread_join(thread, NULL);
}

/* The death is caught, ignored and blocked first. */
static void outlive(void)
{
    sigset_t all;
    sigfillset(&all);
    signal(SIGSYS, SIG_IGN);
    sigprocmask(SIG_BLOCK, &all, NULL);
    read_file();
}

static void promise_more(void)
{
    if (pledge("stdio rpath wpath cpath inet proc exec", NULL) == 0)
        read_file();
}

static const struct {
    const char *name;
    void (*make)(void);
} attempts[] = {
    {"read", read_file},      {"write", write_file},     {"remove", remove_file},
    {"connect", connect_out}, {"shell", shell},          {"fork", multiply},
    {"kill", signal_parent},  {"trace", trace_parent},   {"parent", read_parent},
    {"code", run_own_code},   {"doors", other_doors},    {"thread", read_in_thread},
    {"outlive", outlive},     {"promise", promise_more},
};
#define COUNT (sizeof attempts / sizeof attempts[0])

void hole(const char *text)
{
    const char *name = text ? strstr(text, "exploit:") : NULL;
    if (!name)
        return;
    name += strlen("exploit:");
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = strlen(attempts[i].name);
        if (strncmp(name, attempts[i].name, size) == 0) {
            attempts[i].make();
            _exit(1);
        }
    }
}

#ifdef FREE
int main(int argc, char **argv)
{
    for (size_t i = 0; argc < 2 && i < COUNT; i++)
        puts(attempts[i].name);
    for (size_t i = 0; argc > 1 && i < COUNT; i++)
        if (strcmp(argv[1], attempts[i].name) == 0)
            attempts[i].make();
    return 0;
}
#endif
