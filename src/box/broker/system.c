/* system: identity, limits and what the machine says of itself. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "box/broker/calls.h"
#include "box/broker/host.h"
#include "box/broker/node.h"
#include "box/broker/task.h"

/* Processes and groups -------------------------------------------------------------------*/

static struct process *meant(struct thread *t, uint64_t pid)
{
    return (int)pid == 0 ? t->process : task_find((uint32_t)pid);
}

int64_t do_getpgid(struct thread *t, struct call *c)
{
    const struct process *p = meant(t, c->a[0]);
    return p ? (int64_t)p->group : -ESRCH;
}

int64_t do_getpgrp(struct thread *t, struct call *c)
{
    (void)c;
    return t->process->group;
}

int64_t do_getsid(struct thread *t, struct call *c)
{
    const struct process *p = meant(t, c->a[0]);
    return p ? (int64_t)p->session : -ESRCH;
}

static bool has_group(uint32_t group, uint32_t session)
{
    for (struct process *p = box.first; p; p = p->next)
        if (p->group == group && p->session == session && !is_reaped(p))
            return true;
    return false;
}

int64_t do_setpgid(struct thread *t, struct call *c)
{
    struct process *p = meant(t, c->a[0]), *self = t->process;
    if ((int)c->a[1] < 0)
        return -EINVAL;
    if (!p || (p != self && p->parent != self))
        return -ESRCH;
    uint32_t group = c->a[1] ? (uint32_t)c->a[1] : p->pid;
    if (p != self && p->has_executed)
        return -EACCES;
    if (p->session != self->session || p->session == p->pid ||
        (group != p->pid && !has_group(group, p->session)))
        return -EPERM;
    p->group = group;
    return 0;
}

int64_t do_setsid(struct thread *t, struct call *c)
{
    struct process *self = t->process;
    (void)c;
    for (struct process *p = box.first; p; p = p->next)
        if (p->group == self->pid)
            return -EPERM;
    return self->session = self->group = self->pid;
}

/* The machine ----------------------------------------------------------------------------*/

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

int64_t do_uname(struct thread *t, struct call *c)
{
    struct utsname name = {.sysname = "Linux",
                           .release = TEXT(BOX_KERNEL_MAJOR) "." TEXT(BOX_KERNEL_MINOR) ".0-vow",
                           .version = "#1 SMP vow box",
                           .machine = "x86_64",
                           .domainname = "(none)"};
    strncpy(name.nodename, box.hostname, sizeof name.nodename - 1);
    if (box.domain)
        strncpy(name.domainname, box.domain, sizeof name.domainname - 1);
    return call_put(t, c->a[0], &name, sizeof name);
}

static int64_t set_name(struct thread *t, struct call *c, char **name)
{
    enum { NAME_ROOM = 64 };
    char to[NAME_ROOM + 1] = "";
    if (!may_override(t->process))
        return -EPERM;
    if ((int)c->a[1] < 0 || (int)c->a[1] > NAME_ROOM)
        return -EINVAL;
    if (c->a[1] && call_get(t, c->a[0], to, (uint32_t)c->a[1]) != 0)
        return -EFAULT;
    char *copy = strdup(to);
    if (!copy)
        return -ENOMEM;
    free(*name);
    *name = copy;
    return 0;
}

int64_t do_sethostname(struct thread *t, struct call *c)
{
    return set_name(t, c, &box.hostname);
}

int64_t do_setdomainname(struct thread *t, struct call *c)
{
    return set_name(t, c, &box.domain);
}

int64_t do_personality(struct thread *t, struct call *c)
{
    uint32_t old = t->process->personality;
    if ((uint32_t)c->a[0] != UINT32_MAX)
        t->process->personality = (uint32_t)c->a[0];
    return old;
}

int64_t do_sysinfo(struct thread *t, struct call *c)
{
    struct sysinfo s = {.uptime = time_now() / 1000000000, .mem_unit = 1, .procs = 1};
    s.totalram = UINT64_C(4) << 30;
    s.freeram = UINT64_C(2) << 30;
    return call_put(t, c->a[0], &s, sizeof s);
}

int64_t do_getrandom(struct thread *t, struct call *c)
{
    void *to = call_window(t, c->a[0], c->a[1]);
    if (!to || c->a[2] > 7)
        return c->a[2] > 7 ? -EINVAL : c->a[1] ? -EFAULT : 0;
    host_random(to, c->a[1]);
    return (int64_t)c->a[1];
}

int64_t do_prctl(struct thread *t, struct call *c)
{
    char *name = t->process->name;
    switch (c->a[0]) {
    case PR_SET_NAME:
        if (call_get(t, c->a[1], name, NAME_SIZE) != 0)
            return -EFAULT;
        name[NAME_SIZE - 1] = '\0';
        return 0;
    case PR_GET_NAME: return call_put(t, c->a[1], name, NAME_SIZE);
    case PR_SET_PDEATHSIG:
        if (c->a[1] > SIGNALS)
            return -EINVAL;
        t->process->death_signal = (int)c->a[1];
        return 0;
    case PR_GET_PDEATHSIG: return call_put(t, c->a[1], &t->process->death_signal, sizeof(int));
    case PR_SET_CHILD_SUBREAPER: t->process->adopts = c->a[1] != 0; return 0;
    case PR_GET_CHILD_SUBREAPER: {
        int adopts = t->process->adopts;
        return call_put(t, c->a[1], &adopts, sizeof adopts);
    }
    case PR_GET_DUMPABLE: return 1;
    case PR_SET_DUMPABLE: return 0;
    case PR_SET_NO_NEW_PRIVS:
        if (c->a[1] != 1 || c->a[2] || c->a[3] || c->a[4])
            return -EINVAL;
        t->process->no_new_privileges = true;
        return 0;
    case PR_GET_NO_NEW_PRIVS: return t->process->no_new_privileges;
    }
    return credentials_prctl(t->process, c);
}
