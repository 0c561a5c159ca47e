/* set: pledge(2) from its arguments to the kernel. */
#include "pledge/pledge.h"

#include "host/landlock.h"
#include "host/process.h"
#include "host/seccomp.h"
#include "host/threads.h"
#include "landlock/landlock.h"
#include "pledge/log.h"
#include "pledge/trap.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* Protected by `owner`: the process that is in pledge_set, or 0. A child that
 * was forked meanwhile finds another process's number and takes over. */
static struct pledge_state state;
static pid_t owner;

static void lock(void)
{
    pid_t self = getpid(), seen = 0;
    while (!__atomic_compare_exchange_n(&owner, &seen, self, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        if (seen == self) {
            sched_yield();
            seen = 0;
        }
    }
}

static void unlock(void)
{
    __atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

/* What a change takes, made while all threads run. */
struct change {
    promise_set held;
    struct program filter;
    int ruleset; /* -1: Landlock has nothing to add */
    enum landlock_whom whom;
    bool handler;     /* the handler of SIGSYS is to be installed */
    const char *step; /* that failed */
};

static int prepare(struct change *c, struct err *err)
{
    int code = pledge_filter(c->held, &c->filter, err);
    if (code == 0)
        code = pledge_domain(state.pledged ? state.held : PLEDGE_ALL, c->held, &c->ruleset, err);
    if (code == 0 && c->ruleset >= 0 && host_landlock_abi() >= LANDLOCK_ABI_ALL)
        c->whom = LANDLOCK_ALL;
    if (code == 0 && c->handler)
        log_open();
    return code;
}

/* enforce: takes no lock of the libc's. Irreversible from no_new_privs on. */
static int enforce(struct change *c, bool stopped)
{
    int code = 0;
    c->step = "sigaction";
    if (c->handler)
        code = trap_install(stopped);
    if (code == 0) {
        c->step = "no_new_privs";
        code = process_no_new_privs();
    }
    if (code == 0 && c->ruleset >= 0) {
        c->step = "Landlock";
        code = landlock_restrict(c->ruleset, c->whom);
    }
    clean_fd(&c->ruleset);
    if (code == 0) {
        c->step = "seccomp";
        trap_hold(c->held);
        code = seccomp_load(c->filter.at, c->filter.count, false);
    }
    return code;
}

/* stop_and_enforce: a filter is put on all threads at once by the kernel. They
 * are stopped for what is not, and for the handler, which a thread that
 * happened to block SIGSYS at that moment would never have. */
static int stop_and_enforce(struct change *c, struct err *err)
{
    bool needed = c->handler || (c->ruleset >= 0 && c->whom != LANDLOCK_ALL);
    bool stopped = needed && !threads_alone();
    int code = stopped ? threads_stop(err) : 0;
    if (code < 0) {
        clean_fd(&c->ruleset);
        return code;
    }
    if (stopped && c->whom != LANDLOCK_ALL)
        c->whom = LANDLOCK_STOPPED;
    code = enforce(c, stopped);
    if (stopped)
        threads_go();
    return code < 0 ? err_set(err, code, "%s: %s", c->step, strerror(-code)) : 0;
}

/* change: from what is held to less. */
static int change(promise_set held, struct err *err)
{
    struct change c = {.held = held, .ruleset = -1, .handler = held && !state.pledged};
    int code = prepare(&c, err);
    if (code == 0)
        code = stop_and_enforce(&c, err);
    if (code < 0 || held) /* else not even this is left */
        program_free(&c.filter);
    return code;
}

static int set_locked(const char *promises, const char *execpromises, struct err *err)
{
    struct pledge_state next;
    int code = pledge_narrow(&state, promises, execpromises, &next, err);
    if (code == 0 && next.pledged && (!state.pledged || next.held != state.held))
        code = change(next.held, err);
    if (code == 0)
        state = next;
    return code;
}

int pledge_set(const char *promises, const char *execpromises, struct err *err)
{
    lock();
    int code = set_locked(promises, execpromises, err);
    unlock();
    return code;
}
