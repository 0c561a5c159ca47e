#include "box/broker/birth.h"

#include <signal.h>

#include "box/broker/calls.h"
#include "box/broker/host.h"
#include "box/broker/task.h"

enum { UNCLAIMED_MAX = 512, NOBODY = -1, AHEAD = 1024 };

/* Host processes that ended before their parent said which they are. */
static struct {
    int pid, status;
} unclaimed[UNCLAIMED_MAX];
static unsigned unclaimed_count;
static int latest; /* process of the host's that was claimed */

void birth_unclaimed(int host_pid, int status)
{
    if (unclaimed_count < UNCLAIMED_MAX) {
        unclaimed[unclaimed_count].pid = host_pid;
        unclaimed[unclaimed_count++].status = status;
    }
}

static bool is_unborn(const struct process *p)
{
    return !p->host_pid && !p->host_gone;
}

static struct process *first_unborn(void)
{
    struct process *p = box.first;
    while (p && !is_unborn(p))
        p = p->next;
    return p;
}

/* A parent that is killed in its fork leaves a child of which nobody knows whether
 * it was born. When no other birth is under way, every child of the host's that
 * nobody knows is such a one: they end as if they had been killed, too. */
static void end_strays(void)
{
    static bool under_way;
    int first = 0;
    for (const struct process *p = box.first; p; p = p->next) {
        if (is_unborn(p) && !p->is_stray)
            return;
        if (is_unborn(p) && (!first || p->born_of < first))
            first = p->born_of;
    }
    if (!first || under_way)
        return;
    under_way = true;
    host_end_strangers(first, (latest > first ? latest : first) + AHEAD);
    unclaimed_count = 0;
    for (struct process *p; (p = first_unborn());) {
        p->host_pid = NOBODY;
        task_host_ended(NOBODY, SIGKILL, 0);
    }
    under_way = false;
}

void birth_parent_ended(int host_pid)
{
    for (struct process *p = box.first; p; p = p->next)
        if (is_unborn(p) && p->born_of == host_pid)
            p->is_stray = true;
    end_strays();
}

/* The child is the host's process `host`, which has ended already. */
static bool claim_ended(struct process *p, int host)
{
    for (unsigned i = 0; i < unclaimed_count; i++) {
        if (unclaimed[i].pid != host)
            continue;
        int status = unclaimed[i].status;
        unclaimed[i] = unclaimed[--unclaimed_count];
        p->host_pid = host;
        task_host_ended(host, status, 0);
        return true;
    }
    return false;
}

/* The child is the host's process `host`, if that is one of ours and new. One that
 * ended before is no child any more, but was noted when it was waited for. */
static void claim(struct process *p, int host)
{
    if (claim_ended(p, host) || !host_is_child(host) || claim_ended(p, host))
        return;
    for (struct process *q = box.first; q; q = q->next)
        if (q->host_pid == host)
            return; /* forged */
    p->host_pid = latest = host;
    task_know_host(p->threads, host);
    if (p->state == ZOMBIE)
        host_kill(host);
}

/* host: -errno: it was never born. */
static void tell(struct process *p, int host)
{
    if (host < 0) {
        p->exit_signal = 0;
        p->parent = NULL;
        p->host_gone = true;
        task_end(p, SIGKILL);
    } else {
        claim(p, host);
    }
    end_strays();
}

int64_t box_forked(struct thread *t, struct call *c)
{
    int host = (int)c->a[1];
    struct thread *child = c->a[0] < SLOT_COUNT ? box.slots[c->a[0]] : NULL;
    struct process *p = child && child->process != t->process ? child->process : NULL;
    if (p && p->parent == t->process && is_unborn(p)) {
        tell(p, host);
        if (host < 0)
            return 0;
        child = c->a[0] < SLOT_COUNT ? box.slots[c->a[0]] : NULL;
        p = child ? child->process : NULL;
    }
    if (p && p->parent == t->process && p->is_vfork && !p->has_executed && p->state != ZOMBIE)
        return wait_on(t, &p->changed);
    return 0;
}
