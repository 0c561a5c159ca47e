/* memory: the map of the process. The filter allows mappings at fixed addresses
 * only, so where things go is decided here: the table is the truth, and the
 * kernel's own map follows it. */
#include "box/shim/memory.h"

#include <linux/mman.h>

enum { MAPPINGS_MAX = 16384 };

static struct mapping map[MAPPINGS_MAX]; /* sorted, disjoint */
static unsigned count;
static uint64_t break_start, break_end;
uint64_t memory_top;
static uint64_t text_top;
struct lock memory_lock;

/* The first mapping that ends above `at`. */
static unsigned find(uint64_t at)
{
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (map[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(unsigned index, const struct mapping *m)
{
    memmove(&map[index + 1], &map[index], (count - index) * sizeof *map);
    map[index] = *m;
    count++;
}

static bool has_arena(const struct mapping *m)
{
    return m->kind == MAPPING_FILE || m->kind == MAPPING_SHARED;
}

/* Ends a mapping at `at`, which lies inside; the rest becomes a mapping. */
static void split(unsigned index, uint64_t at)
{
    struct mapping rest = map[index];
    if (has_arena(&rest))
        rest.arena += at - rest.start;
    rest.start = at;
    map[index].end = at;
    insert(index + 1, &rest);
}

/* Makes `start` and `end` borders; the first mapping between them. -ENOMEM. */
static int borders(uint64_t start, uint64_t end)
{
    if (count + 2 >= MAPPINGS_MAX)
        return -ENOMEM;
    unsigned first = find(start);
    if (first < count && map[first].start < start)
        split(first++, start);
    unsigned last = find(end);
    if (last < count && map[last].start < end)
        split(last, end);
    return (int)first;
}

static void forget(unsigned first, uint64_t end)
{
    unsigned last = first;
    while (last < count && map[last].start < end)
        last++;
    memmove(&map[first], &map[last], (count - last) * sizeof *map);
    count -= last - first;
}

/* Grows the neighbour below instead of adding one that is like it. */
static bool merge(unsigned index, const struct mapping *m)
{
    struct mapping *below = index > 0 ? &map[index - 1] : NULL;
    if (!below || m->kind != MAPPING_ANON || below->kind != MAPPING_ANON ||
        below->prot != m->prot || below->end != m->start)
        return false;
    below->end = m->end;
    return true;
}

static bool is_guests(uint64_t start, uint64_t end)
{
    bool stubs = start < STUBS_LOW_END && end > STUBS_LOW;
    return start < end && start >= GUEST_LOW && end <= GUEST_TOP && !stubs;
}

static long host_map(const struct mapping *m)
{
    long size = (long)(m->end - m->start), flags = MAP_PRIVATE | MAP_FIXED;
    if (!has_arena(m))
        return host_call(__NR_mmap, (long)m->start, size, m->prot,
                         flags | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (m->kind == MAPPING_SHARED)
        flags = MAP_SHARED | MAP_FIXED;
    if (m->text) {
        long stubs =
            host_call(__NR_mmap, (long)(m->start + TEXT_STUBS), size, PROT_READ | PROT_EXEC, flags,
                      GUEST_ARENA_READ, (long)(m->arena + TEXT_STUBS));
        if (stubs < 0)
            return stubs;
    }
    long fd = m->kind == MAPPING_SHARED && m->writable ? GUEST_ARENA_WRITE : GUEST_ARENA_READ;
    return host_call(__NR_mmap, (long)m->start, size, m->prot, flags, fd, (long)m->arena);
}

long memory_map(const struct mapping *m)
{
    if (!is_guests(m->start, m->end))
        return -ENOMEM;
    int first = borders(m->start, m->end);
    if (first < 0)
        return first;
    long result = host_map(m);
    if (result < 0)
        return result;
    forget((unsigned)first, m->end);
    if (!merge((unsigned)first, m))
        insert((unsigned)first, m);
    return result;
}

long memory_unmap(uint64_t start, uint64_t end)
{
    if (!is_guests(start, end))
        return -EINVAL;
    int first = borders(start, end);
    if (first < 0)
        return first;
    long result = host_call(__NR_munmap, (long)start, (long)(end - start));
    if (result == 0)
        forget((unsigned)first, end);
    return result;
}

uint64_t memory_find(uint64_t size, uint64_t top)
{
    for (unsigned i = find(top - 1) + 1; i-- > 0;) {
        uint64_t floor = i > 0 ? map[i - 1].end : GUEST_LOW;
        if (i < count && map[i].start < top)
            top = map[i].start;
        if (top > STUBS_LOW && floor < STUBS_LOW_END && top - size < STUBS_LOW_END)
            top = STUBS_LOW;
        if (top > floor && top - floor >= size)
            return top - size;
    }
    return 0;
}

bool memory_may_be_text(uint64_t start, uint64_t end)
{
    return (start >= TEXT_HIGH && end <= GUEST_TOP) || (start >= GUEST_LOW && end <= TEXT_LOW_END);
}

uint64_t memory_find_text(uint64_t size)
{
    uint64_t at = memory_find(size, text_top);
    return at >= TEXT_HIGH ? at : memory_find(size, memory_top);
}

bool memory_is_free(uint64_t start, uint64_t end)
{
    unsigned index = find(start);
    return is_guests(start, end) && (index == count || map[index].start >= end);
}

const struct mapping *memory_at(uint64_t at)
{
    unsigned index = find(at);
    return index < count && map[index].start <= at ? &map[index] : NULL;
}

const struct mapping *memory_above(uint64_t at)
{
    return memory_next(find(at));
}

const struct mapping *memory_next(unsigned index)
{
    return index < count ? &map[index] : NULL;
}

long memory_protect(uint64_t start, uint64_t end, uint32_t prot)
{
    for (uint64_t at = start; at < end;) {
        const struct mapping *m = memory_at(at);
        if (!m)
            return -ENOMEM;
        if (m->kind == MAPPING_SHARED && !m->writable && prot & PROT_WRITE)
            return -EACCES;
        at = m->end;
    }
    int first = borders(start, end);
    if (first < 0)
        return first;
    long result = host_call(__NR_mprotect, (long)start, (long)(end - start), prot);
    for (unsigned i = (unsigned)first; result == 0 && i < count && map[i].start < end; i++)
        map[i].prot = prot;
    return result;
}

void memory_reset(uint64_t seed)
{
    if (count)
        host_call(__NR_munmap, GUEST_LOW, (long)(STUBS_HIGH_END - GUEST_LOW));
    count = 0;
    break_start = break_end = 0;
    memory_top = TEXT_HIGH - (seed & 0xfffffff) * PAGE_SIZE;
    text_top = GUEST_TOP - (seed >> 28 & 0xffff) * PAGE_SIZE;
}

void memory_set_break(uint64_t at)
{
    break_start = break_end = at;
}

/* The guest's calls, with the lock held ---------------------------------------------*/

uint64_t memory_break(uint64_t to)
{
    uint64_t now = PAGE_UP(break_end), wanted = PAGE_UP(to);
    if (to < break_start || wanted > GUEST_TOP)
        return break_end;
    if (wanted > now) {
        struct mapping m = {
            .start = now, .end = wanted, .prot = PROT_READ | PROT_WRITE, .kind = MAPPING_ANON};
        if (!memory_is_free(now, wanted) || memory_map(&m) < 0)
            return break_end;
    } else if (wanted < now && memory_unmap(wanted, now) < 0) {
        return break_end;
    }
    return break_end = to;
}

/* Zeros what is private and anonymous again. */
long memory_discard(uint64_t start, uint64_t end)
{
    for (uint64_t at = start; at < end;) {
        const struct mapping *m = memory_at(at);
        if (!m)
            return -ENOMEM;
        struct mapping part = *m;
        if (part.start < at) {
            part.arena += has_arena(m) ? at - part.start : 0;
            part.start = at;
        }
        if (part.end > end)
            part.end = end;
        long result = part.kind == MAPPING_SHARED ? 0 : host_map(&part);
        if (result < 0)
            return result;
        at = part.end;
    }
    return 0;
}

/* Moves or grows a mapping by copying it. */
static long move(const struct mapping *m, uint64_t old_size, uint64_t new_size, uint64_t to)
{
    struct mapping target = *m;
    if (m->text)
        return -ENOMEM; /* its jumps are relative */
    uint64_t keep = old_size < new_size ? old_size : new_size, from = m->start;
    target.start = to;
    target.end = to + new_size;
    if (m->kind != MAPPING_SHARED)
        target.prot |= PROT_WRITE;
    long result = memory_map(&target);
    if (result < 0)
        return result;
    if (m->kind != MAPPING_SHARED) {
        if (!(m->prot & PROT_READ))
            host_call(__NR_mprotect, (long)from, (long)old_size, PROT_READ);
        if (guest_copy((void *)to, (const void *)from, keep) < 0)
            return -EFAULT;
        if (!(m->prot & PROT_WRITE))
            memory_protect(to, to + new_size, m->prot);
    }
    memory_unmap(from, from + old_size);
    return (long)to;
}

long memory_resize(uint64_t at, uint64_t old_size, uint64_t new_size, int64_t to)
{
    const struct mapping *found = memory_at(at);
    if (!found || found->end - at < old_size)
        return -EFAULT;
    struct mapping m = *found;
    if (has_arena(&m))
        m.arena += at - m.start;
    m.start = at;
    m.end = at + old_size;
    if (to >= 0)
        return (uint64_t)to + new_size > at && (uint64_t)to < at + old_size
                   ? -EINVAL
                   : move(&m, old_size, new_size, (uint64_t)to);
    if (new_size <= old_size)
        return new_size == old_size || memory_unmap(at + new_size, at + old_size) == 0 ? (long)at
                                                                                       : -EINVAL;
    if (!m.text && memory_is_free(at + old_size, at + new_size)) {
        struct mapping more = m;
        more.start = at + old_size;
        more.end = at + new_size;
        more.arena += has_arena(&m) ? old_size : 0;
        long result = memory_map(&more);
        return result < 0 ? result : (long)at;
    }
    uint64_t place = to == MEMORY_MAY_MOVE ? memory_find(new_size, memory_top) : 0;
    return place ? move(&m, old_size, new_size, place) : -ENOMEM;
}
