#include "box/broker/where.h"

#include <linux/sched.h>
#include <stdlib.h>

#include "box/broker/calls.h"
#include "box/broker/names.h"
#include "box/broker/publish.h"

struct where *where_first(void)
{
    struct where *w = calloc(1, sizeof *w);
    if (!w || store_fs_node(STORE_ROOT, &w->root) != 0) {
        free(w);
        return NULL;
    }
    w->references = 1;
    w->cwd = node_hold(w->root);
    w->umask = 022;
    return w;
}

struct where *where_copy(const struct where *from)
{
    struct where *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (struct where){.references = 1,
                        .asks = !store_fs_is_root(from->root),
                        .root = node_hold(from->root),
                        .cwd = node_hold(from->cwd),
                        .umask = from->umask};
    return w;
}

void where_drop(struct where *w)
{
    if (!w || --w->references)
        return;
    node_drop(w->root);
    node_drop(w->cwd);
    free(w);
}

/* From here on its threads ask. Those of other processes, if there are any, do
 * already. */
static void ask(struct thread *t)
{
    t->where->asks = true;
    task_publish(t->process);
}

struct where *where_for_child(struct thread *t, bool shared)
{
    if (!shared)
        return where_copy(t->where);
    ask(t);
    return where_hold(t->where);
}

struct where *where_for_thread(struct thread *t, bool shared)
{
    struct where *w = shared ? where_hold(t->where) : where_copy(t->where);
    if (w && !shared)
        w->asks = true;
    return w;
}

void where_start(const struct process *p, const struct where *w)
{
    if (p->fds && !w->asks)
        publish_cwd(p->fds->place, w->cwd);
}

void where_leave(struct process *p)
{
    for (struct thread *t = p->threads; t; t = t->next) {
        where_drop(t->where);
        t->where = NULL;
    }
    if (p->exe)
        node_drop(p->exe);
    p->exe = NULL;
}

void where_change_directory(struct thread *t, struct node *dir)
{
    struct where *w = t->where;
    struct node *before = w->cwd;
    w->cwd = dir;
    where_start(t->process, w);
    node_drop(before);
}

const struct where *where_of(const struct process *p, uint32_t tid)
{
    const struct where *w = NULL;
    for (const struct thread *t = p->threads; t; t = t->next) {
        if (t->tid == (tid ? tid : p->pid))
            return t->where;
        w = tid ? NULL : t->where; /* the first thread has ended */
    }
    return w;
}

/* Calls ----------------------------------------------------------------------------------*/

int64_t do_umask(struct thread *t, struct call *c)
{
    uint32_t old = t->where->umask;
    t->where->umask = (uint32_t)c->a[0] & 0777;
    return old;
}

int64_t do_chroot(struct thread *t, struct call *c)
{
    struct node *n;
    int result = names_find(t, CWD, c->a[0], 0, &n);
    if (result != 0)
        return result;
    result = n->type == S_IFDIR ? node_may(t->process, n, 1) : -ENOTDIR;
    if (result == 0 && !may_override(t->process))
        result = -EPERM;
    if (result != 0) {
        node_drop(n);
        return result;
    }
    struct node *before = t->where->root;
    t->where->root = n;
    ask(t);
    node_drop(before);
    return 0;
}

/* Descriptors, memory and handlers are a process's: its only thread has them to itself
 * already, and there are no worlds but this one. */
int64_t do_unshare(struct thread *t, struct call *c)
{
    const uint64_t worlds = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                            CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;
    const uint64_t whole = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    uint64_t flags = c->a[0];
    bool is_alone = !t->process->threads->next;
    if (flags & ~(worlds | whole | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM))
        return -EINVAL;
    if (flags & worlds || (flags & whole && !is_alone))
        return flags & worlds ? -EPERM : -EINVAL;
    if (!(flags & CLONE_FS) || t->where->references == 1)
        return 0;
    struct where *own = where_for_thread(t, false);
    if (!own)
        return -ENOMEM;
    where_drop(t->where);
    t->where = own;
    task_publish(t->process);
    return 0;
}
