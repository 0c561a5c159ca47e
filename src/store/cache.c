#include "store/cache.h"

#include "store/fs.h"

#include <stdlib.h>

static size_t bucket_of(const struct cache *c, uint64_t number)
{
    return (size_t)(number * 0x9E3779B97F4A7C15ull >> 32) & (c->bucket_count - 1);
}

static struct block *find(const struct cache *c, uint64_t number)
{
    struct block *b = c->buckets[bucket_of(c, number)];
    while (b && b->number != number)
        b = b->next;
    return b;
}

static void insert(struct cache *c, struct block *b)
{
    struct block **bucket = &c->buckets[bucket_of(c, b->number)];
    b->next = *bucket;
    *bucket = b;
    c->count++;
}

static void take_out(struct cache *c, struct block *b)
{
    struct block **at = &c->buckets[bucket_of(c, b->number)];
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    c->count--;
}

/* More buckets, so that chains stay short; without memory they get longer. */
static void spread(struct cache *c)
{
    struct cache wider = {.bucket_count = c->bucket_count * 2};
    wider.buckets = calloc(wider.bucket_count, sizeof(void *));
    if (!wider.buckets)
        return;
    for (size_t i = 0; i < c->bucket_count; i++)
        for (struct block *b = c->buckets[i], *next; b; b = next) {
            next = b->next;
            insert(&wider, b);
        }
    free(c->buckets);
    c->buckets = wider.buckets;
    c->bucket_count = wider.bucket_count;
}

static void block_free(struct block *b)
{
    free(b->data);
    free(b);
}

int cache_init(struct store *s)
{
    s->cache = (struct cache){.bucket_count = 1024};
    s->cache.buckets = calloc(s->cache.bucket_count, sizeof(void *));
    return s->cache.buckets ? 0 : -ENOMEM;
}

static void drop(struct cache *c, bool all)
{
    for (size_t i = 0; i < c->bucket_count; i++)
        for (struct block **at = &c->buckets[i]; *at;) {
            struct block *b = *at;
            if (!all && b->state != 0) {
                at = &b->next;
                continue;
            }
            *at = b->next;
            c->count--;
            block_free(b);
        }
}

void cache_drop(struct store *s)
{
    drop(&s->cache, false);
}

void cache_free(struct store *s)
{
    if (s->cache.buckets)
        drop(&s->cache, true);
    free(s->cache.buckets);
    free(s->cache.dirty.at);
    free(s->cache.logged.at);
    s->cache = (struct cache){0};
}

/* A block of the cache whose contents are still to be filled in. */
static int make(struct store *s, uint64_t number, const struct use *use, struct block **out)
{
    if (s->cache.count > 2 * s->cache.bucket_count)
        spread(&s->cache);
    struct block *b = calloc(1, sizeof *b);
    uint8_t *data = b ? calloc(1, s->block_size) : NULL;
    if (!data) {
        free(b);
        return -ENOMEM;
    }
    b->number = number;
    b->use = *use;
    b->data = data;
    *out = b;
    return 0;
}

int block_get(struct store *s, uint64_t number, const struct use *use, struct block **out)
{
    struct block *b = find(&s->cache, number);
    if (b) {
        if (b->use.owner != use->owner)
            return -EUCLEAN;
        b->use = *use;
        *out = b;
        return 0;
    }
    if (number >= s->block_count)
        return -EUCLEAN;
    int r = make(s, number, use, &b);
    if (r != 0)
        return r;
    r = device_read(s, number << s->block_bits, b->data, s->block_size);
    if (r == 0 && !block_sealed(s, b))
        r = -EUCLEAN;
    if (r != 0) {
        block_free(b);
        return r;
    }
    insert(&s->cache, b);
    *out = b;
    return 0;
}

bool block_cached(const struct store *s, uint64_t number)
{
    return find(&s->cache, number) != NULL;
}

/* Lists ---------------------------------------------------------------------*/

int block_list_add(struct block_list *list, struct block *b, size_t *index)
{
    int r = array_grow((void **)&list->at, &list->capacity, list->count, sizeof(void *));
    if (r != 0)
        return r;
    *index = list->count;
    list->at[list->count++] = b;
    return 0;
}

static void dirty_remove(struct cache *c, struct block *b)
{
    struct block *last = c->dirty.at[--c->dirty.count];
    c->dirty.at[b->dirty_index] = last;
    last->dirty_index = b->dirty_index;
    b->state &= ~(uint32_t)BLOCK_DIRTY;
}

static void logged_remove(struct cache *c, struct block *b)
{
    struct block *last = c->logged.at[--c->logged.count];
    c->logged.at[b->logged_index] = last;
    last->logged_index = b->logged_index;
    b->state &= ~(uint32_t)BLOCK_LOGGED;
}

/* Undoing -------------------------------------------------------------------*/

static uint8_t *take_spare(struct store *s)
{
    struct op *op = &s->op;
    return op->spare_count ? op->spare[--op->spare_count] : malloc(s->block_size);
}

static void give_spare(struct store *s, uint8_t *buffer)
{
    struct op *op = &s->op;
    if (op->spare_count >= 64 || array_grow((void **)&op->spare, &op->spare_capacity,
                                            op->spare_count, sizeof *op->spare) != 0)
        free(buffer);
    else
        op->spare[op->spare_count++] = buffer;
}

static struct undo *remember(struct store *s, struct block *b, enum undo_kind kind)
{
    struct op *op = &s->op;
    assert(s->in_op);
    if (array_grow((void **)&op->blocks, &op->block_capacity, op->block_count,
                   sizeof *op->blocks) != 0)
        return NULL;
    struct undo *u = &op->blocks[op->block_count];
    *u = (struct undo){.block = b, .kind = kind, .state = b->state};
    if (kind == UNDO_EDIT) {
        u->saved = take_spare(s);
        if (!u->saved)
            return NULL;
        memcpy(u->saved, b->data, s->block_size);
    }
    op->block_count++;
    return u;
}

static int make_dirty(struct store *s, struct block *b)
{
    if (b->state & BLOCK_DIRTY)
        return 0;
    int r = block_list_add(&s->cache.dirty, b, &b->dirty_index);
    if (r == 0)
        b->state |= BLOCK_DIRTY;
    return r;
}

int block_edit(struct store *s, struct block *b)
{
    if (b->state & BLOCK_SAVED)
        return 0;
    if (!remember(s, b, UNDO_EDIT))
        return -ENOMEM;
    b->state |= BLOCK_SAVED;
    return make_dirty(s, b);
}

int block_fresh(struct store *s, uint64_t number, const struct use *use, struct block **out)
{
    if (number >= s->block_count || find(&s->cache, number))
        return -EUCLEAN; /* marked as free, but in use */
    struct block *b;
    int r = make(s, number, use, &b);
    if (r != 0)
        return r;
    if (!remember(s, b, UNDO_FRESH)) {
        block_free(b);
        return -ENOMEM;
    }
    b->state |= BLOCK_SAVED;
    insert(&s->cache, b);
    *out = b;
    return make_dirty(s, b);
}

int block_forget(struct store *s, uint64_t number)
{
    struct block *b = find(&s->cache, number);
    if (!b)
        return 0;
    if (b->state & BLOCK_PINNED)
        return -EUCLEAN;
    int logged = b->state & BLOCK_LOGGED ? 1 : 0;
    if (!remember(s, b, UNDO_FORGET))
        return -ENOMEM;
    if (b->state & BLOCK_DIRTY)
        dirty_remove(&s->cache, b);
    if (b->state & BLOCK_LOGGED)
        logged_remove(&s->cache, b);
    take_out(&s->cache, b);
    return logged;
}

/* Lists had these elements when the operation began, so there is room. */
static void restore_state(struct store *s, struct block *b, uint32_t state)
{
    if ((b->state & BLOCK_DIRTY) && !(state & BLOCK_DIRTY))
        dirty_remove(&s->cache, b);
    else if (!(b->state & BLOCK_DIRTY) && (state & BLOCK_DIRTY))
        (void)!make_dirty(s, b);
    if (!(b->state & BLOCK_LOGGED) && (state & BLOCK_LOGGED) &&
        block_list_add(&s->cache.logged, b, &b->logged_index) == 0)
        b->state |= BLOCK_LOGGED;
    b->state = (b->state & (BLOCK_DIRTY | BLOCK_LOGGED)) |
               (state & ~(uint32_t)(BLOCK_DIRTY | BLOCK_LOGGED));
}

static void undo_one(struct store *s, const struct undo *u)
{
    struct block *b = u->block;
    switch (u->kind) {
    case UNDO_EDIT:
        memcpy(b->data, u->saved, s->block_size);
        restore_state(s, b, u->state);
        break;
    case UNDO_FORGET:
        insert(&s->cache, b);
        restore_state(s, b, u->state);
        break;
    case UNDO_FRESH:
        if (b->state & BLOCK_DIRTY)
            dirty_remove(&s->cache, b);
        take_out(&s->cache, b);
        block_free(b);
    }
}

void op_undo_blocks(struct store *s)
{
    struct op *op = &s->op;
    for (size_t i = op->block_count; i-- > 0;) {
        undo_one(s, &op->blocks[i]);
        if (op->blocks[i].saved)
            give_spare(s, op->blocks[i].saved);
    }
    op->block_count = 0;
}

void op_keep_blocks(struct store *s)
{
    struct op *op = &s->op;
    for (size_t i = 0; i < op->block_count; i++) {
        struct undo *u = &op->blocks[i];
        if (u->kind == UNDO_FORGET)
            block_free(u->block);
        else
            u->block->state &= ~(uint32_t)BLOCK_SAVED;
        if (u->saved)
            give_spare(s, u->saved);
    }
    op->block_count = 0;
}
