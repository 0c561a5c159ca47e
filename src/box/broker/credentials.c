/* credentials: users, groups and capabilities of a process. The box tells apart
 * only whether a process may override: with CAP_DAC_OVERRIDE in effect. */
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#include "box/broker/calls.h"
#include "box/broker/task.h"

/* Users ----------------------------------------------------------------------------------*/

/* Three ids: real, effective, saved; -1: as it is. */
static int64_t set_ids(struct thread *t, uint32_t *const ids[3], const uint32_t to[3])
{
    const uint32_t now[3] = {*ids[0], *ids[1], *ids[2]};
    for (int i = 0; i < 3; i++) {
        bool known = to[i] == UINT32_MAX || to[i] == now[0] || to[i] == now[1] || to[i] == now[2];
        if (!known && !may_override(t->process))
            return -EPERM;
    }
    for (int i = 0; i < 3; i++)
        if (to[i] != UINT32_MAX)
            *ids[i] = to[i];
    return 0;
}

/* What changing users does to capabilities, as capabilities(7) has it. */
static void follow_users(struct credentials *k, const struct credentials *old)
{
    bool was_root = !old->uid || !old->euid || !old->suid,
         is_root = !k->uid || !k->euid || !k->suid;
    if (was_root && !is_root && !k->keeps)
        k->permitted = k->effective = 0;
    if (!old->euid && k->euid)
        k->effective = 0;
    if (old->euid && !k->euid)
        k->effective = k->permitted;
}

static int64_t set_users(struct thread *t, uint64_t real, uint64_t effective, uint64_t saved)
{
    struct credentials *k = &t->process->cred;
    const struct credentials old = *k;
    uint32_t *ids[3] = {&k->uid, &k->euid, &k->suid};
    int64_t result =
        set_ids(t, ids, (uint32_t[]){(uint32_t)real, (uint32_t)effective, (uint32_t)saved});
    follow_users(k, &old);
    task_publish(t->process);
    return result;
}

static int64_t set_groups(struct thread *t, uint64_t real, uint64_t effective, uint64_t saved)
{
    struct credentials *k = &t->process->cred;
    uint32_t *ids[3] = {&k->gid, &k->egid, &k->sgid};
    int64_t result =
        set_ids(t, ids, (uint32_t[]){(uint32_t)real, (uint32_t)effective, (uint32_t)saved});
    task_publish(t->process);
    return result;
}

#define SAME UINT64_MAX
int64_t do_setuid(struct thread *t, struct call *c)
{
    bool all = may_override(t->process);
    return set_users(t, all ? c->a[0] : SAME, c->a[0], all ? c->a[0] : SAME);
}

int64_t do_setgid(struct thread *t, struct call *c)
{
    bool all = may_override(t->process);
    return set_groups(t, all ? c->a[0] : SAME, c->a[0], all ? c->a[0] : SAME);
}

/* The saved id follows the effective one where one of the two was given. */
int64_t do_setreuid(struct thread *t, struct call *c)
{
    bool follows = (uint32_t)c->a[0] != UINT32_MAX || (uint32_t)c->a[1] != UINT32_MAX;
    struct credentials *k = &t->process->cred, old = *k;
    int64_t result = set_users(t, c->a[0], c->a[1], SAME);
    if (result != 0 || !follows)
        return result;
    k->suid = k->euid;
    k->permitted = old.permitted, k->effective = old.effective; /* judged once, with all three */
    follow_users(k, &old);
    task_publish(t->process);
    return 0;
}

int64_t do_setregid(struct thread *t, struct call *c)
{
    bool follows = (uint32_t)c->a[0] != UINT32_MAX || (uint32_t)c->a[1] != UINT32_MAX;
    int64_t result = set_groups(t, c->a[0], c->a[1], SAME);
    if (result == 0 && follows)
        t->process->cred.sgid = t->process->cred.egid;
    return result;
}

int64_t do_setresuid(struct thread *t, struct call *c)
{
    return set_users(t, c->a[0], c->a[1], c->a[2]);
}

int64_t do_setresgid(struct thread *t, struct call *c)
{
    return set_groups(t, c->a[0], c->a[1], c->a[2]);
}

static int64_t put_three(struct thread *t, struct call *c, const uint32_t ids[3])
{
    for (int i = 0; i < 3; i++)
        if (call_put(t, c->a[i], &ids[i], sizeof ids[i]) != 0)
            return -EFAULT;
    return 0;
}

int64_t do_getresuid(struct thread *t, struct call *c)
{
    const struct credentials *k = &t->process->cred;
    return put_three(t, c, (uint32_t[]){k->uid, k->euid, k->suid});
}

int64_t do_getresgid(struct thread *t, struct call *c)
{
    const struct credentials *k = &t->process->cred;
    return put_three(t, c, (uint32_t[]){k->gid, k->egid, k->sgid});
}

/* Permissions ----------------------------------------------------------------------------*/

bool credentials_ask(const struct process *p)
{
    const struct credentials *k = &p->cred;
    bool has_groups = k->group_count && (k->uid || k->euid);
    bool is_lesser_root = k->uid == 0 && !(k->permitted & UINT64_C(1) << OVERRIDE);
    return has_groups || is_lesser_root || may_override(p) != (k->euid == 0);
}

/* Groups ---------------------------------------------------------------------------------*/

bool is_in_group(const struct process *p, uint32_t gid)
{
    const struct credentials *k = &p->cred;
    bool in = k->egid == gid;
    for (uint32_t i = 0; i < k->group_count && !in; i++)
        in = k->groups[i] == gid;
    return in;
}

int64_t do_getgroups(struct thread *t, struct call *c)
{
    const struct credentials *k = &t->process->cred;
    int room = (int)c->a[0];
    if (room < 0 || (room && (uint32_t)room < k->group_count))
        return -EINVAL;
    if (room && k->group_count && call_put(t, c->a[1], k->groups, k->group_count * 4) != 0)
        return -EFAULT;
    return k->group_count;
}

int64_t do_setgroups(struct thread *t, struct call *c)
{
    struct credentials *k = &t->process->cred;
    uint32_t groups[GROUPS_MAX];
    uint64_t count = (uint32_t)c->a[0];
    if (!may_override(t->process))
        return -EPERM;
    if (count > GROUPS_MAX)
        return -EINVAL;
    if (count && call_get(t, c->a[1], groups, count * 4) != 0)
        return -EFAULT;
    memcpy(k->groups, groups, count * 4);
    k->group_count = (uint32_t)count;
    task_publish(t->process);
    return 0;
}

/* Capabilities ---------------------------------------------------------------------------*/

static const uint64_t all = (UINT64_C(1) << (CAP_LAST_CAP + 1)) - 1;

void credentials_start(struct credentials *k)
{
    k->effective = k->permitted = k->bounding = all;
}

/* An exec gives root all that the bounding set has, and others nothing. */
void credentials_exec(struct credentials *k)
{
    k->suid = k->euid, k->sgid = k->egid;
    k->permitted = !k->uid || !k->euid ? k->bounding : 0;
    k->effective = !k->euid ? k->permitted : 0;
    k->keeps = false;
}

/* Where the kernel's two words of each set lie. */
struct sets {
    uint32_t effective, permitted, inheritable;
};

/* The words that a header's version has; 0: unknown, and the header says ours. */
static uint32_t word_count(struct thread *t, uint64_t at, struct __user_cap_header_struct *header)
{
    if (call_get(t, at, header, sizeof *header) != 0)
        return 0;
    if (header->version == _LINUX_CAPABILITY_VERSION_1)
        return 1;
    if (header->version == _LINUX_CAPABILITY_VERSION_2 ||
        header->version == _LINUX_CAPABILITY_VERSION_3)
        return 2;
    header->version = _LINUX_CAPABILITY_VERSION_3;
    (void)call_put(t, at, header, sizeof *header);
    return 0;
}

int64_t do_capget(struct thread *t, struct call *c)
{
    struct __user_cap_header_struct header;
    struct sets out[2] = {0};
    uint32_t words = word_count(t, c->a[0], &header);
    if (words == 0)
        return c->a[1] ? -EINVAL : 0;
    const struct process *p = header.pid ? task_find((uint32_t)header.pid) : t->process;
    if (!p)
        return -ESRCH;
    for (uint32_t i = 0; i < words; i++)
        out[i] = (struct sets){(uint32_t)(p->cred.effective >> 32 * i),
                               (uint32_t)(p->cred.permitted >> 32 * i),
                               (uint32_t)(p->cred.inheritable >> 32 * i)};
    return call_put(t, c->a[1], out, words * sizeof out[0]);
}

int64_t do_capset(struct thread *t, struct call *c)
{
    struct __user_cap_header_struct header;
    struct sets in[2] = {0};
    struct credentials *k = &t->process->cred;
    uint32_t words = word_count(t, c->a[0], &header);
    if (words == 0)
        return -EINVAL;
    if (header.pid && (uint32_t)header.pid != t->process->pid && (uint32_t)header.pid != t->tid)
        return -EPERM;
    if (call_get(t, c->a[1], in, words * sizeof in[0]) != 0)
        return -EFAULT;
    uint64_t effective = (in[0].effective | (uint64_t)in[1].effective << 32) & all;
    uint64_t permitted = (in[0].permitted | (uint64_t)in[1].permitted << 32) & all;
    uint64_t inheritable = (in[0].inheritable | (uint64_t)in[1].inheritable << 32) & all;
    if (permitted & ~k->permitted || effective & ~permitted ||
        inheritable & ~(k->inheritable | k->permitted))
        return -EPERM;
    k->effective = effective, k->permitted = permitted, k->inheritable = inheritable;
    task_publish(t->process);
    return 0;
}

/* The bounding set: whether a capability is in it, and to take it out. */
static int64_t bounding(struct credentials *k, uint64_t capability, bool drop)
{
    uint64_t bit = capability > CAP_LAST_CAP ? 0 : UINT64_C(1) << capability;
    if (!bit)
        return -EINVAL;
    if (!drop)
        return k->bounding & bit ? 1 : 0;
    if (!(k->effective & UINT64_C(1) << CAP_SETPCAP))
        return -EPERM;
    k->bounding &= ~bit;
    return 0;
}

int64_t credentials_prctl(struct process *p, const struct call *c)
{
    struct credentials *k = &p->cred;
    switch (c->a[0]) {
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP: return bounding(k, c->a[1], c->a[0] == PR_CAPBSET_DROP);
    case PR_GET_KEEPCAPS: return k->keeps;
    case PR_SET_KEEPCAPS:
        if (c->a[1] > 1)
            return -EINVAL;
        k->keeps = c->a[1];
        return 0;
    case PR_GET_SECUREBITS: return 0;
    }
    return -EINVAL;
}
