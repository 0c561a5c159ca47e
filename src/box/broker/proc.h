/* proc: what there is in /proc. */
#ifndef VOW_BOX_PROC_H
#define VOW_BOX_PROC_H

#include "box/broker/task.h"

enum proc_kind {
    ROOT,
    SELF,
    PROCESS,
    FD_DIR,
    FD,
    EXE,
    CWD,
    ROOT_LINK,
    MOUNTS_LINK,
    SYS_DIR,
    NET_DIR,
    THREAD_SELF,
    TASK_DIR,
    FDINFO_DIR,
    TEXT, /* and all that follow */
    STATUS = TEXT,
    STAT,
    STATM,
    CMDLINE,
    COMM,
    MOUNTS,
    CGROUP,
    CPUINFO,
    MEMINFO,
    UPTIME,
    LOADAVG,
    VERSION,
    FILESYSTEMS,
    SYS_STAT,
    LIMITS_TEXT,
    MAPS,
    ENVIRON,
    MOUNTINFO,
    ZERO,
    NOBODY,
    FDINFO,   /* the number is the descriptor */
    NET_TEXT, /* of /proc/net: the number is its file's */
};

/* proc_text.c: what a file says. */
/* of a process; `tid`: of one of its threads, or 0. */
void proc_add_process(struct str *s, enum proc_kind kind, const struct process *p, uint32_t tid);
void proc_add_system(struct str *s, enum proc_kind kind);
/* proc_add_fdinfo: of a descriptor, if it is open. */
void proc_add_fdinfo(struct str *s, const struct process *p, unsigned fd);
/* proc_maps.c: proc_add_maps: a line for each struct told_mapping of what it told. */
void proc_add_maps(struct str *s, const struct thread *t);

#endif
