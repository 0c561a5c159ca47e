#include "base/base.h"

#include <stdlib.h>

#define CHUNK_SIZE 4000 /* with what malloc adds no more than a page */
#define ALIGNMENT _Alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *below;
    size_t size, used;
    max_align_t data[];
};

static bool add_chunk(struct arena *a, size_t size)
{
    size = size < CHUNK_SIZE ? CHUNK_SIZE : size;
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return false;
    *chunk = (struct arena_chunk){a->top, size, 0};
    a->top = chunk;
    return true;
}

void *arena_take(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if ((!a->top || a->top->size - a->top->used < bytes) && !add_chunk(a, bytes))
        return NULL;
    void *at = (char *)a->top->data + a->top->used;
    a->top->used += bytes;
    return at;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->top, a->top ? a->top->used : 0};
}

void arena_release(struct arena *a, struct arena_mark mark)
{
    while (a->top != mark.top) {
        struct arena_chunk *below = a->top->below;
        free(a->top);
        a->top = below;
    }
    if (a->top)
        a->top->used = mark.used;
}
