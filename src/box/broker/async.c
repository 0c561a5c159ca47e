#include "box/broker/async.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"
#include "box/broker/tty/pty.h"

enum {
    OWNER_THREAD, /* F_OWNER_x */
    OWNER_PROCESS,
    OWNER_GROUP,
    SETSIG = 10, /* F_SETSIG and its neighbours */
    GETSIG,
    SETOWN_EX = 15,
    GETOWN_EX,
    SETOWN_IOCTL = 0x8901, /* FIOSETOWN and its neighbours */
    SETGROUP_IOCTL,
    GETOWN_IOCTL,
    GETGROUP_IOCTL,
    BY_KERNEL = 128, /* SI_KERNEL */
};

struct async {
    struct async *next; /* of those that are on */
    struct file *file;
    int kind;       /* OWNER_x */
    uint32_t owner; /* 0: nobody */
    uint32_t by[2]; /* real and effective user of who said so */
    int signal, fd; /* 0: SIGIO, which tells nothing */
    uint32_t due;   /* codes to tell, a bit each */
    bool is_on;
};

static struct async *first;
bool async_is_due;

static struct async *of(struct file *f)
{
    if (!f->async && (f->async = calloc(1, sizeof *f->async)))
        f->async->file = f;
    return f->async;
}

static void unlink_async(struct async *a)
{
    struct async **at = &first;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    a->is_on = false;
    a->due = 0;
}

void async_forget(struct file *f)
{
    if (f->async && f->async->is_on)
        unlink_async(f->async);
    free(f->async);
    f->async = NULL;
}

static void set_owner(const struct thread *t, struct async *a, int kind, uint32_t owner)
{
    const struct credentials *k = &t->process->cred;
    a->kind = kind;
    a->owner = owner;
    a->by[0] = k->uid;
    a->by[1] = k->euid;
}

static bool can_tell(const struct file *f)
{
    return f->ops == &pipe_ops || f->ops == &socket_ops || f->ops == &inotify_ops ||
           f->ops == &host_ops || pty_is(f);
}

int async_turn(struct thread *t, struct file *f, int fd, bool on)
{
    struct async *a = on && can_tell(f) ? of(f) : f->async;
    if (!can_tell(f))
        return 0;
    if (on && !a)
        return -ENOMEM;
    f->flags = on ? f->flags | O_ASYNC : f->flags & ~(uint32_t)O_ASYNC;
    if (a && a->is_on && !on)
        unlink_async(a);
    if (!on || a->is_on)
        return 0;
    uint32_t group = pty_foreground(f);
    if (!a->owner && pty_is(f))
        set_owner(t, a, group ? OWNER_GROUP : OWNER_PROCESS, group ? group : t->process->pid);
    a->fd = fd;
    a->is_on = true;
    a->next = first;
    first = a;
    return 0;
}

/* Owners ---------------------------------------------------------------------------------*/

static bool is_member(const struct process *p, const struct async *a)
{
    if (is_reaped(p))
        return false;
    return a->kind == OWNER_GROUP ? p->group == a->owner : p->pid == a->owner;
}

static bool exists(const struct async *a)
{
    if (a->kind == OWNER_THREAD)
        return task_find_thread(a->owner) != NULL;
    for (const struct process *p = box.first; p; p = p->next)
        if (is_member(p, a))
            return true;
    return false;
}

/* Any number that somebody has will do. */
static int64_t choose_owner(const struct thread *t, struct file *f, int kind, uint32_t owner)
{
    struct async *a = of(f);
    bool known = !owner || task_find_thread(owner);
    for (const struct process *p = box.first; p && !known; p = p->next)
        known = !is_reaped(p) && (p->pid == owner || p->group == owner || p->session == owner);
    if (!a || !known)
        return a ? -ESRCH : -ENOMEM;
    set_owner(t, a, kind, owner);
    return 0;
}

static int64_t choose_by_sign(const struct thread *t, struct file *f, int owner)
{
    if (owner == INT_MIN)
        return -EINVAL;
    return choose_owner(t, f, owner < 0 ? OWNER_GROUP : OWNER_PROCESS,
                        (uint32_t)(owner < 0 ? -owner : owner));
}

static int owner_by_sign(const struct file *f)
{
    const struct async *a = f->async;
    if (!a || !a->owner || !exists(a))
        return 0;
    return a->kind == OWNER_GROUP ? -(int)a->owner : (int)a->owner;
}

static int64_t owner_struct(struct thread *t, struct file *f, bool sets, uint64_t at)
{
    int owner[2] = {0};
    if (sets) {
        if (call_get(t, at, owner, sizeof owner) != 0)
            return -EFAULT;
        if (owner[0] < OWNER_THREAD || owner[0] > OWNER_GROUP)
            return -EINVAL;
        return choose_owner(t, f, owner[0], (uint32_t)owner[1]);
    }
    owner[0] = f->async ? f->async->kind : OWNER_THREAD;
    owner[1] = abs(owner_by_sign(f));
    return call_put(t, at, owner, sizeof owner);
}

static int64_t choose_signal(struct file *f, uint64_t signal)
{
    if (signal > SIGNALS)
        return -EINVAL;
    struct async *a = of(f);
    if (a)
        a->signal = (int)signal;
    return a ? 0 : -ENOMEM;
}

int64_t async_fcntl(struct thread *t, struct file *f, const struct call *c)
{
    switch (c->a[1]) {
    case F_GETOWN: return owner_by_sign(f);
    case F_SETOWN: return choose_by_sign(t, f, (int)c->a[2]);
    case GETOWN_EX:
    case SETOWN_EX: return owner_struct(t, f, c->a[1] == SETOWN_EX, c->a[2]);
    case GETSIG: return f->async ? f->async->signal : 0;
    case SETSIG: return choose_signal(f, c->a[2]);
    }
    return -EINVAL;
}

int64_t async_ioctl(struct thread *t, struct file *f, uint32_t request, uint64_t argument)
{
    int owner = owner_by_sign(f);
    switch (f->ops == &socket_ops ? request : 0) {
    case SETOWN_IOCTL:
    case SETGROUP_IOCTL:
        if (call_get(t, argument, &owner, sizeof owner) != 0)
            return -EFAULT;
        return choose_by_sign(t, f, owner);
    case GETOWN_IOCTL:
    case GETGROUP_IOCTL: return call_put(t, argument, &owner, sizeof owner);
    }
    return -ENOTTY;
}

/* Telling --------------------------------------------------------------------------------*/

static int events_of(int code)
{
    switch (code) {
    case POLL_IN: return POLLIN | POLLRDNORM;
    case POLL_OUT: return POLLOUT | POLLWRNORM | POLLWRBAND;
    case POLL_ERR: return POLLERR;
    default: return POLLHUP | POLLERR;
    }
}

static bool may_tell(const struct async *a, const struct process *to)
{
    return a->by[1] == 0 || a->by[1] == to->cred.suid || a->by[1] == to->cred.uid ||
           a->by[0] == to->cred.suid || a->by[0] == to->cred.uid;
}

/* thread: NULL: to the process. */
static void send(const struct async *a, struct process *to, struct thread *thread, int code)
{
    const struct siginfo_short plain = {.signal = SIGIO, .code = BY_KERNEL};
    const struct siginfo_short info = {
        .signal = a->signal, .code = code, .pid = events_of(code), .status = a->fd};
    if (!may_tell(a, to))
        return;
    if (a->signal && (thread ? signal_send_thread(thread, &info) : signal_send(to, &info)))
        return;
    if (thread)
        signal_send_thread(thread, &plain);
    else
        signal_send(to, &plain);
}

/* What it says by value: who is told may end, and with it the file. */
static void tell(struct async of, int code)
{
    const struct async *a = &of;
    if (!a->owner)
        return;
    if (a->kind == OWNER_THREAD) {
        struct thread *t = task_find_thread(a->owner);
        if (t)
            send(a, t->process, t, code);
        return;
    }
    for (struct process *p = box.first, *next; p; p = next) {
        next = p->next;
        if (is_member(p, a))
            send(a, p, NULL, code);
    }
}

void async_tell(const struct file_ops *ops, const void *data, int code)
{
    for (struct async *a = first; a; a = a->next) {
        uint32_t access = a->file->flags & O_ACCMODE;
        if (a->file->ops != ops || a->file->data != data ||
            access == (code == POLL_OUT ? O_RDONLY : O_WRONLY))
            continue;
        a->due |= UINT32_C(1) << code;
        async_is_due = true;
    }
}

void async_deliver(void)
{
    async_is_due = false;
    for (struct async *a = first; a;) {
        if (!a->due) {
            a = a->next;
            continue;
        }
        int code = __builtin_ctz(a->due);
        a->due &= a->due - 1;
        tell(*a, code);
        a = first; /* this one may be gone */
    }
}
