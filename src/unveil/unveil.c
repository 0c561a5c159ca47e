#include "unveil/unveil.h"

#include "host/landlock.h"
#include "landlock/landlock.h"
#include "unveil/data.h"
#include "unveil/domain.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the process; its children begin with a copy. */
static struct {
    bool active; /* a broker serves */
    bool data_only;
    bool locked; /* before there was one */
    struct broker_link link;
    volatile char busy;
} state = {.link = {.socket = -1}};

static void enter(void)
{
    while (__atomic_test_and_set(&state.busy, __ATOMIC_ACQUIRE))
        syscall(SYS_sched_yield);
}

static void leave(void)
{
    __atomic_clear(&state.busy, __ATOMIC_RELEASE);
}

static int ask(enum broker_request request, const void *first, const void *second)
{
    long result = syscall(SYS_prctl, BROKER_CALL, request, first, second, 0);
    return result < 0 ? -errno : (int)result;
}

bool unveil_active(void)
{
    return state.active;
}

/* prepare: one that was started before a pledge, which would hold those that start
 * later, is for whoever calls first, this process or a child of it. */
static int prepare(void)
{
    if (state.active)
        return 0;
    if (state.link.socket >= 0)
        return broker_waits(&state.link) ? 0 : -EPIPE;
    return broker_start(&state.link);
}

int unveil_prepare(void)
{
    enter();
    int code = prepare();
    leave();
    return code;
}

/* begin: a broker from now on. If that of the program before this one is there,
 * it serves this one as well, under both their rules. */
static int begin(void)
{
    if (state.active)
        return 0;
    int code = ask(BROKER_ANEW, NULL, NULL);
    if (code == -EINVAL && (code = prepare()) == 0)
        code = broker_serve(&state.link);
    state.active = code == 0;
    return code;
}

int unveil_data_only(void)
{
    enter();
    int code = state.active || state.locked ? -EPERM : 0;
    state.data_only |= code == 0;
    leave();
    return code;
}

int unveil_add(const char *path, const char *permissions)
{
    enter();
    bool data_only = state.data_only;
    int code = state.locked ? -EPERM : 0;
    if (code == 0)
        code = data_only ? unveil_data_add(path, permissions) : begin();
    leave();
    return code < 0 || data_only ? code : ask(BROKER_ADD, path, permissions);
}

/* allow_execution: the rules of a domain that lets the program execute what its
 * rules with x say, and open nothing: that is the broker's. */
static int allow_execution(int ruleset)
{
    for (uintptr_t more = 0;; more = 1) {
        int fd CLEAN_FD = ask(BROKER_EXECUTABLE, (const void *)more, NULL);
        if (fd == -ENOENT)
            return 0;
        if (fd < 0 && fd != -ESRCH)
            return fd;
        if (fd >= 0)
            host_landlock_add_path(ruleset, LL_EXECUTE | LL_READ_FILE, fd);
    }
}

/* broker_ruleset: -1 where the kernel has no Landlock; -EALREADY after the lock. */
static int broker_ruleset(int *ruleset)
{
    int abi = host_landlock_abi();
    if (abi < 1)
        return 0;
    int made CLEAN_FD = host_landlock_create(landlock_handled(abi), 0, 0);
    int code = made < 0 ? made : allow_execution(made);
    if (code == 0)
        *ruleset = take_fd(&made);
    return code;
}

int unveil_lock_prepare(struct unveil_locking *locking)
{
    enter();
    *locking = (struct unveil_locking){
        .broker = state.active, .data = state.data_only && !state.locked, .ruleset = -1};
    int code = 0;
    if (locking->broker)
        code = broker_ruleset(&locking->ruleset);
    else if (locking->data)
        code = locking->ruleset = unveil_data_ruleset();
    leave();
    if (code == -EALREADY)
        locking->broker = false;
    return code < 0 && code != -EALREADY ? code : 0;
}

/* Where there is no domain, because the kernel has no Landlock, or not for threads
 * that do not answer, the broker lets nothing be executed any more. */
int unveil_lock_enter(const struct unveil_locking *locking, bool stopped)
{
    int code = 0;
    if (locking->ruleset >= 0)
        code = domain_enter(locking->ruleset, host_landlock_abi(), stopped);
    if (locking->broker && (code == 0 || code == -EBUSY)) {
        bool held = code == 0 && locking->ruleset >= 0;
        return ask(BROKER_LOCK, (const void *)(uintptr_t)held, NULL);
    }
    if (code == 0 && !state.active)
        state.locked = true;
    return code;
}

int unveil_lock(void)
{
    struct unveil_locking locking;
    int code = unveil_lock_prepare(&locking);
    if (code == 0)
        code = unveil_lock_enter(&locking, false);
    clean_fd(&locking.ruleset);
    return code;
}

int unveil_fetch(const char *path)
{
    return ask(BROKER_FETCH, path, NULL);
}

int unveil_except(void)
{
    return state.active ? ask(BROKER_EXCEPT, NULL, NULL) : 0;
}
