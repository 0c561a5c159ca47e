/* exec: what the broker does when a guest replaces its program, and mapping. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "box/broker/arena.h"
#include "box/broker/calls.h"
#include "box/broker/host.h"
#include "box/broker/ipc/ids.h"
#include "box/broker/names.h"
#include "box/broker/task.h"
#include "box/broker/text.h"

enum { LINE = 256, PAGE = 4096 };

/* Reads "#!interpreter argument" of a script's first bytes. */
static int read_script(const char *head, size_t size, struct box_image *out)
{
    const char *end = memchr(head, '\n', size), *at = head + 2;
    if (!end)
        end = head + size;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    at += strspn(at, " \t");
    size_t name = strcspn(at, " \t\n");
    if (at >= end || name == 0 || at + name > end || name >= sizeof out->interpreter)
        return -ENOEXEC;
    out->is_script = 1;
    memcpy(out->interpreter, at, name);
    at += name;
    at += strspn(at, " \t");
    if (at < end) {
        out->argument_size = (uint32_t)(end - at);
        memcpy(out->argument, at, out->argument_size);
    }
    return 0;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int64_t box_exec_open(struct thread *t, struct call *c)
{
    struct process *p = t->process;
    struct box_image out = {0};
    struct file *f;
    struct node *n;
    char path[PATH_ROOM], head[BOX_HEAD] = "";
    int result = call_path(t, c->a[1], path);
    if (result == 0 && c->a[0] > 1)
        result = -EINVAL;
    if (result == 0)
        result = path_walk(t, &(struct walk){CWD, path, true, .from_box = c->a[3]}, &n);
    if (result != 0)
        return result;
    result = n->type != S_IFREG ? -EACCES : node_may(p, n, 1);
    int64_t size = result ? result : n->ops->read ? node_read(n, 0, head, BOX_HEAD) : -EACCES;
    if (size < 0) {
        node_drop(n);
        return size;
    }
    f = file_new(&regular_ops, O_RDONLY, n, NULL);
    if (!f)
        return -ENOMEM;
    if (p->exec_files[c->a[0]])
        file_drop(p->exec_files[c->a[0]]);
    p->exec_files[c->a[0]] = f;
    out.head_size = (uint32_t)size;
    if (size > 1 && head[0] == '#' && head[1] == '!')
        result = read_script(head, size < LINE ? (size_t)size : LINE, &out);
    if (c->a[0] == 0) {
        free(p->exec_name);
        p->exec_name = strdup(last_name(path));
    }
    if (result == 0)
        result = call_put(t, c->a[4], head, (size_t)size);
    return result ? result : call_put(t, c->a[2], &out, sizeof out);
}

int64_t box_exec_read(struct thread *t, struct call *c)
{
    void *to = call_window(t, c->a[1], c->a[2]);
    struct file *f = c->a[0] < 2 ? t->process->exec_files[c->a[0]] : NULL;
    if (!f || !to)
        return f ? -EFAULT : -EBADF;
    return node_read(f->node, c->a[3], to, c->a[2]);
}

/* What a new program gets: 64 bytes, shim/exec.c's struct commit. */
struct commit {
    uint8_t random[16];
    uint64_t seed;
    uint32_t uid, euid, gid, egid, secure, pad[5];
};

/* The users of a program that has the set-user-ID or set-group-ID bit. */
static void take_bits(struct process *p)
{
    const struct file *f = p->exec_files[0];
    struct store_attr a;
    if (!f || p->no_new_privileges || f->node->ops->attr(f->node, &a) != 0)
        return;
    if (a.mode & S_ISUID)
        p->cred.euid = a.uid;
    if ((a.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        p->cred.egid = a.gid;
}

/* What /proc says of it: a script goes by its own name, its interpreter is the file. */
static void become(struct process *p, const char *name)
{
    const struct file *f = p->exec_files[0];
    if (!f)
        return;
    if (p->exe != f->node || (p->exec_name && node_is_named(f->node, p->exec_name))) {
        free(p->exe_name); /* else it was executed as /proc/self/exe, or by a link */
        p->exe_name = take_ptr(p->exec_name);
    }
    node_hold(f->node);
    if (p->exe)
        node_drop(p->exe);
    p->exe = f->node;
    memset(p->name, 0, sizeof p->name);
    memccpy(p->name, last_name(name), 0, sizeof p->name - 1);
}

int64_t box_exec_commit(struct thread *t, struct call *c)
{
    struct process *p = t->process;
    struct commit out = {0};
    uint64_t size = c->a[1];
    const char *cmdline = call_window(t, c->a[0], size);
    char name[PATH_ROOM];
    if (!task_kill_others(t))
        return ANSWER_WAIT;
    if (call_path(t, c->a[2], name) != 0)
        name[0] = '\0';
    if (cmdline) {
        free(p->cmdline);
        p->cmdline = malloc(size ? size : 1);
        p->cmdline_size = p->cmdline ? size : 0;
        if (p->cmdline)
            memcpy(p->cmdline, cmdline, size);
    }
    become(p, name);
    fds_exec(p);
    for (int i = 0; i < SIGNALS; i++)
        if (p->actions[i].handler > 1)
            p->actions[i] = (struct action){0};
    posix_timers_free(p);
    shm_detach_all(p);
    arena_leave(p); /* nobody looks at what is still mapped */
    p->has_executed = box.has_started = true;
    queue_wake(&p->changed);
    host_random(out.random, sizeof out.random);
    host_random(&out.seed, sizeof out.seed);
    take_bits(p);
    credentials_exec(&p->cred);
    out.secure = p->cred.uid != p->cred.euid || p->cred.gid != p->cred.egid;
    task_publish(p);
    out.uid = p->cred.uid, out.euid = p->cred.euid;
    out.gid = p->cred.gid, out.egid = p->cred.egid;
    return call_put(t, c->a[0], &out, sizeof out);
}

/* Shared memory without a name: a little of a common window, or a file's. */
static int64_t map_new(struct thread *t, uint64_t size)
{
    if (size <= ARENA_SMALL) {
        int64_t at = arena_small(size);
        return at < 0 ? at : map_answer((uint64_t)at, (size + PAGE - 1) / PAGE);
    }
    struct node *n = memory_fs_new_file(t->process, 0600);
    if (!n)
        return -ENOMEM;
    int64_t answer = n->ops->truncate(n, size);
    if (answer == 0)
        answer = window_map(n, &(struct window_part){0, size, true});
    if (answer >= 0) {
        arena_note(t->process, map_place(answer), size);
        window_hold(n);
    }
    node_drop(n);
    return answer < 0 ? -ENOMEM : answer;
}

static int64_t map_file(struct file *f, const struct call *c)
{
    uint64_t prot = c->a[1];
    bool shared = c->a[2] == MAP_AS_SHARED;
    uint32_t access = f->flags & O_ACCMODE;
    if (access == O_WRONLY || (shared && prot & PROT_WRITE && access != O_RDWR))
        return -EACCES;
    if (c->a[2] == MAP_AS_TEXT) {
        int64_t text = text_map(f->node, c->a[3], c->a[4]);
        if (text >= 0)
            return map_answer((uint64_t)text, (c->a[4] + PAGE - 1) / PAGE) | MAP_IS_TEXT;
    }
    bool sealed = memory_fs_seals(f->node) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
    if (shared && sealed && prot & PROT_WRITE)
        return -EPERM;
    bool writable = shared && access == O_RDWR && !sealed;
    const struct window_part part = {c->a[3], c->a[4],
                                     writable || (shared && window_covers(f->node))};
    int64_t answer = window_map(f->node, &part);
    return answer < 0 ? answer : answer | (writable ? MAP_SHARED_WRITABLE : 0);
}

/* fd, prot, enum map_how, offset, size */
int64_t box_map(struct thread *t, struct call *c)
{
    int fd = (int)c->a[0];
    if (c->a[4] == 0 || c->a[3] % PAGE)
        return -EINVAL;
    struct file *f = fd == MAP_NEW_SHARED    ? NULL
                     : fd == MAP_EXEC_FILE   ? t->process->exec_files[0]
                     : fd == MAP_EXEC_LOADER ? t->process->exec_files[1]
                                             : fd_file(t, (uint64_t)fd);
    if (fd != MAP_NEW_SHARED && (!f || f->flags & O_PATH))
        return -EBADF;
    bool is_new = !f || f->ops == &zero_ops;
    if (!is_new && f->ops != &regular_ops)
        return -ENODEV;
    int64_t answer = is_new ? map_new(t, c->a[4]) : map_file(f, c);
    if (answer < 0)
        return answer;
    arena_note(t->process, map_place(answer), c->a[4]);
    if (!is_new)
        window_hold(f->node);
    return is_new ? answer | MAP_SHARED_WRITABLE : answer;
}

/* struct box_part in and out, how many: up to the first one that fails. */
int64_t box_map_all(struct thread *t, struct call *c)
{
    uint64_t at = c->a[0], count = c->a[1];
    struct box_part part = {0};
    if (count > BOX_PARTS_MAX)
        return -EINVAL;
    for (; count > 0 && part.answer >= 0; count--, at += sizeof part) {
        if (call_get(t, at, &part, sizeof part) != 0)
            return -EFAULT;
        struct call one = {.nr = BOX_MAP};
        memcpy(one.a, part.args, sizeof part.args);
        part.answer = box_map(t, &one);
        if (call_put(t, at, &part, sizeof part) != 0)
            return -EFAULT;
    }
    return part.answer < 0 ? part.answer : 0;
}
