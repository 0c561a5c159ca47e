/* tell: what the shim alone knows of its process, as /proc/self says it. */
#include "box/shim/memory.h"

enum { PART = WINDOW_SIZE / 2 };

static uint64_t environ_start, environ_end;

void tell_environ_at(uint64_t start, uint64_t end)
{
    environ_start = start;
    environ_end = end;
}

bool tell_is_stack(uint64_t start, uint64_t end)
{
    return environ_start >= start && environ_start < end;
}

/* The stack is where the environment lies; the heap ends where brk says. */
static enum told_kind kind_of(const struct mapping *m, uint64_t heap)
{
    if (m->kind != MAPPING_ANON)
        return m->kind == MAPPING_SHARED ? TOLD_SHARED : TOLD_PRIVATE;
    if (tell_is_stack(m->start, m->end))
        return TOLD_STACK;
    return heap > m->start && heap <= m->end ? TOLD_HEAP : TOLD_ANON;
}

/* What is there and what is not yet are one mapping to the guest. */
static bool goes_on(const struct told_mapping *a, const struct told_mapping *b)
{
    return b->kind >= TOLD_PRIVATE && a->kind == b->kind && a->prot == b->prot &&
           a->end == b->start && a->arena + (a->end - a->start) == b->arena;
}

/* As many as there is room for, of what lies at *at or above, which moves on: bytes. */
static uint64_t put_mappings(char *to, uint64_t *at)
{
    const struct mapping *m;
    uint64_t size = 0;
    lock_take(&memory_lock);
    uint64_t heap = memory_break(0);
    while (size + sizeof(struct told_mapping) <= PART && (m = memory_above(*at))) {
        const struct told_mapping told = {m->start, m->end, m->arena, m->prot, kind_of(m, heap)};
        struct told_mapping *last = (struct told_mapping *)(void *)(to + size) - 1;
        *at = m->end;
        if (size && goes_on(last, &told)) {
            last->end = told.end;
            continue;
        }
        memcpy(to + size, &told, sizeof told);
        size += sizeof told;
    }
    lock_drop(&memory_lock);
    return size;
}

static long tell_maps(struct thread *t)
{
    for (uint64_t at = 0;;) {
        uint64_t size = put_mappings(t->window + WINDOW_START, &at);
        long result = call_broker(t, BOX_TELL, WINDOW_START, (long)size, size == 0);
        if (result < 0 || size == 0)
            return result;
    }
}

static long tell_environ(struct thread *t)
{
    for (uint64_t at = environ_start;;) {
        uint64_t size = environ_end - at < PART ? environ_end - at : PART;
        long result = guest_copy(t->window + WINDOW_START, (const void *)at, size);
        if (result == 0)
            result = call_broker(t, BOX_TELL, WINDOW_START, (long)size, size == 0);
        if (result < 0 || size == 0)
            return result;
        at += size;
    }
}

long tell(struct thread *t, long what)
{
    return what == WANTS_MAPS ? tell_maps(t) : tell_environ(t);
}
