/* tty: the host's terminal, with a session, a foreground group and job control of
 * the box's own. Editing and echo are the host's. */
#include "box/broker/tty.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "box/broker/host.h"

enum { TERMIOS_SIZE = 36, TERMIOS2_SIZE = 44 };

static struct {
    int fd; /* -1: there is none */
    uint32_t session, foreground;
} tty = {.fd = -1};
static bool is_tty[3];

void tty_start(const bool kinds[3])
{
    memcpy(is_tty, kinds, sizeof is_tty);
    for (int fd = 2; fd >= 0; fd--)
        if (kinds[fd])
            tty.fd = fd;
    tty.session = tty.foreground = 1;
}

int tty_fd(void)
{
    return tty.fd;
}

bool tty_is(int fd)
{
    return fd >= 0 && fd < 3 && is_tty[fd];
}

bool tty_is_of(const struct process *p)
{
    return tty.fd >= 0 && tty.session && p->session == tty.session;
}

void tty_host_signal(int signal)
{
    struct process *first = box.first ? task_find(1) : NULL;
    if (!first)
        return;
    if (signal == SIGTERM || signal == SIGHUP)
        signal_send(first, &(struct siginfo_short){.signal = signal});
    else
        signal_send_group(tty.foreground, signal);
}

void tty_process_ended(struct process *p)
{
    if (p->pid != tty.session || !p->pid)
        return;
    uint32_t foreground = tty.foreground;
    tty.session = 0;
    if (p->pid != 1)
        signal_send_group(foreground, SIGHUP);
}

static bool is_background(const struct process *p)
{
    return tty_is_of(p) && p->group != tty.foreground;
}

int64_t tty_may_read(struct thread *t)
{
    struct process *p = t->process;
    if (!is_background(p))
        return 0;
    if (p->actions[SIGTTIN - 1].handler == 1)
        return -EIO;
    signal_send_group(p->group, SIGTTIN);
    return -RESTART_SYS;
}

static int64_t set_foreground(struct thread *t, uint64_t argument)
{
    uint32_t group;
    bool known = false;
    if (call_get(t, argument, &group, sizeof group) != 0)
        return -EFAULT;
    for (struct process *p = box.first; p; p = p->next)
        known |= p->group == group && p->session == tty.session;
    if (!tty_is_of(t->process))
        return -ENOTTY;
    if (!known)
        return -EPERM;
    struct process *p = t->process;
    if (is_background(p) && p->actions[SIGTTOU - 1].handler != 1 &&
        !(box.channel->slots[t->slot].mask & BIT(SIGTTOU))) {
        signal_send_group(p->group, SIGTTOU);
        return -RESTART_SYS;
    }
    tty.foreground = group;
    return 0;
}

static int64_t from_host(struct thread *t, int fd, unsigned long request, uint64_t argument,
                         size_t size)
{
    uint8_t buffer[64] = {0};
    int result = host_ioctl(fd, request, buffer);
    return result ? result : call_put(t, argument, buffer, size);
}

static int64_t to_host(struct thread *t, int fd, unsigned long request, uint64_t argument)
{
    uint8_t buffer[64] = {0};
    if (call_get(t, argument, buffer, TERMIOS_SIZE) != 0)
        return -EFAULT;
    return host_ioctl(fd, request, buffer);
}

int64_t tty_ioctl(struct thread *t, int fd, uint32_t request, uint64_t argument)
{
    switch (request) {
    case FIONREAD: return from_host(t, fd, request, argument, 4);
    }
    if (!tty_is(fd))
        return -ENOTTY;
    switch (request) {
    case TCGETS: return from_host(t, fd, request, argument, TERMIOS_SIZE);
    case TIOCGWINSZ: return from_host(t, fd, request, argument, 8);
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return to_host(t, fd, request, argument);
    case TCSBRK:
    case TCFLSH: return host_ioctl(fd, request, (void *)(uintptr_t)(uint32_t)argument);
    case TIOCGPGRP:
        if (!tty_is_of(t->process))
            return -ENOTTY;
        return call_put(t, argument, &tty.foreground, sizeof tty.foreground);
    case TIOCSPGRP: return set_foreground(t, argument);
    case TIOCGSID: return call_put(t, argument, &tty.session, sizeof tty.session);
    case TIOCSCTTY: return tty_is_of(t->process) ? 0 : -EPERM;
    }
    return -ENOTTY;
}
