/* overlay: a device in front of another: what is written stays in memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

enum { PAGE = 4096, BUCKETS = 1 << 9 /* at first */ };

struct page {
    struct page *next;
    uint64_t number;
    uint8_t bytes[PAGE];
};

struct overlay {
    struct device device; /* first: the address that overlay_new hands out */
    struct device below;
    struct page **buckets;
    size_t bucket_count, count; /* the first is a power of two */
};

static struct page **bucket(struct overlay *o, uint64_t number)
{
    return &o->buckets[(number * 0x9E3779B97F4A7C15ull >> 32) & (o->bucket_count - 1)];
}

static void insert(struct overlay *o, struct page *p)
{
    p->next = *bucket(o, p->number);
    *bucket(o, p->number) = p;
}

/* More buckets, so that chains stay short; without memory they get longer. */
static void spread(struct overlay *o)
{
    size_t count = o->bucket_count;
    struct page **old = o->buckets, **wider = calloc(count * 2, sizeof(void *));
    if (!wider)
        return;
    o->buckets = wider;
    o->bucket_count = count * 2;
    for (size_t i = 0; i < count; i++)
        for (struct page *p = old[i], *next; p; p = next) {
            next = p->next;
            insert(o, p);
        }
    free(old);
}

static struct page *find(struct overlay *o, uint64_t number)
{
    struct page *p = *bucket(o, number);
    while (p && p->number != number)
        p = p->next;
    return p;
}

/* The part of [offset, offset+size) that lies in the page of `offset`. */
static size_t part_of(uint64_t offset, size_t size)
{
    size_t left = PAGE - offset % PAGE;
    return size < left ? size : left;
}

/* How many bytes from `offset` on nobody has written to. */
static size_t part_below(struct overlay *o, uint64_t offset, size_t size)
{
    size_t part = 0;
    while (part < size && !find(o, (offset + part) / PAGE))
        part += part_of(offset + part, size - part);
    return part;
}

static int overlay_read(void *context, uint64_t offset, void *to, size_t size)
{
    struct overlay *o = context;
    while (size > 0) {
        size_t below = part_below(o, offset, size), part = below ? below : part_of(offset, size);
        int r = below ? o->below.read(o->below.context, offset, to, part) : 0;
        if (r != 0)
            return r;
        if (!below)
            memcpy(to, find(o, offset / PAGE)->bytes + offset % PAGE, part);
        offset += part;
        size -= part;
        to = (uint8_t *)to + part;
    }
    return 0;
}

/* A page with what lies below; or with anything, if all of it is to be written. */
static struct page *make(struct overlay *o, uint64_t number, bool whole)
{
    struct page *p = whole ? malloc(sizeof *p) : calloc(1, sizeof *p);
    uint64_t offset = number * PAGE, left = o->below.size - offset;
    if (p && !whole &&
        o->below.read(o->below.context, offset, p->bytes, left < PAGE ? left : PAGE) != 0) {
        free(p);
        return NULL;
    }
    if (p) {
        p->number = number;
        if (++o->count > 2 * o->bucket_count)
            spread(o);
        insert(o, p);
    }
    return p;
}

static int overlay_write(void *context, uint64_t offset, const void *from, size_t size)
{
    struct overlay *o = context;
    while (size > 0) {
        size_t part = part_of(offset, size);
        struct page *p = find(o, offset / PAGE);
        if (!p && !(p = make(o, offset / PAGE, part == PAGE)))
            return -ENOMEM;
        memcpy(p->bytes + offset % PAGE, from, part);
        offset += part;
        size -= part;
        from = (const uint8_t *)from + part;
    }
    return 0;
}

static int overlay_flush(void *context)
{
    (void)context;
    return 0;
}

struct device *overlay_new(const struct device *below)
{
    struct overlay *o = calloc(1, sizeof *o);
    if (!o || !(o->buckets = calloc(BUCKETS, sizeof(void *)))) {
        free(o);
        return NULL;
    }
    o->bucket_count = BUCKETS;
    o->below = *below;
    o->device = (struct device){.context = o,
                                .size = below->size,
                                .read = overlay_read,
                                .write = overlay_write,
                                .flush = overlay_flush};
    return &o->device;
}

void overlay_free(struct device *overlay)
{
    struct overlay *o = (struct overlay *)overlay;
    if (!o)
        return;
    for (size_t i = 0; i < o->bucket_count; i++)
        for (struct page *p = o->buckets[i], *next; p; p = next) {
            next = p->next;
            free(p);
        }
    free(o->buckets);
    free(o);
}
