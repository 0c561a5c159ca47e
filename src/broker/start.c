/* start: the broker's process, from the fork to its end.
 *
 * It is forked from a process that may have threads, so it makes system calls
 * and uses no memory but its own: no malloc, no stdio, no locks of the libc.
 * Its exit signal is 0: wait() does not see it. It holds back nothing of the
 * program: no descriptor, no working directory, no signal but SIGKILL and
 * SIGSTOP concerns it, and nobody may read its memory or trace it. */
#include "broker/broker.h"
#include "broker/filter.h"
#include "broker/perform.h"
#include "host/caps.h"
#include "host/child.h"
#include "host/direct.h"
#include "host/process.h"
#include "host/seccomp.h"
#include "host/sigaction.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* What the program tells its broker when the filter is loaded. */
struct handover {
    int32_t process, listener;
};

static bool kernel_ends_wait(void)
{
    struct utsname name;
    char *end;
    if (direct(uname, &name) < 0)
        return false;
    unsigned long long major = strtoull(name.release, &end, 10);
    return major > 6 || (major == 6 && *end == '.' && strtoull(end + 1, NULL, 10) >= 11);
}

/* serve: until nobody is left whom the filter holds. A kernel that ends the wait
 * for a call then (Linux 6.11) is not asked before. */
static void serve(struct broker *broker)
{
    struct pollfd listener = {broker->listener, POLLIN, 0};
    bool asks = !kernel_ends_wait();
    for (;;) {
        if (asks)
            poll(&listener, 1, -1);
        else
            listener.revents = 0;
        int code = listener.revents & POLLHUP
                       ? -ENOENT
                       : notify_receive(broker->listener, &broker->request.held);
        if (code == 0)
            perform(broker);
        else if (poll(&listener, 1, 0) == 1 && listener.revents & POLLHUP)
            return;
    }
}

/* confine: from here on only what a broker does. */
static int confine(void)
{
    struct insn filter[FILTER_ROOM];
    int code = process_no_new_privs();
    return code < 0 ? code : seccomp_load(filter, filter_broker(filter), false);
}

static int take_listener(struct broker *broker, const struct handover *handover)
{
    struct err err;
    const struct notify_call program = {.pid = handover->process};
    broker->listener = caller_descriptor(&program, handover->listener);
    return broker->listener < 0 ? broker->listener : notify_open(broker->listener, &err);
}

/* more_descriptors: each rule of each view holds one. */
static void more_descriptors(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static int prepare(struct broker *broker)
{
    more_descriptors();
    struct caller_identity *self = &broker->request.identity;
    struct notify_call me = {.pid = (pid_t)syscall(SYS_getpid)};
    if (direct(chdir, "/proc") < 0 || (broker->proc = open(".", O_PATH | O_CLOEXEC)) < 0)
        return -errno;
    if ((broker->root = open("/", O_PATH | O_CLOEXEC)) < 0)
        return -errno;
    broker->self = me.pid;
    int code = caller_identify(&me, self);
    broker->request.walk.root = broker->root;
    broker->request.walk.views = &broker->views;
    if (fstat(broker->root, &broker->request.walk.root_stat) < 0)
        return -errno;
    broker->request.walk.broker = broker->self;
    broker->request.walk.user = self->user;
    return code;
}

/* run: `socket` leads to the program; all else is closed. */
static int run(int socket)
{
    struct handover handover;
    struct signal_set all;
    memset(&all, 0xff, sizeof all);
    direct(rt_sigprocmask, SIG_SETMASK, &all, NULL, SIGNAL_SET_SIZE);
    host_sigaction(SIGCHLD, (signal_handler)(void (*)(void))SIG_IGN, 0, SIGNAL_BLOCK_NONE, NULL);
    if (dup2(socket, 0) < 0 || syscall(SYS_close_range, 1, ~0u, 0) < 0 ||
        direct(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    struct broker *broker =
        mmap(NULL, sizeof *broker, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (broker == MAP_FAILED)
        return -ENOMEM;
    int code = prepare(broker);
    if (direct(recvfrom, 0, &handover, sizeof handover, MSG_WAITALL, NULL, NULL) !=
        (int64_t)sizeof handover)
        return -EPIPE;
    if (code == 0 && !views_own(&broker->views, handover.process, false))
        code = -ENOMEM;
    if (code == 0)
        code = take_listener(broker, &handover);
    if (code == 0)
        code = confine();
    direct(sendto, 0, &code, sizeof code, MSG_NOSIGNAL, NULL, 0);
    close(0);
    if (code == 0)
        serve(broker);
    return code;
}

int broker_start(struct broker_link *link)
{
    int ends[2];
    int code = (int)direct(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    if (code < 0)
        return code;
    link->pid = child_clone(0);
    if (link->pid == 0)
        _exit(run(ends[1]) != 0);
    close(ends[1]);
    struct stat stat;
    link->socket = ends[0];
    link->inode = fstat(ends[0], &stat) == 0 ? stat.st_ino : 0;
    if (link->pid < 0)
        clean_fd(&link->socket);
    return link->pid < 0 ? link->pid : 0;
}

bool broker_waits(const struct broker_link *link)
{
    struct pollfd broker = {link->socket, POLLIN, 0};
    struct stat stat;
    return fstat(link->socket, &stat) == 0 && stat.st_ino == link->inode &&
           poll(&broker, 1, 0) == 0;
}

/* hand_over: until the broker has its own copy of the listener. */
static int hand_over(int socket, int listener)
{
    int code;
    const struct handover handover = {(int32_t)syscall(SYS_getpid), listener};
    /* By its own number: i386's libc would make a socketcall, which is held. */
    if (syscall(SYS_sendto, socket, &handover, sizeof handover, MSG_NOSIGNAL, NULL, 0) !=
            (long)sizeof handover ||
        read(socket, &code, sizeof code) != (ssize_t)sizeof code)
        return -EPIPE;
    return code;
}

int broker_serve(struct broker_link *link)
{
    struct insn filter[FILTER_ROOM];
    int socket CLEAN_FD = take_fd(&link->socket);
    direct(prctl, PR_SET_PTRACER, link->pid, 0, 0, 0); /* where there is Yama */
    int code = process_no_new_privs();
    if (code < 0)
        return code;
    int listener CLEAN_FD = seccomp_load(filter, filter_calls(filter, caps_has_any()), true);
    return listener < 0 ? listener : hand_over(socket, listener);
}
