/* loop: answers what the listener brings, and explains it.
 *
 * Two kinds of calls are held: those that the filter denied, and those with a
 * path that it let pass. The first are explained and answered with their
 * errno. Of the second is asked whether Landlock or the view will stop them;
 * then they go on in the kernel, whatever was found. A path that was fine once
 * is not asked about again, so most of them are read and sent on at once.
 *
 * The caller stands still until the answer, so what is read is the caller's;
 * notify_valid, asked before anything is said, makes sure that it did not die
 * in the meantime. That an explanation comes before the answer also puts it
 * before what the program itself says about its failure.
 *
 * When the program has ended and left processes behind, a copy of the
 * supervisor goes on answering them without a word: a listener that nobody
 * serves would fail their every held call with ENOSYS. */
#include "watch/diagnose.h"
#include "watch/outside.h"
#include "watch/report.h"
#include "watch/resolve.h"
#include "watch/spawn.h"
#include "watch/stranger.h"

#include "host/child.h"
#include "host/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMM_SIZE 15 /* the kernel keeps so much of a name */
#define NAME_SIZE 64
#define FINE_PATHS 4096 /* a power of two */

struct watch {
    const struct launch *launch;
    const struct policy *policy;
    struct watch_options options;
    int listener;
    bool silent; /* answer, explain nothing */
    bool killed; /* the program itself, for a denial */
    struct job job;
    struct report report;
    struct strangers strangers;
    struct decoded decoded;
    struct found found[2];
    uint64_t fine[FINE_PATHS]; /* hashes of operations that vow does not stop */
};

static uint64_t hash_place(const struct place *place)
{
    uint64_t state = UINT64_C(0xcbf29ce484222325) ^ ((uint64_t)place->kind << 1 | place->follow);
    for (const char *at = place->path; *at; at++)
        state = (state ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return state | 1;
}

/* One held call. */
struct held {
    struct notify_call call;
    struct call_event event;
    struct call_verdict verdict;
    struct stranger *stranger;
    struct target target;
};

/* What resolve_permits wants to know again. */
struct asked {
    const struct place *place;
    const struct found *found;
    struct stranger *stranger;
    pid_t pid;
};

static bool permitted(const void *context)
{
    const struct asked *asked = context;
    return resolve_permits(asked->place, asked->pid, asked->found);
}

static bool seen(const void *context)
{
    const struct asked *asked = context;
    return stranger_sees(asked->stranger, asked->found->real);
}

/* is_futile: would it fail without vow, because of what is there or is not? */
static bool is_futile(const struct place *place, bool exists)
{
    bool makes = place->kind == OP_CREATE || place->kind == OP_MKNOD || place->kind == OP_BIND;
    bool either = place->create || place->kind == OP_RENAME;
    if (place->source)
        return !exists;
    return makes ? exists : !exists && !either;
}

static struct subject subject_of(struct watch *w, const struct held *held, size_t i)
{
    const struct place *place = &w->decoded.places[i];
    struct found *found = &w->found[i];
    bool self = held->call.pid == w->job.pid;
    resolve(&held->target, place, held->call.pid, self, found);
    return (struct subject){
        .kind = place->kind,
        .path = place->path,
        .real = found->real,
        .create = place->create,
        .exists = found->exists,
        .futile = is_futile(place, found->exists),
        .permitted = permitted,
        .seen = seen,
    };
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* is_first_program: is that what the kernel calls the program that we started?
 * It goes by its path or, started from a descriptor, by its file, before Linux
 * 6.14 by the descriptor's number; the user called it as in argv. */
static bool is_first_program(const struct watch *w, const char *name)
{
    char file[PATH_MAX];
    bool resolved = realpath(w->launch->program, file) != NULL;
    return strncmp(name, base_name(w->launch->program), COMM_SIZE) == 0 ||
           (resolved && strncmp(name, base_name(file), COMM_SIZE) == 0) ||
           name[strspn(name, "0123456789")] == '\0';
}

/* Who it is: *pid becomes the process's. The name is in `room`, or borrowed. */
static const char *name_of(const struct watch *w, const struct held *held, char *room, int *pid)
{
    pid_t process = stranger_process(held->stranger);
    *pid = process > 0 ? process : held->call.pid;
    stranger_name(held->stranger, room, NAME_SIZE);
    if (room[0] == '\0' || (*pid == w->job.pid && is_first_program(w, room)))
        return base_name(w->launch->request->argv[0]);
    return room;
}

/* say: completes a denial with who it was, and reports it. */
static void say(struct watch *w, const struct held *held, struct denial *denial)
{
    char name[NAME_SIZE];
    denial->program = name_of(w, held, name, &denial->pid);
    if (!diagnose_known_probe(denial) && notify_valid(w->listener, held->call.id))
        report_denial(&w->report, denial);
    denial_free(denial);
}

/* say_outside: Landlock keeps signals and abstract sockets among the processes
 * of its domain. */
static void say_outside(struct watch *w, const struct held *held)
{
    struct denial denial = {.call = held->event,
                            .verdict = held->verdict,
                            .kind = w->decoded.kind,
                            .object = w->decoded.object,
                            .outside = true};
    say(w, held, &denial);
}

static void explain_signal(struct watch *w, const struct held *held)
{
    const struct operation *operation = call_operation(held->verdict.call);
    pid_t pid = (pid_t)held->event.args[operation->fd];
    bool outside = pid > 0     ? outside_process(pid)
                   : pid == 0  ? outside_group(getpgid(held->call.pid))
                   : pid == -1 ? outside_group(-1)
                               : pid != INT_MIN && outside_group(-pid);
    if (outside)
        say_outside(w, held);
}

static void explain_connect(struct watch *w, const struct held *held)
{
    bool scoped = w->launch->landlock.scoped & LL_SCOPE_ABSTRACT_UNIX;
    int fd = (int)held->event.args[call_operation(held->verdict.call)->fd];
    struct denial denial = {.call = held->event,
                            .kind = OP_CONNECT,
                            .object = w->decoded.object,
                            .port = w->decoded.port};
    if (scoped && w->decoded.object[0] == '@' && outside_socket(held->call.pid, w->decoded.object))
        say_outside(w, held);
    else if (w->decoded.port && denial_judge(w->policy, &denial) &&
             stranger_streams(held->stranger, fd))
        say(w, held, &denial);
}

static void explain_path(struct watch *w, const struct held *held, size_t i)
{
    const struct place *place = &w->decoded.places[i];
    uint64_t hash = hash_place(place);
    uint64_t *fine = &w->fine[hash % FINE_PATHS];
    if (*fine == hash)
        return;
    struct subject subject = subject_of(w, held, i);
    struct asked asked = {place, &w->found[i], held->stranger, held->call.pid};
    struct denial denial = {.call = held->event, .is_there = resolve_is_there};
    subject.asked = &asked;
    switch (diagnose_path(w->policy, &subject, &denial)) {
    case DIAGNOSIS_ALLOWED:
        /* Where the file is there now, nothing was asked about creating it. */
        if (!place->create || !subject.exists)
            *fine = hash;
        break;
    case DIAGNOSIS_QUIET: break;
    case DIAGNOSIS_DENIED: say(w, held, &denial); break;
    }
}

/* explain_closed: nothing can be said of a program whose memory is closed. */
static void explain_closed(struct watch *w, const struct held *held)
{
    char room[NAME_SIZE];
    int pid;
    if (w->report.closed)
        return;
    const char *name = name_of(w, held, room, &pid);
    report_closed(&w->report, name, pid);
}

/* explain_allowed: the filter let it pass; what will stop it behind? */
static void explain_allowed(struct watch *w, const struct held *held)
{
    for (size_t i = 0; i < w->decoded.place_count; i++)
        explain_path(w, held, i);
    if (w->decoded.kind == OP_SIGNAL)
        explain_signal(w, held);
    if (w->decoded.kind == OP_CONNECT)
        explain_connect(w, held);
    if (w->decoded.closed)
        explain_closed(w, held);
}

/* kill_process: with --kill a denial ends the process. It is held, so its
 * number is still its own. */
static bool kill_process(struct watch *w, const struct held *held)
{
    pid_t pid = stranger_process(held->stranger);
    if (pid <= 0 || !notify_valid(w->listener, held->call.id))
        return false;
    if (kill(pid, SIGKILL) != 0)
        return false;
    w->killed |= pid == w->job.pid;
    return true;
}

/* deny: what is read must be read before the answer, or the caller may be gone. */
static void deny(struct watch *w, struct held *held)
{
    struct subject subjects[2];
    struct asked asked[2];
    struct denial denial = {
        .call = held->event, .kind = w->decoded.kind, .is_there = resolve_is_there};
    bool tell = !w->silent;
    if (w->decoded.object[0])
        denial.object = w->decoded.object;
    for (size_t i = 0; tell && i < w->decoded.place_count; i++) {
        asked[i] =
            (struct asked){&w->decoded.places[i], &w->found[i], held->stranger, held->call.pid};
        subjects[i] = subject_of(w, held, i);
        subjects[i].asked = &asked[i];
    }
    if (tell)
        tell = diagnose_call(w->policy, subjects, w->decoded.place_count, &denial);
    denial.killed = w->policy->kill;
    if (tell)
        say(w, held, &denial);
    if (!denial.killed || !kill_process(w, held))
        notify_deny(w->listener, held->call.id, held->verdict.error);
}

/* held_arch: whose call is it? NULL: of an architecture that this run has not. */
static const struct arch *held_arch(const struct watch *w, const struct notify_call *call)
{
    const struct arch *arch = arch_by_audit(call->audit, call->nr), *native = arch_native();
    bool run = arch == native || arch == w->launch->arch || w->policy->promises & PROMISE(EXEC);
    return run || (arch && arch->id == ARCH_X32) ? arch : NULL;
}

/* end_foreign: says so, and ends the process as the filter would alone. */
static void end_foreign(struct watch *w, const struct held *held)
{
    struct denial denial = {.call = held->event, .verdict = held->verdict, .killed = true};
    if (!w->silent)
        say(w, held, &denial);
    if (!kill_process(w, held))
        notify_deny(w->listener, held->call.id, ENOSYS);
}

static void serve(struct watch *w)
{
    struct held held = {0};
    if (notify_receive(w->listener, &held.call) != 0)
        return;
    held.event.arch = held_arch(w, &held.call);
    held.event.nr = held.call.nr;
    memcpy(held.event.args, held.call.args, sizeof held.event.args);
    decide_call(w->policy, &held.event, &held.verdict);
    held.stranger = stranger_get(&w->strangers, held.call.pid);
    held.target = stranger_target(held.stranger);
    if (held.verdict.fatal) {
        end_foreign(w, &held);
        return;
    }
    w->decoded.kind = OP_NONE;
    w->decoded.closed = false;
    w->decoded.place_count = 0;
    w->decoded.port = 0;
    w->decoded.object[0] = '\0';
    if (!w->silent && held.verdict.call && call_operation(held.verdict.call))
        decode_call(&held.target, &held.event, held.verdict.call, &w->decoded);
    if (held.verdict.bpf != ANSWER_ALLOW) {
        deny(w, &held);
        return;
    }
    explain_allowed(w, &held);
    notify_continue(w->listener, held.call.id);
}

/* until_end: serves until the program has ended. */
static void until_end(struct watch *w)
{
    struct pollfd polled[] = {{.fd = w->job.signals, .events = POLLIN},
                              {.fd = w->listener, .events = POLLIN}};
    while (!w->job.ended) {
        if (poll(polled, ARRAY_COUNT(polled), -1) < 0)
            continue;
        if (polled[0].revents)
            job_handle(&w->job);
        if (polled[1].revents & POLLIN)
            serve(w);
        else if (polled[1].revents)
            polled[1].fd = -1; /* its last user is ending */
    }
}

/* until_unused: serves until nobody is left whom the filter holds. */
static void until_unused(struct watch *w)
{
    struct pollfd polled = {.fd = w->listener, .events = POLLIN};
    for (;;) {
        if (poll(&polled, 1, -1) < 0)
            continue;
        if (!(polled.revents & POLLIN))
            return;
        serve(w);
    }
}

/* leave_behind: looks after what the program has left running. */
static void leave_behind(struct watch *w)
{
    struct pollfd polled = {.fd = w->listener, .events = POLLIN};
    w->silent = true;
    if (poll(&polled, 1, 0) == 1 && !(polled.revents & POLLIN))
        return;
    pid_t pid = fork();
    if (pid > 0)
        return;
    if (pid == 0) {
        setsid();
        child_null_onto(STDERR_FILENO);
        child_keep_only(&w->listener, 1);
    }
    until_unused(w);
    if (pid == 0)
        _exit(0);
}

/* keep_output: at a number that is not about to become /dev/null. */
static int keep_output(int fd)
{
    return fd == STDOUT_FILENO || fd == STDIN_FILENO ? fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                                                     : fd;
}

static int settle(struct watch *w, struct err *err)
{
    int result = notify_open(w->listener, err);
    if (result < 0)
        return result;
    w->options.text_fd = keep_output(w->options.text_fd);
    w->options.json_fd = keep_output(w->options.json_fd);
    const int keep[] = {w->listener, w->job.pidfd, w->options.text_fd, w->options.json_fd};
    return job_settle(&w->job, keep, ARRAY_COUNT(keep), err);
}

/* look_on: from the listener to the program's end. */
static int look_on(struct watch *w, struct err *err)
{
    int result = settle(w, err);
    if (result < 0) {
        job_kill(&w->job);
        return result;
    }
    report_start(&w->report, w->launch, w->job.pid);
    until_end(w);
    leave_behind(w);
    return 0;
}

static int run(struct watch *w, struct launch *launch, int *exit_status, struct err *err)
{
    struct hand_over *shared;
    int result = spawn(launch, &w->job, &w->listener, &shared, err);
    if (result < 0)
        return result;
    if (w->listener < 0)
        job_reap(&w->job);
    else
        result = look_on(w, err);
    if (result == 0)
        result = spawn_failed(&shared, exit_status, err);
    if (result < 0)
        return result;
    int status = w->killed ? SIGSYS : w->job.status;
    report_end(&w->report, status);
    return status;
}

int watch_run(struct launch *launch, const struct watch_options *options, int *exit_status,
              struct err *err)
{
    struct watch *w = calloc(1, sizeof *w);
    *exit_status = 125;
    if (!w || report_init(&w->report, &w->options) < 0) {
        free(w);
        return err_set(err, -ENOMEM, "cannot watch: out of memory");
    }
    w->options = *options;
    w->launch = launch;
    w->policy = launch->request->policy;
    w->listener = -1;
    strangers_init(&w->strangers);
    int result = run(w, launch, exit_status, err);
    strangers_free(&w->strangers);
    if (w->listener >= 0)
        close(w->listener);
    report_free(&w->report);
    free(w);
    return result;
}
