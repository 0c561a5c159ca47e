#include "fuzz/box_host.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "box/broker/task.h"

enum { PIDS_MAX = 4096, FIRST_PID = 100 };

struct queue host_queue;

/* Host processes by number: 0: never was, 1: alive, 2: ended, not told yet, 3: told. */
static uint8_t state_of[PIDS_MAX];
static int last_pid = FIRST_PID;
static bool any_ended, watching, any_ready;

int box_host_new_pid(void)
{
    state_of[last_pid % PIDS_MAX] = 1;
    return last_pid++;
}

void host_wake(uint32_t *word)
{
    (void)word;
}

void host_sleep(uint32_t *word, uint32_t value, int64_t until)
{
    (void)word;
    (void)value;
    (void)until;
    any_ready = watching;
    watching = false;
    if (!box_host_post())
        box_host_end();
}

bool host_has_news(void)
{
    return any_ended || any_ready;
}

void host_news(void)
{
    if (any_ready) {
        any_ready = false;
        queue_wake(&host_queue);
    }
    if (!any_ended)
        return;
    any_ended = false;
    for (int pid = 0; pid < PIDS_MAX; pid++)
        if (state_of[pid] == 2) {
            state_of[pid] = 3;
            task_host_ended(pid, SIGKILL, 0);
        }
}

/* A number that a guest names as its child's is one, once. */
bool host_is_child(int pid)
{
    if (pid <= 0 || pid >= PIDS_MAX || state_of[pid])
        return false;
    state_of[pid] = 1;
    return true;
}

void host_kill(int pid)
{
    if (pid > 0 && pid < PIDS_MAX && state_of[pid] == 1) {
        state_of[pid] = 2;
        any_ended = true;
    }
}

void host_end_strangers(int first, int last)
{
    (void)first;
    (void)last; /* every number that is alive was claimed */
}

void host_kick(struct thread *t)
{
    (void)t;
}

enum host_kind host_kind(int fd)
{
    return fd == 0 ? HOST_TTY : HOST_PIPE;
}

int host_ready(int fd, int events)
{
    (void)fd;
    return events & (POLLIN | POLLOUT);
}

void host_watch(int fd, int events)
{
    (void)fd;
    (void)events;
    watching = true;
}

int64_t host_read(int fd, void *to, size_t size)
{
    (void)fd;
    size_t part = size < 5 ? size : 5;
    memset(to, '\n', part);
    return (int64_t)part;
}

int64_t host_write(int fd, const void *from, size_t size)
{
    (void)fd;
    (void)from;
    return (int64_t)size;
}

int host_ioctl(int fd, unsigned long request, void *argument)
{
    (void)fd;
    (void)request;
    (void)argument;
    return -ENOTTY;
}

void host_random(void *to, size_t size)
{
    memset(to, 4, size);
}
