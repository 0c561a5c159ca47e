/* signal: who gets which signal, and when.
 *
 * A signal waits at a process or a thread until some thread takes it (BOX_TAKE).
 * Where one has just come that a thread would take, the thread is told: its
 * waiting call ends, or, if it is in guest code, the host kicks it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"

enum { BOX_SI_KERNEL = 128, CLD_STOPPED_ = 5, CLD_CONTINUED_ = 6, REPORT_CONTINUED = 0xffff };

static const uint64_t stops = BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU);
static const uint64_t nothing = BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH);
static const uint64_t never = BIT(SIGKILL) | BIT(SIGSTOP);

static bool is_default(const struct process *p, int signal)
{
    return p->actions[signal - 1].handler == 0;
}

static bool is_ignored(const struct process *p, int signal)
{
    uint64_t handler = p->actions[signal - 1].handler;
    return handler == 1 || (handler == 0 && nothing & BIT(signal));
}

static uint64_t mask_of(const struct thread *t)
{
    return __atomic_load_n(&box.channel->slots[t->slot].mask, __ATOMIC_SEQ_CST) & ~never;
}

void signal_update(struct process *p)
{
    for (struct thread *t = p->threads; t; t = t->next)
        __atomic_store_n(&box.channel->slots[t->slot].pending, p->pending.set | t->pending.set,
                         __ATOMIC_SEQ_CST);
}

bool signal_waits(struct thread *t)
{
    return t->leaving || ((t->process->pending.set | t->pending.set) & ~mask_of(t));
}

/* Makes a thread ask for its signals. */
static void tell(struct thread *t)
{
    __atomic_store_n(&box.channel->slots[t->slot].notice, 1, __ATOMIC_SEQ_CST);
    if (t->busy) {
        t->interrupted = EINTR;
        call_ready(t);
    } else {
        host_kick(t);
    }
}

/* A stop takes away a waiting SIGCONT and the other way round. */
static void cancel(struct process *p, uint64_t set)
{
    pending_cancel(&p->pending, set);
    for (struct thread *t = p->threads; t; t = t->next)
        pending_cancel(&t->pending, set);
}

static void tell_parent(struct process *p, int report, int code)
{
    struct process *parent = p->parent;
    p->report = report;
    if (!parent)
        return;
    queue_wake(&parent->children);
    if (!(parent->actions[SIGCHLD - 1].flags & SA_NOCLDSTOP))
        signal_send(parent, &(struct siginfo_short){
                                .signal = SIGCHLD,
                                .code = code,
                                .pid = (int32_t)p->pid,
                                .status = report == REPORT_CONTINUED ? SIGCONT : report >> 8});
}

/* What a signal does at once, whoever blocks it. */
static void prepare(struct process *p, int signal)
{
    if (signal == SIGCONT || signal == SIGKILL) {
        cancel(p, stops);
        if (p->state == STOPPED) {
            p->state = RUNNING;
            queue_wake(&p->stopped);
            if (signal == SIGCONT)
                tell_parent(p, REPORT_CONTINUED, CLD_CONTINUED_);
        }
    } else if (stops & BIT(signal)) {
        cancel(p, BIT(SIGCONT));
    }
}

bool signal_send_thread(struct thread *t, const struct siginfo_short *info)
{
    struct process *p = t->process;
    if (p->state == ZOMBIE)
        return true;
    prepare(p, info->signal);
    if (info->signal == SIGKILL) {
        task_end(p, SIGKILL);
        return true;
    }
    if (is_ignored(p, info->signal) && !(mask_of(t) & BIT(info->signal)))
        return true;
    bool added = pending_add(&t->pending, info);
    signal_update(p);
    if (!(mask_of(t) & BIT(info->signal)))
        tell(t);
    queue_wake(&p->signals);
    return added;
}

static bool takes(const struct thread *t, int signal)
{
    return !(mask_of(t) & BIT(signal)) && !t->leaving;
}

/* As Linux does it, the first thread before all others. */
static struct thread *usual_taker(const struct process *p, int signal)
{
    struct thread *taker = NULL;
    for (struct thread *t = p->threads; t; t = t->next)
        if (takes(t, signal))
            taker = !taker || t->tid == p->pid ? t : taker;
    return taker;
}

/* Linux tells the thread that runs when its processor time is up, which is what
 * profilers count on. Nobody knows here which of several that is: they take turns. */
static struct thread *running_taker(struct process *p, int signal)
{
    struct thread *first = NULL, *next = NULL;
    for (struct thread *t = p->threads; t; t = t->next) {
        if (!takes(t, signal) || !thread_runs(t))
            continue;
        first = !first || t->tid < first->tid ? t : first;
        if (t->tid > p->profiled)
            next = !next || t->tid < next->tid ? t : next;
    }
    next = next ? next : first;
    if (next)
        p->profiled = next->tid;
    return next;
}

bool signal_send(struct process *p, const struct siginfo_short *info)
{
    bool of_cpu =
        info->code == BOX_SI_KERNEL && (BIT(info->signal) & (BIT(SIGPROF) | BIT(SIGVTALRM)));
    if (p->state == ZOMBIE)
        return true;
    prepare(p, info->signal);
    if (info->signal == SIGKILL) {
        task_end(p, SIGKILL);
        return true;
    }
    struct thread *taker = of_cpu ? running_taker(p, info->signal) : NULL;
    if (!taker)
        taker = usual_taker(p, info->signal);
    if (is_ignored(p, info->signal) && taker)
        return true;
    bool added = pending_add(&p->pending, info);
    signal_update(p);
    if (taker)
        tell(taker);
    queue_wake(&p->signals);
    return added;
}

void signal_send_group(uint32_t group, int signal)
{
    for (struct process *p = box.first; p; p = p->next)
        if (p->group == group)
            signal_send(p, &(struct siginfo_short){.signal = signal, .code = BOX_SI_KERNEL});
}

/* Taking -----------------------------------------------------------------------------*/

/* Takes one signal of `set` off: the lowest, a fault before others. */
bool signal_remove(struct thread *t, uint64_t set, struct siginfo_short *out)
{
    if (!pending_take(&t->pending, set, out) && !pending_take(&t->process->pending, set, out))
        return false;
    if (out->code == SI_TIMER)
        out->uid = posix_timer_taken(t->process, out->pid);
    signal_update(t->process);
    return true;
}

void signal_info(const struct siginfo_short *s, uint8_t out[128])
{
    int32_t words[8] = {s->signal, 0, s->code, 0, s->pid, s->uid, s->status, 0};
    memset(out, 0, 128);
    memcpy(out, words, sizeof words);
    if (s->address)
        memcpy(out + (s->signal == SIGSEGV || s->signal == SIGBUS ? 16 : 24), &s->address,
               sizeof s->address);
}

bool signal_group_is_orphaned(const struct process *of)
{
    for (struct process *p = box.first; p; p = p->next)
        if (p->group == of->group && p->state != ZOMBIE && p->parent &&
            p->parent->group != p->group && p->parent->session == p->session)
            return false;
    return true;
}

static void stop(struct process *p, int signal)
{
    if (signal != SIGSTOP && signal_group_is_orphaned(p))
        return; /* nobody could continue it */
    p->state = STOPPED;
    tell_parent(p, signal << 8 | 0x7f, CLD_STOPPED_);
}

/* A signal ends the process. It is told to end itself, once, for it alone knows its
 * robust locks; who does not has done so by the next. */
static void doom(struct process *p, int signal, struct box_signal *out)
{
    if (p->is_doomed)
        task_end(p, signal);
    *out = (struct box_signal){.signal = p->is_doomed ? BOX_SIGNAL_ENDED : BOX_SIGNAL_END,
                               .flags = (uint64_t)signal};
    p->is_doomed = true;
}

/* Makes *out what the thread needs to act on `s`; false if it is nothing, and then what
 * is to happen has happened. */
static bool handle(struct thread *t, const struct siginfo_short *s, struct box_signal *out)
{
    struct process *p = t->process;
    struct action *a = &p->actions[s->signal - 1];
    if (is_ignored(p, s->signal))
        return false;
    if (is_default(p, s->signal)) {
        if (stops & BIT(s->signal))
            stop(p, s->signal);
        else
            doom(p, s->signal, out);
        return !(stops & BIT(s->signal));
    }
    *out = (struct box_signal){.signal = s->signal,
                               .handler = a->handler,
                               .flags = a->flags,
                               .restorer = a->restorer,
                               .mask = a->mask & ~never};
    signal_info(s, out->info);
    if (a->flags & SA_RESETHAND)
        a->handler = 0;
    return true;
}

int64_t box_take(struct thread *t, struct call *c)
{
    struct process *p = t->process;
    struct box_signal out = {0};
    struct siginfo_short s;
    t->interrupted = 0;
    while (!t->leaving && p->state == RUNNING && signal_remove(t, ~mask_of(t), &s))
        if (handle(t, &s, &out)) {
            t->resume = 0;
            break;
        }
    if (p->state == STOPPED)
        return wait_on(t, &p->stopped);
    if (p->state == ZOMBIE)
        out.signal = BOX_SIGNAL_ENDED;
    else if (t->leaving)
        out.signal = BOX_SIGNAL_LEAVE;
    if (!out.signal || !signal_waits(t))
        __atomic_store_n(&box.channel->slots[t->slot].notice, 0, __ATOMIC_SEQ_CST);
    return call_put(t, c->a[0], &out, sizeof out);
}

/* A fault cannot be blocked or ignored. */
int64_t box_fault(struct thread *t, struct call *c)
{
    struct box_signal out;
    struct process *p = t->process;
    int signal = (int)c->a[0];
    if (call_get(t, c->a[1], &out, sizeof out) != 0 || signal < 1 || signal > SIGNALS)
        return -EINVAL;
    struct action *a = &p->actions[signal - 1];
    if (a->handler <= 1 || mask_of(t) & BIT(signal)) {
        doom(p, signal, &out);
    } else {
        out.signal = signal;
        out.handler = a->handler;
        out.flags = a->flags;
        out.restorer = a->restorer;
        out.mask = a->mask & ~never;
        if (a->flags & SA_RESETHAND)
            a->handler = 0;
    }
    return call_put(t, c->a[1], &out, sizeof out);
}

/* Calls --------------------------------------------------------------------------------*/

int64_t do_rt_sigaction(struct thread *t, struct call *c)
{
    struct process *p = t->process;
    struct action new;
    uint64_t signal = c->a[0];
    if (signal < 1 || signal > SIGNALS || c->a[3] != 8)
        return -EINVAL;
    struct action old = p->actions[signal - 1];
    if (c->a[1]) {
        if (never & BIT(signal))
            return -EINVAL;
        if (call_get(t, c->a[1], &new, sizeof new) != 0)
            return -EFAULT;
        p->actions[signal - 1] = new;
        if (is_ignored(p, (int)signal)) {
            cancel(p, BIT(signal));
            signal_update(p);
        }
    }
    return c->a[2] ? call_put(t, c->a[2], &old, sizeof old) : 0;
}

static bool may_signal(const struct process *from, const struct process *to, int signal)
{
    return may_override(from) || from->cred.euid == to->cred.suid ||
           from->cred.euid == to->cred.uid || from->cred.uid == to->cred.suid ||
           from->cred.uid == to->cred.uid || (signal == SIGCONT && from->session == to->session);
}

static struct siginfo_short from_user(const struct thread *t, int signal, int code)
{
    return (struct siginfo_short){.signal = signal,
                                  .code = code,
                                  .pid = (int32_t)t->process->pid,
                                  .uid = (int32_t)t->process->cred.uid};
}

int64_t do_kill(struct thread *t, struct call *c)
{
    int target = (int)c->a[0], signal = (int)c->a[1];
    int64_t result = -ESRCH;
    if (signal < 0 || signal > SIGNALS)
        return -EINVAL;
    struct siginfo_short info = from_user(t, signal, SI_USER);
    struct process *self = t->process;
    uint32_t group = target == 0 ? self->group : -(uint32_t)target;
    for (struct process *p = box.first, *next; p; p = next) {
        next = p->next;
        bool meant = target > 0     ? p->pid == (uint32_t)target
                     : target == -1 ? p != self && p->pid != 1
                                    : p->group == group;
        if (!meant || is_reaped(p))
            continue;
        if (!may_signal(self, p, signal)) {
            result = result ? -EPERM : 0;
            continue;
        }
        result = 0;
        if (signal && p != self)
            signal_send(p, &info);
    }
    bool me = target > 0 ? self->pid == (uint32_t)target : target != -1 && self->group == group;
    if (me && signal)
        signal_send(self, &info);
    return result;
}

static int64_t send_to_thread(struct thread *t, uint32_t pid, uint32_t tid, int signal)
{
    struct thread *to = task_find_thread(tid);
    if (signal < 0 || signal > SIGNALS || (int)tid <= 0)
        return -EINVAL;
    if (!to || (pid && to->process->pid != pid))
        return -ESRCH;
    if (!may_signal(t->process, to->process, signal))
        return -EPERM;
    struct siginfo_short info = from_user(t, signal, SI_TKILL);
    if (signal)
        signal_send_thread(to, &info);
    return 0;
}

int64_t do_tkill(struct thread *t, struct call *c)
{
    return send_to_thread(t, 0, (uint32_t)c->a[0], (int)c->a[1]);
}

int64_t do_tgkill(struct thread *t, struct call *c)
{
    if ((int)c->a[0] <= 0)
        return -EINVAL;
    return send_to_thread(t, (uint32_t)c->a[0], (uint32_t)c->a[1], (int)c->a[2]);
}

int64_t do_pause(struct thread *t, struct call *c)
{
    static struct queue nobody;
    (void)c;
    return wait_on(t, &nobody);
}

/* A siginfo that a guest made up: what a handler may see of it. */
static int64_t made_up(struct thread *t, uint64_t at, int signal, struct siginfo_short *out)
{
    uint8_t info[128];
    int32_t words[8];
    if (call_get(t, at, info, sizeof info) != 0)
        return -EFAULT;
    if (signal < 0 || signal > SIGNALS)
        return -EINVAL;
    memcpy(words, info, sizeof words);
    *out = (struct siginfo_short){
        .signal = signal, .code = words[2], .pid = words[4], .uid = words[5]};
    memcpy(&out->address, info + 24, sizeof out->address);
    return 0;
}

/* Nobody may pass for the kernel or for kill(2) to others. */
static bool is_forged(const struct siginfo_short *s)
{
    return s->code >= 0 || s->code == SI_TKILL;
}

int64_t do_rt_sigqueueinfo(struct thread *t, struct call *c)
{
    struct siginfo_short s;
    struct process *to = task_find((uint32_t)c->a[0]);
    int64_t result = made_up(t, c->a[2], (int)c->a[1], &s);
    if (result != 0)
        return result;
    if (is_forged(&s) && to != t->process)
        return -EPERM;
    if (!to)
        return -ESRCH;
    if (!may_signal(t->process, to, s.signal))
        return -EPERM;
    return !s.signal || signal_send(to, &s) ? 0 : -EAGAIN;
}

int64_t do_rt_tgsigqueueinfo(struct thread *t, struct call *c)
{
    struct siginfo_short s;
    struct thread *to = task_find_thread((uint32_t)c->a[1]);
    int64_t result = made_up(t, c->a[3], (int)c->a[2], &s);
    if (result != 0 || (int)c->a[0] <= 0 || (int)c->a[1] <= 0)
        return result ? result : -EINVAL;
    if (is_forged(&s) && (!to || to->process != t->process))
        return -EPERM;
    if (!to || to->process->pid != (uint32_t)c->a[0])
        return -ESRCH;
    if (!may_signal(t->process, to->process, s.signal))
        return -EPERM;
    return !s.signal || signal_send_thread(to, &s) ? 0 : -EAGAIN;
}

int64_t do_rt_sigtimedwait(struct thread *t, struct call *c)
{
    struct siginfo_short s;
    uint64_t set;
    struct timespec limit;
    uint8_t info[128];
    if (call_get(t, c->a[0], &set, sizeof set) != 0)
        return -EFAULT;
    if (signal_remove(t, set & ~never, &s)) {
        signal_info(&s, info);
        if (c->a[1] && call_put(t, c->a[1], info, sizeof info) != 0)
            return -EFAULT;
        return s.signal;
    }
    if (wait_timed_out(t))
        return -EAGAIN;
    if (c->a[2] && !wait_has_limit(t)) {
        if (call_get(t, c->a[2], &limit, sizeof limit) != 0)
            return -EFAULT;
        if (limit.tv_sec == 0 && limit.tv_nsec == 0)
            return -EAGAIN;
        wait_until(t, time_now() + limit.tv_sec * INT64_C(1000000000) + limit.tv_nsec);
    }
    return wait_on(t, &t->process->signals);
}
