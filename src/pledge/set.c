/* set: pledge(2) from its arguments to the kernel. */
#include "pledge/pledge.h"

#include "host/landlock.h"
#include "host/owner.h"
#include "host/process.h"
#include "host/seccomp.h"
#include "host/threads.h"
#include "landlock/landlock.h"
#include "pledge/exec.h"
#include "pledge/log.h"
#include "pledge/trap.h"
#include "unveil/unveil.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Protected by `owner`: the process that is in pledge_set, or 0. */
static struct pledge_state state;
static pid_t owner;

/* What a change takes, made while all threads run. */
struct change {
    const struct pledge_state *next;
    bool narrows; /* the promises of the process itself change */
    struct program filter, exec_trap;
    int ruleset; /* -1: Landlock has nothing to add */
    struct unveil_locking unveil;
    enum landlock_whom whom;
    bool handler;     /* the handler of SIGSYS is to be installed */
    const char *step; /* that failed */
};

/* Set while `owner` is held, and for good. */
static bool has_handler;

static promise_set held_by(const struct pledge_state *s)
{
    return s->pledged ? s->held : PLEDGE_ALL;
}

/* What programs get, if that is less than what the process holds. */
static bool dresses_programs(const struct pledge_state *s)
{
    promise_set held = held_by(s);
    return s->pledged_at_exec && held & PROMISE(EXEC) && held & ~s->held_at_exec & PLEDGE_ALL;
}

/* Without the promise unveil no more can be unveiled; with it the broker has to
 * be there before the rest is given up. */
static int prepare_unveil(struct change *c, struct err *err)
{
    int code = 0;
    if (!(c->next->held & PROMISE(UNVEIL)))
        code = unveil_lock_prepare(&c->unveil);
    else if (!state.pledged)
        code = unveil_prepare();
    return code < 0 ? err_set(err, code, "unveil: %s", strerror(-code)) : 0;
}

static int enforce_unveil(const struct change *c, bool stopped)
{
    int code = 0;
    if (!(c->next->held & PROMISE(UNVEIL)))
        code = unveil_lock_enter(&c->unveil, stopped);
    return code < 0 ? code : unveil_except();
}

static int prepare_own(struct change *c, struct err *err)
{
    promise_set held = c->next->held;
    struct pledge_owners owners;
    int code = prepare_unveil(c, err);
    struct pledge_filter_for process = {.broker = unveil_active()};
    if (held & PROMISE(FATTR) && pledge_owners(&owners))
        process.owners = &owners;
    if (code == 0)
        code = pledge_filter(held, &process, &c->filter, err);
    if (code == 0)
        code = pledge_domain(held_by(&state), held, &c->ruleset, err);
    if (code == 0 && c->ruleset >= 0 && host_landlock_abi() >= LANDLOCK_ABI_ALL)
        c->whom = LANDLOCK_ALL;
    return code;
}

static int prepare(struct change *c, struct err *err)
{
    promise_set held = held_by(c->next);
    int code = c->narrows ? prepare_own(c, err) : 0;
    if (code == 0 && dresses_programs(c->next))
        code = exec_prepare(held, c->next->held_at_exec & held, &c->exec_trap, err);
    c->handler = !has_handler && held && (c->narrows || c->exec_trap.count > 0);
    if (code == 0 && c->handler)
        log_open();
    return code;
}

static int load(const struct program *filter)
{
    return filter->count > 0 ? seccomp_load(filter->at, filter->count, false) : 0;
}

static void close_rulesets(struct change *c)
{
    clean_fd(&c->ruleset);
    clean_fd(&c->unveil.ruleset);
}

/* The handler knows of the promises before it is asked about them. */
static int enforce_filters(struct change *c)
{
    c->step = "seccomp";
    trap_hold(held_by(c->next));
    int code = load(&c->exec_trap);
    if (code == 0)
        code = load(&c->filter);
    if (code < 0)
        trap_hold(held_by(&state));
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
    if (code == 0 && c->narrows) {
        c->step = "unveil";
        code = enforce_unveil(c, stopped);
    }
    if (code == 0 && c->ruleset >= 0) {
        c->step = "Landlock";
        code = landlock_restrict(c->ruleset, c->whom);
    }
    close_rulesets(c);
    return code == 0 ? enforce_filters(c) : code;
}

/* stop_and_enforce: a filter is put on all threads at once by the kernel. They
 * are stopped for what is not, and for the handler, which a thread that
 * happened to block SIGSYS at that moment would never have. */
static int stop_and_enforce(struct change *c, struct err *err)
{
    bool needed = c->handler || (c->ruleset >= 0 && c->whom != LANDLOCK_ALL);
    bool stopped = needed && !threads_alone();
    int code = stopped ? threads_stop(err) : 0;
    if (code < 0)
        return code;
    if (stopped && c->whom != LANDLOCK_ALL)
        c->whom = LANDLOCK_STOPPED;
    code = enforce(c, stopped);
    if (stopped)
        threads_go();
    has_handler |= c->handler && code == 0;
    return code < 0 ? err_set(err, code, "%s: %s", c->step, strerror(-code)) : 0;
}

/* change: from what is said to what is to be, and to less. */
static int change(const struct pledge_state *next, struct err *err)
{
    struct change c = {.next = next, .ruleset = -1, .unveil.ruleset = -1};
    c.narrows = next->pledged && (!state.pledged || next->held != state.held);
    int code = prepare(&c, err);
    if (code == 0 && (c.narrows || c.exec_trap.count > 0))
        code = stop_and_enforce(&c, err);
    if (code == 0 && !(held_by(next) & PROMISE(STDIO))) /* memory cannot be given back */
        return 0;
    close_rulesets(&c);
    program_free(&c.filter);
    program_free(&c.exec_trap);
    return code;
}

static int set_locked(const char *promises, const char *execpromises, struct err *err)
{
    struct pledge_state next;
    int code = pledge_narrow(&state, promises, execpromises, &next, err);
    if (code == 0)
        code = change(&next, err);
    if (code == 0)
        state = next;
    return code;
}

int pledge_set(const char *promises, const char *execpromises, struct err *err)
{
    owner_enter(&owner);
    int code = set_locked(promises, execpromises, err);
    owner_leave(&owner);
    return code;
}
