#include "box/broker/tty/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>

static struct terminal *first;

void terminal_add(struct terminal *term)
{
    term->next = first;
    first = term;
}

void terminal_remove(struct terminal *term)
{
    struct terminal **at = &first;
    while (*at != term)
        at = &(*at)->next;
    *at = term->next;
}

struct terminal *terminal_of(const struct process *p)
{
    struct terminal *term = first;
    while (term && (!term->session || term->session != p->session))
        term = term->next;
    return term;
}

int64_t terminal_take(struct thread *t, struct terminal *term, bool steal)
{
    struct process *p = t->process;
    if (term->session == p->session)
        return 0;
    if (p->session != p->pid || terminal_of(p))
        return -EPERM;
    if (term->session && !(steal && may_override(p)))
        return -EPERM;
    term->session = p->session;
    term->foreground = p->group;
    return 0;
}

void terminal_hang_up(struct terminal *term)
{
    uint32_t foreground = term->foreground, session = term->session;
    struct process *leader = session ? task_find(session) : NULL;
    term->session = term->foreground = 0;
    if (leader && leader->group != foreground) {
        signal_send(leader, &(struct siginfo_short){.signal = SIGHUP});
        signal_send(leader, &(struct siginfo_short){.signal = SIGCONT});
    }
    if (!foreground)
        return;
    signal_send_group(foreground, SIGHUP);
    signal_send_group(foreground, SIGCONT);
}

void terminals_process_ended(const struct process *p)
{
    struct terminal *term = p->session == p->pid ? terminal_of(p) : NULL;
    if (term && p->pid != 1)
        terminal_hang_up(term);
    else if (term)
        term->session = 0;
}

static bool blocks_or_ignores(const struct thread *t, int signal)
{
    return t->process->actions[signal - 1].handler == 1 ||
           box.channel->slots[t->slot].mask & BIT(signal);
}

int64_t terminal_may(struct thread *t, const struct terminal *term, int signal)
{
    const struct process *p = t->process;
    if (!term->session || p->session != term->session || p->group == term->foreground)
        return 0;
    if (blocks_or_ignores(t, signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (signal_group_is_orphaned(p))
        return -EIO;
    signal_send_group(p->group, signal);
    return -RESTART_SYS;
}

static int64_t set_foreground(struct thread *t, struct terminal *term, uint64_t argument)
{
    uint32_t group;
    bool known = false;
    int64_t result = terminal_may(t, term, SIGTTOU);
    if (result != 0)
        return result;
    if (call_get(t, argument, &group, sizeof group) != 0)
        return -EFAULT;
    if (terminal_of(t->process) != term)
        return -ENOTTY;
    if ((int)group < 0)
        return -EINVAL;
    bool exists = false;
    for (struct process *p = box.first; p; p = p->next) {
        exists |= p->group == group;
        known |= p->group == group && p->session == term->session;
    }
    if (!known)
        return exists ? -EPERM : -ESRCH;
    term->foreground = group;
    return 0;
}

static int64_t give_up(struct thread *t, struct terminal *term)
{
    if (terminal_of(t->process) != term)
        return -ENOTTY;
    if (t->process->session == t->process->pid)
        terminal_hang_up(term);
    return 0;
}

int64_t terminal_ioctl(struct thread *t, struct terminal *term, uint32_t request, uint64_t argument,
                       bool outside)
{
    bool own = outside || terminal_of(t->process) == term;
    switch (request) {
    case TIOCGPGRP:
        return own ? call_put(t, argument, &term->foreground, sizeof term->foreground) : -ENOTTY;
    case TIOCGSID:
        if (!own || !term->session)
            return -ENOTTY;
        return call_put(t, argument, &term->session, sizeof term->session);
    case TIOCSPGRP: return set_foreground(t, term, argument);
    case TIOCSCTTY: return terminal_take(t, term, argument == 1);
    case TIOCNOTTY: return give_up(t, term);
    }
    return -ENOTTY;
}
