#include "store/dir.h"

#include <stdlib.h>

#include "store/alloc.h"
#include "store/map.h"

enum { ENTRY_HEADER = 8, TAIL_SIZE = sizeof(struct ext2_dir_entry_tail) };

int name_check(const char *name, size_t size)
{
    if (size == 0)
        return -ENOENT;
    if (size > STORE_NAME_MAX)
        return -ENAMETOOLONG;
    return memchr(name, '/', size) || memchr(name, 0, size) ? -EINVAL : 0;
}

/* Blocks --------------------------------------------------------------------*/

static uint32_t entry_size(size_t name_size)
{
    return (uint32_t)(ENTRY_HEADER + name_size + 3) & ~3u;
}

/* Where the entries of a block end: before its checksum. */
static uint32_t entries_end(const struct store *s)
{
    return s->block_size - (s->checksums ? TAIL_SIZE : 0);
}

int dir_block(struct store *s, struct node *n, uint32_t logical, struct block **out)
{
    struct use use = {.owner = n->ino,
                      .seal = n->raw->i_flags & EXT2_INDEX_FL ? SEAL_INDEXED : SEAL_DIRECTORY,
                      .seed = node_seed(s, n)};
    int r = map_load(s, n);
    if (r != 0)
        return r;
    struct run run = map_find(n->map, logical);
    return run.physical && !run.unwritten ? block_get(s, run.physical, &use, out) : -EUCLEAN;
}

int dir_walk(struct store *s, struct block *b,
             int (*visit)(void *context, const struct dir_place *place), void *context)
{
    struct dir_place place = {0};
    for (uint32_t at = 0; at < s->block_size; at += place.entry->rec_len) {
        struct ext2_dir_entry_2 *e = (struct ext2_dir_entry_2 *)(b->data + at);
        if (s->block_size - at < ENTRY_HEADER || e->rec_len < ENTRY_HEADER || e->rec_len % 4 ||
            e->rec_len > s->block_size - at || ENTRY_HEADER + e->name_len > e->rec_len ||
            e->inode > s->inode_count)
            return -EUCLEAN;
        place =
            (struct dir_place){.entry = e, .offset = at, .before = place.entry ? place.offset : at};
        int r = visit(context, &place);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The hash table ------------------------------------------------------------*/

static uint32_t hash_name(const char *name, size_t size)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h ^ h >> 15;
}

static bool is_name(const struct dir *d, const struct dir_name *e, const char *name, size_t size)
{
    const char *own = d->names.at + e->name;
    return (uint8_t)own[0] == size && memcmp(own + 1, name, size) == 0;
}

static struct dir_name *find(const struct dir *d, const char *name, size_t size)
{
    uint32_t hash = hash_name(name, size);
    for (size_t i = hash & (d->slot_count - 1); d->slots[i]; i = (i + 1) & (d->slot_count - 1)) {
        struct dir_name *e = &d->entries[d->slots[i] - 1];
        if (e->ino && e->hash == hash && is_name(d, e, name, size))
            return e;
    }
    return NULL;
}

const struct dir_name *dir_find(const struct dir *d, const char *name, size_t size)
{
    return find(d, name, size);
}

bool dir_is_empty(const struct dir *d)
{
    return d->live <= 2;
}

static int spread(struct dir *d)
{
    size_t count = d->slot_count ? d->slot_count * 2 : 64;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    for (size_t k = 0; k < d->count; k++) {
        if (!d->entries[k].ino)
            continue;
        size_t i = d->entries[k].hash & (count - 1);
        while (slots[i])
            i = (i + 1) & (count - 1);
        slots[i] = (uint32_t)k + 1;
    }
    free(d->slots);
    d->slots = slots;
    d->slot_count = count;
    return 0;
}

/* Remembers a name; of two equal ones on disk the first counts. */
static int keep_name(struct store *s, struct dir *d, const struct ext2_dir_entry_2 *entry,
                     uint32_t block)
{
    if (d->count * 2 >= d->slot_count) {
        int r = spread(d);
        if (r != 0)
            return r;
    }
    if (find(d, entry->name, entry->name_len))
        return 0;
    int r = array_grow((void **)&d->entries, &d->capacity, d->count, sizeof *d->entries);
    if (r != 0)
        return r;
    struct dir_name *e = &d->entries[d->count];
    *e = (struct dir_name){.hash = hash_name(entry->name, entry->name_len),
                           .ino = entry->inode,
                           .block = block,
                           .name = (uint32_t)d->names.size};
    str_add_char(&d->names, (char)entry->name_len);
    str_add_bytes(&d->names, entry->name, entry->name_len);
    if (d->names.failed || d->names.size > UINT32_MAX / 2)
        return -ENOMEM;
    size_t i = e->hash & (d->slot_count - 1);
    while (d->slots[i])
        i = (i + 1) & (d->slot_count - 1);
    d->slots[i] = (uint32_t)++d->count;
    d->live++;
    s->name_count++;
    return 0;
}

void dir_free(struct store *s, struct dir *d)
{
    if (!d)
        return;
    s->name_count -= d->live;
    free(d->entries);
    free(d->slots);
    str_free(&d->names);
    free(d->gaps);
    free(d);
}

/* Loading -------------------------------------------------------------------*/

struct loading {
    struct store *s;
    struct node *n;
    struct dir *dir;
    uint32_t block;
    uint32_t gap;
};

/* Room behind an entry at `offset`, or all of it if it is none. */
static uint32_t gap_of(const struct store *s, const struct ext2_dir_entry_2 *e, uint32_t offset)
{
    uint32_t begin = offset + (e->inode ? entry_size(e->name_len) : 0);
    uint32_t end = (uint32_t)min_u64(offset + e->rec_len, entries_end(s));
    return begin < end ? end - begin : 0;
}

static int load_entry(void *context, const struct dir_place *place)
{
    struct loading *l = context;
    const struct ext2_dir_entry_2 *e = place->entry;
    if (place->offset >= entries_end(l->s))
        return 0; /* the checksum */
    if (e->rec_len < entry_size(e->name_len) && e->inode)
        return -EUCLEAN;
    uint32_t gap = gap_of(l->s, e, place->offset);
    l->gap = gap > l->gap ? gap : l->gap;
    if (e->inode == 0)
        return 0;
    if (name_check(e->name, e->name_len) != 0)
        return -EUCLEAN;
    return keep_name(l->s, l->dir, e, l->block);
}

static int add_gap(struct dir *d, uint32_t gap)
{
    int r = array_grow((void **)&d->gaps, &d->block_capacity, d->block_count, sizeof *d->gaps);
    if (r == 0)
        d->gaps[d->block_count++] = (uint16_t)gap;
    return r;
}

static int load(struct store *s, struct node *n, struct dir *d)
{
    uint32_t blocks = (uint32_t)(node_size(n) >> s->block_bits);
    int r = spread(d);
    for (uint32_t i = 0; i < blocks && r == 0; i++) {
        struct block *b;
        struct loading l = {.s = s, .n = n, .dir = d, .block = i};
        r = dir_block(s, n, i, &b);
        if (r == 0)
            r = dir_walk(s, b, load_entry, &l);
        if (r == 0)
            r = add_gap(d, l.gap);
    }
    const struct dir_name *self = r == 0 ? find(d, ".", 1) : NULL,
                          *up = self ? find(d, "..", 2) : NULL;
    if (r == 0 && (!up || self->ino != n->ino))
        r = -EUCLEAN;
    return r;
}

int dir_load(struct store *s, struct node *n)
{
    if (node_type(n) != S_IFDIR)
        return -ENOTDIR;
    struct dir *d = n->dir;
    if (d && (d->count <= 64 || d->live >= d->count / 2))
        return 0;
    dir_free(s, d); /* mostly names that were removed */
    n->dir = NULL;
    d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    int r = load(s, n, d);
    if (r != 0) {
        dir_free(s, d);
        return r;
    }
    s->counters.directory_loads++;
    if (s->name_limit < 2 * d->live) /* one directory may be larger than the limit */
        s->name_limit = 2 * d->live;
    n->dir = d;
    return 0;
}

/* Changing ------------------------------------------------------------------*/

static uint8_t type_of(const struct store *s, const struct node *target)
{
    static const uint8_t types[16] = {
        [S_IFREG >> 12] = EXT2_FT_REG_FILE, [S_IFDIR >> 12] = EXT2_FT_DIR,
        [S_IFCHR >> 12] = EXT2_FT_CHRDEV,   [S_IFBLK >> 12] = EXT2_FT_BLKDEV,
        [S_IFIFO >> 12] = EXT2_FT_FIFO,     [S_IFSOCK >> 12] = EXT2_FT_SOCK,
        [S_IFLNK >> 12] = EXT2_FT_SYMLINK};
    return s->filetype ? types[node_type(target) >> 12] : EXT2_FT_UNKNOWN;
}

/* The end of a block, where checksums are kept: an entry that is none. */
static void put_tail(const struct store *s, struct block *b)
{
    struct ext2_dir_entry_tail tail = {.det_rec_len = TAIL_SIZE,
                                       .det_reserved_name_len = EXT2_DIR_NAME_LEN_CSUM};
    if (s->checksums)
        memcpy(b->data + s->block_size - TAIL_SIZE, &tail, sizeof tail);
}

/* A block of a hash tree's index: the entry that hides it ends at the block's
 * end; it is made to end before the checksum. */
static int unindex_block(struct store *s, struct block *b, bool root)
{
    struct ext2_dir_entry_2 *e = (struct ext2_dir_entry_2 *)b->data;
    uint32_t at = 0;
    if (root && e->rec_len == 12) {
        at = 12; /* behind `.`, `..` reaches to the end */
        e = (struct ext2_dir_entry_2 *)(b->data + at);
    }
    if (e->rec_len != s->block_size - at || (!root && e->inode != 0))
        return 0; /* a leaf */
    int r = block_edit(s, b);
    if (r != 0)
        return r;
    e->rec_len = (uint16_t)(entries_end(s) - at);
    put_tail(s, b);
    b->use.seal = SEAL_DIRECTORY;
    return 0;
}

static int dir_unindex(struct store *s, struct node *n)
{
    int r = 0;
    if (!(n->raw->i_flags & EXT2_INDEX_FL))
        return 0;
    for (uint32_t i = 0; i < n->dir->block_count && r == 0; i++) {
        struct block *b;
        r = dir_block(s, n, i, &b);
        if (r == 0)
            r = unindex_block(s, b, i == 0);
    }
    n->raw->i_flags &= ~(uint32_t)EXT2_INDEX_FL;
    return r;
}

/* A new, empty block at the end. */
static int append_block(struct store *s, struct node *n, struct block **out)
{
    uint64_t number;
    uint32_t logical = (uint32_t)(node_size(n) >> s->block_bits);
    struct run last = logical ? map_find(n->map, logical - 1) : (struct run){0};
    uint64_t goal = last.physical ? last.physical + 1 : node_goal(s, n);
    int64_t count = blocks_alloc(s, goal, 1, &number);
    if (count < 0)
        return (int)count;
    node_charge(s, n, 1);
    int r = map_set(s, n, &(struct run){.logical = logical, .count = 1, .physical = number});
    struct use use = {.owner = n->ino, .seal = SEAL_DIRECTORY, .seed = node_seed(s, n)};
    if (r == 0)
        r = block_fresh(s, number, &use, out);
    if (r != 0)
        return r;
    ((struct ext2_dir_entry_2 *)(*out)->data)->rec_len = (uint16_t)entries_end(s);
    put_tail(s, *out);
    node_set_size(s, n, node_size(n) + s->block_size);
    return 0;
}

struct placing {
    struct store *s;
    uint32_t need;
    uint32_t gap; /* the largest that is left */
    struct ext2_dir_entry_2 *where;
};

static int find_gap(void *context, const struct dir_place *place)
{
    struct placing *p = context;
    uint32_t gap = gap_of(p->s, place->entry, place->offset);
    if (!p->where && gap >= p->need) {
        p->where = place->entry;
        gap -= p->need;
    }
    p->gap = gap > p->gap ? gap : p->gap;
    return 0;
}

/* Puts an entry into the gap of `where`. */
static struct ext2_dir_entry_2 *fill_gap(struct ext2_dir_entry_2 *where,
                                         const struct store_name *name)
{
    struct ext2_dir_entry_2 *e = where;
    if (where->inode) {
        uint32_t used = entry_size(where->name_len);
        e = (struct ext2_dir_entry_2 *)((uint8_t *)where + used);
        e->rec_len = (uint16_t)(where->rec_len - used);
        where->rec_len = (uint16_t)used;
    }
    e->name_len = (uint8_t)name->size;
    memcpy(e->name, name->name, name->size);
    return e;
}

/* A block with room for `need` bytes, perhaps a new one. */
static int room(struct store *s, struct node *n, uint32_t need, uint32_t *logical, struct block **b)
{
    struct dir *d = n->dir;
    for (size_t i = 0; i < d->block_count; i++) {
        size_t at = (d->hint + i) % d->block_count;
        if (d->gaps[at] < need)
            continue;
        d->hint = at;
        *logical = (uint32_t)at;
        int r = dir_block(s, n, *logical, b);
        return r == 0 ? block_edit(s, *b) : r;
    }
    *logical = (uint32_t)d->block_count;
    d->hint = d->block_count;
    int r = append_block(s, n, b);
    return r == 0 ? add_gap(d, entries_end(s)) : r;
}

int dir_add(struct store *s, struct node *n, const struct store_name *name,
            const struct node *target)
{
    struct placing p = {.s = s, .need = entry_size(name->size)};
    struct block *b;
    uint32_t logical;
    int r = dir_unindex(s, n);
    if (r == 0)
        r = room(s, n, p.need, &logical, &b);
    if (r == 0)
        r = dir_walk(s, b, find_gap, &p);
    if (r != 0 || !p.where)
        return r != 0 ? r : -EUCLEAN;
    struct ext2_dir_entry_2 *e = fill_gap(p.where, name);
    e->inode = target->ino;
    e->file_type = type_of(s, target);
    n->dir->gaps[logical] = (uint16_t)p.gap;
    return keep_name(s, n->dir, e, logical);
}

struct finding {
    const struct store_name *name;
    struct dir_place found;
};

static int find_entry(void *context, const struct dir_place *place)
{
    struct finding *f = context;
    const struct ext2_dir_entry_2 *e = place->entry;
    if (!e->inode || e->name_len != f->name->size ||
        memcmp(e->name, f->name->name, e->name_len) != 0)
        return 0;
    f->found = *place;
    return 1;
}

/* The entry on disk of a name that is known. */
static int find_place(struct store *s, struct node *n, const struct store_name *name,
                      struct block **b, struct dir_place *place)
{
    const struct dir_name *known = find(n->dir, name->name, name->size);
    struct finding f = {.name = name};
    int r = known ? dir_unindex(s, n) : -EUCLEAN;
    if (r == 0)
        r = dir_block(s, n, known->block, b);
    if (r == 0)
        r = dir_walk(s, *b, find_entry, &f);
    if (r != 1)
        return r != 0 ? r : -EUCLEAN;
    *place = f.found;
    return block_edit(s, *b);
}

int dir_remove(struct store *s, struct node *n, const char *name, size_t size)
{
    struct block *b;
    struct dir_place place;
    struct store_name what = {.name = name, .size = size};
    int r = find_place(s, n, &what, &b, &place);
    if (r != 0)
        return r;
    struct ext2_dir_entry_2 *e = place.entry;
    if (place.before != place.offset) {
        struct ext2_dir_entry_2 *before = (struct ext2_dir_entry_2 *)(b->data + place.before);
        before->rec_len = (uint16_t)(before->rec_len + e->rec_len);
        e = before;
        place.offset = place.before;
    } else {
        e->inode = 0;
    }
    struct dir *d = n->dir;
    struct dir_name *known = find(d, name, size);
    uint16_t *gap = &d->gaps[known->block];
    uint32_t now = gap_of(s, e, place.offset);
    *gap = (uint16_t)(now > *gap ? now : *gap);
    known->ino = 0;
    d->live--;
    s->name_count--;
    return 0;
}

int dir_change(struct store *s, struct node *n, const struct store_name *name,
               const struct node *target)
{
    struct block *b;
    struct dir_place place;
    int r = find_place(s, n, name, &b, &place);
    if (r != 0)
        return r;
    place.entry->inode = target->ino;
    place.entry->file_type = type_of(s, target);
    find(n->dir, name->name, name->size)->ino = target->ino;
    return 0;
}

int dir_start(struct store *s, struct node *n, uint32_t parent)
{
    struct block *b;
    int r = map_load(s, n);
    if (r == 0)
        r = append_block(s, n, &b);
    if (r != 0)
        return r;
    struct ext2_dir_entry_2 *e = (struct ext2_dir_entry_2 *)b->data;
    uint8_t type = type_of(s, n);
    *e =
        (struct ext2_dir_entry_2){.inode = n->ino, .rec_len = 12, .name_len = 1, .file_type = type};
    e->name[0] = '.';
    e = (struct ext2_dir_entry_2 *)(b->data + 12);
    e->inode = parent;
    e->rec_len = (uint16_t)(entries_end(s) - 12);
    e->name_len = 2;
    e->file_type = type;
    memcpy(e->name, "..", 2);
    return 0;
}
