#include "box/broker/host.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box/broker/task.h"
#include "box/broker/tty/host_tty.h"

struct queue host_queue;

/* What signal handlers and the watching thread leave for the loop. */
static volatile sig_atomic_t child_ended, terminal_signals[SIGNALS + 1], any_terminal_signal;
static uint32_t watched_ready;

/* The watching thread: `wanted` holds poll's bits for 0, 1 and 2, a byte each;
 * 0: nothing to do. */
static uint32_t wanted;
static uint32_t watching; /* it has started: what a thread's start needs was called */

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *until)
{
    return syscall(SYS_futex, word, op, value, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void host_wake(uint32_t *word)
{
    futex(word, FUTEX_WAKE, 1, NULL);
}

void host_sleep(uint32_t *word, uint32_t value, int64_t until)
{
    struct timespec limit = {until / 1000000000, until % 1000000000};
    futex(word, FUTEX_WAIT_BITSET, value, until == INT64_MAX ? NULL : &limit);
}

/* So that a loop that is about to sleep does not. */
static void ring(void)
{
    __atomic_fetch_add(&box.channel->bell, 1, __ATOMIC_SEQ_CST);
    host_wake(&box.channel->bell);
}

static void on_signal(int signal)
{
    int saved = errno;
    if (signal == SIGCHLD) {
        child_ended = 1;
    } else {
        terminal_signals[signal] = 1;
        any_terminal_signal = 1;
    }
    ring();
    errno = saved;
}

static void *watch(void *nothing)
{
    (void)nothing;
    __atomic_store_n(&watching, 1, __ATOMIC_SEQ_CST);
    host_wake(&watching);
    for (;;) {
        uint32_t now = __atomic_load_n(&wanted, __ATOMIC_SEQ_CST);
        if (!now) {
            futex(&wanted, FUTEX_WAIT_BITSET, 0, NULL);
            continue;
        }
        struct pollfd fds[3];
        for (int i = 0; i < 3; i++)
            fds[i] = (struct pollfd){now >> 8 * i & 255 ? i : -1, (short)(now >> 8 * i & 255), 0};
        struct timespec second = {1, 0}; /* what is wanted may grow meanwhile */
        if (ppoll(fds, 3, &second, NULL) == 0)
            continue;
        __atomic_store_n(&wanted, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&watched_ready, 1, __ATOMIC_SEQ_CST);
        ring();
    }
    return NULL;
}

int host_thread(void *(*run)(void *), uint32_t *started)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    while (result == 0 && !__atomic_load_n(started, __ATOMIC_SEQ_CST))
        futex(started, FUTEX_WAIT_BITSET, 0, NULL);
    return -result;
}

int host_start(void)
{
    static const int caught[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTSTP, SIGWINCH, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < ARRAY_COUNT(caught); i++)
        sigaction(caught[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    return host_thread(watch, &watching);
}

bool host_has_news(void)
{
    return child_ended || any_terminal_signal || __atomic_load_n(&watched_ready, __ATOMIC_SEQ_CST);
}

static void ended(pid_t pid, int status, const struct rusage *u)
{
    task_host_ended(pid, status,
                    (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * INT64_C(1000000000) +
                        (u->ru_utime.tv_usec + u->ru_stime.tv_usec) * INT64_C(1000));
}

void host_news(void)
{
    struct rusage u = {0};
    int status;
    if (child_ended) {
        child_ended = 0;
        for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &u)) > 0;)
            ended(pid, status, &u);
    }
    if (any_terminal_signal) {
        any_terminal_signal = 0;
        for (int i = 1; i <= SIGNALS; i++)
            if (terminal_signals[i]) {
                terminal_signals[i] = 0;
                tty_host_signal(i);
            }
    }
    if (__atomic_exchange_n(&watched_ready, 0, __ATOMIC_SEQ_CST))
        queue_wake(&host_queue);
}

bool host_is_child(int pid)
{
    /* Without taking its status: WNOWAIT is waitid's, and wait4 would reap. A child
     * that has ended already is in the list of task_host_ended. */
    int status = 0;
    struct rusage u = {0};
    pid_t result = pid > 0 ? wait4(pid, &status, WNOHANG, &u) : -1;
    if (result == pid)
        ended(pid, status, &u);
    return result == 0 || result == pid;
}

void host_kill(int pid)
{
    syscall(SYS_tgkill, pid, pid, SIGKILL);
}

static bool is_known(int pid)
{
    const struct process *p = box.first;
    while (p && p->host_pid != pid)
        p = p->next;
    return p != NULL;
}

void host_end_strangers(int first, int last)
{
    struct rusage u = {0};
    int status;
    for (int pid = first + 1; pid <= last; pid++) {
        pid_t result = wait4(pid, &status, __WALL | WNOHANG, &u);
        if (result == 0 && !is_known(pid)) {
            host_kill(pid);
            wait4(pid, &status, __WALL, NULL);
        } else if (result == pid && is_known(pid)) {
            ended(pid, status, &u);
        }
    }
}

void host_kick(struct thread *t)
{
    if (t->host_tid > 0 && t->process->host_pid > 0)
        syscall(SYS_tgkill, t->process->host_pid, t->host_tid, HOST_KICK);
    else
        t->kick_later = true;
}

enum host_kind host_kind(int fd)
{
    struct stat st;
    struct {
        uint32_t words[16];
    } settings;
    if (ioctl(fd, 0x5401 /* TCGETS */, &settings) == 0)
        return HOST_TTY;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? HOST_FILE : HOST_PIPE;
}

int host_ready(int fd, int events)
{
    struct pollfd p = {fd, (short)events, 0};
    struct timespec none = {0, 0};
    return ppoll(&p, 1, &none, NULL) > 0 ? p.revents : 0;
}

void host_watch(int fd, int events)
{
    uint32_t old = __atomic_fetch_or(&wanted, (uint32_t)events << 8 * fd, __ATOMIC_SEQ_CST);
    if (!old)
        host_wake(&wanted);
}

int64_t host_read(int fd, void *to, size_t size)
{
    ssize_t n = read(fd, to, size);
    return n < 0 ? -errno : n;
}

int64_t host_write(int fd, const void *from, size_t size)
{
    ssize_t n = write(fd, from, size);
    return n < 0 ? -errno : n;
}

int host_ioctl(int fd, unsigned long request, void *argument)
{
    return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

void host_random(void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = getrandom((char *)to + done, size - done, 0);
        if (n > 0)
            done += (size_t)n;
    }
}
