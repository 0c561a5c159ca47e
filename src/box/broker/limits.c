/* limits: what setrlimit(2) sets. Held to: open files, processes of a user, sizes of
 * files; by the shim: memory. */
#include <signal.h>
#include <sys/resource.h>

#include "box/broker/calls.h"
#include "box/broker/file.h"
#include "box/broker/task.h"

enum { STACK = 8 << 20, PROCESSES = 4096, WAITING = 4096, QUEUES = 8 << 20 };

void limits_start(struct process *p)
{
    static const struct {
        int which;
        uint64_t soft, hard;
    } rows[] = {{RLIMIT_NOFILE, FDS_MAX, FDS_MAX},
                {RLIMIT_STACK, STACK, UINT64_MAX},
                {RLIMIT_CORE, 0, UINT64_MAX},
                {RLIMIT_NPROC, PROCESSES, PROCESSES},
                {RLIMIT_MSGQUEUE, QUEUES, QUEUES},
                {RLIMIT_SIGPENDING, WAITING, WAITING},
                {RLIMIT_NICE, 0, 0},
                {RLIMIT_RTPRIO, 0, 0}};
    for (int i = 0; i < LIMITS; i++)
        p->limits[i][0] = p->limits[i][1] = UINT64_MAX;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        p->limits[rows[i].which][0] = rows[i].soft;
        p->limits[rows[i].which][1] = rows[i].hard;
    }
}

static int64_t set(const struct thread *t, struct process *p, uint32_t which, const uint64_t to[2])
{
    uint64_t *now = p->limits[which];
    if (to[0] > to[1])
        return -EINVAL;
    if (to[1] > now[1] && (!may_override(t->process) || which == RLIMIT_NOFILE))
        return -EPERM;
    now[0] = to[0];
    now[1] = to[1];
    task_publish(p); /* the shim holds to those of memory */
    return 0;
}

static bool may_set(const struct process *by, const struct process *p)
{
    const struct credentials *a = &by->cred, *b = &p->cred;
    return by == p || may_override(by) ||
           (a->uid == b->euid && a->uid == b->suid && a->uid == b->uid && a->gid == b->egid &&
            a->gid == b->sgid && a->gid == b->gid);
}

int64_t do_prlimit64(struct thread *t, struct call *c)
{
    uint64_t to[2];
    struct process *p = (uint32_t)c->a[0] ? task_find((uint32_t)c->a[0]) : t->process;
    uint32_t which = (uint32_t)c->a[1];
    if (which >= LIMITS)
        return -EINVAL;
    if (!p)
        return -ESRCH;
    if (c->a[2] && call_get(t, c->a[2], to, sizeof to) != 0)
        return -EFAULT;
    if (!may_set(t->process, p))
        return -EPERM;
    const uint64_t old[2] = {p->limits[which][0], p->limits[which][1]};
    int64_t result = c->a[2] ? set(t, p, which, to) : 0;
    return result || !c->a[3] ? result : call_put(t, c->a[3], old, sizeof old);
}

int64_t do_getrlimit(struct thread *t, struct call *c)
{
    struct call both = {.a = {0, c->a[0], 0, c->a[1]}};
    return c->a[1] ? do_prlimit64(t, &both) : -EFAULT;
}

int64_t do_setrlimit(struct thread *t, struct call *c)
{
    struct call both = {.a = {0, c->a[0], c->a[1], 0}};
    return c->a[1] ? do_prlimit64(t, &both) : -EFAULT;
}

unsigned limit_files(const struct process *p)
{
    uint64_t most = p->limits[RLIMIT_NOFILE][0];
    return most < FDS_MAX ? (unsigned)most : FDS_MAX;
}

uint64_t limit_file_size(const struct process *p)
{
    return p->limits[RLIMIT_FSIZE][0];
}

int limit_file_exceeded(struct thread *t)
{
    enum { OF_THE_KERNEL = 0x80 };
    signal_send_thread(t, &(struct siginfo_short){.signal = SIGXFSZ, .code = OF_THE_KERNEL});
    return -EFBIG;
}

int limit_processes(const struct process *p)
{
    uint64_t count = 0;
    for (const struct process *o = box.first; o; o = o->next)
        for (const struct thread *t = o->cred.uid == p->cred.uid ? o->threads : NULL; t;
             t = t->next)
            count++;
    return !may_override(p) && count >= p->limits[RLIMIT_NPROC][0] ? -EAGAIN : 0;
}
