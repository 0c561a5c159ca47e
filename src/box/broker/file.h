/* file: open files and the tables of descriptors. */
#ifndef VOW_BOX_FILE_H
#define VOW_BOX_FILE_H

#include <fcntl.h>

#include "box/broker/wait.h"

enum { FDS_MAX = 1024 };

struct file;
struct file_ops {
    /* read, write: at *offset, which they move; both may answer ANSWER_WAIT after
     * wait_on. `more`: part of a read that has got something already. */
    int64_t (*read)(struct thread *t, struct file *f, void *to, size_t size, uint64_t *offset);
    int64_t (*write)(struct thread *t, struct file *f, const void *from, size_t size,
                     uint64_t *offset);
    /* poll: poll(2)'s bits that hold now; registers the thread on the queues that
     * change them, if there is one. */
    int (*poll)(struct thread *t, struct file *f);
    int64_t (*ioctl)(struct thread *t, struct file *f, uint32_t request, uint64_t argument);
    /* edges: grows whenever something comes that a poller may wait for; NULL:
     * what poll answers is all there is to know. For EPOLLET. */
    uint32_t (*edges)(const struct file *f);
    /* release: the last descriptor is closed. */
    void (*release)(struct file *f);
    bool seekable;
    const char *name; /* of one without a node, in /proc/PID/fd */
};

struct file {
    const struct file_ops *ops;
    unsigned references;
    uint32_t flags; /* O_x: access mode and status flags */
    uint64_t offset;
    struct node *node;         /* held; NULL: none */
    void *data;                /* of the kind */
    struct interest *watchers; /* of epolls, which do not hold it */
    bool more;                 /* a read or write goes on: a read must not wait */
    bool goes_on;              /* and will */
    struct async *async;       /* async.c; NULL: nobody is to be told */
    bool write_end;
    uint32_t published; /* its index there; 0: none */
    bool shares_offset; /* guests move it, too: `offset` is not used (file_offset) */
};

struct fd_table {
    struct fd_table *next; /* of those whose processes can claim (claim.h) */
    unsigned count;        /* all used ones lie below */
    unsigned limit;        /* RLIMIT_NOFILE */
    bool may_claim;        /* every file can be read by its process */
    uint32_t place;        /* where guests can read it; 0: nowhere */
    struct file *files[FDS_MAX];
    bool close_on_exec[FDS_MAX];
};

/* file_waits: does a read or write wait for what is not there yet? */
static inline bool file_waits(const struct file *f)
{
    return !(f->flags & O_NONBLOCK) && !f->more;
}
/* file_new: one reference; takes over the node's. NULL: no memory. */
struct file *file_new(const struct file_ops *ops, uint32_t flags, struct node *node, void *data);
struct file *file_hold(struct file *f);
/* file_offset: where it stands. file_move: it stood at `from` and stands at `to`;
 * false if somebody else moved it meanwhile. */
uint64_t file_offset(const struct file *f);
bool file_move(struct file *f, uint64_t from, uint64_t to);
void file_drop(struct file *f);

/* Tables: fds.c. */
struct fd_table *fds_new(void);
struct fd_table *fds_copy(struct fd_table *from);
/* fds_drop: of a process that has ended. Its place is the caller's to drop. */
void fds_drop(struct process *p);
void fds_exec(struct process *p);
/* fds_file: NULL: there is none. fds_next: the first one from `fd` on, FDS_MAX if there
 * is none. fds_set: a number that is free. */
struct file *fds_file(struct fd_table *fds, uint64_t fd);
unsigned fds_next(struct fd_table *fds, unsigned fd);
void fds_set(struct fd_table *fds, unsigned fd, struct file *f, bool close_on_exec);
/* fd_file: of a thread's descriptor; NULL: -EBADF. */
struct file *fd_file(const struct thread *t, uint64_t fd);
/* fd_room: is a number free? 0, -EMFILE. */
int fd_room(const struct thread *t);
/* fd_put: the lowest free number from `from` on gets the file, whose reference it
 * takes over; -EMFILE. */
int fd_put(struct thread *t, struct file *f, unsigned from, bool close_on_exec);

/* epoll_forget: the file goes away, and with it all interest in it. */
void epoll_forget(struct file *f);

/* The kinds. */
int pipe_new(struct file *ends[2], uint32_t flags);
/* pipe_used, pipe_room: bytes that can be read and written now. pipe_is_over: it is
 * empty, and nobody will write. pipe_peek, pipe_skip: of what is used. */
size_t pipe_used(const struct file *f);
size_t pipe_room(const struct file *f);
bool pipe_is_over(const struct file *f);
void pipe_peek(const struct file *f, void *to, size_t size);
void pipe_skip(struct file *f, size_t size);
/* pipe_size, pipe_set_size: of F_GETPIPE_SZ and F_SETPIPE_SZ; the size, or -errno. */
int64_t pipe_size(const struct file *f);
int64_t pipe_set_size(struct file *f, uint32_t wanted);
/* fifo_open: a named pipe. */
int fifo_open(struct node *n, struct thread *t, uint32_t flags, struct file **out);
struct file *host_file_new(int fd, uint32_t flags);
bool host_file_is_tty(const struct file *f);
/* socket_ino: the number that stands for a socket in /proc and stat. */
uint32_t socket_ino(const struct file *f);
extern const struct file_ops socket_ops, regular_ops, directory_ops, null_ops, zero_ops, full_ops,
    random_ops, pipe_ops, host_ops, event_ops, epoll_ops, text_ops, timerfd_ops, signalfd_ops,
    mqueue_ops, pidfd_ops, inotify_ops;

/* mqueue_closed: a process closed a descriptor: it is told of no messages any more. */
void mqueue_closed(const struct process *p, const struct file *f);
/* file_set_text: a file that reads as these bytes, which it takes over. */
struct text {
    char *at;
    size_t size;
};

#endif
