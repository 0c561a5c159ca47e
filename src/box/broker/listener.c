#include "box/broker/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box/broker/host.h"
#include "host/notify.h"

enum { GUEST_LISTENER = 0, PATIENCE_MS = 100, RESTART_CALL = 219 };

static bool is_of_the_shim(const struct notify_call *c)
{
    return c->ip - 1 >= SHIM_TEXT && c->ip - 1 < SHIM_TEXT_END;
}

/* The signal is there before the call returns, so the handler runs before the
 * next instruction of the guest. */
static void send_to_the_gate(const struct notify_call *c)
{
    if (c->audit != AUDIT_ARCH_X86_64)
        notify_deny(BROKER_LISTENER, c->id, ENOSYS);
    else if (is_of_the_shim(c)) /* a guest that jumped there, or a wait after SIGCONT */
        notify_deny(BROKER_LISTENER, c->id, c->nr == RESTART_CALL ? EINTR : ENOSYS);
    else if (syscall(SYS_tkill, c->pid, SIGSYS) == 0)
        notify_return(BROKER_LISTENER, c->id, c->nr);
}

static uint32_t listening; /* the thread has made the calls of its start */

static void *listen_for_calls(void *nothing)
{
    (void)nothing;
    __atomic_store_n(&listening, 1, __ATOMIC_SEQ_CST);
    host_wake(&listening);
    for (;;) {
        struct notify_call c;
        int result = notify_receive(BROKER_LISTENER, &c);
        if (result == 0)
            send_to_the_gate(&c);
        else if (result != -ENOENT && result != -EINTR)
            return NULL; /* the last guest is gone */
    }
}

/* Waits for a word of the channel to differ, for as long as the guest lives. */
static bool wait_for_guest(int guest, uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)guest, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid)
            return false;
        host_sleep(word, value, time_now() + PATIENCE_MS * INT64_C(1000000));
    }
    return true;
}

static int take_listener(int guest)
{
    int pidfd CLEAN_FD = (int)syscall(SYS_pidfd_open, guest, 0);
    int fd CLEAN_FD = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, GUEST_LISTENER, 0);
    if (fd < 0 || (fd != BROKER_LISTENER && dup3(fd, BROKER_LISTENER, O_CLOEXEC) < 0))
        return -errno;
    if (fd == BROKER_LISTENER)
        fd = -1; /* it stays */
    return 0;
}

/* The guest's first call beside the shim's closes its own listener: the one call
 * that ever goes on in the kernel. No code of a program has run yet. */
static int let_it_close(int guest)
{
    struct notify_call c;
    struct pollfd p = {BROKER_LISTENER, POLLIN, 0};
    if (ppoll(&p, 1, NULL, NULL) < 0)
        return -errno;
    if (!(p.revents & POLLIN))
        return -ECHILD;
    int result = notify_receive(BROKER_LISTENER, &c);
    if (result == 0 && (c.pid != guest || c.nr != SYS_close || c.args[0] != GUEST_LISTENER))
        result = -EPROTO;
    return result == 0 ? notify_continue(BROKER_LISTENER, c.id) : result;
}

int listener_start(int guest, struct err *err)
{
    uint32_t *word = &box.channel->listen;
    if (!wait_for_guest(guest, word, LISTEN_WANTED))
        return err_set(err, -EBUSY,
                       "the guests' filter cannot tell the broker of calls: that takes Linux 5.19, "
                       "and nobody outside who listens already (vow run --explain); leave out "
                       "'--host notify'");
    int result = take_listener(guest);
    if (result == 0)
        result = notify_open(BROKER_LISTENER, err);
    if (result == 0) {
        __atomic_store_n(word, LISTEN_TAKEN, __ATOMIC_SEQ_CST);
        host_wake(word);
        result = let_it_close(guest);
    }
    if (result == 0)
        result = host_thread(listen_for_calls, &listening);
    return result == 0 ? 0
                       : err_set(err, result, "cannot take the guests' listener over: %s",
                                 strerror(-result));
}
