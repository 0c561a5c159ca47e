/* tty: the host's terminal, with a session, a foreground group and job control of
 * the box's own. Editing and echo are the host's. */
#include "box/broker/tty/host_tty.h"

#include <asm/termbits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "box/broker/host.h"
#include "box/broker/node.h"
#include "box/broker/tty/terminal.h"

enum { TERMIOS_SIZE = 36, TERMIOS2_SIZE = 44 };

static int open_own(struct terminal *self, uint32_t flags, struct file **out);

static struct terminal terminal = {.open = open_own};
static int terminal_fd = -1; /* there is none */
static bool is_tty[3];

void tty_start(const bool kinds[3])
{
    memcpy(is_tty, kinds, sizeof is_tty);
    for (int fd = 2; fd >= 0; fd--)
        if (kinds[fd])
            terminal_fd = fd;
    terminal.foreground = 1;
    if (terminal_fd < 0)
        return;
    terminal.session = 1;
    terminal_add(&terminal);
}

int tty_fd(void)
{
    return terminal_fd;
}

bool tty_is(int fd)
{
    return fd >= 0 && fd < 3 && is_tty[fd];
}

static int open_own(struct terminal *self, uint32_t flags, struct file **out)
{
    (void)self;
    *out = host_file_new(terminal_fd, flags);
    return *out ? 0 : -ENOMEM;
}

int tty_open(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    struct terminal *own = terminal_of(t->process);
    (void)n;
    return own ? own->open(own, flags, out) : -ENXIO;
}

void tty_host_signal(int signal)
{
    struct process *first = box.first ? task_find(1) : NULL;
    if (!first)
        return;
    if (signal == SIGTERM || signal == SIGHUP)
        signal_send(first, &(struct siginfo_short){.signal = signal});
    else
        signal_send_group(terminal.foreground, signal);
}

int64_t tty_may_read(struct thread *t)
{
    return terminal_may(t, &terminal, SIGTTIN);
}

static int64_t from_host(struct thread *t, int fd, unsigned long request, uint64_t argument,
                         size_t size)
{
    uint8_t buffer[64] = {0};
    int result = host_ioctl(fd, request, buffer);
    return result ? result : call_put(t, argument, buffer, size);
}

/* Settings with speeds, which the host is asked for without. */
static int64_t with_speeds(struct thread *t, int fd, uint64_t argument)
{
    static const uint32_t speeds[2] = {38400, 38400};
    uint8_t buffer[64] = {0};
    int result = host_ioctl(fd, TCGETS, buffer);
    memcpy(buffer + TERMIOS_SIZE, speeds, sizeof speeds);
    return result ? result : call_put(t, argument, buffer, TERMIOS2_SIZE);
}

static int64_t to_host(struct thread *t, int fd, unsigned long request, uint64_t argument)
{
    uint8_t buffer[64] = {0};
    int64_t result = terminal_may(t, &terminal, SIGTTOU);
    if (result != 0)
        return result;
    if (call_get(t, argument, buffer, TERMIOS_SIZE) != 0)
        return -EFAULT;
    return host_ioctl(fd, request, buffer);
}

int64_t tty_ioctl(struct thread *t, int fd, uint32_t request, uint64_t argument)
{
    if (request == FIONREAD)
        return from_host(t, fd, request, argument, 4);
    if (!tty_is(fd))
        return -ENOTTY;
    switch (request) {
    case TCGETS: return from_host(t, fd, request, argument, TERMIOS_SIZE);
    case TCGETS2: return with_speeds(t, fd, argument);
    case TIOCGWINSZ: return from_host(t, fd, request, argument, 8);
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return to_host(t, fd, request, argument);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2: return to_host(t, fd, request - (uint32_t)TCSETS2 + TCSETS, argument);
    case TCSBRK:
    case TCFLSH: return host_ioctl(fd, request, (void *)(uintptr_t)(uint32_t)argument);
    }
    return terminal_ioctl(t, &terminal, request, argument, false);
}
