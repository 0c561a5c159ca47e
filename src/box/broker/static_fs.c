#include "box/broker/static_fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "box/broker/host.h"
#include "box/broker/task.h"

enum { DEVICE = 22, ROOT_INO = 3 };

/* A file: what it says, or who says it. Those of one directory stand together. */
struct row {
    const char *path, *text;
    void (*make)(struct str *s);
};

struct tree {
    const struct row *rows;
    size_t count;
    struct node *(*parent)(void); /* of the root; NULL: the root directory */
};

/* A file, or the directory that the first `size` bytes of a row's path name. */
struct static_node {
    struct node node;
    const struct tree *tree;
    const struct row *row;
    size_t size;
};

static void add_hostname(struct str *s)
{
    str_addf(s, "%s\n", box.hostname);
}

static void add_domain(struct str *s)
{
    str_addf(s, "%s\n", box.domain ? box.domain : "(none)");
}

static void add_uuid(struct str *s)
{
    uint8_t id[16];
    host_random(id, sizeof id);
    id[6] = (uint8_t)((id[6] & 15) | 0x40);
    id[8] = (uint8_t)((id[8] & 63) | 0x80);
    for (int i = 0; i < 16; i++)
        str_addf(s, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
    str_add(s, "\n");
}

/* The same for as long as the box runs. */
static void add_boot_id(struct str *s)
{
    static struct str id;
    if (!id.size)
        add_uuid(&id);
    str_add(s, str_get(&id));
}

static const struct row in_proc_sys[] = {
    {"fs/aio-max-nr", "65536\n", NULL},
    {"fs/file-max", "1048576\n", NULL},
    {"fs/nr_open", "1024\n", NULL},
    {"fs/pipe-max-size", "1048576\n", NULL},
    {"fs/mqueue/msg_max", "10\n", NULL},
    {"fs/mqueue/msgsize_max", "8192\n", NULL},
    {"fs/mqueue/queues_max", "256\n", NULL},
    {"kernel/cap_last_cap", "40\n", NULL},
    {"kernel/core_pattern", "core\n", NULL},
    {"kernel/domainname", NULL, add_domain},
    {"kernel/hostname", NULL, add_hostname},
    {"kernel/msgmax", "8192\n", NULL},
    {"kernel/msgmnb", "16384\n", NULL},
    {"kernel/msgmni", "1024\n", NULL},
    {"kernel/ngroups_max", "65536\n", NULL},
    {"kernel/osrelease", "6.1.0-vow\n", NULL},
    {"kernel/ostype", "Linux\n", NULL},
    {"kernel/pid_max", "4194304\n", NULL},
    {"kernel/random/boot_id", NULL, add_boot_id},
    {"kernel/random/entropy_avail", "256\n", NULL},
    {"kernel/random/poolsize", "256\n", NULL},
    {"kernel/random/uuid", NULL, add_uuid},
    {"kernel/randomize_va_space", "2\n", NULL},
    {"kernel/sem", "32000\t262144\t500\t4096\n", NULL},
    {"kernel/shmall", "18446744073692774399\n", NULL},
    {"kernel/shmmax", "2147483647\n", NULL},
    {"kernel/shmmni", "4096\n", NULL},
    {"kernel/threads-max", "512\n", NULL},
    {"kernel/version", "#1 SMP vow box\n", NULL},
    {"net/core/somaxconn", "4096\n", NULL},
    {"net/ipv4/ip_local_port_range", "32768\t60999\n", NULL},
    {"vm/max_map_count", "65530\n", NULL},
    {"vm/mmap_min_addr", "65536\n", NULL},
    {"vm/overcommit_memory", "0\n", NULL},
    {"vm/overcommit_ratio", "50\n", NULL},
    {"vm/swappiness", "60\n", NULL},
};

static const struct row in_sys[] = {
    {"devices/system/cpu/kernel_max", "1\n", NULL},
    {"devices/system/cpu/offline", "\n", NULL},
    {"devices/system/cpu/online", "0-1\n", NULL},
    {"devices/system/cpu/possible", "0-1\n", NULL},
    {"devices/system/cpu/present", "0-1\n", NULL},
    {"devices/system/cpu/cpu0/online", "1\n", NULL},
    {"devices/system/cpu/cpu0/topology/core_id", "0\n", NULL},
    {"devices/system/cpu/cpu0/topology/physical_package_id", "0\n", NULL},
    {"devices/system/cpu/cpu1/online", "1\n", NULL},
    {"devices/system/cpu/cpu1/topology/core_id", "1\n", NULL},
    {"devices/system/cpu/cpu1/topology/physical_package_id", "0\n", NULL},
    {"devices/system/node/online", "0\n", NULL},
    {"devices/system/node/possible", "0\n", NULL},
    {"kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n", NULL},
    {"kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise madvise [never]\n", NULL},
    {"kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n", NULL},
    {"kernel/mm/transparent_hugepage/shmem_enabled",
     "always within_size advise [never] deny force\n", NULL},
};

static const struct tree sys_tree = {in_sys, ARRAY_COUNT(in_sys), NULL};
static const struct tree proc_sys_tree = {in_proc_sys, ARRAY_COUNT(in_proc_sys), proc_root};
static const struct node_ops static_ops;
static struct static_node sys_node = {
    {.ops = &static_ops, .references = 1, .ino = ROOT_INO, .type = S_IFDIR}, &sys_tree, in_sys, 0};
static struct static_node proc_sys_node = {
    {.ops = &static_ops, .references = 1, .ino = ROOT_INO, .type = S_IFDIR},
    &proc_sys_tree,
    in_proc_sys,
    0};

struct node *sys_root(void)
{
    return &sys_node.node;
}

struct node *proc_sys_root(void)
{
    return &proc_sys_node.node;
}

static const struct static_node *of(const struct node *n)
{
    return (const struct static_node *)n;
}

static uint32_t ino_of(const struct tree *tree, const struct row *row, size_t size)
{
    return ROOT_INO + (uint32_t)((size_t)(row - tree->rows) * 128 + size);
}

/* The first row below a directory, or the row of a file: what begins with the first
 * `size` bytes of `path`. */
static const struct row *first_of(const struct tree *tree, const char *path, size_t size)
{
    for (size_t i = 0; i < tree->count; i++) {
        const char *at = tree->rows[i].path;
        if (strncmp(at, path, size) == 0 && (at[size] == '/' || at[size] == '\0' || size == 0))
            return &tree->rows[i];
    }
    return NULL;
}

static int make(const struct tree *tree, const struct row *row, size_t size, struct node **out)
{
    struct static_node *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->node = (struct node){.ops = &static_ops,
                            .references = 1,
                            .ino = ino_of(tree, row, size),
                            .type = row->path[size] == '/' ? S_IFDIR : S_IFREG};
    s->tree = tree;
    s->row = row;
    s->size = size;
    *out = &s->node;
    return 0;
}

static int parent_of(const struct static_node *d, struct node **out)
{
    size_t size = d->size;
    if (size == 0) {
        *out = d->tree->parent ? node_hold(d->tree->parent()) : NULL;
        return *out ? 0 : -ENOENT;
    }
    while (size > 0 && d->row->path[size - 1] != '/')
        size--;
    if (size == 0) {
        *out = node_hold(d->tree == &sys_tree ? sys_root() : proc_sys_root());
        return 0;
    }
    return make(d->tree, first_of(d->tree, d->row->path, size - 1), size - 1, out);
}

static int lookup(struct node *dir, const char *name, size_t size, struct node **out)
{
    const struct static_node *d = of(dir);
    char path[128];
    size_t start = d->size ? d->size + 1 : 0;
    if (size == 2 && memcmp(name, "..", 2) == 0)
        return parent_of(d, out);
    if (start + size >= sizeof path)
        return -ENOENT;
    memcpy(path, d->row->path, start);
    memcpy(path + start, name, size);
    const struct row *row = first_of(d->tree, path, start + size);
    return row ? make(d->tree, row, start + size, out) : -ENOENT;
}

static void add_path(const struct node *n, struct str *out)
{
    const struct static_node *s = (const struct static_node *)n;
    str_addf(out, "%s%s%.*s", s->tree == &sys_tree ? "/sys" : "/proc/sys", s->size ? "/" : "",
             (int)s->size, s->row ? s->row->path : "");
}

struct listing {
    uint64_t *position, index;
    int (*take)(void *context, const struct store_entry *entry);
    void *context;
};

static int list(struct listing *l, struct store_entry e)
{
    if (l->index++ < *l->position)
        return 0;
    e.next = l->index;
    int result = l->take(l->context, &e);
    if (result == 0)
        *l->position = l->index;
    return result;
}

static int readdir(struct node *dir, uint64_t *position,
                   int (*take)(void *context, const struct store_entry *entry), void *context)
{
    enum { FILE_TYPE = S_IFREG >> 12, DIRECTORY_TYPE = S_IFDIR >> 12 };
    const struct static_node *d = of(dir);
    const struct tree *tree = d->tree;
    struct listing l = {position, 0, take, context};
    size_t start = d->size ? d->size + 1 : 0;
    int result = list(&l, (struct store_entry){".", 1, dir->ino, DIRECTORY_TYPE, 0});
    if (result == 0)
        result = list(&l, (struct store_entry){"..", 2, dir->ino, DIRECTORY_TYPE, 0});
    for (size_t i = 0; i < tree->count && result == 0; i++) {
        const struct row *row = &tree->rows[i];
        if (strncmp(row->path, d->row->path, start) != 0)
            continue;
        size_t size = start + strcspn(row->path + start, "/");
        if (first_of(tree, row->path, size) != row)
            continue; /* seen already */
        result =
            list(&l, (struct store_entry){row->path + start, size - start, ino_of(tree, row, size),
                                          row->path[size] ? DIRECTORY_TYPE : FILE_TYPE, 0});
    }
    return result;
}

static int attr(struct node *n, struct store_attr *out)
{
    *out = (struct store_attr){.ino = n->ino,
                               .mode = n->type | (n->type == S_IFDIR ? 0555 : 0444),
                               .nlink = n->type == S_IFDIR ? 2 : 1,
                               .block_size = 4096};
    return 0;
}

int text_file(struct str *s, struct node *n, uint32_t flags, struct file **out)
{
    struct text *text = calloc(1, sizeof *text);
    if (!text || s->failed) {
        free(text);
        return -ENOMEM;
    }
    text->size = s->size;
    text->at = str_take(s);
    *out = file_new(&text_ops, flags & O_NONBLOCK, node_hold(n), text);
    if (*out)
        return 0;
    free(text->at);
    free(text);
    return -ENOMEM;
}

static int open_static(struct node *n, struct thread *t, uint32_t flags, struct file **out)
{
    CLEAN_STR struct str s = {0};
    const struct row *row = of(n)->row;
    (void)t;
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    if (row->make)
        row->make(&s);
    else
        str_add(&s, row->text);
    return text_file(&s, n, flags, out);
}

static void release(struct node *n)
{
    free(n);
}

static const struct node_ops static_ops = {.attr = attr,
                                           .lookup = lookup,
                                           .path = add_path,
                                           .readdir = readdir,
                                           .open = open_static,
                                           .release = release,
                                           .device = DEVICE};
