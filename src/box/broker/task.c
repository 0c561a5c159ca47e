/* task: the life of processes and threads. */
#include "box/broker/task.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "box/broker/arena.h"
#include "box/broker/birth.h"
#include "box/broker/calls.h"
#include "box/broker/claim.h"
#include "box/broker/host.h"
#include "box/broker/ipc/ids.h"
#include "box/broker/node.h"
#include "box/broker/publish.h"
#include "box/broker/tty/terminal.h"
#include "box/broker/where.h"

enum { SLOT_BITS = 16, PID_MAX = 4194304, CLD_EXITED_ = 1, CLD_KILLED_ = 2, CLD_DUMPED_ = 3 };

static uint32_t last_pid;
static unsigned slot_hint;

struct process *task_find(uint32_t pid)
{
    for (struct process *p = box.first; p; p = p->next)
        if (p->pid == pid && !is_reaped(p))
            return p;
    return NULL;
}

struct thread *task_find_thread(uint32_t tid)
{
    for (struct process *p = box.first; p; p = p->next)
        for (struct thread *t = p->threads; t && !is_reaped(p); t = t->next)
            if (t->tid == tid && !t->leaving)
                return t;
    return NULL;
}

static bool is_used(uint32_t id)
{
    for (struct process *p = box.first; p; p = p->next)
        if (p->pid == id || p->group == id || p->session == id)
            return true;
    return task_find_thread(id) != NULL;
}

static uint32_t new_id(void)
{
    do
        last_pid = last_pid < PID_MAX ? last_pid + 1 : 2;
    while (is_used(last_pid));
    return last_pid;
}

/* Threads ------------------------------------------------------------------------------*/

/* What a thread reads without asking. */
static void publish(const struct thread *t)
{
    const struct process *p = t->process;
    struct slot *s = &box.channel->slots[t->slot];
    s->pid = p->pid;
    s->tid = t->tid;
    s->parent = p->parent ? p->parent->pid : 0;
    s->uid = p->cred.uid, s->euid = p->cred.euid;
    s->gid = p->cred.gid, s->egid = p->cred.egid;
    s->asks = credentials_ask(p) || (t->where && t->where->asks);
    s->file_limit = limit_files(p);
    s->memory_limit = p->limits[RLIMIT_AS][0];
    s->data_limit = p->limits[RLIMIT_DATA][0];
}

/* What it has claimed before it could have; what it claims later follows the new rules. */
void task_publish(const struct process *p)
{
    if (p->fds)
        claims_bar(p->fds);
    for (const struct thread *t = p->threads; t; t = t->next)
        publish(t);
    if (!p->fds)
        return;
    p->fds->limit = limit_files(p);
    p->fds->may_claim = p->cred.euid == 0 && !credentials_ask(p);
    claims_open(p->fds);
}

/* Takes where it is, which may be NULL: no memory. */
static struct thread *thread_new(struct process *p, uint32_t tid, struct where *where)
{
    struct thread *t = where ? calloc(1, sizeof *t) : NULL;
    unsigned i = 0;
    while (i < SLOT_COUNT && box.slots[(slot_hint + i) % SLOT_COUNT])
        i++;
    if (!t || i == SLOT_COUNT) {
        where_drop(where);
        free(t);
        return NULL;
    }
    t->where = where;
    t->slot = (slot_hint + i) % SLOT_COUNT;
    slot_hint = t->slot + 1;
    t->process = p;
    t->tid = tid;
    t->limit = INT64_MAX;
    struct slot *s = &box.channel->slots[t->slot];
    memset(s, 0, sizeof *s);
    publish(t);
    s->place = p->fds->place;
    t->next = p->threads;
    p->threads = t;
    box.slots[t->slot] = t;
    return t;
}

static void count(const struct thread *t, struct call_counts *sum)
{
    const struct call_counts *c = &box.channel->slots[t->slot].counts;
    sum->calls += c->calls;
    sum->trapped += c->trapped;
    sum->requests += c->requests;
}

struct call_counts task_counts(void)
{
    struct call_counts sum = box.counts;
    for (const struct process *p = box.first; p; p = p->next)
        for (const struct thread *t = p->threads; t; t = t->next)
            count(t, &sum);
    return sum;
}

/* The slot stays taken while the host's thread may still touch it. */
static void thread_free(struct thread *t)
{
    struct thread **at = &t->process->threads;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    call_abandon(t);
    call_forget(t);
    stage_drop(t);
    where_drop(t->where);
    str_free(&t->told);
    pending_cancel(&t->pending, UINT64_MAX);
    barrier_end(t->slot);
    box.slots[t->slot] = NULL;
    count(t, &box.counts);
    free(t);
}

static void put_mask(const struct thread *t, uint64_t mask)
{
    box.channel->slots[t->slot].mask = mask;
}

/* Processes ----------------------------------------------------------------------------*/

/* Its host's process may still write where it claims. */
static void leave_place(struct process *p)
{
    publish_drop_place(p->place);
    p->place = 0;
}

static void process_free(struct process *p)
{
    struct process **at = &box.first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    while (p->threads)
        thread_free(p->threads);
    queue_free(&p->children);
    queue_free(&p->changed);
    queue_free(&p->stopped);
    queue_free(&p->signals);
    pending_cancel(&p->pending, UINT64_MAX);
    free(p->cmdline);
    free(p->exe_name);
    free(p->exec_name);
    arena_leave(p);
    leave_place(p);
    free(p->mapped);
    free(p);
}

/* A zombie goes when its parent has seen it and the host has, too. */
static void maybe_free(struct process *p)
{
    if (p->state == ZOMBIE && p->host_gone && !p->parent && p->pid != 1)
        process_free(p);
}

/* Files go at once; memory and slots when the host's process has ended. */
static void close_all(struct process *p)
{
    if (p->fds) {
        p->place = p->fds->place;
        fds_drop(p);
    }
    where_leave(p);
    for (int i = 0; i < 2; i++) {
        if (p->exec_files[i])
            file_drop(p->exec_files[i]);
        p->exec_files[i] = NULL;
    }
}

/* Its children are the first process's now. */
static void give_away_children(struct process *p)
{
    struct process *heir = p->parent;
    while (heir && (!heir->adopts || heir->state == ZOMBIE))
        heir = heir->parent;
    heir = heir ? heir : task_find(1);
    for (struct process *child = box.first, *next; child; child = next) {
        next = child->next;
        if (child->parent != p)
            continue;
        if (child->death_signal && child->state != ZOMBIE)
            signal_send(child, &(struct siginfo_short){.signal = child->death_signal,
                                                       .pid = (int32_t)p->pid});
        child->parent = heir && heir != p && heir->state != ZOMBIE ? heir : NULL;
        task_publish(child);
        if (child->parent && child->state == ZOMBIE)
            queue_wake(&child->parent->children);
        else
            maybe_free(child);
    }
}

static void tell_parent(struct process *p)
{
    struct process *parent = p->parent;
    if (!parent)
        return;
    const struct action *a = &parent->actions[SIGCHLD - 1];
    bool unseen = p->exit_signal == SIGCHLD && (a->handler == 1 || a->flags & SA_NOCLDWAIT);
    if (p->exit_signal && a->handler != 1)
        signal_send(parent, &(struct siginfo_short){
                                .signal = p->exit_signal,
                                .code = WIFEXITED(p->status) ? CLD_EXITED_ : CLD_KILLED_,
                                .pid = (int32_t)p->pid,
                                .uid = (int32_t)p->cred.uid,
                                .status = WIFEXITED(p->status) ? WEXITSTATUS(p->status)
                                                               : WTERMSIG(p->status)});
    queue_wake(&parent->children);
    if (unseen)
        p->parent = NULL;
}

void task_end(struct process *p, int status)
{
    if (p->state == ZOMBIE)
        return;
    p->state = ZOMBIE;
    p->status = status;
    if (p->host_pid) /* else its end told */
        p->used = cpu_time(p);
    itimers_stop(p);
    posix_timers_free(p);
    sem_undo_all(p);
    shm_detach_all(p);
    if (p->host_pid)
        host_kill(p->host_pid);
    for (struct thread *t = p->threads; t; t = t->next) {
        call_abandon(t);
        call_forget(t);
        t->busy = false;
        box.channel->slots[t->slot].notice = 1;
    }
    close_all(p);
    queue_wake(&p->changed);
    terminals_process_ended(p);
    give_away_children(p);
    tell_parent(p);
    if (p->pid == 1)
        box.status = status;
    maybe_free(p);
}

void task_leave(struct thread *t, int status)
{
    struct process *p = t->process;
    if (t->next == NULL && p->threads == t) {
        task_end(p, status);
        return;
    }
    struct thread *exec = p->exec_by;
    thread_free(t);
    if (exec)
        call_ready(exec);
}

bool task_kill_others(struct thread *t)
{
    struct process *p = t->process;
    if (p->threads == t && !t->next) {
        p->exec_by = NULL;
        if (t->tid != p->pid)
            box.channel->slots[t->slot].tid = t->tid = p->pid;
        return true;
    }
    p->exec_by = t;
    for (struct thread *o = p->threads; o; o = o->next) {
        if (o == t || o->leaving)
            continue;
        o->leaving = true;
        box.channel->slots[o->slot].notice = 1;
        o->interrupted = EINTR;
        if (o->busy)
            call_ready(o);
        else
            host_kick(o);
    }
    return false;
}

void task_host_ended(int host_pid, int status, int64_t used)
{
    for (struct process *p = box.first; p; p = p->next) {
        if (p->host_pid != host_pid)
            continue;
        p->host_gone = true;
        p->host_pid = 0;
        arena_leave(p); /* until now it could still touch it */
        if (p->state != ZOMBIE)
            p->used = used;
        task_end(p, status); /* if it was not known to have ended */
        for (struct process *q = box.first; q; q = q->next)
            if (q == p) {
                while (p->threads)
                    thread_free(p->threads);
                leave_place(p);
                maybe_free(p);
                break;
            }
        birth_parent_ended(host_pid);
        return;
    }
    birth_unclaimed(host_pid, status);
}

struct process *task_first(void)
{
    struct process *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->pid = p->group = p->session = last_pid = 1;
    p->exit_signal = SIGCHLD;
    limits_start(p);
    p->started = time_now();
    credentials_start(&p->cred);
    itimers_start(p);
    p->fds = arena_inherit(p, NULL) == 0 ? fds_new() : NULL;
    struct thread *t = p->fds ? thread_new(p, 1, where_first()) : NULL;
    if (!t) {
        free(p);
        return NULL;
    }
    where_start(p, t->where);
    task_publish(p);
    box.first = p;
    return p;
}

/* Calls: birth ---------------------------------------------------------------------------*/

static struct process *copy(struct process *from, int exit_signal)
{
    struct process *p = malloc(sizeof *p);
    if (!p)
        return NULL;
    *p = *from;
    p->pid = new_id();
    p->parent = from;
    p->host_pid = 0;
    p->host_gone = p->has_executed = p->is_doomed = false;
    p->report = 0;
    p->exit_signal = exit_signal;
    p->threads = p->exec_by = NULL;
    p->children = p->changed = p->stopped = p->signals = (struct queue){0};
    p->pending = (struct pending){0};
    p->exec_files[0] = p->exec_files[1] = NULL;
    p->exec_name = NULL;
    p->death_signal = 0;
    p->adopts = false;
    p->used = p->children_used = 0;
    itimers_start(p);
    p->posix_timers = NULL;
    p->undo = NULL;
    p->started = time_now();
    p->exe = from->exe ? node_hold(from->exe) : NULL;
    p->exe_name = from->exe_name ? strdup(from->exe_name) : NULL;
    p->cmdline = from->cmdline ? malloc(from->cmdline_size) : NULL;
    if (p->cmdline)
        memcpy(p->cmdline, from->cmdline, from->cmdline_size);
    else
        p->cmdline_size = 0;
    bool whole = arena_inherit(p, from) == 0;
    whole = shm_copy(p, from) == 0 && whole;
    p->fds = whole ? fds_copy(from->fds) : NULL;
    p->next = box.first;
    box.first = p;
    return p;
}

int64_t box_fork(struct thread *t, struct call *c)
{
    if (c->a[1] > SIGNALS)
        return -EINVAL;
    if (limit_processes(t->process) != 0)
        return -EAGAIN;
    struct process *p = copy(t->process, (int)c->a[1]);
    struct thread *child = p && p->fds ? thread_new(p, p->pid, where_for_child(t, c->a[2])) : NULL;
    if (!child) {
        if (p) {
            close_all(p);
            shm_detach_all(p);
            p->state = ZOMBIE;
            process_free(p);
        }
        return -EAGAIN;
    }
    where_start(p, child->where);
    p->is_vfork = c->a[0];
    p->born_of = t->process->host_pid;
    put_mask(child, box.channel->slots[t->slot].mask);
    return (int64_t)p->pid << SLOT_BITS | child->slot;
}

void task_know_host(struct thread *child, int host)
{
    child->host_tid = host;
    if (child->kick_later) {
        child->kick_later = false;
        host_kick(child);
    }
}

int64_t box_thread(struct thread *t, struct call *c)
{
    struct thread *n = NULL;
    if (limit_processes(t->process) == 0)
        n = thread_new(t->process, new_id(), where_for_thread(t, c->a[0]));
    if (!n)
        return -EAGAIN;
    put_mask(n, box.channel->slots[t->slot].mask);
    return (int64_t)n->tid << SLOT_BITS | n->slot;
}

int64_t box_threaded(struct thread *t, struct call *c)
{
    struct thread *n = c->a[0] < SLOT_COUNT ? box.slots[c->a[0]] : NULL;
    int host = (int)c->a[1];
    if (!n || n == t || n->host_tid || n->process != t->process)
        return 0; /* it has ended already, or is forged */
    if (host < 0)
        thread_free(n);
    else
        task_know_host(n, host);
    return 0;
}

/* Calls: death ---------------------------------------------------------------------------*/

int64_t box_leave(struct thread *t, struct call *c)
{
    t->busy = false;
    task_leave(t, (int)c->a[0]);
    return ANSWER_NEVER;
}

int64_t box_leave_group(struct thread *t, struct call *c)
{
    t->busy = false;
    task_end(t->process, (int)c->a[0] & 0xffff);
    return ANSWER_NEVER;
}

static bool is_meant(const struct process *self, const struct process *p, int64_t which)
{
    if (p->parent != self)
        return false;
    return which == -1 || (which > 0 && p->pid == (uint64_t)which) ||
           (which == 0 && p->group == self->group) || (which < -1 && p->group == (uint64_t)-which);
}

/* What wait can report of a child now: WIFx status, or -1. */
static int report_of(const struct process *p, int options)
{
    if (p->state == ZOMBIE)
        return options & WEXITED ? p->status : -1;
    if (p->report == 0xffff)
        return options & WCONTINUED ? p->report : -1;
    return p->report && options & WSTOPPED ? p->report : -1;
}

/* A child with a report; 0 with *out NULL: none yet. */
static int64_t look(struct thread *t, int64_t which, int options, struct process **out)
{
    bool any = false;
    for (struct process *p = box.first; p; p = p->next) {
        if (!is_meant(t->process, p, which))
            continue;
        any = true;
        if (report_of(p, options) != -1) {
            *out = p;
            return p->pid;
        }
    }
    *out = NULL;
    if (!any)
        return -ECHILD;
    return options & WNOHANG ? 0 : wait_on(t, &t->process->children);
}

static void seen(struct process *p, int options)
{
    if (options & WNOWAIT)
        return;
    p->report = 0;
    if (p->state == ZOMBIE) {
        p->parent->children_used += p->used + p->children_used;
        p->parent = NULL;
        maybe_free(p);
    }
}

int64_t do_wait4(struct thread *t, struct call *c)
{
    struct process *p;
    int options = (int)c->a[2];
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | (int)0xe0000000))
        return -EINVAL;
    options = (options & ~WEXITED) | WEXITED;
    int64_t result = look(t, (int)c->a[0], options, &p);
    if (!p)
        return result;
    int status = report_of(p, options);
    if (c->a[1] && call_put(t, c->a[1], &status, sizeof status) != 0)
        return -EFAULT;
    if (c->a[3])
        usage_put(t, c->a[3], p->used + p->children_used);
    seen(p, options);
    return result;
}

/* What waitid's first arguments mean, as wait4 has it. */
static int64_t waitid_which(struct thread *t, const struct call *c, int64_t *which)
{
    struct process *p;
    int64_t id = (int)c->a[1], result = 0;
    switch (c->a[0]) {
    case P_ALL: *which = -1; return 0;
    case P_PID: *which = id; return id > 0 ? 0 : -EINVAL;
    case P_PGID: *which = id ? -id : 0; return id < 0 ? -EINVAL : 0;
    case P_PIDFD:
        result = pidfd_process(t, c->a[1], &p);
        *which = result == 0 ? p->pid : 0;
        return result == -ESRCH ? -ECHILD : result;
    }
    return -EINVAL;
}

int64_t do_waitid(struct thread *t, struct call *c)
{
    struct process *p = NULL;
    struct siginfo_short s = {0};
    uint8_t info[128];
    int options = (int)c->a[3];
    if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
        return -EINVAL;
    int64_t which, result = waitid_which(t, c, &which);
    if (result == 0)
        result = look(t, which, options, &p);
    if (result < 0)
        return result;
    if (p && c->a[4])
        usage_put(t, c->a[4], p->used + p->children_used);
    if (p) {
        int status = report_of(p, options);
        s.signal = SIGCHLD;
        s.pid = (int32_t)p->pid;
        s.uid = (int32_t)p->cred.uid;
        s.code = status == 0xffff ? 6 : WIFSTOPPED(status) ? 5 : WIFEXITED(status) ? 1 : 2;
        s.status = status == 0xffff     ? SIGCONT
                   : WIFSTOPPED(status) ? WSTOPSIG(status)
                   : WIFEXITED(status)  ? WEXITSTATUS(status)
                                        : WTERMSIG(status);
        seen(p, options);
    }
    signal_info(&s, info);
    return c->a[2] ? call_put(t, c->a[2], info, sizeof info) : 0;
}
