/* Any held call with any arguments over any memory: the broker answers it, lives
 * on, and nothing comes of it outside of what the rules show.
 *
 * A child confines itself with unveil() to a directory of its own and makes the
 * calls. Beside that directory lies a file that is hidden; it must stay as it
 * is. The input: which call, a byte for each argument that says what it is, a
 * value for each, then the memory that pointers point into. */
#include "broker/broker.h"
#include "broker/calls.h"
#include "unveil/unveil.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t call;
    uint8_t kinds[6];
    uint64_t values[6];
} __attribute__((packed));

#define PAGE 4096

/* Shared with the child, which reads its input there. */
static struct board {
    size_t size;
    uint8_t bytes[2 * PAGE];
} * board;
static int ask_pipe[2], told_pipe[2];
static char tree[32], hidden[64];
static struct stat hidden_stat;

static void need(bool holds)
{
    if (!holds)
        abort();
}

static void wake_up(int signal)
{
    (void)signal;
}

/* argument: a value as it is, a place in the memory, a small descriptor. */
static uint64_t argument(const struct input *input, int index, const uint8_t *memory)
{
    uint64_t value = input->values[index];
    switch (input->kinds[index] & 3) {
    case 0: return (uint64_t)(uintptr_t)(memory + value % PAGE);
    case 1: return value & 7;
    case 2: return (uint64_t)AT_FDCWD;
    default: return value;
    }
}

/* make: the call; what ends the child or changes who it is, is left out. */
static void make(const struct input *input, const uint8_t *memory)
{
    const struct call *call = &calls[input->call % call_count];
    uint64_t args[6];
    for (int i = 0; i < 6; i++)
        args[i] = argument(input, i, memory);
    if (call->kind == CALL_IDENTITY || call->kind == CALL_EXEC)
        return;
    if (call->kind == CALL_REQUEST)
        args[0] = BROKER_CALL;
    syscall(call->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

_Noreturn static void be_guest(void)
{
    struct sigaction action = {.sa_handler = wake_up};
    struct itimerval soon = {{0, 20000}, {0, 20000}};
    uint8_t *memory =
        mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    need(memory != MAP_FAILED && munmap(memory + 2 * PAGE, PAGE) == 0);
    need(chdir("open") == 0);
    int home = open(".", O_RDONLY | O_DIRECTORY);
    need(dup2(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), 5) == 5);
    need(dup2(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), 6) == 6);
    need(unveil_add(".", "rwc") == 0 && unveil_lock() == 0);
    sigaction(SIGALRM, &action, NULL);
    for (char byte; read(ask_pipe[0], &byte, 1) == 1;) {
        struct input input;
        memcpy(&input, board->bytes, sizeof input);
        memset(memory, 0, 2 * PAGE);
        memcpy(memory, board->bytes + sizeof input, board->size - sizeof input);
        setitimer(ITIMER_REAL, &soon, NULL);
        make(&input, memory);
        setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
        while (fchdir(home) < 0) {
        }
        long hello;
        while ((hello = syscall(SYS_prctl, BROKER_CALL, BROKER_HELLO, 0, 0, 0)) < 0 &&
               errno == EINTR) {
        }
        byte = hello == 0;
        need(write(told_pipe[1], &byte, 1) == 1);
    }
    _exit(0);
}

/* keep: removes the tree when this process has ended, however it does. */
static void keep(void)
{
    int end[2];
    char byte;
    need(pipe2(end, O_CLOEXEC) == 0);
    pid_t keeper = fork();
    need(keeper >= 0);
    if (keeper != 0) {
        close(end[0]);
        return;
    }
    close(end[1]);
    setsid();
    if (read(end[0], &byte, 1) == 0)
        execlp("rm", "rm", "-rf", tree, NULL);
    _exit(1);
}

static void start(void)
{
    strcpy(tree, "/tmp/vow-fuzz-XXXXXX");
    need(mkdtemp(tree) && chdir(tree) == 0 && mkdir("open", 0700) == 0);
    snprintf(hidden, sizeof hidden, "%s/hidden", tree);
    int fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL, 0600);
    need(fd >= 0 && write(fd, "secret", 6) == 6 && close(fd) == 0);
    need(stat(hidden, &hidden_stat) == 0);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(board != MAP_FAILED && pipe2(ask_pipe, O_CLOEXEC) == 0 &&
         pipe2(told_pipe, O_CLOEXEC) == 0);
    keep();
    pid_t guest = fork();
    need(guest >= 0);
    if (guest == 0) {
        for (int i = 0; i < 2; i++) { /* out of reach of small descriptors */
            ask_pipe[i] = fcntl(ask_pipe[i], F_DUPFD_CLOEXEC, 50);
            told_pipe[i] = fcntl(told_pipe[i], F_DUPFD_CLOEXEC, 50);
        }
        close_range(3, 49, 0);
        be_guest();
    }
    close(ask_pipe[0]);
    close(told_pipe[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char byte = 1;
    struct stat now;
    if (size < sizeof(struct input) || size > sizeof(struct input) + PAGE)
        return 0;
    if (!board)
        start();
    memcpy(board->bytes, data, size);
    board->size = size;
    need(write(ask_pipe[1], &byte, 1) == 1);
    need(read(told_pipe[0], &byte, 1) == 1 && byte == 1);
    need(stat(hidden, &now) == 0 && now.st_ino == hidden_stat.st_ino && now.st_nlink == 1 &&
         now.st_mode == hidden_stat.st_mode && now.st_size == 6 &&
         now.st_ctim.tv_sec == hidden_stat.st_ctim.tv_sec &&
         now.st_ctim.tv_nsec == hidden_stat.st_ctim.tv_nsec);
    return 0;
}
