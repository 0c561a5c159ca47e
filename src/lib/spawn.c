/* spawn: a component of the program in a process and under a policy of its own.
 *
 *   parent                               child
 *   prepare policy and descriptors
 *   fork ─────────────────────────────▶  keep the descriptors that are its own
 *   read the report ◀── failure, or end  confine itself, close the report
 *   return                               run the function, or execute
 *
 * The report is a pipe that the exec closes. What fails in the child comes back
 * over it in words, and the child is gone when vow_spawn returns; nothing of
 * the component has run then. Between fork and exec nothing allocates: the
 * caller may have threads. */
#include "host/child.h"
#include "host/process.h"
#include "lib/enforcement.h"
#include "lib/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* A component on its way. */
struct spawning {
    const struct vow_component *component;
    struct enforcement enforcement;
    struct program_needs needs;
    int socket[2], report[2]; /* the parent's end first; of a pipe, that is */
    int *kept;                /* what the child keeps: fds, and two of the above */
};

/* What the child says before it ends. */
struct report {
    int code;
    struct err err;
};

static void spawning_free(struct spawning *s)
{
    enforcement_free(&s->enforcement);
    free(s->kept);
    for (int i = 0; i < 2; i++) {
        clean_fd(&s->socket[i]);
        clean_fd(&s->report[i]);
    }
}
#define CLEAN_SPAWNING __attribute__((cleanup(spawning_free)))

/* child_place: the numbers that a program finds: VOW_SOCKET, and fds as they are. */
static int child_place(struct spawning *s)
{
    const struct vow_component *c = s->component;
    int report = fcntl(s->report[1], F_DUPFD_CLOEXEC, VOW_SOCKET + 1);
    int socket = fcntl(s->socket[1], F_DUPFD_CLOEXEC, VOW_SOCKET + 1);
    int code = report < 0 || socket < 0 || dup2(socket, VOW_SOCKET) < 0 ? -errno : 0;
    s->report[1] = report;
    s->socket[1] = VOW_SOCKET;
    for (size_t i = 0; i < c->fd_count && code == 0; i++)
        if (fcntl(c->fds[i], F_SETFD, 0) < 0)
            code = -errno;
    return code;
}

static int child_confine(struct spawning *s, struct err *err)
{
    const struct vow_component *c = s->component;
    close(s->socket[0]);
    close(s->report[0]);
    int code = c->argv ? child_place(s) : 0;
    s->kept[c->fd_count] = s->socket[1];
    s->kept[c->fd_count + 1] = s->report[1];
    if (code < 0 || (code = child_keep_only(s->kept, c->fd_count + 2)) < 0)
        return err_set(err, code, "descriptors: %s", strerror(-code));
    return c->policy ? enforcement_apply(&s->enforcement, LANDLOCK_CALLER, err) : 0;
}

static int child_execute(const struct spawning *s, struct err *err)
{
    const struct vow_component *c = s->component;
    int code = process_exec(c->argv[0], c->argv, c->envp ? c->envp : environ,
                            s->enforcement.policy.launch_secret);
    return err_set(err, code, "%.300s: %s", c->argv[0], strerror(-code));
}

static _Noreturn void child_run(struct spawning *s)
{
    const struct vow_component *c = s->component;
    struct report report;
    memset(&report, 0, sizeof report);
    report.code = child_confine(s, &report.err);
    if (report.code == 0 && c->argv)
        report.code = child_execute(s, &report.err);
    if (report.code < 0 && write(s->report[1], &report, sizeof report) >= 0)
        _exit(127);
    if (report.code < 0)
        _exit(126); /* nobody reads it any more */
    close(s->report[1]);
    _exit(c->run(s->socket[1], c->argument));
}

/* check: what no child could make good. */
static int check(const struct vow_component *c, struct err *err)
{
    if (!c->run == !c->argv || (c->argv && !c->argv[0]))
        return err_set(err, -EINVAL, "a component is either a function or a program");
    if (c->policy && !(c->policy->policy.promises & PROMISE(STDIO)))
        return err_set(err, -EINVAL, "without stdio a component cannot use its socket");
    for (size_t i = 0; i < c->fd_count; i++)
        if (fcntl(c->fds[i], F_GETFD) < 0 || (c->argv && c->fds[i] == VOW_SOCKET))
            return err_set(err, -EBADF, "a component cannot keep descriptor %d", c->fds[i]);
    return 0;
}

static int prepare(struct spawning *s, struct err *err)
{
    const struct vow_component *c = s->component;
    int code = check(c, err);
    if (code == 0 && c->argv)
        code = program_needs(c->argv[0], &s->needs, err);
    struct enforcement_start start = {s->needs.paths, s->needs.count};
    if (code == 0 && c->policy)
        code = enforcement_prepare(&s->enforcement, &c->policy->policy, c->flags,
                                   c->argv ? &start : NULL, err);
    if (code < 0)
        return code;
    s->kept = malloc((c->fd_count + 2) * sizeof *s->kept);
    /* By its own number: i386's libc would make a socketcall, which no policy with
     * one kind of sockets alone allows. */
    if (!s->kept ||
        syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->socket) < 0 ||
        syscall(SYS_pipe2, s->report, O_CLOEXEC) < 0)
        return err_set(err, -errno, "cannot prepare a component: %s", strerror(errno));
    for (size_t i = 0; i < c->fd_count; i++)
        s->kept[i] = c->fds[i];
    return 0;
}

/* parent_wait: until the component runs or is known not to. The pipe ends
 * without a word where it runs, or was killed from outside. */
static int parent_wait(struct spawning *s, pid_t pid, struct err *err)
{
    struct report report;
    ssize_t got;
    close(take_fd(&s->report[1]));
    do
        got = read(s->report[0], &report, sizeof report);
    while (got < 0 && errno == EINTR);
    if (got != sizeof report)
        return 0;
    while (syscall(SYS_wait4, pid, NULL, 0, NULL) < 0 && errno == EINTR)
        ;
    *err = report.err;
    return report.code;
}

PUBLIC int vow_spawn(struct vow_component *component, struct vow_error *error)
{
    struct spawning s CLEAN_SPAWNING = {
        .component = component, .socket = {-1, -1}, .report = {-1, -1}};
    struct err err;
    memset(&err, 0, sizeof err); /* gcc -Oz copies zeros for "= {0}" */
    int code = prepare(&s, &err);
    if (code < 0)
        return public_fail(error, &err, code);
    struct err lost = err; /* with best effort */
    pid_t pid = fork();
    if (pid == 0)
        child_run(&s);
    if (pid < 0)
        return public_fail(error, &err, err_set(&err, -errno, "fork: %s", strerror(errno)));
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    code = parent_wait(&s, pid, &err);
    if (code < 0) {
        clean_fd(&pidfd);
        return public_fail(error, &err, code);
    }
    component->pid = pid;
    component->pidfd = pidfd;
    component->socket = take_fd(&s.socket[0]);
    public_tell(error, &lost);
    return 0;
}
