/* set: pledge(2) from its arguments to the kernel. */
#include "pledge/pledge.h"

#include "host/process.h"
#include "host/seccomp.h"
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

/* enforce: irreversible from here on. */
static int enforce(promise_set held, const struct program *filter, struct err *err)
{
    if (!state.pledged)
        log_open();
    int code = process_no_new_privs();
    if (code < 0)
        return err_set(err, code, "no_new_privs: %s", strerror(-code));
    if (held && (code = pledge_domain(held, err)) < 0)
        return code;
    trap_hold(held);
    trap_install();
    code = seccomp_load(filter->at, filter->count, false);
    return code < 0 ? err_set(err, code, "seccomp: %s", strerror(-code)) : 0;
}

static int set_locked(const char *promises, const char *execpromises, struct err *err)
{
    struct pledge_state next;
    int code = pledge_narrow(&state, promises, execpromises, &next, err);
    if (code < 0)
        return code;
    if (next.pledged && (!state.pledged || next.held != state.held)) {
        struct program filter = {0};
        code = pledge_filter(next.held, &filter, err);
        if (code == 0)
            code = enforce(next.held, &filter, err);
        if (code < 0 || next.held) /* else not even this is left */
            program_free(&filter);
    }
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
