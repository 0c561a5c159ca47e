/* All attributes of an inode are read into a list, the list is changed, and
 * written again: what fits into the inode, the rest into the block. */
#include "store/xattr.h"

#include <stdlib.h>

#include <ext2fs/ext2_ext_attr.h>

#include "store/alloc.h"

enum { NAME_MAX_SIZE = 255, VALUES_MAX = 512, HEADER_SIZE = sizeof(struct ext2_ext_attr_header) };

struct attr {
    const char *name; /* without the prefix; not terminated */
    const uint8_t *value;
    uint32_t size;
    uint8_t index, name_size;
};

struct attrs {
    struct attr at[VALUES_MAX];
    size_t count;
    uint8_t inode[STORE_BLOCK_MAX], block[STORE_BLOCK_MAX]; /* what they point into */
};

/* Names ---------------------------------------------------------------------*/

static const struct prefix {
    const char *text;
    uint8_t index;
} prefixes[] = {{"user.", 1}, {"trusted.", 4}, {"security.", 6}};

/* A full name's index and rest. */
static int split_name(const char *name, struct attr *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
        size_t size = strlen(prefixes[i].text), rest = strlen(name);
        if (strncmp(name, prefixes[i].text, size) != 0)
            continue;
        rest -= size;
        if (rest == 0 || rest + size > NAME_MAX_SIZE)
            return rest ? -ERANGE : -EINVAL;
        *out = (struct attr){
            .name = name + size, .name_size = (uint8_t)rest, .index = prefixes[i].index};
        return 0;
    }
    return -EOPNOTSUPP; /* ACLs among them: their form on disk is another */
}

static const char *prefix_of(const struct attr *a)
{
    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++)
        if (prefixes[i].index == a->index)
            return prefixes[i].text;
    return NULL;
}

/* Reading -------------------------------------------------------------------*/

/* A place for attributes: entries from `entries` on, values relative to `base`. */
struct area {
    uint8_t *base;
    uint32_t entries, size; /* offsets from base */
};

static bool ends_at(const struct area *a, uint32_t at)
{
    uint32_t word;
    if (a->size - at < sizeof word)
        return true;
    memcpy(&word, a->base + at, sizeof word);
    return word == 0;
}

static int read_area(const struct area *a, struct attrs *out)
{
    for (uint32_t at = a->entries; !ends_at(a, at);) {
        struct ext2_ext_attr_entry e;
        if (a->size - at < sizeof e)
            return -EUCLEAN;
        memcpy(&e, a->base + at, sizeof e);
        uint32_t size = EXT2_EXT_ATTR_LEN(e.e_name_len);
        if (size > a->size - at || e.e_value_inum != 0 || e.e_value_size > a->size ||
            e.e_value_offs > a->size - e.e_value_size || out->count == VALUES_MAX)
            return -EUCLEAN;
        out->at[out->count++] = (struct attr){.name = (const char *)a->base + at + sizeof e,
                                              .name_size = e.e_name_len,
                                              .index = e.e_name_index,
                                              .value = a->base + e.e_value_offs,
                                              .size = e.e_value_size};
        at += size;
    }
    return 0;
}

/* Where attributes are in an inode's bytes: behind their magic number. */
static bool inode_area(const struct store *s, const struct ext2_inode_large *raw, uint8_t *bytes,
                       struct area *out)
{
    uint32_t at = EXT2_GOOD_OLD_INODE_SIZE + 4u;
    if (s->inode_size <= EXT2_GOOD_OLD_INODE_SIZE)
        return false;
    at += raw->i_extra_isize;
    if (at + sizeof(struct ext2_ext_attr_entry) > s->inode_size)
        return false;
    *out = (struct area){.base = bytes + at, .size = s->inode_size - at};
    return true;
}

static uint64_t block_number(const struct node *n)
{
    return n->raw->i_file_acl | (uint64_t)n->raw->osd2.linux2.l_i_file_acl_high << 32;
}

static int get_block(struct store *s, const struct node *n, struct block **out)
{
    struct use use = {.owner = OWNER_XATTRS, .seal = SEAL_XATTRS};
    uint64_t number = block_number(n);
    if (number <= s->first_block || zone_find(s, number, 1))
        return -EUCLEAN;
    int r = block_get(s, number, &use, out);
    if (r != 0)
        return r;
    const struct ext2_ext_attr_header *h = (const struct ext2_ext_attr_header *)(*out)->data;
    return h->h_magic == EXT2_EXT_ATTR_MAGIC && h->h_blocks == 1 && h->h_refcount > 0 ? 0
                                                                                      : -EUCLEAN;
}

static int read_attrs(struct store *s, struct node *n, struct attrs **out)
{
    struct attrs *a = *out = calloc(1, sizeof *a);
    struct area area;
    uint32_t magic;
    int r = 0;
    if (!a)
        return -ENOMEM;
    memcpy(a->inode, n->raw, s->inode_size);
    if (inode_area(s, n->raw, a->inode, &area)) {
        memcpy(&magic, area.base - sizeof magic, sizeof magic);
        r = magic == EXT2_EXT_ATTR_MAGIC ? read_area(&area, a) : 0;
    }
    if (r == 0 && block_number(n)) {
        struct block *b;
        r = get_block(s, n, &b);
        if (r == 0) {
            memcpy(a->block, b->data, s->block_size);
            area = (struct area){.base = a->block, .entries = HEADER_SIZE, .size = s->block_size};
            r = read_area(&area, a);
        }
    }
    return r;
}

static struct attr *find(struct attrs *a, const struct attr *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->at[i].index == name->index && a->at[i].name_size == name->name_size &&
            memcmp(a->at[i].name, name->name, name->name_size) == 0)
            return &a->at[i];
    return NULL;
}

/* Writing -------------------------------------------------------------------*/

static uint32_t room_of(const struct attr *a)
{
    return EXT2_EXT_ATTR_LEN(a->name_size) + EXT2_EXT_ATTR_SIZE(a->size);
}

/* The hash of a name and its value, padded with zeros. */
static uint32_t hash_attr(const struct attr *a)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < a->name_size; i++)
        hash = hash << 5 ^ hash >> 27 ^ (uint8_t)a->name[i];
    for (uint32_t i = 0; i < a->size; i += 4) {
        uint32_t word = 0;
        memcpy(&word, a->value + i, a->size - i < 4 ? a->size - i : 4);
        hash = hash << 16 ^ hash >> 16 ^ word;
    }
    return hash;
}

/* Fills an area: entries from its beginning, values from its end. Returns the
 * hash of all of them. */
static uint32_t write_area(const struct area *area, const struct attr *at, size_t count)
{
    uint32_t entry = area->entries, value = area->size, all = 0;
    memset(area->base + entry, 0, area->size - entry);
    for (size_t i = 0; i < count; i++) {
        struct ext2_ext_attr_entry e = {.e_name_len = at[i].name_size,
                                        .e_name_index = at[i].index,
                                        .e_value_size = at[i].size,
                                        .e_hash = hash_attr(&at[i])};
        value -= EXT2_EXT_ATTR_SIZE(at[i].size);
        e.e_value_offs = (uint16_t)(at[i].size ? value : 0);
        memcpy(area->base + entry, &e, sizeof e);
        memcpy(area->base + entry + sizeof e, at[i].name, at[i].name_size);
        memcpy(area->base + value, at[i].value, at[i].size);
        entry += EXT2_EXT_ATTR_LEN(at[i].name_size);
        all = all << 16 ^ all >> 16 ^ e.e_hash;
    }
    return all;
}

/* How many of the first attributes fit. */
static size_t fitting(const struct area *area, const struct attr *at, size_t count)
{
    uint32_t used = area->entries + 4; /* four zeros end the entries */
    size_t n = 0;
    while (n < count && used + room_of(&at[n]) <= area->size)
        used += room_of(&at[n++]);
    return n;
}

/* The order that the kernel searches a block in. */
static int by_name(const void *left, const void *right)
{
    const struct attr *a = left, *b = right;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    if (a->name_size != b->name_size)
        return a->name_size < b->name_size ? -1 : 1;
    return memcmp(a->name, b->name, a->name_size);
}

int xattr_free(struct store *s, struct node *n)
{
    struct block *b;
    uint64_t number = block_number(n);
    if (number == 0)
        return 0;
    int r = get_block(s, n, &b);
    if (r != 0)
        return r;
    struct ext2_ext_attr_header *h = (struct ext2_ext_attr_header *)b->data;
    if (h->h_refcount == 1) {
        r = blocks_free(s, number, 1);
    } else {
        r = block_edit(s, b);
        if (r == 0)
            h->h_refcount--;
    }
    n->raw->i_file_acl = 0;
    n->raw->osd2.linux2.l_i_file_acl_high = 0;
    node_charge(s, n, -1);
    return r;
}

/* The attributes that did not fit into the inode; a block is always new, so
 * that a shared one stays as it is. */
static int write_block(struct store *s, struct node *n, struct attr *at, size_t count)
{
    struct use use = {.owner = OWNER_XATTRS, .seal = SEAL_XATTRS};
    struct block *b;
    uint64_t number;
    int r = xattr_free(s, n);
    if (r != 0 || count == 0)
        return r;
    int64_t got = blocks_alloc(s, node_goal(s, n), 1, &number);
    if (got < 0)
        return (int)got;
    r = block_fresh(s, number, &use, &b);
    if (r != 0)
        return r;
    qsort(at, count, sizeof *at, by_name);
    struct area area = {.base = b->data, .entries = HEADER_SIZE, .size = s->block_size};
    struct ext2_ext_attr_header *h = (struct ext2_ext_attr_header *)b->data;
    *h = (struct ext2_ext_attr_header){
        .h_magic = EXT2_EXT_ATTR_MAGIC, .h_refcount = 1, .h_blocks = 1};
    h->h_hash = write_area(&area, at, count);
    n->raw->i_file_acl = (uint32_t)number;
    n->raw->osd2.linux2.l_i_file_acl_high = (uint16_t)(number >> 32);
    node_charge(s, n, 1);
    return 0;
}

static int write_attrs(struct store *s, struct node *n, struct attrs *a)
{
    struct area inside, block = {.entries = HEADER_SIZE, .size = s->block_size};
    const uint32_t magic = EXT2_EXT_ATTR_MAGIC;
    size_t first = 0;
    bool has_room = inode_area(s, n->raw, (uint8_t *)n->raw, &inside);
    if (has_room)
        first = fitting(&inside, a->at, a->count);
    if (fitting(&block, a->at + first, a->count - first) < a->count - first)
        return -ENOSPC;
    int r = op_node(s, n);
    if (r != 0)
        return r;
    if (has_room) {
        memcpy(inside.base - sizeof magic, &magic, sizeof magic);
        write_area(&inside, a->at, first);
    }
    r = block_number(n) || first < a->count ? write_block(s, n, a->at + first, a->count - first)
                                            : 0;
    node_changed(s, n, false);
    return r;
}

/* The interface -------------------------------------------------------------*/

/* The inode's attributes; *out is always to be freed. */
static int open_attrs(struct store *s, uint32_t ino, struct node **n, struct attrs **out)
{
    *out = NULL;
    int r = node_get(s, ino, n);
    return r == 0 ? read_attrs(s, *n, out) : r;
}

static ssize_t hand_out(void *to, size_t size, const void *from, size_t have)
{
    if (size != 0 && size < have)
        return -ERANGE;
    if (size != 0 && have != 0)
        memcpy(to, from, have);
    return (ssize_t)have;
}

ssize_t store_getxattr(struct store *s, uint32_t ino, const char *name, void *value, size_t size)
{
    struct node *n;
    struct attr wanted;
    struct attrs *a = NULL;
    ssize_t r = split_name(name, &wanted);
    if (r == 0)
        r = open_attrs(s, ino, &n, &a);
    if (r == 0) {
        const struct attr *found = find(a, &wanted);
        r = found ? hand_out(value, size, found->value, found->size) : -ENODATA;
    }
    free(a);
    return r;
}

ssize_t store_listxattr(struct store *s, uint32_t ino, char *names, size_t size)
{
    struct node *n;
    struct attrs *a;
    struct str list = {0};
    ssize_t r = open_attrs(s, ino, &n, &a);
    for (size_t i = 0; r == 0 && i < a->count; i++) {
        const char *prefix = prefix_of(&a->at[i]);
        if (!prefix)
            continue;
        str_add(&list, prefix);
        str_add_bytes(&list, a->at[i].name, a->at[i].name_size);
        str_add_char(&list, 0);
    }
    if (r == 0)
        r = list.failed ? -ENOMEM : hand_out(names, size, list.at, list.size);
    str_free(&list);
    free(a);
    return r;
}

/* Sets an attribute; value NULL: removes it. */
static int change(struct store *s, uint32_t ino, const struct store_xattr *x, bool remove)
{
    struct node *n;
    struct attr wanted;
    struct attrs *a = NULL;
    int r = split_name(x->name, &wanted);
    if (r == 0)
        r = open_attrs(s, ino, &n, &a);
    if (r == 0) {
        struct attr *found = find(a, &wanted);
        wanted.value = x->size ? x->value : (const void *)"";
        wanted.size = (uint32_t)x->size;
        if (!found && (remove || (x->how & STORE_XATTR_REPLACE)))
            r = -ENODATA;
        else if (found && (x->how & STORE_XATTR_CREATE))
            r = -EEXIST;
        else if (!found && a->count == VALUES_MAX)
            r = -ENOSPC;
        else if (remove)
            *found = a->at[--a->count];
        else if (found)
            *found = wanted;
        else
            a->at[a->count++] = wanted;
        if (r == 0)
            r = write_attrs(s, n, a);
    }
    free(a);
    return r;
}

int store_setxattr(struct store *s, uint32_t ino, const struct store_xattr *x)
{
    if (x->size > s->block_size)
        return -ENOSPC;
    return (int)OPERATION(s, change(s, ino, x, false));
}

int store_removexattr(struct store *s, uint32_t ino, const char *name)
{
    return (int)OPERATION(s, change(s, ino, &(struct store_xattr){.name = name}, true));
}
