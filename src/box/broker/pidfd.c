/* pidfd: a descriptor that stands for a process. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "box/broker/calls.h"
#include "box/broker/node.h"
#include "box/broker/task.h"

/* Numbers come again; the moment of its start does not. */
struct pid_file {
    uint32_t pid;
    int64_t started;
};

/* The process, a zombie too; NULL: it is gone. */
static struct process *process_of(const struct file *f)
{
    const struct pid_file *of = f->data;
    struct process *p = task_find(of->pid);
    return p && p->started == of->started ? p : NULL;
}

static int poll_pid(struct thread *t, struct file *f)
{
    struct process *p = process_of(f);
    if (!p || p->state == ZOMBIE)
        return POLLIN | POLLRDNORM;
    if (t)
        wait_on(t, &p->changed);
    return 0;
}

static void release_pid(struct file *f)
{
    free(f->data);
}

const struct file_ops pidfd_ops = {
    .poll = poll_pid, .release = release_pid, .name = "anon_inode:[pidfd]"};

int64_t do_pidfd_open(struct thread *t, struct call *c)
{
    struct process *p = task_find((uint32_t)c->a[0]);
    if ((int)c->a[0] <= 0 || c->a[1] & ~(uint64_t)O_NONBLOCK)
        return -EINVAL;
    if (!p)
        return task_find_thread((uint32_t)c->a[0]) ? -EINVAL : -ESRCH;
    struct pid_file *of = malloc(sizeof *of);
    struct file *f =
        of ? file_new(&pidfd_ops, O_RDWR | (uint32_t)(c->a[1] & O_NONBLOCK), NULL, of) : NULL;
    if (!f) {
        free(of);
        return -ENOMEM;
    }
    *of = (struct pid_file){p->pid, p->started};
    return fd_put(t, f, 0, true);
}

int64_t pidfd_process(struct thread *t, uint64_t fd, struct process **out)
{
    struct file *f = fd_file(t, fd);
    if (!f || f->ops != &pidfd_ops)
        return -EBADF;
    *out = process_of(f);
    return *out ? 0 : -ESRCH;
}

int64_t do_pidfd_send_signal(struct thread *t, struct call *c)
{
    struct process *p;
    if (c->a[3])
        return -EINVAL;
    const struct file *directory = fd_file(t, c->a[0]);
    int64_t result = directory && directory->node ? proc_process(directory->node, &p)
                                                  : pidfd_process(t, c->a[0], &p);
    if (result != 0)
        return result;
    if (!c->a[2])
        return do_kill(t, &(struct call){.a = {p->pid, c->a[1]}});
    int32_t signal;
    if (call_get(t, c->a[2], &signal, sizeof signal) != 0)
        return -EFAULT;
    if (signal != (int32_t)c->a[1])
        return -EINVAL;
    return do_rt_sigqueueinfo(t, &(struct call){.a = {p->pid, c->a[1], c->a[2]}});
}

int64_t do_pidfd_getfd(struct thread *t, struct call *c)
{
    struct process *p;
    int64_t result = c->a[2] ? -EINVAL : pidfd_process(t, c->a[0], &p);
    if (result != 0)
        return result;
    if (!may_override(t->process) && t->process->cred.euid != p->cred.uid)
        return -EPERM;
    struct file *f = p->fds ? fds_file(p->fds, c->a[1]) : NULL;
    if (!f)
        return p->fds ? -EBADF : -ESRCH;
    return fd_put(t, file_hold(f), 0, true);
}
