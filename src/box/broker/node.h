/* node: an object with a name, whatever file system has it: the store, memory
 * (/dev, /dev/shm), or /proc. A node is in memory while somebody holds it. */
#ifndef VOW_BOX_NODE_H
#define VOW_BOX_NODE_H

#include <sys/stat.h>

#include "box/broker/file.h"

struct node_ops {
    int (*attr)(struct node *n, struct store_attr *out);
    int (*set_attr)(struct node *n, unsigned which, const struct store_attr *to);
    int (*lookup)(struct node *dir, const char *name, size_t size, struct node **out);
    int (*readdir)(struct node *dir, uint64_t *position,
                   int (*take)(void *context, const struct store_entry *entry), void *context);
    int64_t (*readlink)(struct node *n, struct thread *t, char *to, size_t size);
    int (*create)(struct node *dir, const char *name, size_t size, const struct store_new *what,
                  struct node **out);
    int (*link)(struct node *n, struct node *dir, const char *name, size_t size);
    int (*remove)(struct node *dir, const char *name, size_t size, bool directory);
    int (*rename)(struct node *from, const struct store_name *a, struct node *to,
                  const struct store_name *b, unsigned flags);
    /* Contents of a regular file. */
    int64_t (*read)(struct node *n, uint64_t offset, void *to, size_t size);
    int64_t (*write)(struct node *n, uint64_t offset, const void *from, size_t size);
    int (*truncate)(struct node *n, uint64_t size);
    int (*sync)(struct node *n);
    /* seek: the next data or hole; NULL: there are no holes. */
    int64_t (*seek)(struct node *n, uint64_t offset, bool hole);
    /* open: for what is not a regular file or directory. NULL: -ENXIO. */
    int (*open)(struct node *n, struct thread *t, uint32_t flags, struct file **out);
    /* directory: one of this file system, by number; NULL, as in a node without one:
     * nobody can say where a file is. path: appends where it is; NULL: look for it. */
    int (*directory)(uint32_t ino, struct node **out);
    void (*path)(const struct node *n, struct str *out);
    /* release: nobody holds it any more; frees it. */
    void (*release)(struct node *n);
    uint32_t device; /* st_dev */
    bool in_memory;  /* its files have no bytes but those in their windows */
};

struct node {
    const struct node_ops *ops;
    unsigned references;
    uint32_t ino;
    uint32_t type;         /* S_IFx */
    struct window *window; /* its pages in the arena, once mapped */
    struct locks *locks;
    void *data;
    uint32_t published; /* its index there; 0: none */
    uint32_t names;     /* first of its entries in the cache of names */
    uint32_t watches;   /* of inotify, which hold it */
    uint32_t directory; /* ino of the one it was last found in; 0: none */
    uint64_t next_page; /* where who reads on will read */
};

static inline struct node *node_hold(struct node *n)
{
    n->references++;
    return n;
}
void node_drop(struct node *n);

/* path_walk: from `dir` (AT_FDCWD or a descriptor): 0 and a held node.
 * `follow`: the last symbolic link, too. */
struct walk {
    uint64_t dir;
    const char *path;
    bool follow;
    uint32_t resolve; /* RESOLVE_x of openat2(2) */
    bool from_box;    /* the path starts at the box's root, not the thread's */
};
int path_walk(struct thread *t, const struct walk *w, struct node **out);
/* path_walk_parent: the directory, held, and the last name within w->path. */
struct last {
    struct node *dir;
    char name[256];
    size_t size;
    bool must_be_directory; /* a slash stood behind it */
};
int path_walk_parent(struct thread *t, const struct walk *w, struct last *out);
/* path_of: appends the path of a directory as seen from a root (NULL: the box's): 0,
 * -ENOENT: it has none; PATH_OUTSIDE: it does not lie below, so as seen from the box's. */
enum { PATH_OUTSIDE = 1 };
int path_of(struct node *dir, const struct node *root, struct str *out);
/* path_add: where a node is, as /proc/PID/fd tells it. */
struct seen {
    const struct node *root; /* from there; NULL: the box's */
    const char *was;         /* its name when it had one, or NULL */
};
void path_add(struct node *n, const struct seen *from, struct str *out);
/* node_is_named: in the directory where it was last found. */
bool node_is_named(const struct node *n, const char *name);
/* node_name_in: how something is called in a directory; -ENOENT. */
struct node_name {
    uint32_t ino; /* looked for */
    char name[256];
    size_t size;
};
int node_name_in(struct node *dir, const struct node *n, struct node_name *out);
/* node_may: -EACCES unless the process may read (4), write (2), search (1). */
int node_may(const struct process *p, struct node *n, int how);
/* node_read: a regular file's bytes as they are now, whoever maps it. */
int64_t node_read(struct node *n, uint64_t offset, void *to, size_t size);
int node_open(struct thread *t, struct node *n, uint32_t flags, struct file **out);

/* The file systems. */
int store_fs_node(uint32_t ino, struct node **out);
int memory_fs_start(void);
struct node *memory_fs_root(void); /* /dev */
/* memory_fs_new_file: one without a name, held; NULL: no memory. */
struct node *memory_fs_new_file(const struct process *p, uint32_t mode);
/* memory_fs_seal: of fcntl: adds, or tells. memory_fs_seals: of a node, 0: none. */
int64_t memory_fs_seal(struct file *f, bool adds, uint32_t seals);
uint32_t memory_fs_seals(const struct node *n);
/* memory_fs_add_pts: a name in /dev/pts, held; NULL: no memory. */
struct node *memory_fs_add_pts(const struct process *p, unsigned index);
void memory_fs_remove_pts(unsigned index);
struct node *proc_root(void);
/* proc_process: whose directory in /proc it is; -EBADF: it is none; -ESRCH. */
int proc_process(const struct node *n, struct process **out);
/* proc_file: the open file that a link of /proc/PID/fd stands for, or NULL. */
struct file *proc_file(const struct node *n);
/* proc_is_magic: a link of /proc that leads to an object, whatever its text says. */
bool proc_is_magic(const struct node *n);
/* proc_follow: what a link of /proc stands for; -EINVAL: its text says it. */
int proc_follow(struct node *n, struct thread *t, struct node **out);
bool store_fs_is_root(const struct node *n);
/* store_fs_commit: makes everything durable. store_fs_next_commit: when it is time
 * to do so, even if nobody asks; INT64_MAX: nothing changed. */
int store_fs_commit(void);
int64_t store_fs_next_commit(void);
/* store_fs_changed: its attributes changed, not by its operations. */
void store_fs_changed(struct node *n);
int store_fs_allocate(struct node *n, unsigned how, uint64_t offset, uint64_t size);

/* window.c: the bytes of a node that lie in the arena. */
struct window_part {
    uint64_t offset, size;
    bool shared; /* somebody may write there */
};
/* window_map: what BOX_MAP answers, or -errno. window_hold: a process has noted that it
 * maps it (arena_note). window_touch: what BOX_TOUCH answers. */
int64_t window_map(struct node *n, const struct window_part *part);
void window_hold(struct node *n);
int64_t window_touch(struct node *n, uint64_t arena, uint64_t size);
/* window_free: it has none any more. */
void window_free(struct node *n);
/* window_covers: they are what read and write see; window_read, window_write: those
 * that are there. window_grow: of a file that lives in memory: room to write. */
bool window_covers(const struct node *n);
void window_write(struct node *n, uint64_t offset, const void *from, size_t size);
int64_t window_read(struct node *n, uint64_t offset, void *to, size_t size);
int window_grow(struct node *n, uint64_t offset, uint64_t size);
void window_truncate(struct node *n, uint64_t size);
void window_zero(struct node *n, uint64_t offset, uint64_t size);
/* window_flush: what was written to shared mappings goes to the file. */
int window_flush(struct node *n);
/* arena_sync: of the node that has this place of the arena. */
int arena_sync(uint64_t arena);
void window_flush_all(void);

#endif
