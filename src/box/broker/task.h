/* task: processes and threads of the guest. */
#ifndef VOW_BOX_TASK_H
#define VOW_BOX_TASK_H

#include "box/broker/time/timer.h"
#include "box/broker/wait.h"

enum { LIMITS = 16, SIGNALS = 64, NAME_SIZE = 16, CMDLINE_MAX = 4096 };
#define BIT(signal) (UINT64_C(1) << ((signal)-1))

/* What happens at a signal, as rt_sigaction(2) has it. */
struct action {
    uint64_t handler, flags, restorer, mask;
};

/* One signal with what is known of it: siginfo's first words. */
struct siginfo_short {
    int32_t signal, code, pid, uid, status;
    uint64_t address; /* or value */
};

struct pending {
    uint64_t set;
    struct siginfo_short info[SIGNALS];
    struct more_pending *more;
    unsigned more_count;
};
/* pending_add: false: there are too many. pending_take: the lowest of a set, false
 * if there is none. pending_cancel: also before it goes. */
bool pending_add(struct pending *p, const struct siginfo_short *info);
bool pending_take(struct pending *p, uint64_t set, struct siginfo_short *out);
void pending_cancel(struct pending *p, uint64_t set);

enum { GROUPS_MAX = 64 };

struct credentials {
    uint32_t uid, euid, suid, gid, egid, sgid;
    uint32_t group_count, groups[GROUPS_MAX];
    uint64_t effective, permitted, inheritable, bounding; /* capabilities */
    bool keeps;                                           /* PR_SET_KEEPCAPS */
};

struct thread {
    struct process *process;
    struct where *where; /* where.h; NULL: its process has ended */
    struct thread *next; /* of the process */
    unsigned slot;
    uint32_t tid;
    int host_tid; /* 0: not known yet */
    struct call call;
    bool busy;    /* a call is being served, or waits */
    bool ready;   /* is on the list of those that are made again */
    bool leaving; /* an exec, or the end of the process, takes it away */
    bool kick_later;
    int interrupted; /* the errno that the waiting call is to answer */
    struct wait *waits;
    struct staged *staged;  /* of a datagram: net/stage.c */
    struct file *opening;   /* a FIFO, whose other side is waited for */
    int64_t limit;          /* INT64_MAX: none */
    int64_t resume;         /* 0, or the limit of the call that a signal ended, */
    uint32_t resume_nr;     /* if it is made again */
    const void *blocked_on; /* what the waiting call waits for, if others ask */
    int blocked_how;
    struct pending pending;
    struct str told; /* by BOX_TELL */
    bool told_all;
    struct thread *next_ready;
};

enum process_state { RUNNING, STOPPED, ZOMBIE };

struct process {
    struct process *next, *parent;
    uint32_t pid, group, session;
    int host_pid;  /* 0: not known yet */
    int born_of;   /* the host's process that forks it */
    bool is_stray; /* and that died before it said which one this is */
    enum process_state state;
    bool host_gone; /* reaped; pid can go when the parent has seen it */
    int status;     /* as wait(2) has it */
    int exit_signal;
    int death_signal;  /* that it wants when its parent ends, or 0 */
    int report;        /* 0, or a stop (W: status) or continue (0xffff) to report to the parent */
    bool has_executed; /* for setpgid and vfork */
    bool is_doomed;    /* a signal has told it to end */
    bool is_vfork;     /* its parent waits until it has */
    struct thread *threads;
    struct thread *exec_by; /* waits until it is the only one */
    struct queue children;  /* somebody waits for a child of this process */
    struct queue changed;   /* exec or exit: vfork's parent waits */
    struct queue stopped;   /* its threads, while it is stopped */
    struct queue signals;   /* somebody reads signals */
    struct pending pending;
    struct action actions[SIGNALS];
    struct credentials cred;
    struct fd_table *fds; /* NULL: it has ended, */
    uint32_t place;       /* and its host's process still looks here; 0: nowhere */
    char name[NAME_SIZE];
    char *cmdline;
    size_t cmdline_size;
    struct node *exe; /* the program; NULL: none yet, or ended */
    char *exe_name;   /* and by which name it was found */
    char *exec_name;  /* likewise of the one that an exec has opened */
    struct file *exec_files[2];
    struct timer itimers[ITIMERS];
    uint32_t profiled; /* the thread that a timer of processor time told last */
    struct posix_timer *posix_timers;
    struct attachment *attached; /* shared memory of System V */
    struct sem_undo *undo;
    uint64_t *mapped; /* windows of the arena, a bit each */
    int64_t started;
    uint64_t limits[LIMITS][2]; /* soft, hard */
    bool no_new_privileges;
    bool adopts; /* who descends from it and loses its parent */
    uint32_t personality;
    int64_t used, children_used;   /* processor time: at its end; of those waited for */
    uint64_t processors;           /* it wants to run on; 0: all */
    int8_t nice, policy, priority; /* as it asked */
};

/* task_first: the first process, on slot 0; the host's has yet to come. */
struct process *task_first(void);
struct process *task_find(uint32_t pid);
struct thread *task_find_thread(uint32_t tid);
/* task_know_host: which thread of the host it is. */
void task_know_host(struct thread *t, int host);
/* task_host_ended: the host's process is gone, with this status, having used this
 * much processor time. */
void task_host_ended(int host_pid, int status, int64_t used);
/* task_publish: what its threads may know of it without asking has changed. */
void task_publish(const struct process *p);
struct call_counts task_counts(void);
/* task_end: the process ends with a status as of wait(2). */
void task_end(struct process *p, int status);
/* task_leave: one thread ends. */
void task_leave(struct thread *t, int status);
/* task_kill_others: of an exec: true if there are none left. */
bool task_kill_others(struct thread *t);
/* is_reaped: its parent has seen its end; only the host has not yet. */
static inline bool is_reaped(const struct process *p)
{
    return p->state == ZOMBIE && !p->parent && p->pid != 1;
}
/* may_override: the capability CAP_DAC_OVERRIDE stands for all of them. */
enum { OVERRIDE = 1 };
static inline bool may_override(const struct process *p)
{
    return p->cred.effective & UINT64_C(1) << OVERRIDE;
}

/* limits.c */
void limits_start(struct process *p);
/* limit_files: descriptors lie below. */
unsigned limit_files(const struct process *p);
/* limit_file_size: no file may reach beyond. limit_file_exceeded: the thread tried
 * to make one: -EFBIG, and SIGXFSZ. */
uint64_t limit_file_size(const struct process *p);
int limit_file_exceeded(struct thread *t);
/* limit_processes: -EAGAIN if its user may have no more. */
int limit_processes(const struct process *p);

/* credentials.c */
/* credentials_start, _exec: root with all capabilities; what an exec makes of them. */
void credentials_start(struct credentials *k);
void credentials_exec(struct credentials *k);
int64_t credentials_prctl(struct process *p, const struct call *c);
/* credentials_ask: permissions are not those of its ids alone. */
bool credentials_ask(const struct process *p);
/* is_in_group: one of its groups, the effective one or another. */
bool is_in_group(const struct process *p, uint32_t gid);

/* signal.c */
/* thread_runs: it may execute the program, for it waits in no call and for no futex. */
bool thread_runs(const struct thread *t);
/* signal_send: to a process; to a thread. false: too many wait. */
bool signal_send(struct process *p, const struct siginfo_short *info);
bool signal_send_thread(struct thread *t, const struct siginfo_short *info);
void signal_send_group(uint32_t group, int signal);
/* signal_group_is_orphaned: nobody of its session, but not of it, has a child there. */
bool signal_group_is_orphaned(const struct process *of);
/* signal_waits: is there one that the thread would take now? */
bool signal_waits(struct thread *t);
void signal_update(struct process *p); /* tells the slots what is pending */

/* barrier.c: barrier_end: the thread of this slot will answer nobody. */
void barrier_end(unsigned slot);

/* call.c */
/* call_ready: the call of this thread is made again. */
void call_ready(struct thread *t);
/* stage_drop: of a thread that goes away. */
void stage_drop(struct thread *t);
/* call_abandon: what a waiting call holds. */
void call_abandon(struct thread *t);
/* call_forget: it is not, for it goes away. */
void call_forget(struct thread *t);
void call_answer(struct thread *t, int64_t result);
/* host_kick: makes the thread look at its slot. */
void host_kick(struct thread *t);

#endif
