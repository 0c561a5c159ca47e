/* signalfd: signals that are read like a file. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "box/broker/calls.h"
#include "box/broker/file.h"
#include "box/broker/task.h"

struct signal_file {
    uint64_t set;
};

static void put(const struct siginfo_short *s, struct signalfd_siginfo *out)
{
    bool child = s->signal == SIGCHLD, timer = s->code == SI_TIMER;
    *out = (struct signalfd_siginfo){
        .ssi_signo = (uint32_t)s->signal, .ssi_code = s->code, .ssi_status = child ? s->status : 0};
    if (timer) {
        out->ssi_tid = (uint32_t)s->pid;
        out->ssi_overrun = (uint32_t)s->uid;
    } else {
        out->ssi_pid = (uint32_t)s->pid;
        out->ssi_uid = (uint32_t)s->uid;
    }
    if (!child) {
        out->ssi_int = (int32_t)s->address;
        out->ssi_ptr = s->address;
    }
}

static int64_t read_signals(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    const struct signal_file *signals = f->data;
    struct signalfd_siginfo one;
    struct siginfo_short s;
    size_t done = 0;
    (void)at;
    if (size < sizeof one)
        return -EINVAL;
    while (size - done >= sizeof one && signal_remove(t, signals->set, &s)) {
        put(&s, &one);
        memcpy((char *)to + done, &one, sizeof one);
        done += sizeof one;
    }
    if (done)
        return (int64_t)done;
    return file_waits(f) ? wait_on(t, &t->process->signals) : -EAGAIN;
}

static int poll_signals(struct thread *t, struct file *f)
{
    const struct signal_file *signals = f->data;
    if (!t)
        return 0; /* whose? */
    wait_on(t, &t->process->signals);
    return (t->process->pending.set | t->pending.set) & signals->set ? POLLIN | POLLRDNORM : 0;
}

static void release_signals(struct file *f)
{
    free(f->data);
}

const struct file_ops signalfd_ops = {.read = read_signals,
                                      .poll = poll_signals,
                                      .release = release_signals,
                                      .name = "anon_inode:[signalfd]"};

int64_t do_signalfd4(struct thread *t, struct call *c)
{
    struct signal_file *signals;
    uint64_t set;
    if (c->a[2] != sizeof set || c->a[3] & ~(uint64_t)(SFD_CLOEXEC | SFD_NONBLOCK))
        return -EINVAL;
    if (call_get(t, c->a[1], &set, sizeof set) != 0)
        return -EFAULT;
    set &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
    if ((int)c->a[0] != -1) {
        struct file *old = fd_file(t, c->a[0]);
        if (!old || old->ops != &signalfd_ops)
            return old ? -EINVAL : -EBADF;
        signals = old->data;
        signals->set = set;
        queue_wake(&t->process->signals);
        return (int)c->a[0];
    }
    signals = malloc(sizeof *signals);
    struct file *f =
        signals ? file_new(&signalfd_ops, O_RDWR | ((uint32_t)c->a[3] & O_NONBLOCK), NULL, signals)
                : NULL;
    if (!f) {
        free(signals);
        return -ENOMEM;
    }
    signals->set = set;
    return fd_put(t, f, 0, c->a[3] & SFD_CLOEXEC);
}

int64_t do_signalfd(struct thread *t, struct call *c)
{
    struct call with_flags = {.a = {c->a[0], c->a[1], c->a[2], 0}};
    return do_signalfd4(t, &with_flags);
}
