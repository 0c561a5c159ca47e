#include "broker/perform.h"

#include "arch/arch.h"
#include "broker/public.h"
#include "host/child.h"
#include "host/direct.h"
#include "host/sigaction.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define RESTART 512 /* the kernel's ERESTARTSYS */

uint64_t argument(const struct broker *broker, int index)
{
    return broker->request.held.args[index];
}

int argument_int(const struct broker *broker, int index)
{
    return (int)(uint32_t)argument(broker, index);
}

int take_identity(struct broker *broker, bool creating)
{
    struct request *request = &broker->request;
    if (!broker->changed && !creating)
        return 0;
    int code = caller_identify(&request->held, &request->identity);
    if (code < 0)
        return code;
    direct(umask, request->identity.umask);
    if (!broker->changed)
        return 0;
    request->walk.user = request->identity.user;
    return caller_become(&request->identity);
}

/* find_descriptor: an empty path: what the caller has open. To look at it, no
 * rule is asked, as none is for fstat. */
static int find_descriptor(struct broker *broker, const struct finding *finding, int fd,
                           struct place *out)
{
    if (!(finding->flags & AT_EMPTY_PATH)) {
        if (fd >= 0)
            close(fd);
        return -ENOENT;
    }
    if (fd < 0)
        return fd;
    bool opened = finding->dir >= 0 && argument_int(broker, finding->dir) != AT_FDCWD;
    if (!opened || (finding->wanted & ~RULE_READ))
        return walk_object(&broker->request.walk, fd, out);
    out->object = fd;
    out->letters = RULE_READ | RULE_SET;
    return fstat(fd, &out->stat) == 0 ? 0 : -errno;
}

int put(struct broker *broker, uint64_t address, const void *from, size_t size)
{
    if (broker->changed)
        caller_return();
    return caller_write(&broker->request.held, address, from, size);
}

/* read_path: into request->path; its length. NULL is an empty path where one
 * may be empty. */
static ssize_t read_path(struct broker *broker, const struct finding *finding)
{
    char *to = broker->request.path;
    if (finding->path == FIND_READ)
        return (ssize_t)strlen(to);
    uint64_t address = argument(broker, finding->path);
    if (address != 0 || !(finding->flags & AT_EMPTY_PATH))
        return caller_text(&broker->request.held, address, to, PATH_MAX);
    to[0] = '\0';
    return 0;
}

/* judge: all views that hold. What one of them hides is not there, whatever the
 * others refuse. */
static int judge(const struct request *request, uint8_t wanted, struct place *place)
{
    int code = place_permits(place, wanted);
    for (size_t i = 1; code != -ENOENT && i < request->judges.count; i++) {
        walk_judge(&request->judges.at[i]->rules, place);
        int other = place_permits(place, wanted);
        code = code == 0 || other == -ENOENT ? other : code;
    }
    return code;
}

/* is_public: not hidden by a rule, but without one, and open to everybody. */
static bool is_public(const struct broker *broker, uint8_t wanted)
{
    const struct view *view = broker->request.judges.at[0];
    const struct request *request = &broker->request;
    if (request->walk.cover != 0 || (wanted & ~(RULE_READ | RULE_WRITE)))
        return false;
    if (view->except && public_exception(request->path, wanted))
        return true;
    return wanted == RULE_READ &&
           (public_threads(request->path) ||
            ((view->rules.all & RULE_EXEC) && public_library(request->path)));
}

static int find_public(struct request *request, unsigned flags, struct place *out)
{
    const struct rules *rules = request->walk.rules;
    request->walk.rules = NULL;
    int code = walk(&request->walk, -1, request->path, flags, out);
    request->walk.rules = rules;
    return code == 0 && out->object < 0 && !out->looked ? -ENOENT : code;
}

int find(struct broker *broker, const struct finding *finding, struct place *out)
{
    struct request *request = &broker->request;
    const struct notify_call *held = &request->held;
    if (broker->changed)
        caller_return();
    ssize_t size = read_path(broker, finding);
    if (size < 0)
        return (int)size;
    int fd = finding->dir < 0 ? AT_FDCWD : argument_int(broker, finding->dir);
    int from = request->path[0] == '/' ? -1 : caller_directory(held, fd);
    int code = notify_valid(broker->listener, held->id) ? 0 : -ESRCH;
    if (code == 0)
        code = take_identity(broker, finding->how & FIND_UMASK);
    if (code < 0 || (from < 0 && request->path[0] != '/')) {
        if (from >= 0)
            close(from);
        return code < 0 ? code : from;
    }
    unsigned flags = finding->how & FIND_NAME               ? WALK_NAME
                     : finding->flags & AT_SYMLINK_NOFOLLOW ? 0
                                                            : WALK_FOLLOW;
    flags |= finding->how & FIND_LOOK ? WALK_LOOK : finding->how & FIND_OPEN ? WALK_OPEN : 0;
    code = size == 0 ? find_descriptor(broker, finding, from, out)
                     : walk(&request->walk, from, request->path, flags, out);
    if (code == 0 && out->object < 0 && !out->looked && !(finding->how & FIND_ABSENT))
        code = -ENOENT;
    if (code == 0 && request->walk.rules)
        code = judge(request, finding->wanted, out);
    if (code < 0)
        place_close(out);
    if (code == -ENOENT && request->path[0] == '/' && is_public(broker, finding->wanted))
        code = find_public(request, flags, out);
    return code;
}

static void wake_up(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
}

/* answer: hands back what came of it. */
static void answer(struct broker *broker, int64_t result)
{
    uint64_t id = broker->request.held.id;
    if (result == ANSWER_CONTINUE)
        notify_continue(broker->listener, id);
    else if (result < 0 && result != ANSWER_GIVEN)
        notify_deny(broker->listener, id, (int)-result);
    else if (result != ANSWER_GIVEN)
        notify_return(broker->listener, id, result);
}

bool elsewhere(struct broker *broker)
{
    struct itimerval often = {{0, 50000}, {0, 50000}};
    struct signal_set none = {{0}};
    pid_t child = child_clone(SIGCHLD);
    if (child < 0)
        answer(broker, child);
    if (child != 0)
        return false;
    host_sigaction(SIGALRM, wake_up, 0, SIGNAL_BLOCK_NONE, NULL);
    direct(rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGNAL_SET_SIZE);
    setitimer(ITIMER_REAL, &often, NULL);
    return true;
}

bool still_wanted(struct broker *broker)
{
    return notify_valid(broker->listener, broker->request.held.id) &&
           !caller_signalled(&broker->request.held);
}

/* A call that was interrupted begins anew, or fails with EINTR, as the kernel
 * sees fit for the signal. */
void answer_and_end(struct broker *broker, int64_t result)
{
    answer(broker, result == -EINTR ? -RESTART : result);
    _exit(0);
}

static int64_t perform_call(struct broker *broker)
{
    switch (broker->request.call->kind) {
    case CALL_CONNECT:
    case CALL_BIND:
    case CALL_SEND:
    case CALL_SOCKETCALL: return sockets_perform(broker);
    case CALL_REQUEST: return requests_perform(broker);
    case CALL_IDENTITY: broker->changed = true; return ANSWER_CONTINUE;
    default: return files_perform(broker);
    }
}

void perform(struct broker *broker)
{
    struct request *request = &broker->request;
    request->call = call_find(request->held.nr);
    views_of(&broker->views, request->held.pid, &request->judges);
    request->walk.rules = request->judges.count > 0 ? &request->judges.at[0]->rules : NULL;
    request->walk.judges = &request->judges;
    request->walk.caller = request->held.pid;
    int64_t result = -ENOSYS;
    if (request->held.pid == 0)
        result = -EPERM; /* from a pid namespace that this one does not see */
    else if (request->judges.count == 0 && request->call->kind != CALL_REQUEST)
        result = -EACCES; /* nobody knows whose child it is */
    else if (request->call && request->held.audit == arch_native()->audit)
        result = perform_call(broker);
    if (broker->changed)
        caller_return();
    answer(broker, result);
}
