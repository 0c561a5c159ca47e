/* remap: mappings that grow, shrink or move. */
#include <linux/mman.h>

#include "box/shim/memory.h"

/* Moves a mapping, whose pages are copied if they are its own. */
static long move(const struct mapping *m, uint64_t to)
{
    struct mapping target = *m;
    uint64_t size = m->end - m->start;
    bool copies = m->kind != MAPPING_SHARED && !m->absent;
    if (m->text)
        return -ENOMEM; /* its jumps are relative */
    target.start = to;
    target.end = to + size;
    if (copies)
        target.prot |= PROT_WRITE;
    long result = memory_map(&target);
    if (result < 0 || !copies)
        return result;
    if (!(m->prot & PROT_READ))
        host_call(__NR_mprotect, (long)m->start, (long)size, PROT_READ);
    if (guest_copy((void *)to, (const void *)m->start, size) < 0)
        return -EFAULT;
    return m->prot & PROT_WRITE ? 0 : memory_protect(to, to + size, m->prot);
}

/* The mapping at `at`, or what of it lies between `at` and `end`. */
static bool part_at(uint64_t at, uint64_t end, struct mapping *out)
{
    const struct mapping *m = memory_at(at);
    if (!m)
        return false;
    *out = *m;
    out->arena += mapping_has_arena(m) ? at - m->start : 0;
    out->start = at;
    if (out->end > end)
        out->end = end;
    return true;
}

/* Is a range one mapping to the guest, though not all of it is there? */
static bool is_one(uint64_t at, uint64_t end)
{
    struct mapping m, last = {0};
    for (uint64_t from = at; from < end; from = m.end, last = m) {
        if (!part_at(from, end, &m))
            return false;
        bool other = last.kind != m.kind || last.prot != m.prot || last.writable != m.writable ||
                     (mapping_has_arena(&m) && mapping_last(&last) + 1 != m.arena);
        if (from != at && other)
            return false;
    }
    return true;
}

/* What a mapping has behind its end when it grows. */
static long grow(uint64_t end, uint64_t start, uint64_t size)
{
    struct mapping more = *memory_at(end - 1);
    if (more.text)
        return -ENOMEM;
    more.arena += mapping_has_arena(&more) ? end - more.start : 0;
    more.absent = mapping_has_arena(&more);
    more.start = start;
    more.end = start + size;
    return memory_map(&more);
}

static long move_all(uint64_t at, const uint64_t sizes[2], uint64_t to)
{
    struct mapping m;
    uint64_t old = sizes[0], new = sizes[1], keep = old < new ? old : new;
    long result = new > old ? grow(at + old, to + old, new - old) : 0;
    for (uint64_t from = at; result >= 0 && from < at + keep; from = m.end)
        result = part_at(from, at + keep, &m) ? move(&m, to + (from - at)) : -EFAULT;
    if (result >= 0)
        memory_unmap(at, at + old);
    return result < 0 ? result : (long)to;
}

long memory_resize(uint64_t at, uint64_t old_size, uint64_t new_size, int64_t to)
{
    const uint64_t sizes[2] = {old_size, new_size};
    if (!is_one(at, at + old_size))
        return -EFAULT;
    if (to >= 0)
        return (uint64_t)to + new_size > at && (uint64_t)to < at + old_size
                   ? -EINVAL
                   : move_all(at, sizes, (uint64_t)to);
    const struct mapping *found = memory_at(at);
    if (new_size > old_size && !memory_fits(mapping_is_data(found) ? MEMORY_DATA : MEMORY_OTHER,
                                            new_size - old_size, 0, 0))
        return -ENOMEM;
    if (new_size <= old_size)
        return new_size == old_size || memory_unmap(at + new_size, at + old_size) == 0 ? (long)at
                                                                                       : -EINVAL;
    if (memory_is_free(at + old_size, at + new_size) &&
        grow(at + old_size, at + old_size, new_size - old_size) >= 0)
        return (long)at;
    uint64_t place = to == MEMORY_MAY_MOVE ? memory_find(new_size, memory_top) : 0;
    return place ? move_all(at, sizes, place) : -ENOMEM;
}
