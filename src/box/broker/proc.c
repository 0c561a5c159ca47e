/* proc: /proc. Nodes are made when somebody looks, from what the broker knows;
 * text is made at open. Whoever lacks a file here: add a row to the table. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/net/interface.h"
#include "box/broker/node.h"
#include "box/broker/proc.h"
#include "box/broker/static_fs.h"
#include "box/broker/tty/pty.h"
#include "box/broker/where.h"

enum { DEVICE = 21, PROC_ROOT_INO = 1 };

struct proc_node {
    struct node node;
    enum proc_kind kind;
    uint32_t pid;
    unsigned fd; /* or the thread of /proc/PID/task, or 0 */
};

struct row {
    const char *name;
    enum proc_kind kind;
};
static const struct row in_root[] = {
    {"self", SELF},     {"cpuinfo", CPUINFO},    {"meminfo", MEMINFO},
    {"uptime", UPTIME}, {"loadavg", LOADAVG},    {"version", VERSION},
    {"stat", SYS_STAT}, {"mounts", MOUNTS_LINK}, {"filesystems", FILESYSTEMS},
    {"sys", SYS_DIR},   {"net", NET_DIR},        {"thread-self", THREAD_SELF},
};
static const struct row in_process[] = {
    {"fd", FD_DIR},
    {"exe", EXE},
    {"cwd", CWD},
    {"root", ROOT_LINK},
    {"status", STATUS},
    {"stat", STAT},
    {"statm", STATM},
    {"cmdline", CMDLINE},
    {"comm", COMM},
    {"mounts", MOUNTS},
    {"cgroup", CGROUP},
    {"net", NET_DIR},
    {"fdinfo", FDINFO_DIR},
    {"limits", LIMITS_TEXT},
    {"maps", MAPS},
    {"environ", ENVIRON},
    {"mountinfo", MOUNTINFO},
    {"oom_score", ZERO},
    {"oom_score_adj", ZERO},
    {"loginuid", NOBODY},
    {"sessionid", NOBODY},
    {"task", TASK_DIR}, /* the last: a thread has none */
};
static const struct node_ops proc_ops;
static struct proc_node root = {
    .node = {.ops = &proc_ops, .references = 1, .ino = PROC_ROOT_INO, .type = S_IFDIR}};

struct node *proc_root(void)
{
    return &root.node;
}

static const struct proc_node *of(const struct node *n)
{
    return (const struct proc_node *)n;
}

static uint32_t type_of(enum proc_kind kind)
{
    if (kind >= TEXT)
        return S_IFREG;
    return kind == SELF || kind == THREAD_SELF || kind == FD || kind == EXE || kind == CWD ||
                   kind == ROOT_LINK || kind == MOUNTS_LINK
               ? S_IFLNK
               : S_IFDIR;
}

static int new (enum proc_kind kind, uint32_t pid, unsigned fd, struct node **out)
{
    struct proc_node *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->node = (struct node){.ops = &proc_ops,
                            .references = 1,
                            .ino = 2 + (pid << 12 | (uint32_t)kind << 6 | (fd & 63)),
                            .type = type_of(kind)};
    p->kind = kind;
    p->pid = pid;
    p->fd = fd;
    *out = &p->node;
    return 0;
}

static void release(struct node *n)
{
    free(n);
}

static int attr(struct node *n, struct store_attr *out)
{
    const struct process *p = task_find(of(n)->pid);
    uint32_t mode = n->type == S_IFDIR ? 0555 : n->type == S_IFLNK ? 0777 : 0444;
    *out =
        (struct store_attr){.ino = n->ino, .mode = n->type | mode, .nlink = 1, .block_size = 1024};
    if (p) {
        out->uid = p->cred.euid;
        out->gid = p->cred.egid;
    }
    return 0;
}

/* Lookup ---------------------------------------------------------------------------------*/

static bool number(const char *text, size_t size, uint32_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || n > 99999999)
            return false;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (uint32_t)n;
    return size > 0 && (text[0] != '0' || size == 1);
}

/* The rows of a directory; false if it is not made of rows. */
static bool rows_of(const struct proc_node *d, const struct row **rows, size_t *count)
{
    enum proc_kind kind = d->kind;
    *rows = kind == ROOT ? in_root : in_process;
    *count = kind == ROOT ? ARRAY_COUNT(in_root) : ARRAY_COUNT(in_process) - (d->fd != 0);
    return kind == ROOT || kind == PROCESS;
}

static int new_of_row(enum proc_kind kind, const struct proc_node *d, struct node **out)
{
    if (kind != SYS_DIR)
        return new (kind, d->pid, d->fd, out);
    *out = node_hold(proc_sys_root());
    return 0;
}

static int lookup_row(const struct proc_node *d, const char *name, size_t size, struct node **out)
{
    const struct row *rows;
    size_t count;
    if (!rows_of(d, &rows, &count))
        return -ENOTDIR;
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].name) == size && memcmp(rows[i].name, name, size) == 0)
            return new_of_row(rows[i].kind, d, out);
    return -ENOENT;
}

static int lookup_net(const char *name, size_t size, struct node **out)
{
    for (unsigned i = 0; i < NET_FILES; i++)
        if (strlen(net_file_names[i]) == size && memcmp(net_file_names[i], name, size) == 0)
            return new (NET_TEXT, 0, i, out);
    return -ENOENT;
}

static int lookup(struct node *dir, const char *name, size_t size, struct node **out)
{
    const struct proc_node *d = of(dir);
    uint32_t n;
    if (size == 2 && memcmp(name, "..", 2) == 0) {
        if (d->kind == FD_DIR || d->kind == FDINFO_DIR || d->kind == TASK_DIR)
            return new (PROCESS, d->pid, d->fd, out);
        if (d->kind == PROCESS && d->fd)
            return new (TASK_DIR, d->pid, 0, out);
        *out = node_hold(&root.node);
        return 0;
    }
    switch (d->kind) {
    case ROOT:
        if (number(name, size, &n))
            return task_find(n) ? new (PROCESS, n, 0, out) : -ENOENT;
        return lookup_row(d, name, size, out);
    case PROCESS:
        if (!task_find(d->pid))
            return -ENOENT;
        return lookup_row(d, name, size, out);
    case TASK_DIR:
        if (!number(name, size, &n) || !task_find_thread(n) ||
            task_find_thread(n)->process->pid != d->pid)
            return -ENOENT;
        return new (PROCESS, d->pid, n, out);
    case FDINFO_DIR:
    case FD_DIR: {
        const struct process *p = task_find(d->pid);
        if (!p || !p->fds || !number(name, size, &n) || !fds_file(p->fds, n))
            return -ENOENT;
        return new (d->kind == FD_DIR ? FD : FDINFO, d->pid, n, out);
    }
    case NET_DIR: return lookup_net(name, size, out);
    default: return lookup_row(d, name, size, out);
    }
}

/* Listing --------------------------------------------------------------------------------*/

struct list {
    uint64_t *position, index;
    int (*take)(void *context, const struct store_entry *entry);
    void *context;
};

/* One entry, with its position behind the ones before. */
static int list(struct list *l, const char *name, uint32_t type)
{
    if (l->index++ < *l->position)
        return 0;
    struct store_entry e = {name, strlen(name), (uint32_t)l->index + 1, (uint8_t)(type >> 12),
                            l->index};
    int result = l->take(l->context, &e);
    if (result == 0)
        *l->position = l->index;
    return result;
}

static int list_rows(struct list *l, const struct proc_node *d)
{
    const struct row *rows;
    size_t count;
    int result = 0;
    for (unsigned i = 0; d->kind == NET_DIR && i < NET_FILES && result == 0; i++)
        result = list(l, net_file_names[i], S_IFREG);
    if (!rows_of(d, &rows, &count))
        return result;
    for (size_t i = 0; i < count && result == 0; i++)
        result = list(l, rows[i].name, type_of(rows[i].kind));
    return result;
}

/* The least number from `from` on that such a directory names, NONE if there is none. */
enum { NONE = UINT32_MAX };

static uint32_t next_process(uint32_t from)
{
    uint32_t least = NONE;
    for (const struct process *p = box.first; p; p = p->next)
        if (p->pid >= from && p->pid < least && !is_reaped(p))
            least = p->pid;
    return least;
}

static uint32_t next_thread(const struct process *p, uint32_t from)
{
    uint32_t least = NONE;
    for (const struct thread *t = p ? p->threads : NULL; t; t = t->next)
        if (t->tid >= from && t->tid < least)
            least = t->tid;
    return least;
}

static uint32_t next_file(const struct process *p, uint32_t from)
{
    uint32_t fd = p && p->fds ? fds_next(p->fds, from) : FDS_MAX;
    return fd < FDS_MAX ? fd : NONE;
}

static uint32_t next_of(const struct proc_node *d, uint32_t from)
{
    switch (d->kind) {
    case ROOT: return next_process(from);
    case TASK_DIR: return next_thread(task_find(d->pid), from);
    case FD_DIR:
    case FDINFO_DIR: return next_file(task_find(d->pid), from);
    default: return NONE;
    }
}

/* Positions are the numbers themselves: who closes descriptors while it lists them
 * misses none. */
static int list_numbers(struct list *l, const struct proc_node *d)
{
    char name[16];
    int result = 0;
    uint32_t type = d->kind == FD_DIR ? S_IFLNK : d->kind == FDINFO_DIR ? S_IFREG : S_IFDIR;
    uint64_t rows = l->index;
    uint32_t from = *l->position > rows ? (uint32_t)(*l->position - rows) : 0, n;
    while (result == 0 && (n = next_of(d, from)) != NONE) {
        snprintf(name, sizeof name, "%u", n);
        l->index = rows + n;
        result = list(l, name, type);
        from = n + 1;
    }
    return result;
}

static int readdir(struct node *dir, uint64_t *position,
                   int (*take)(void *context, const struct store_entry *entry), void *context)
{
    const struct proc_node *d = of(dir);
    struct list l = {position, 0, take, context};
    int result = list(&l, ".", S_IFDIR);
    if (result == 0)
        result = list(&l, "..", S_IFDIR);
    if (result == 0)
        result = list_rows(&l, d);
    return result ? result : list_numbers(&l, d);
}

/* Links ----------------------------------------------------------------------------------*/

static const struct process *process_of(const struct proc_node *p)
{
    return task_find(p->pid);
}

static void file_name(struct str *out, const struct seen *from, const struct file *f)
{
    if (f->ops == &pipe_ops && !f->node)
        str_addf(out, "pipe:[%u]", (uint32_t)((uintptr_t)f->data >> 4));
    else if (f->ops == &socket_ops)
        str_addf(out, "socket:[%u]", socket_ino(f));
    else if (f->ops == &host_ops)
        str_add(out, host_file_is_tty(f) ? "/dev/tty" : "pipe:[1]");
    else if (pty_index(f) >= 0)
        str_addf(out, "/dev/pts/%d", pty_index(f));
    else if (f->node)
        path_add(f->node, from, out);
    else
        str_add(out, f->ops->name ? f->ops->name : "anon_inode:[unknown]");
}

static const char *row_name(const struct row *rows, size_t count, enum proc_kind kind)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].kind == kind)
            return rows[i].name;
    return NULL;
}

static void add_path(const struct node *n, struct str *out)
{
    const struct proc_node *p = of(n);
    bool of_fd = p->kind == FD || p->kind == FDINFO;
    str_add(out, "/proc");
    if (p->pid)
        str_addf(out, "/%u", p->pid);
    if (p->pid && p->fd && !of_fd)
        str_addf(out, "/task/%u", p->fd);
    const char *name = p->pid ? row_name(in_process, ARRAY_COUNT(in_process), p->kind)
                              : row_name(in_root, ARRAY_COUNT(in_root), p->kind);
    if (name)
        str_addf(out, "/%s", name);
    if (of_fd)
        str_addf(out, "/%s/%u", p->kind == FD ? "fd" : "fdinfo", p->fd);
    else if (p->kind == NET_TEXT && p->fd < NET_FILES)
        str_addf(out, "/net/%s", net_file_names[p->fd]);
}

static struct file *file_of(const struct proc_node *link)
{
    const struct process *p = process_of(link);
    return link->kind == FD && p && p->fds ? fds_file(p->fds, link->fd) : NULL;
}

int proc_process(const struct node *n, struct process **out)
{
    if (n->ops != &proc_ops || of(n)->kind != PROCESS || of(n)->fd)
        return -EBADF;
    *out = task_find(of(n)->pid);
    return *out ? 0 : -ESRCH;
}

struct file *proc_file(const struct node *n)
{
    return n->ops == &proc_ops ? file_of(of(n)) : NULL;
}

/* The object that a link leads to, if it is one with a name; NULL. */
static struct node *object_of(const struct proc_node *link)
{
    const struct process *p = process_of(link);
    const struct where *w = p ? where_of(p, link->fd) : NULL;
    switch (link->kind) {
    case EXE: return p ? p->exe : NULL;
    case CWD: return w ? w->cwd : NULL;
    case ROOT_LINK: return w ? w->root : NULL;
    case FD: return file_of(link) ? file_of(link)->node : NULL;
    default: return NULL;
    }
}

static int64_t readlink(struct node *n, struct thread *t, char *to, size_t size)
{
    const struct proc_node *link = of(n);
    const struct process *p = process_of(link);
    const struct seen from = {t->where->root, p && link->kind == EXE ? p->exe_name : NULL};
    CLEAN_STR struct str s = {0};
    if (link->kind == SELF)
        str_addf(&s, "%u", t->process->pid);
    else if (link->kind == THREAD_SELF)
        str_addf(&s, "%u/task/%u", t->process->pid, t->tid);
    else if (link->kind == MOUNTS_LINK)
        str_add(&s, "self/mounts");
    else if (file_of(link))
        file_name(&s, &from, file_of(link));
    else if (object_of(link))
        path_add(object_of(link), &from, &s);
    else
        return -ENOENT;
    size_t length = s.size < size ? s.size : size;
    memcpy(to, str_get(&s), length);
    return (int64_t)length;
}

bool proc_is_magic(const struct node *n)
{
    enum proc_kind kind = n->ops == &proc_ops ? of(n)->kind : TEXT;
    return kind == FD || kind == CWD || kind == EXE || kind == ROOT_LINK;
}

int proc_follow(struct node *n, struct thread *t, struct node **out)
{
    const struct proc_node *link = of(n);
    if (!proc_is_magic(n))
        return -EINVAL;
    (void)t;
    if (object_of(link))
        *out = node_hold(object_of(link));
    else if (file_of(link)) /* a pipe, the terminal: opened as what it is */
        *out = node_hold(n);
    else
        return -ENOENT;
    return 0;
}

/* Text -----------------------------------------------------------------------------------*/

/* A descriptor's file again: a new file on the same pipe would need its kind's
 * help, so it is the same open file. */
static int open_again(const struct proc_node *link, struct file **out)
{
    if (!file_of(link))
        return -ENOENT;
    if (file_of(link)->ops == &socket_ops)
        return -ENXIO;
    *out = file_hold(file_of(link));
    return 0;
}

/* What the shim knows of its process: it is asked for it, and the call made again. */
static int open_told(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    if (of(n)->pid != t->process->pid)
        return -EACCES;
    if (!t->told_all)
        return of(n)->kind == MAPS ? -WANTS_MAPS : -WANTS_ENVIRON;
    t->told_all = false;
    if (of(n)->kind == ENVIRON)
        return text_file(&t->told, n, flags, out);
    CLEAN_STR struct str text = {0};
    proc_add_maps(&text, t);
    str_free(&t->told);
    return text_file(&text, n, flags, out);
}

static int open_text(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    const struct proc_node *p = of(n);
    const struct process *process = process_of(p);
    CLEAN_STR struct str s = {0};
    if (p->kind == FD)
        return open_again(p, out);
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    if (p->pid && !process)
        return -ENOENT;
    if (p->kind == MAPS || p->kind == ENVIRON)
        return open_told(n, t, flags, out);
    if (p->kind == NET_TEXT)
        net_file_add(&s, (enum net_file)p->fd);
    else if (p->kind == FDINFO)
        proc_add_fdinfo(&s, process, p->fd);
    else if (p->pid)
        proc_add_process(&s, p->kind, process, p->fd);
    else
        proc_add_system(&s, p->kind);
    return text_file(&s, n, flags, out);
}

/* window, size, is it the end? */
int64_t box_tell(struct thread *t, struct call *c)
{
    enum { MOST = 2 << 20 };
    const char *from = call_window(t, c->a[0], c->a[1]);
    if (t->told_all)
        str_free(&t->told);
    t->told_all = false;
    if ((!from && c->a[1]) || t->told.size + c->a[1] > MOST) {
        str_free(&t->told);
        return -ENOMEM;
    }
    str_add_bytes(&t->told, from, c->a[1]);
    t->told_all = c->a[2];
    return 0;
}

static const struct node_ops proc_ops = {
    .attr = attr,
    .lookup = lookup,
    .readdir = readdir,
    .readlink = readlink,
    .open = open_text,
    .path = add_path,
    .release = release,
    .device = DEVICE,
};
