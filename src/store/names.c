/* names: what store.h says of directories. */
#include "store/alloc.h"
#include "store/dir.h"
#include "store/inode.h"
#include "store/map.h"

static bool is_dots(const char *name, size_t size)
{
    return (size == 1 && name[0] == '.') || (size == 2 && name[0] == '.' && name[1] == '.');
}

/* The directory of a name, with its names loaded; ready to be read. */
static int open_dir(struct store *s, uint32_t dir, struct node **out)
{
    int r = node_get(s, dir, out);
    return r == 0 ? dir_load(s, *out) : r;
}

int store_lookup(struct store *s, uint32_t dir, const char *name, size_t size, uint32_t *ino)
{
    struct node *n;
    s->counters.lookups++;
    if (size > STORE_NAME_MAX)
        return -ENAMETOOLONG;
    int r = open_dir(s, dir, &n);
    if (r != 0)
        return r;
    const struct dir_name *e = dir_find(n->dir, name, size);
    if (!e)
        return -ENOENT;
    *ino = e->ino;
    return 0;
}

/* Reading -------------------------------------------------------------------*/

struct reading {
    int (*take)(void *context, const struct store_entry *entry);
    void *context;
    uint64_t *position;
    uint64_t block; /* offset of the block */
    bool filetype;
};

static int read_entry(void *context, const struct dir_place *place)
{
    static const uint8_t types[EXT2_FT_MAX] = {0, 8, 4, 2, 6, 1, 12, 10}; /* DT_REG … */
    struct reading *rd = context;
    const struct ext2_dir_entry_2 *e = place->entry;
    uint64_t at = rd->block + place->offset;
    if (at < *rd->position || e->inode == 0)
        return 0;
    struct store_entry entry = {
        .name = e->name, .size = e->name_len, .ino = e->inode, .next = at + e->rec_len};
    if (rd->filetype && e->file_type < EXT2_FT_MAX)
        entry.type = types[e->file_type];
    if (name_check(e->name, e->name_len) != 0)
        return -EUCLEAN;
    int r = rd->take(rd->context, &entry);
    if (r == 0)
        *rd->position = at + 1; /* what lies behind may be merged, so not ->next */
    return r;
}

/* A copy of a directory's block: what `take` does may drop the cached one. */
static int copy_block(struct store *s, uint32_t dir, uint64_t position, struct block *copy)
{
    struct node *n;
    struct block *b;
    int r = open_dir(s, dir, &n);
    if (r != 0 || position >= node_size(n))
        return r != 0 ? r : 1;
    r = dir_block(s, n, (uint32_t)(position >> s->block_bits), &b);
    if (r == 0)
        memcpy(copy->data, b->data, s->block_size);
    return r;
}

int store_readdir(struct store *s, uint32_t dir, uint64_t *position,
                  int (*take)(void *context, const struct store_entry *entry), void *context)
{
    uint8_t bytes[STORE_BLOCK_MAX];
    struct block copy = {.data = bytes};
    struct reading rd = {
        .take = take, .context = context, .position = position, .filetype = s->filetype};
    int r;
    while ((r = copy_block(s, dir, *position, &copy)) == 0) {
        rd.block = *position & ~(uint64_t)(s->block_size - 1);
        r = dir_walk(s, &copy, read_entry, &rd);
        if (r != 0)
            return r;
        *position = rd.block + s->block_size;
    }
    return r < 0 ? r : 0;
}

/* Making --------------------------------------------------------------------*/

/* A directory that is going to be changed. */
static int edit_dir(struct store *s, uint32_t dir, struct node **out)
{
    int r = open_dir(s, dir, out);
    if (r == 0)
        r = op_node(s, *out);
    return r == 0 && (*out)->raw->i_links_count == 0 ? -ENOENT : r;
}

/* One more or less link; directories may have too many to count (1). */
static int add_links(struct store *s, struct node *n, int change)
{
    int r = op_node(s, n);
    uint32_t links = n->raw->i_links_count;
    bool directory = node_type(n) == S_IFDIR;
    if (r != 0 || (directory && links == 1))
        return r;
    if (change > 0 && links >= STORE_LINK_MAX) {
        if (!directory || !(super_view(s)->s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_DIR_NLINK))
            return -EMLINK;
        links = 1;
        change = 0;
    }
    if (change < 0 && links == 0)
        return -EUCLEAN;
    n->raw->i_links_count = (uint16_t)((int)links + change);
    return 0;
}

static int write_target(struct store *s, struct node *n, const char *target)
{
    size_t size = strlen(target);
    if (size == 0 || size > STORE_SYMLINK_MAX || size >= s->block_size)
        return size == 0 ? -ENOENT : -ENAMETOOLONG;
    node_set_size(s, n, size);
    if (size < sizeof n->raw->i_block) {
        n->raw->i_flags &= ~(uint32_t)EXT4_EXTENTS_FL;
        memset(n->raw->i_block, 0, sizeof n->raw->i_block);
        memcpy(n->raw->i_block, target, size);
        return 0;
    }
    uint64_t number = 0;
    uint8_t buffer[STORE_BLOCK_MAX] = {0};
    int r = map_load(s, n);
    int64_t count = r == 0 ? blocks_alloc(s, node_goal(s, n), 1, &number) : r;
    if (count < 0)
        return (int)count;
    node_charge(s, n, 1);
    memcpy(buffer, target, size);
    s->data_written = true;
    r = device_write(s, number << s->block_bits, buffer, s->block_size);
    return r == 0 ? map_set(s, n, &(struct run){.count = 1, .physical = number}) : r;
}

/* A new inode near `parent`; the links are still to be counted. */
static int make(struct store *s, uint32_t parent, const struct store_new *what, struct node **out)
{
    uint32_t ino;
    uint32_t type = what->mode & S_IFMT;
    if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK && type != S_IFCHR &&
        type != S_IFBLK && type != S_IFIFO && type != S_IFSOCK)
        return -EINVAL;
    int r = inode_alloc(s, parent, type == S_IFDIR, &ino);
    if (r == 0)
        r = node_make(s, ino, what, out);
    if (r == 0 && type == S_IFLNK)
        r = write_target(s, *out, what->target);
    if (r == 0 && type == S_IFDIR)
        r = dir_start(s, *out, parent);
    return r;
}

static int create(struct store *s, const struct store_name *name, const struct store_new *what,
                  uint32_t *ino)
{
    struct node *dir, *n;
    int r = name_check(name->name, name->size);
    if (r == 0)
        r = edit_dir(s, name->dir, &dir);
    if (r == 0 && dir_find(dir->dir, name->name, name->size))
        r = -EEXIST;
    if (r == 0)
        r = make(s, dir->ino, what, &n);
    if (r != 0)
        return r;
    bool directory = node_type(n) == S_IFDIR;
    n->raw->i_links_count = directory ? 2 : 1;
    if (directory)
        r = add_links(s, dir, 1);
    if (r == 0)
        r = dir_add(s, dir, name, n);
    node_changed(s, dir, true);
    *ino = n->ino;
    return r;
}

int store_create(struct store *s, const struct store_name *name, const struct store_new *what,
                 uint32_t *ino)
{
    return (int)OPERATION(s, create(s, name, what, ino));
}

static int create_unnamed(struct store *s, const struct store_new *what, uint32_t *ino)
{
    struct node *n;
    if ((what->mode & S_IFMT) == S_IFDIR)
        return -EINVAL;
    int r = make(s, STORE_ROOT, what, &n);
    if (r == 0)
        r = orphan_add(s, n);
    if (r == 0)
        *ino = n->ino;
    return r;
}

int store_create_unnamed(struct store *s, const struct store_new *what, uint32_t *ino)
{
    struct node *n;
    int r = (int)OPERATION(s, create_unnamed(s, what, ino));
    if (r == 0 && (r = node_load(s, *ino, &n)) == 0)
        n->holds = 1;
    return r;
}

static int add_link(struct store *s, uint32_t ino, const struct store_name *name)
{
    struct node *dir, *n;
    int r = name_check(name->name, name->size);
    if (r == 0)
        r = node_get(s, ino, &n);
    if (r == 0)
        r = edit_dir(s, name->dir, &dir);
    if (r == 0 && node_type(n) == S_IFDIR)
        r = -EPERM;
    if (r == 0 && dir_find(dir->dir, name->name, name->size))
        r = -EEXIST;
    if (r == 0 && n->raw->i_links_count == 0)
        r = orphan_remove(s, n);
    if (r == 0)
        r = add_links(s, n, 1);
    if (r == 0)
        r = dir_add(s, dir, name, n);
    if (r != 0)
        return r;
    node_changed(s, n, false);
    node_changed(s, dir, true);
    return 0;
}

int store_link(struct store *s, uint32_t ino, uint32_t dir, const char *name, size_t size)
{
    struct store_name n = {dir, name, size};
    return (int)OPERATION(s, add_link(s, ino, &n));
}

/* Removing ------------------------------------------------------------------*/

/* An inode lost a name: without any it is free once nobody holds it. */
static int lose_link(struct store *s, struct node *n)
{
    int r = add_links(s, n, -1);
    if (r == 0 && node_type(n) == S_IFDIR)
        n->raw->i_links_count = 0; /* its own `.` */
    if (r != 0)
        return r;
    node_changed(s, n, false);
    return n->raw->i_links_count == 0 ? orphan_add(s, n) : 0;
}

/* What is found under a name, and is to go. */
static int find_victim(struct store *s, const struct node *dir, const struct store_name *name,
                       bool directory, struct node **out)
{
    if (is_dots(name->name, name->size))
        return !directory ? -EISDIR : name->size == 1 ? -EINVAL : -ENOTEMPTY;
    const struct dir_name *e = dir_find(dir->dir, name->name, name->size);
    int r = e ? node_get(s, e->ino, out) : -ENOENT;
    if (r != 0)
        return r == -ENOENT && e ? -EUCLEAN : r;
    bool is_directory = node_type(*out) == S_IFDIR;
    if (is_directory != directory)
        return is_directory ? -EISDIR : -ENOTDIR;
    if (!is_directory)
        return 0;
    r = dir_load(s, *out);
    return r == 0 && !dir_is_empty((*out)->dir) ? -ENOTEMPTY : r;
}

static int remove_name(struct store *s, const struct store_name *name, bool directory,
                       uint32_t *ino)
{
    struct node *dir, *n;
    int r = name_check(name->name, name->size);
    if (r == 0)
        r = edit_dir(s, name->dir, &dir);
    if (r == 0)
        r = find_victim(s, dir, name, directory, &n);
    if (r == 0 && n == dir)
        r = -EUCLEAN;
    if (r == 0)
        r = dir_remove(s, dir, name->name, name->size);
    if (r == 0)
        r = lose_link(s, n);
    if (r == 0 && directory)
        r = add_links(s, dir, -1);
    if (r != 0)
        return r;
    node_changed(s, dir, true);
    *ino = n->ino;
    return 0;
}

/* Frees an inode whose last name went, unless it is held. */
static void free_unused(struct store *s, uint32_t ino)
{
    struct node *n;
    if (ino && node_load(s, ino, &n) == 0 && n->holds == 0 && n->raw->i_links_count == 0)
        (void)orphan_free(s, ino); /* else it stays in the list, and is freed later */
}

static int remove_and_free(struct store *s, const struct store_name *name, bool directory)
{
    uint32_t ino = 0;
    int r = (int)OPERATION(s, remove_name(s, name, directory, &ino));
    if (r == 0)
        free_unused(s, ino);
    return r;
}

int store_unlink(struct store *s, uint32_t dir, const char *name, size_t size)
{
    return remove_and_free(s, &(struct store_name){dir, name, size}, false);
}

int store_rmdir(struct store *s, uint32_t dir, const char *name, size_t size)
{
    return remove_and_free(s, &(struct store_name){dir, name, size}, true);
}

/* Renaming ------------------------------------------------------------------*/

struct renaming {
    const struct store_name *from, *to;
    unsigned flags;
    struct node *old_dir, *new_dir, *source, *target; /* target: NULL if there is none */
    uint32_t victim;                                  /* its number, if it went */
};

/* Is `n` the directory `dir`, or above it? */
static int is_above(struct store *s, const struct node *n, uint32_t dir)
{
    for (uint32_t i = 0; dir != STORE_ROOT && i < s->inode_count; i++) {
        struct node *d;
        const struct dir_name *up;
        if (dir == n->ino)
            return -EINVAL;
        int r = open_dir(s, dir, &d);
        if (r != 0)
            return r;
        up = dir_find(d->dir, "..", 2);
        if (!up || up->ino == dir)
            return -EUCLEAN;
        dir = up->ino;
    }
    return dir == n->ino ? -EINVAL : dir == STORE_ROOT ? 0 : -EUCLEAN;
}

static int rename_find(struct store *s, struct renaming *r)
{
    int e = name_check(r->from->name, r->from->size);
    if (e == 0)
        e = name_check(r->to->name, r->to->size);
    if (e == 0 && (is_dots(r->from->name, r->from->size) || is_dots(r->to->name, r->to->size)))
        e = -EBUSY;
    if (e == 0)
        e = edit_dir(s, r->from->dir, &r->old_dir);
    if (e == 0)
        e = edit_dir(s, r->to->dir, &r->new_dir);
    if (e != 0)
        return e;
    const struct dir_name *from = dir_find(r->old_dir->dir, r->from->name, r->from->size);
    const struct dir_name *to = dir_find(r->new_dir->dir, r->to->name, r->to->size);
    e = from ? node_get(s, from->ino, &r->source) : -ENOENT;
    if (e == 0 && to)
        e = node_get(s, to->ino, &r->target);
    return e;
}

/* May these two be renamed so? 1: nothing is to be done. */
static int rename_check(struct store *s, struct renaming *r)
{
    bool exchange = r->flags & STORE_EXCHANGE;
    bool is_dir = node_type(r->source) == S_IFDIR;
    bool over_dir = r->target && node_type(r->target) == S_IFDIR;
    if ((r->flags & STORE_NOREPLACE) && r->target)
        return -EEXIST;
    if (exchange && !r->target)
        return -ENOENT;
    if (r->source == r->target)
        return 1;
    int e = is_dir ? is_above(s, r->source, r->new_dir->ino) : 0;
    if (e == 0 && exchange && over_dir)
        e = is_above(s, r->target, r->old_dir->ino);
    if (e != 0 || exchange || !r->target)
        return e;
    if (is_dir != over_dir)
        return is_dir ? -ENOTDIR : -EISDIR;
    if (!over_dir)
        return 0;
    e = dir_load(s, r->target);
    return e == 0 && !dir_is_empty(r->target->dir) ? -ENOTEMPTY : e;
}

/* A directory moved: its `..` and the counts of its parents. */
static int move_dir(struct store *s, struct node *n, struct node *from, struct node *to)
{
    if (node_type(n) != S_IFDIR || from == to)
        return 0;
    int e = dir_load(s, n);
    if (e == 0)
        e = op_node(s, n);
    if (e == 0)
        e = dir_change(s, n, &(struct store_name){.name = "..", .size = 2}, to);
    if (e == 0)
        e = add_links(s, from, -1);
    return e == 0 ? add_links(s, to, 1) : e;
}

static int put_whiteout(struct store *s, struct renaming *r)
{
    struct store_new what = {.mode = S_IFCHR};
    struct node *n;
    int e = make(s, r->old_dir->ino, &what, &n);
    if (e == 0) {
        n->raw->i_links_count = 1;
        e = dir_change(s, r->old_dir, r->from, n);
    }
    return e;
}

static int replace(struct store *s, struct renaming *r)
{
    int e = r->target ? dir_change(s, r->new_dir, r->to, r->source)
                      : dir_add(s, r->new_dir, r->to, r->source);
    if (e == 0 && (r->flags & STORE_WHITEOUT))
        e = put_whiteout(s, r);
    else if (e == 0)
        e = dir_remove(s, r->old_dir, r->from->name, r->from->size);
    if (e == 0 && r->target) {
        r->victim = r->target->ino;
        if (node_type(r->target) == S_IFDIR)
            e = add_links(s, r->new_dir, -1);
        if (e == 0)
            e = lose_link(s, r->target);
    }
    return e == 0 ? move_dir(s, r->source, r->old_dir, r->new_dir) : e;
}

static int exchange(struct store *s, struct renaming *r)
{
    int e = dir_change(s, r->new_dir, r->to, r->source);
    if (e == 0)
        e = dir_change(s, r->old_dir, r->from, r->target);
    if (e == 0)
        e = move_dir(s, r->source, r->old_dir, r->new_dir);
    if (e == 0)
        e = move_dir(s, r->target, r->new_dir, r->old_dir);
    if (e == 0)
        e = op_node(s, r->target);
    if (e == 0)
        node_changed(s, r->target, false);
    return e;
}

static int rename_names(struct store *s, struct renaming *r)
{
    int e = rename_find(s, r);
    if (e == 0)
        e = rename_check(s, r);
    if (e != 0)
        return e > 0 ? 0 : e;
    e = r->flags & STORE_EXCHANGE ? exchange(s, r) : replace(s, r);
    if (e == 0)
        e = op_node(s, r->source);
    if (e != 0)
        return e;
    node_changed(s, r->source, false);
    node_changed(s, r->old_dir, true);
    node_changed(s, r->new_dir, true);
    return 0;
}

int store_rename(struct store *s, const struct store_name *from, const struct store_name *to,
                 unsigned flags)
{
    struct renaming r;
    if ((flags & STORE_EXCHANGE) && (flags & (STORE_NOREPLACE | STORE_WHITEOUT)))
        return -EINVAL;
    int e = (int)OPERATION(
        s, (r = (struct renaming){.from = from, .to = to, .flags = flags}, rename_names(s, &r)));
    if (e == 0)
        free_unused(s, r.victim);
    return e;
}

/* Symbolic links ------------------------------------------------------------*/

ssize_t store_readlink(struct store *s, uint32_t ino, char *buffer, size_t size)
{
    struct node *n;
    int r = node_get(s, ino, &n);
    if (r != 0)
        return r;
    if (node_type(n) != S_IFLNK)
        return -EINVAL;
    size = (size_t)min_u64(size, node_size(n));
    if (node_is_short_link(n)) {
        memcpy(buffer, n->raw->i_block, size);
        return (ssize_t)size;
    }
    r = map_load(s, n);
    if (r != 0)
        return r;
    struct run run = map_find(n->map, 0);
    if (!run.physical || run.unwritten)
        return -EUCLEAN;
    r = device_read(s, run.physical << s->block_bits, buffer, size);
    return r == 0 ? (ssize_t)size : r;
}
