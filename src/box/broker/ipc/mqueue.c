/* mqueue: POSIX message queues. They have names of their own, and descriptors. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "box/broker/calls.h"
#include "box/broker/node.h"
#include "box/broker/where.h"

enum {
    PRIORITIES = 32768,
    DEFAULT_COUNT = 10,
    DEFAULT_SIZE = 8192,
    COUNT_MAX = 1024,
    SIZE_MAX_ = 32768,
    BYTES_MAX = 8 << 20, /* of all queues */
    QUEUES_MAX = 256,
    NAME_ROOM = 256,
    SI_MESGQ_ = -3,
    NOTIFY_NONE = 1,
    NOTIFY_SIGNAL = 0,
};

/* struct mq_attr */
struct mq_attr_out {
    int64_t flags, count_max, size_max, count, unused[4];
};
_Static_assert(sizeof(struct mq_attr_out) == 64, "as calls.def says");

struct mq_message {
    struct mq_message *next;
    uint32_t priority;
    size_t size;
    uint8_t bytes[];
};

struct mqueue {
    struct mqueue *next;  /* of those with a name */
    char name[NAME_ROOM]; /* empty: it has none any more */
    unsigned files;
    uint32_t uid, gid, mode;
    int64_t count_max, size_max, count;
    struct mq_message *first;
    struct queue changed;
    /* mq_notify: */
    uint32_t notify_pid; /* 0: nobody */
    int notify_signal;
    uint64_t notify_value;
};

static struct mqueue *named;
static unsigned queue_count;
static uint64_t bytes_used;

static uint64_t bytes_of(const struct mqueue *q)
{
    return (uint64_t)q->count_max * (uint64_t)(q->size_max + (int64_t)sizeof(struct mq_message));
}

static void maybe_free(struct mqueue *q)
{
    if (q->files || q->name[0])
        return;
    while (q->first) {
        struct mq_message *m = q->first;
        q->first = m->next;
        free(m);
    }
    bytes_used -= bytes_of(q);
    queue_count--;
    queue_free(&q->changed);
    free(q);
}

static struct mqueue **find(const char *name)
{
    struct mqueue **at = &named;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

/* The file --------------------------------------------------------------------------------*/

static int64_t read_status(struct thread *t, struct file *f, void *to, size_t size, uint64_t *at)
{
    const struct mqueue *q = f->data;
    char text[128];
    uint64_t bytes = 0;
    (void)t;
    for (const struct mq_message *m = q->first; m; m = m->next)
        bytes += m->size;
    int length =
        snprintf(text, sizeof text, "QSIZE:%-10ju NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6u\n",
                 (uintmax_t)bytes, 0, q->notify_pid ? q->notify_signal : 0, q->notify_pid);
    if (*at >= (uint64_t)length)
        return 0;
    size_t n = (size_t)length - (size_t)*at < size ? (size_t)length - (size_t)*at : size;
    memcpy(to, text + *at, n);
    *at += n;
    return (int64_t)n;
}

static int poll_queue(struct thread *t, struct file *f)
{
    struct mqueue *q = f->data;
    if (t)
        wait_on(t, &q->changed);
    return (q->count ? POLLIN | POLLRDNORM : 0) |
           (q->count < q->count_max ? POLLOUT | POLLWRNORM : 0);
}

static void release_queue(struct file *f)
{
    struct mqueue *q = f->data;
    q->files--;
    maybe_free(q);
}

const struct file_ops mqueue_ops = {.read = read_status,
                                    .poll = poll_queue,
                                    .release = release_queue,
                                    .seekable = true,
                                    .name = "/dev/mqueue"};

void mqueue_closed(const struct process *p, const struct file *f)
{
    struct mqueue *q = f->ops == &mqueue_ops ? f->data : NULL;
    if (q && q->notify_pid == p->pid)
        q->notify_pid = 0;
}

/* Opening ----------------------------------------------------------------------------------*/

static int may_open(const struct process *p, const struct mqueue *q, uint32_t flags)
{
    static const uint32_t needs[4] = {4, 2, 6, 0};
    uint32_t bits = p->cred.euid == q->uid   ? q->mode >> 6
                    : p->cred.egid == q->gid ? q->mode >> 3
                                             : q->mode;
    uint32_t need = needs[flags & O_ACCMODE];
    return may_override(p) || (bits & need) == need ? 0 : -EACCES;
}

static int new_queue(struct thread *t, const char *name, const struct call *c, struct mqueue **out)
{
    struct mq_attr_out attr = {.count_max = DEFAULT_COUNT, .size_max = DEFAULT_SIZE};
    const struct process *p = t->process;
    if (c->a[3] && call_get(t, c->a[3], &attr, sizeof attr) != 0)
        return -EFAULT;
    int64_t most = may_override(p) ? COUNT_MAX : DEFAULT_COUNT;
    int64_t largest = may_override(p) ? SIZE_MAX_ : DEFAULT_SIZE;
    if (attr.count_max <= 0 || attr.size_max <= 0 || attr.count_max > most ||
        attr.size_max > largest)
        return -EINVAL;
    struct mqueue *q = queue_count < QUEUES_MAX ? calloc(1, sizeof *q) : NULL;
    if (!q)
        return queue_count < QUEUES_MAX ? -ENOMEM : -ENOSPC;
    q->count_max = attr.count_max;
    q->size_max = attr.size_max;
    if (bytes_used + bytes_of(q) > BYTES_MAX) {
        free(q);
        return -EMFILE;
    }
    bytes_used += bytes_of(q);
    queue_count++;
    memcpy(q->name, name, strlen(name) + 1); /* get_name saw that it fits */
    q->uid = p->cred.euid;
    q->gid = p->cred.egid;
    q->mode = (uint32_t)c->a[2] & 0777 & ~t->where->umask;
    q->next = named;
    named = q;
    *out = q;
    return 0;
}

static int get_name(struct thread *t, uint64_t at, char name[PATH_ROOM])
{
    int result = call_path(t, at, name);
    if (result != 0)
        return result;
    if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EACCES;
    return strlen(name) >= NAME_ROOM ? -ENAMETOOLONG : name[0] ? 0 : -ENOENT;
}

int64_t do_mq_open(struct thread *t, struct call *c)
{
    char name[PATH_ROOM];
    uint32_t flags = (uint32_t)c->a[1];
    int result = get_name(t, c->a[0], name);
    if (result != 0)
        return result;
    struct mqueue *q = *find(name);
    if (q && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    if (q)
        result = may_open(t->process, q, flags);
    else
        result = flags & O_CREAT ? new_queue(t, name, c, &q) : -ENOENT;
    if (result != 0)
        return result;
    struct file *f = file_new(&mqueue_ops, flags & (O_ACCMODE | O_NONBLOCK), NULL, q);
    if (!f)
        return -ENOMEM;
    q->files++;
    return fd_put(t, f, 0, flags & O_CLOEXEC);
}

int64_t do_mq_unlink(struct thread *t, struct call *c)
{
    char name[PATH_ROOM];
    int result = get_name(t, c->a[0], name);
    if (result != 0)
        return result;
    struct mqueue **at = find(name), *q = *at;
    if (!q)
        return -ENOENT;
    if (!may_override(t->process) && t->process->cred.euid != q->uid)
        return -EACCES;
    *at = q->next;
    q->name[0] = '\0';
    maybe_free(q);
    return 0;
}

/* Messages ---------------------------------------------------------------------------------*/

static int queue_of(struct thread *t, uint64_t fd, uint32_t wrong, struct file **out)
{
    struct file *f = fd_file(t, fd);
    if (!f || f->ops != &mqueue_ops || (f->flags & O_ACCMODE) == wrong)
        return -EBADF;
    *out = f;
    return 0;
}

/* The call waits, until a moment of the clock if it names one. */
static int64_t wait_for(struct thread *t, struct mqueue *q, const struct file *f, uint64_t until)
{
    int64_t limit;
    struct timespec now;
    if (f->flags & O_NONBLOCK)
        return -EAGAIN;
    if (wait_timed_out(t))
        return -ETIMEDOUT;
    if (until && !wait_has_limit(t)) {
        int64_t result = time_get(t, until, &limit);
        if (result != 0)
            return result;
        clock_gettime(CLOCK_REALTIME, &now);
        limit -= now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        if (limit <= 0)
            return -ETIMEDOUT;
        wait_until(t, time_now() + limit);
    }
    t->blocked_on = q;
    t->blocked_how = (int)t->call.nr;
    return wait_on(t, &q->changed);
}

static bool somebody_receives(const struct mqueue *q)
{
    for (const struct process *p = box.first; p; p = p->next)
        for (const struct thread *t = p->threads; t; t = t->next)
            if (t->busy && t->blocked_on == q && t->blocked_how == SYS_mq_timedreceive)
                return true;
    return false;
}

/* Of a message that came into an empty queue. */
static void notify(struct thread *t, struct mqueue *q)
{
    struct process *to = q->notify_pid ? task_find(q->notify_pid) : NULL;
    if (!q->notify_pid || somebody_receives(q))
        return;
    q->notify_pid = 0;
    if (to && q->notify_signal)
        signal_send(to, &(struct siginfo_short){.signal = q->notify_signal,
                                                .code = SI_MESGQ_,
                                                .pid = (int32_t)t->process->pid,
                                                .uid = (int32_t)t->process->cred.uid,
                                                .address = q->notify_value});
}

static int check_time(struct thread *t, uint64_t at)
{
    int64_t time;
    return at ? (int)time_get(t, at, &time) : 0;
}

int64_t do_mq_timedsend(struct thread *t, struct call *c)
{
    struct file *f;
    size_t size = c->a[2];
    int result = c->a[3] >= PRIORITIES ? -EINVAL : check_time(t, c->a[4]);
    if (result == 0)
        result = queue_of(t, c->a[0], O_RDONLY, &f);
    if (result != 0)
        return result;
    struct mqueue *q = f->data;
    if (size > (uint64_t)q->size_max)
        return -EMSGSIZE;
    if (q->count >= q->count_max)
        return wait_for(t, q, f, c->a[4]);
    struct mq_message *m = malloc(sizeof *m + size), **at = &q->first;
    if (!m || (size && call_get(t, c->a[1], m->bytes, size) != 0)) {
        free(m);
        return m ? -EFAULT : -ENOMEM;
    }
    m->priority = (uint32_t)c->a[3];
    m->size = size;
    while (*at && (*at)->priority >= m->priority)
        at = &(*at)->next;
    m->next = *at;
    *at = m;
    if (q->count++ == 0)
        notify(t, q);
    queue_wake(&q->changed);
    return 0;
}

int64_t do_mq_timedreceive(struct thread *t, struct call *c)
{
    struct file *f;
    int result = check_time(t, c->a[4]);
    if (result == 0)
        result = queue_of(t, c->a[0], O_WRONLY, &f);
    if (result != 0)
        return result;
    struct mqueue *q = f->data;
    struct mq_message *m = q->first;
    if ((int64_t)c->a[2] < q->size_max)
        return -EMSGSIZE;
    if (!m)
        return wait_for(t, q, f, c->a[4]);
    if ((m->size && call_put(t, c->a[1], m->bytes, m->size) != 0) ||
        (c->a[3] && call_put(t, c->a[3], &m->priority, sizeof m->priority) != 0))
        return -EFAULT;
    int64_t size = (int64_t)m->size;
    q->first = m->next;
    q->count--;
    free(m);
    queue_wake(&q->changed);
    return size;
}

/* struct sigevent's start */
struct notification {
    uint64_t value;
    int32_t signal, notify;
};

int64_t do_mq_notify(struct thread *t, struct call *c)
{
    struct notification n;
    struct file *f;
    if (c->a[1] && call_get(t, c->a[1], &n, sizeof n) != 0)
        return -EFAULT;
    if (c->a[1] && n.notify != NOTIFY_NONE && n.notify != NOTIFY_SIGNAL)
        return n.notify == SIGEV_THREAD ? -ENOSYS : -EINVAL;
    if (c->a[1] && n.notify == NOTIFY_SIGNAL && (n.signal < 1 || n.signal > SIGNALS))
        return -EINVAL;
    int result = queue_of(t, c->a[0], UINT32_MAX, &f);
    if (result != 0)
        return result;
    struct mqueue *q = f->data;
    if (!c->a[1]) {
        if (q->notify_pid == t->process->pid)
            q->notify_pid = 0;
        return 0;
    }
    if (q->notify_pid && task_find(q->notify_pid))
        return -EBUSY;
    q->notify_pid = t->process->pid;
    q->notify_signal = n.notify == NOTIFY_NONE ? 0 : n.signal;
    q->notify_value = n.value;
    return 0;
}

int64_t do_mq_getsetattr(struct thread *t, struct call *c)
{
    struct mq_attr_out to;
    struct file *f;
    if (c->a[1] && call_get(t, c->a[1], &to, sizeof to) != 0)
        return -EFAULT;
    if (c->a[1] && to.flags & ~(int64_t)O_NONBLOCK)
        return -EINVAL;
    int result = queue_of(t, c->a[0], UINT32_MAX, &f);
    if (result != 0)
        return result;
    const struct mqueue *q = f->data;
    struct mq_attr_out old = {.flags = f->flags & O_NONBLOCK,
                              .count_max = q->count_max,
                              .size_max = q->size_max,
                              .count = q->count};
    if (c->a[1])
        f->flags = (f->flags & ~(uint32_t)O_NONBLOCK) | (uint32_t)to.flags;
    return c->a[2] ? call_put(t, c->a[2], &old, sizeof old) : 0;
}
