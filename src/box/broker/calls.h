/* calls: the functions that serve the calls of calls.def, and the shim's own. */
#ifndef VOW_BOX_BROKER_CALLS_H
#define VOW_BOX_BROKER_CALLS_H

#include "box/broker/broker.h"

#define LOCAL(name)
#define BOTH(name) call_fn do_##name;
#define BROKER(name) call_fn do_##name;
#define CALL(name, where, level, note, ...) where(name)
#include "box/calls.def"
#undef CALL
#undef LOCAL
#undef BOTH
#undef BROKER

call_fn box_fork, box_forked, box_thread, box_threaded, box_take, box_fault, box_leave,
    box_leave_group, box_exec_open, box_exec_read, box_exec_commit, box_map, box_map_all, box_unmap,
    box_touch, box_stage, box_unstage, box_site, box_tell, box_load;

/* timerfd.c: struct itimerspec: interval, then value, in nanoseconds. */
struct timer;
int timer_settings_get(struct thread *t, uint64_t at, int64_t out[2]);
int64_t timer_settings_put(struct thread *t, uint64_t at, const struct timer *timer);
void timer_set(struct timer *timer, int clock, const int64_t to[2], bool absolute);

/* pidfd.c: the process of a descriptor: 0, -EBADF, -ESRCH. */
struct process;
int64_t pidfd_process(struct thread *t, uint64_t fd, struct process **out);
/* usage.c: a struct rusage of so much processor time. */
int64_t usage_put(struct thread *t, uint64_t at, int64_t used);

/* signal.c, for sigtimedwait's kin */
struct siginfo_short;
bool signal_remove(struct thread *t, uint64_t set, struct siginfo_short *out);
void signal_info(const struct siginfo_short *s, uint8_t out[128]);

#endif
