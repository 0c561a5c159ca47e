#include "unveil/unveil.h"

#include "host/landlock.h"
#include "landlock/landlock.h"
#include "unveil/data.h"
#include "unveil/domain.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the process; its children begin with a copy. */
static struct {
    bool active; /* a broker serves */
    bool data_only;
    bool locked;   /* before there was one */
    pid_t starter; /* whose broker waits at `link` */
    struct broker_link link;
    volatile char busy;
} state = {.link = {.socket = -1}};

static void enter(void)
{
    while (__atomic_test_and_set(&state.busy, __ATOMIC_ACQUIRE))
        sched_yield();
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

/* prepare: also anew in a child, where the parent's has not been used. */
static int prepare(void)
{
    pid_t self = (pid_t)syscall(SYS_getpid);
    if (state.active || (state.link.socket >= 0 && state.starter == self))
        return 0;
    state.starter = self;
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

/* hold: the domain, once (-EALREADY). False where there is none: the kernel has no Landlock, or not
 * for threads that do not answer; then nothing is executed any more. */
static int hold(void)
{
    int abi = host_landlock_abi();
    if (abi < 1)
        return 0;
    int ruleset CLEAN_FD = host_landlock_create(landlock_handled(abi), 0, 0);
    if (ruleset < 0)
        return ruleset;
    int code = allow_execution(ruleset);
    if (code == 0)
        code = domain_enter(ruleset, abi);
    return code < 0 && code != -EBUSY ? code : code == 0;
}

int unveil_lock(void)
{
    enter();
    int code = 0;
    if (state.active)
        code = hold();
    else if (state.data_only && !state.locked)
        code = unveil_data_lock();
    state.locked |= !state.active && code == 0;
    leave();
    if (code == -EALREADY)
        return 0;
    return code < 0 || !state.active ? code : ask(BROKER_LOCK, (const void *)(uintptr_t)code, NULL);
}

int unveil_fetch(const char *path)
{
    return ask(BROKER_FETCH, path, NULL);
}

int unveil_except(void)
{
    return state.active ? ask(BROKER_EXCEPT, NULL, NULL) : 0;
}
