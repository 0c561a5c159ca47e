/* pty: two sides of a line (line.h): the master, which is keyboard and screen, and
 * the slave, which programs have as their terminal.
 *
 * The pty lives while a file of it is open; its name, while the master is. */
#include "box/broker/tty/pty.h"

#include <asm/termbits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "box/broker/async.h"
#include "box/broker/calls.h"
#include "box/broker/tty/line.h"
#include "box/broker/tty/terminal.h"

enum { PTYS_MAX = 256, TENTH = 100000000, SPEED = 38400 }; /* TENTH: of a second */

struct pty {
    struct terminal terminal;
    struct line line;
    struct queue changed;
    unsigned index, masters, slaves; /* open files */
    bool locked, had_slave;
    bool packets;
    uint8_t status; /* of packets: what has not been told yet */
    struct winsize size;
    int64_t last_input;
    struct node *node; /* of the slave, held; NULL when the master is gone */
};

static struct pty *ptys[PTYS_MAX];
extern const struct file_ops pty_slave_ops;
static const struct file_ops master_ops;

static struct pty *of(const struct file *f)
{
    return f->data;
}

static void maybe_free(struct pty *p)
{
    if (p->masters || p->slaves)
        return;
    terminal_remove(&p->terminal);
    queue_free(&p->changed);
    ptys[p->index] = NULL;
    free(p);
}

/* The slave ----------------------------------------------------------------------------*/

/* Of a read without editing: how many bytes it wants at least. */
static long wanted(const struct pty *p, size_t size)
{
    size_t least = p->line.settings.keys[VMIN];
    return (long)(least < size ? least : size);
}

/* VMIN and VTIME: true if the read ends with what there is. */
static bool is_enough(struct thread *t, struct pty *p, size_t size)
{
    int64_t time = p->line.settings.keys[VTIME] * (int64_t)TENTH;
    long have = line_can_read(&p->line), least = wanted(p, size);
    if (p->line.settings.local & ICANON)
        return have >= 0;
    have = have < 0 ? 0 : have;
    if ((least == 0 && time == 0) || (have >= least && have > 0))
        return true;
    if (time == 0 || (least > 0 && have == 0))
        return false;
    if (wait_timed_out(t) && (least == 0 || time_now() >= p->last_input + time))
        return true;
    if (least > 0)
        wait_until(t, p->last_input + time);
    else if (!wait_has_limit(t))
        wait_until(t, time_now() + time);
    return false;
}

static int64_t read_slave(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    struct pty *p = of(f);
    int64_t result = terminal_may(t, &p->terminal, SIGTTIN);
    (void)at;
    if (result != 0 || size == 0)
        return result;
    if (!is_enough(t, p, size)) {
        if (!p->masters)
            return 0;
        return file_waits(f) ? wait_on(t, &p->changed) : -EAGAIN;
    }
    size_t n = line_read(&p->line, to, size);
    queue_wake(&p->changed);
    return (int64_t)n;
}

static int64_t write_slave(struct thread *t, struct file *f, const void *from, size_t size,
                           uint64_t *at)
{
    struct pty *p = of(f);
    int64_t result = p->line.settings.local & TOSTOP ? terminal_may(t, &p->terminal, SIGTTOU) : 0;
    (void)at;
    if (result != 0)
        return result;
    if (!p->masters)
        return -EIO;
    size_t n = line_print(&p->line, from, size);
    if (n == 0 && size)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_on(t, &p->changed);
    queue_wake(&p->changed);
    async_tell(&master_ops, p, POLL_IN);
    return (int64_t)n;
}

static int poll_slave(struct thread *t, struct file *f)
{
    struct pty *p = of(f);
    const uint8_t *keys = p->line.settings.keys;
    long have = line_can_read(&p->line);
    if (t)
        wait_on(t, &p->changed);
    if (!p->masters)
        return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLERR;
    bool raw = !(p->line.settings.local & ICANON);
    bool readable = raw && !keys[VTIME] && keys[VMIN] ? have >= keys[VMIN] : have >= 0;
    return (readable ? POLLIN | POLLRDNORM : 0) |
           (p->line.out_used < LINE_OUTPUT / 2 && !p->line.stopped ? POLLOUT | POLLWRNORM : 0);
}

static void release_slave(struct file *f)
{
    struct pty *p = of(f);
    p->slaves--;
    queue_wake(&p->changed);
    maybe_free(p);
}

/* The master ---------------------------------------------------------------------------*/

static int64_t read_packet(struct pty *p, uint8_t *to, size_t size)
{
    to[0] = p->status;
    size_t n = p->status ? 0 : line_take_output(&p->line, to + 1, size - 1);
    p->status = 0;
    queue_wake(&p->changed);
    return (int64_t)n + 1;
}

static int64_t read_master(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    struct pty *p = of(f);
    (void)at;
    if (size == 0)
        return 0;
    bool any = p->line.out_used > 0 || (p->packets && p->status);
    if (!any && p->had_slave && !p->slaves)
        return -EIO;
    if (!any)
        return file_waits(f) ? wait_on(t, &p->changed) : -EAGAIN;
    if (p->packets)
        return read_packet(p, to, size);
    size_t n = line_take_output(&p->line, to, size);
    queue_wake(&p->changed);
    return (int64_t)n;
}

static int64_t write_master(struct thread *t, struct file *f, const void *from, size_t size,
                            uint64_t *at)
{
    struct pty *p = of(f);
    const uint8_t *bytes = from;
    size_t done = 0;
    uint64_t sent = 0; /* signals: they would not count */
    (void)at;
    bool was_stopped = p->line.stopped;
    size_t shown = p->line.out_used;
    for (; done < size && line_room(&p->line) > 0; done++) {
        int signal = line_typed(&p->line, bytes[done]);
        if (signal && p->terminal.foreground && !(sent >> signal & 1))
            signal_send_group(p->terminal.foreground, signal);
        sent |= (uint64_t)(signal != 0) << signal;
        if (signal && !(p->line.settings.local & NOFLSH))
            p->status |= TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE;
    }
    if (was_stopped != p->line.stopped)
        p->status |= p->line.stopped ? TIOCPKT_STOP : TIOCPKT_START;
    if (done == 0 && size)
        return f->flags & O_NONBLOCK ? -EAGAIN : wait_on(t, &p->changed);
    p->last_input = time_now();
    queue_wake(&p->changed);
    if (line_can_read(&p->line) >= 0)
        async_tell(&pty_slave_ops, p, POLL_IN);
    if (p->line.out_used > shown)
        async_tell(&master_ops, p, POLL_IN);
    return (int64_t)done;
}

static int poll_master(struct thread *t, struct file *f)
{
    struct pty *p = of(f);
    bool any = p->line.out_used > 0 || (p->packets && p->status);
    if (t)
        wait_on(t, &p->changed);
    return (any ? POLLIN | POLLRDNORM : 0) | (p->packets && p->status ? POLLPRI : 0) |
           (line_room(&p->line) > 0 ? POLLOUT | POLLWRNORM : 0) |
           (p->had_slave && !p->slaves ? POLLHUP : 0);
}

static void release_master(struct file *f)
{
    struct pty *p = of(f);
    if (--p->masters > 0)
        return;
    memory_fs_remove_pts(p->index);
    p->node->data = NULL;
    node_drop(p->node);
    p->node = NULL;
    terminal_hang_up(&p->terminal);
    queue_wake(&p->changed);
    maybe_free(p);
}

/* Settings -------------------------------------------------------------------------------*/

struct settings2 {
    struct line_settings settings;
    uint32_t speeds[2];
};
_Static_assert(sizeof(struct line_settings) == 36, "struct termios of the kernel");
_Static_assert(sizeof(struct settings2) == 44, "struct termios2");

static int64_t get_settings(struct thread *t, const struct pty *p, uint32_t request,
                            uint64_t argument)
{
    const struct settings2 s = {p->line.settings, {SPEED, SPEED}};
    return call_put(t, argument, &s, request == TCGETS ? sizeof s.settings : sizeof s);
}

static int64_t set_settings(struct thread *t, struct pty *p, bool flush, uint64_t argument)
{
    struct line_settings to;
    int64_t result = terminal_may(t, &p->terminal, SIGTTOU);
    if (result == 0)
        result = call_get(t, argument, &to, sizeof to);
    if (result != 0)
        return result;
    if (flush)
        line_flush_input(&p->line);
    line_set(&p->line, &to);
    queue_wake(&p->changed);
    return 0;
}

static int64_t set_size(struct thread *t, struct pty *p, uint64_t argument)
{
    struct winsize to;
    if (call_get(t, argument, &to, sizeof to) != 0)
        return -EFAULT;
    bool differs = memcmp(&to, &p->size, sizeof to) != 0;
    p->size = to;
    if (differs && p->terminal.foreground)
        signal_send_group(p->terminal.foreground, SIGWINCH);
    return 0;
}

static int64_t flush(struct pty *p, uint64_t which)
{
    if (which > TCIOFLUSH)
        return -EINVAL;
    if (which != TCOFLUSH)
        line_flush_input(&p->line), p->status |= TIOCPKT_FLUSHREAD;
    if (which != TCIFLUSH)
        line_flush_output(&p->line), p->status |= TIOCPKT_FLUSHWRITE;
    queue_wake(&p->changed);
    return 0;
}

/* tcflow(3): of the output. */
static int64_t stop_or_go(struct pty *p, uint64_t how)
{
    if (how > TCION)
        return -EINVAL;
    if (how <= TCOON) {
        line_stop(&p->line, how == TCOOFF);
        p->status |= p->line.stopped ? TIOCPKT_STOP : TIOCPKT_START;
        queue_wake(&p->changed);
    }
    return 0;
}

static int64_t put_int(struct thread *t, uint64_t argument, long value)
{
    int out = (int)value;
    return call_put(t, argument, &out, sizeof out);
}

/* What both sides have. */
static int64_t ioctl_both(struct thread *t, struct file *f, uint32_t request, uint64_t argument,
                          bool outside)
{
    struct pty *p = of(f);
    switch (request) {
    case TCGETS:
    case TCGETS2: return get_settings(t, p, request, argument);
    case TCSETS:
    case TCSETSW:
    case TCSETS2:
    case TCSETSW2: return set_settings(t, p, false, argument);
    case TCSETSF:
    case TCSETSF2: return set_settings(t, p, true, argument);
    case TIOCGWINSZ: return call_put(t, argument, &p->size, sizeof p->size);
    case TIOCSWINSZ: return set_size(t, p, argument);
    case TCFLSH: return flush(p, argument);
    case TCXONC: return stop_or_go(p, argument);
    case TCSBRK:
    case TCSBRKP: return 0;
    case TIOCGETD: return put_int(t, argument, 0);
    case TIOCGEXCL: return put_int(t, argument, 0);
    }
    return terminal_ioctl(t, &p->terminal, request, argument, outside);
}

static int64_t ioctl_slave(struct thread *t, struct file *f, uint32_t request, uint64_t argument)
{
    struct pty *p = of(f);
    long have = line_can_read(&p->line);
    switch (request) {
    case FIONREAD: return put_int(t, argument, have < 0 ? 0 : have);
    case TIOCOUTQ: return put_int(t, argument, 0);
    case TIOCSTI: return -EIO;
    }
    if (!p->masters)
        return -EIO;
    return ioctl_both(t, f, request, argument, false);
}

static int slave_file(struct thread *t, struct pty *p, uint32_t flags, struct file **out);

static int64_t open_peer(struct thread *t, struct pty *p, uint64_t flags)
{
    struct file *f;
    int result = slave_file(t, p, (uint32_t)flags, &f);
    return result ? result : fd_put(t, f, 0, flags & O_CLOEXEC);
}

static int64_t send_signal(struct pty *p, uint64_t signal)
{
    if (signal != SIGINT && signal != SIGQUIT && signal != SIGTSTP)
        return -EINVAL;
    if (p->terminal.foreground)
        signal_send_group(p->terminal.foreground, (int)signal);
    return 0;
}

static int64_t ioctl_master(struct thread *t, struct file *f, uint32_t request, uint64_t argument)
{
    struct pty *p = of(f);
    int value;
    switch (request) {
    case FIONREAD: return put_int(t, argument, (long)p->line.out_used);
    case TIOCGPTN: return put_int(t, argument, p->index);
    case TIOCGPTLCK: return put_int(t, argument, p->locked);
    case TIOCGPKT: return put_int(t, argument, p->packets);
    case TIOCGPTPEER: return open_peer(t, p, argument);
    case TIOCSIG: return send_signal(p, argument);
    case TIOCSPTLCK:
    case TIOCPKT:
        if (call_get(t, argument, &value, sizeof value) != 0)
            return -EFAULT;
        if (request == TIOCSPTLCK)
            p->locked = value;
        else
            p->packets = value, p->status = 0;
        return 0;
    }
    return ioctl_both(t, f, request, argument, true);
}

/* Opening --------------------------------------------------------------------------------*/

const struct file_ops pty_slave_ops = {.read = read_slave,
                                       .write = write_slave,
                                       .poll = poll_slave,
                                       .ioctl = ioctl_slave,
                                       .release = release_slave};
static const struct file_ops master_ops = {.read = read_master,
                                           .write = write_master,
                                           .poll = poll_master,
                                           .ioctl = ioctl_master,
                                           .release = release_master};

bool pty_is(const struct file *f)
{
    return f->ops == &pty_slave_ops || f->ops == &master_ops;
}

uint32_t pty_foreground(const struct file *f)
{
    return f->ops == &pty_slave_ops ? of(f)->terminal.foreground : 0;
}

int pty_index(const struct file *f)
{
    return f->ops == &pty_slave_ops ? (int)of(f)->index : -1;
}

static int slave_file(struct thread *t, struct pty *p, uint32_t flags, struct file **out)
{
    if (!p->masters || p->locked)
        return -EIO;
    *out = file_new(&pty_slave_ops, flags & (O_ACCMODE | O_NONBLOCK), node_hold(p->node), p);
    if (!*out)
        return -ENOMEM;
    p->slaves++;
    p->had_slave = true;
    const struct process *self = t->process;
    if (!(flags & O_NOCTTY) && self->session == self->pid && !terminal_of(self) &&
        !p->terminal.session)
        terminal_take(t, &p->terminal, false);
    queue_wake(&p->changed);
    return 0;
}

int pty_open_slave(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    struct pty *p = n->data;
    return p ? slave_file(t, p, flags, out) : -EIO;
}

/* By way of /dev/tty. */
static int open_own(struct terminal *term, uint32_t flags, struct file **out)
{
    struct pty *p = (struct pty *)term;
    if (!p->masters)
        return -EIO;
    *out = file_new(&pty_slave_ops, flags & (O_ACCMODE | O_NONBLOCK), node_hold(p->node), p);
    p->slaves += *out != NULL;
    return *out ? 0 : -ENOMEM;
}

int pty_open_master(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    unsigned index = 0;
    while (index < PTYS_MAX && ptys[index])
        index++;
    struct pty *p = index < PTYS_MAX ? calloc(1, sizeof *p) : NULL;
    if (!p)
        return index < PTYS_MAX ? -ENOMEM : -ENOSPC;
    p->node = memory_fs_add_pts(t->process, index);
    *out =
        p->node ? file_new(&master_ops, flags & (O_ACCMODE | O_NONBLOCK), node_hold(n), p) : NULL;
    if (!*out) {
        if (p->node) {
            memory_fs_remove_pts(index);
            node_drop(p->node);
        }
        free(p);
        return -ENOMEM;
    }
    p->node->data = p;
    p->index = index;
    p->masters = 1;
    p->locked = true;
    p->terminal.open = open_own;
    line_start(&p->line);
    terminal_add(&p->terminal);
    ptys[index] = p;
    return 0;
}
