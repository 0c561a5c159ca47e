/* proc_text: what the files of /proc say. */
#include <fcntl.h>

#include "box/broker/file.h"
#include "box/broker/node.h"
#include "box/broker/proc.h"
#include "box/broker/where.h"

static char state_letter(const struct process *p, const struct thread *one)
{
    if (p->state == ZOMBIE)
        return 'Z';
    if (p->state == STOPPED)
        return 'T';
    for (const struct thread *t = one ? one : p->threads; t; t = one ? NULL : t->next)
        if (!t->busy)
            return 'R';
    return 'S';
}

static unsigned thread_count(const struct process *p)
{
    unsigned count = 0;
    for (const struct thread *t = p->threads; t; t = t->next)
        count++;
    return count;
}

/* What waits for the thread, which blocks some. */
static void add_signals(struct str *s, const struct process *p, const struct thread *t)
{
    uint64_t ignored = 0, caught = 0;
    for (int i = 0; i < SIGNALS; i++) {
        ignored |= p->actions[i].handler == 1 ? BIT(i + 1) : 0;
        caught |= p->actions[i].handler > 1 ? BIT(i + 1) : 0;
    }
    str_addf(s, "SigPnd:\t%016jx\nShdPnd:\t%016jx\nSigBlk:\t%016jx\n",
             (uintmax_t)(t ? t->pending.set : 0), (uintmax_t)p->pending.set,
             (uintmax_t)(t ? box.channel->slots[t->slot].mask : 0));
    str_addf(s, "SigIgn:\t%016jx\nSigCgt:\t%016jx\n", (uintmax_t)ignored, (uintmax_t)caught);
}

static void add_status(struct str *s, const struct process *p, const struct thread *t)
{
    const struct credentials *k = &p->cred;
    const struct where *w = where_of(p, t ? t->tid : 0);
    str_addf(s, "Name:\t%s\n", p->name);
    if (w)
        str_addf(s, "Umask:\t%04o\n", w->umask);
    str_addf(s, "State:\t%c\nTgid:\t%u\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n", state_letter(p, t),
             p->pid, t ? t->tid : p->pid, p->parent ? p->parent->pid : 0);
    str_addf(s, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", k->uid, k->euid, k->suid, k->euid,
             k->gid, k->egid, k->sgid, k->egid);
    str_add(s, "Groups:\t");
    for (unsigned i = 0; i < k->group_count; i++)
        str_addf(s, "%u ", k->groups[i]);
    str_addf(s, "\nVmSize:\t   10000 kB\nVmRSS:\t    5000 kB\nThreads:\t%u\n", thread_count(p));
    add_signals(s, p, t ? t : p->threads);
    static const char *const names[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    const uint64_t sets[] = {k->inheritable, k->permitted, k->effective, k->bounding, 0};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        str_addf(s, "%s:\t%016jx\n", names[i], (uintmax_t)sets[i]);
    str_addf(s, "NoNewPrivs:\t%d\nCpus_allowed_list:\t0-1\n", p->no_new_privileges);
}

static void add_stat(struct str *s, const struct process *p, const struct thread *t)
{
    str_addf(s, "%u (%s) %c %u %u %u 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 %u 0 %jd 10000000 1250 ",
             t ? t->tid : p->pid, p->name, state_letter(p, t), p->parent ? p->parent->pid : 0,
             p->group, p->session, thread_count(p), (intmax_t)(p->started / 10000000));
    str_add(s, "18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

static void add_limit(struct str *s, uint64_t value)
{
    if (value == UINT64_MAX)
        str_addf(s, "%-20s ", "unlimited");
    else
        str_addf(s, "%-20ju ", (uintmax_t)value);
}

static void add_limits(struct str *s, const struct process *p)
{
    static const struct {
        const char *name, *unit;
    } rows[] = {{"Max cpu time", "seconds"},     {"Max file size", "bytes"},
                {"Max data size", "bytes"},      {"Max stack size", "bytes"},
                {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
                {"Max processes", "processes"},  {"Max open files", "files"},
                {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
                {"Max file locks", "locks"},     {"Max pending signals", "signals"},
                {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
                {"Max realtime priority", ""},   {"Max realtime timeout", "us"}};
    str_addf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        str_addf(s, "%-25s ", rows[i].name);
        add_limit(s, p->limits[i][0]);
        add_limit(s, p->limits[i][1]);
        str_addf(s, "%-10s\n", rows[i].unit);
    }
}

static void add_mounts(struct str *s, bool info)
{
    static const struct {
        const char *source, *at, *type;
    } rows[] = {{"/dev/root", "/", "ext4"},
                {"proc", "/proc", "proc"},
                {"dev", "/dev", "tmpfs"},
                {"sysfs", "/sys", "sysfs"}};
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        if (info)
            str_addf(s, "%u 1 0:%u / %s rw - %s %s rw\n", i + 20, i + 20, rows[i].at, rows[i].type,
                     rows[i].source);
        else
            str_addf(s, "%s %s %s rw 0 0\n", rows[i].source, rows[i].at, rows[i].type);
    }
}

void proc_add_fdinfo(struct str *s, const struct process *p, unsigned fd)
{
    const struct file *f = p->fds ? fds_file(p->fds, fd) : NULL;
    if (!f)
        return;
    bool closes = p->fds->close_on_exec[fd];
    str_addf(s, "pos:\t%ju\nflags:\t0%o\nmnt_id:\t20\nino:\t%u\n", (uintmax_t)file_offset(f),
             f->flags | 0100000 | (closes ? O_CLOEXEC : 0), f->node ? f->node->ino : 0);
}

void proc_add_process(struct str *s, enum proc_kind kind, const struct process *p, uint32_t tid)
{
    const struct thread *t = tid ? task_find_thread(tid) : NULL;
    switch (kind) {
    case STATUS: add_status(s, p, t); break;
    case STAT: add_stat(s, p, t); break;
    case STATM: str_add(s, "2500 1250 500 100 0 500 0\n"); break;
    case CMDLINE: str_add_bytes(s, p->cmdline, p->cmdline_size); break;
    case COMM: str_addf(s, "%s\n", p->name); break;
    case CGROUP: str_add(s, "0::/\n"); break;
    case LIMITS_TEXT: add_limits(s, p); break;
    case ZERO: str_add(s, "0\n"); break;
    case NOBODY: str_add(s, "4294967295"); break;
    case MOUNTINFO: add_mounts(s, true); break;
    default: add_mounts(s, false);
    }
}

void proc_add_system(struct str *s, enum proc_kind kind)
{
    int64_t now = time_now();
    switch (kind) {
    case CPUINFO:
        for (int i = 0; i < 2; i++)
            str_addf(s,
                     "processor\t: %d\nvendor_id\t: GenuineIntel\nmodel name\t: vow box\n"
                     "cpu cores\t: 2\nflags\t\t: fpu sse sse2\n\n",
                     i);
        break;
    case MEMINFO:
        str_add(s, "MemTotal:        4194304 kB\nMemFree:         2097152 kB\n"
                   "MemAvailable:    2097152 kB\nBuffers:               0 kB\n"
                   "Cached:                0 kB\nSwapTotal:             0 kB\n"
                   "SwapFree:              0 kB\n");
        break;
    case UPTIME: str_addf(s, "%jd.00 0.00\n", (intmax_t)(now / 1000000000)); break;
    case LOADAVG: str_add(s, "0.00 0.00 0.00 1/1 1\n"); break;
    case VERSION: str_add(s, "Linux version 6.1.0-vow (vow box) #1 SMP\n"); break;
    case SYS_STAT:
        str_add(s, "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n"
                   "cpu1 0 0 0 0 0 0 0 0 0 0\nbtime 0\n");
        break;
    case FILESYSTEMS: str_add(s, "nodev\tproc\nnodev\ttmpfs\n\text4\n"); break;
    default: proc_add_process(s, MOUNTS, NULL, 0);
    }
}
