/* fds: tables of descriptors, and the calls that change them. */
#include <fcntl.h>
#include <stdlib.h>

#include "box/broker/calls.h"
#include "box/broker/claim.h"
#include "box/broker/lock.h"
#include "box/broker/publish.h"
#include "box/broker/task.h"

struct fd_table *fds_new(void)
{
    struct fd_table *fds = calloc(1, sizeof *fds);
    if (fds) {
        fds->place = publish_place();
        claims_start(fds);
    }
    return fds;
}

void fds_set(struct fd_table *fds, unsigned fd, struct file *f, bool close_on_exec)
{
    fds->files[fd] = f;
    fds->close_on_exec[fd] = close_on_exec;
    if (fd >= fds->count)
        fds->count = fd + 1;
    publish_fd(fds->place, fd, true, f->published);
}

struct fd_table *fds_copy(struct fd_table *from)
{
    struct fd_table *fds = fds_new();
    if (!fds)
        return NULL;
    claims_take(from);
    fds->limit = from->limit;
    fds->may_claim = from->may_claim;
    for (unsigned i = 0; i < from->count; i++) {
        if (from->files[i])
            fds_set(fds, i, file_hold(from->files[i]), from->close_on_exec[i]);
    }
    return fds;
}

/* What a number led to, if to anything: it is free now. */
static struct file *take_away(struct fd_table *fds, unsigned fd)
{
    struct file *f = fds->files[fd];
    publish_fd(fds->place, fd, false, 0);
    fds->files[fd] = NULL;
    fds->close_on_exec[fd] = false;
    while (fds->count && !fds->files[fds->count - 1])
        fds->count--;
    return f;
}

/* Any descriptor that a process gives up, in whatever way, ends its locks on the file. */
static void let_go(struct process *p, struct file *f)
{
    lock_process_closed(p, f);
    mqueue_closed(p, f);
    file_drop(f);
}

static void close_fd(struct process *p, unsigned fd)
{
    let_go(p, take_away(p->fds, fd));
}

void fds_drop(struct process *p)
{
    claims_take(p->fds);
    claims_end(p->fds);
    for (unsigned i = p->fds->count; i-- > 0;)
        if (p->fds->files[i])
            close_fd(p, i);
    free(p->fds);
    p->fds = NULL;
}

void fds_exec(struct process *p)
{
    claims_forget(p->fds);
    for (unsigned i = p->fds->count; i-- > 0;)
        if (p->fds->files[i] && p->fds->close_on_exec[i])
            close_fd(p, i);
}

struct file *fds_file(struct fd_table *fds, uint64_t fd)
{
    if ((uint32_t)fd >= FDS_MAX)
        return NULL;
    if (!fds->files[(uint32_t)fd])
        claims_take(fds);
    return fds->files[(uint32_t)fd];
}

unsigned fds_next(struct fd_table *fds, unsigned fd)
{
    claims_take(fds);
    while (fd < fds->count && !fds->files[fd])
        fd++;
    return fd < fds->count ? fd : FDS_MAX;
}

struct file *fd_file(const struct thread *t, uint64_t fd)
{
    return fds_file(t->process->fds, fd);
}

static int lowest(const struct thread *t, unsigned from)
{
    for (unsigned fd = from; fd < limit_files(t->process); fd++)
        if (!t->process->fds->files[fd])
            return (int)fd;
    return -EMFILE;
}

int fd_room(const struct thread *t)
{
    if (t->process->fds->count + CLAIMS < limit_files(t->process))
        return 0; /* whatever is claimed */
    claims_take(t->process->fds);
    return lowest(t, 0) < 0 ? -EMFILE : 0;
}

int fd_put(struct thread *t, struct file *f, unsigned from, bool close_on_exec)
{
    claims_bar(t->process->fds);
    int fd = lowest(t, from);
    if (fd >= 0)
        fds_set(t->process->fds, (unsigned)fd, f, close_on_exec);
    claims_open(t->process->fds);
    if (fd < 0)
        file_drop(f);
    return fd;
}

int64_t do_close(struct thread *t, struct call *c)
{
    if (!fd_file(t, c->a[0]))
        return -EBADF;
    close_fd(t->process, (unsigned)c->a[0]);
    return 0;
}

int64_t do_close_range(struct thread *t, struct call *c)
{
    enum { CLOEXEC = 4 };
    struct fd_table *fds = t->process->fds;
    uint32_t last = (uint32_t)c->a[1];
    if ((uint32_t)c->a[0] > last || c->a[2] & ~(uint64_t)(CLOEXEC | 2))
        return -EINVAL;
    claims_take(fds);
    for (unsigned fd = fds->count; fd-- > (uint32_t)c->a[0];) {
        if (fd > last || fd >= fds->count || !fds->files[fd])
            continue;
        if (c->a[2] & CLOEXEC)
            fds->close_on_exec[fd] = true;
        else
            close_fd(t->process, fd);
    }
    return 0;
}

static int64_t duplicate(struct thread *t, uint64_t from, uint64_t to, bool close_on_exec)
{
    struct fd_table *fds = t->process->fds;
    struct file *f = fd_file(t, from);
    if (!f || (uint32_t)to >= limit_files(t->process))
        return -EBADF;
    file_hold(f);
    claims_bar(fds);
    struct file *before = take_away(fds, (unsigned)to);
    fds_set(fds, (unsigned)to, f, close_on_exec);
    claims_open(fds);
    if (before)
        let_go(t->process, before);
    return (uint32_t)to;
}

int64_t do_dup(struct thread *t, struct call *c)
{
    struct file *f = fd_file(t, c->a[0]);
    return f ? fd_put(t, file_hold(f), 0, false) : -EBADF;
}

int64_t do_dup2(struct thread *t, struct call *c)
{
    if ((uint32_t)c->a[0] == (uint32_t)c->a[1])
        return fd_file(t, c->a[0]) ? (int64_t)(uint32_t)c->a[0] : -EBADF;
    return duplicate(t, c->a[0], c->a[1], false);
}

int64_t do_dup3(struct thread *t, struct call *c)
{
    if ((uint32_t)c->a[0] == (uint32_t)c->a[1] || c->a[2] & ~(uint64_t)O_CLOEXEC)
        return -EINVAL;
    return duplicate(t, c->a[0], c->a[1], c->a[2] & O_CLOEXEC);
}
