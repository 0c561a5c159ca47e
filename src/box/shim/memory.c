/* memory: the map of the process. The filter allows mappings at fixed addresses
 * only, so where things go is decided here: the table is the truth, and the
 * kernel's own map follows it. */
#include "box/shim/memory.h"

#include <linux/mman.h>

enum {
    MAPPINGS_MAX = 65530, /* as Linux has it, and /proc/sys/vm/max_map_count */
    GONE_MAX = 64,
    TOUCHED_LEAST = 256 * 1024, /* bytes that are asked for at once */
    TOUCHED_MOST = 8 << 20,
    CROWDED = MAPPINGS_MAX / 2, /* mappings: it is better to ask for more */
};

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

/* Ends a mapping at `at`, which lies inside; the rest becomes a mapping. */
static void split(unsigned index, uint64_t at)
{
    struct mapping rest = map[index];
    if (mapping_has_arena(&rest))
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

/* Windows of the arena of which a part was unmapped: the broker wants to know when
 * nothing is mapped of one any more. What finds no room here goes with the process. */
static uint32_t gone[GONE_MAX];
static unsigned gone_count;

static void note_gone(const struct mapping *m)
{
    if (!mapping_has_arena(m))
        return;
    for (uint64_t i = m->arena >> WINDOW_SHIFT; i <= mapping_last(m) >> WINDOW_SHIFT; i++)
        if (gone_count < GONE_MAX && (gone_count == 0 || gone[gone_count - 1] != i))
            gone[gone_count++] = (uint32_t)i;
}

static bool is_mapped(uint32_t window)
{
    for (unsigned i = 0; i < count; i++)
        if (mapping_has_arena(&map[i]) && map[i].arena >> WINDOW_SHIFT <= window &&
            mapping_last(&map[i]) >> WINDOW_SHIFT >= window)
            return true;
    return false;
}

static void tell_gone(void)
{
    while (gone_count > 0) {
        uint32_t window = gone[--gone_count];
        if (!is_mapped(window))
            call_broker(thread_self(), BOX_UNMAP, (long)((uint64_t)window << WINDOW_SHIFT));
    }
}

void memory_not_mapped(uint64_t arena)
{
    gone[0] = (uint32_t)(arena >> WINDOW_SHIFT);
    gone_count = 1;
    tell_gone();
}

static void forget(unsigned first, uint64_t end)
{
    unsigned last = first;
    while (last < count && map[last].start < end)
        note_gone(&map[last++]);
    memmove(&map[first], &map[last], (count - last) * sizeof *map);
    count -= last - first;
}

/* Does `b` go on where `a` ends, in every respect? */
static bool goes_on(const struct mapping *a, const struct mapping *b)
{
    if (a->end != b->start || a->kind != b->kind || a->prot != b->prot)
        return false;
    if (!mapping_has_arena(a))
        return true;
    return !a->text && !b->text && a->absent == b->absent && a->writable == b->writable &&
           a->arena + (a->end - a->start) == b->arena;
}

/* Grows neighbours instead of adding one that is like them. */
static void add(unsigned index, const struct mapping *m)
{
    if (index < count && goes_on(m, &map[index])) {
        map[index].start = m->start;
        map[index].arena = m->arena;
    } else {
        insert(index, m);
    }
    if (index > 0 && goes_on(&map[index - 1], &map[index])) {
        map[index - 1].end = map[index].end;
        memmove(&map[index], &map[index + 1], (count - index - 1) * sizeof *map);
        count--;
    }
}

static bool is_guests(uint64_t start, uint64_t end)
{
    bool stubs = start < STUBS_LOW_END && end > STUBS_LOW;
    return start < end && start >= GUEST_LOW && end <= GUEST_TOP && !stubs;
}

static long host_map(const struct mapping *m)
{
    long size = (long)(m->end - m->start), flags = MAP_PRIVATE | MAP_FIXED;
    if (!mapping_has_arena(m) || m->absent)
        return host_call(__NR_mmap, (long)m->start, size, m->absent ? PROT_NONE : m->prot,
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
    add((unsigned)first, m);
    tell_gone();
    return result;
}

long memory_map_file(const struct mapping *m, uint64_t present)
{
    struct mapping part = *m;
    if (present >= m->end - m->start)
        return memory_map(m);
    part.absent = true;
    long result = memory_map(&part);
    if (result < 0 || present == 0)
        return result;
    part.absent = false;
    part.end = m->start + present;
    return memory_map(&part);
}

/* How much is asked for when somebody touches `at` of what is absent: the more, the
 * more of it was touched one after the other. */
static struct mapping around(const struct mapping *m, uint64_t at)
{
    struct mapping part = *m;
    const struct mapping *below = m > map ? m - 1 : NULL;
    uint64_t size = TOUCHED_LEAST;
    if (below &&
        goes_on(&(struct mapping){.start = below->start,
                                  .end = below->end,
                                  .kind = below->kind,
                                  .prot = below->prot,
                                  .writable = below->writable,
                                  .text = below->text,
                                  .arena = below->arena,
                                  .absent = true},
                m) &&
        at - m->start < size)
        size = below->end - below->start;
    if (size < TOUCHED_LEAST || size > TOUCHED_MOST)
        size = size < TOUCHED_LEAST ? TOUCHED_LEAST : TOUCHED_MOST;
    if (count > CROWDED)
        size = TOUCHED_MOST;
    uint64_t start = at & ~(uint64_t)(TOUCHED_LEAST - 1);
    if (start > part.start) {
        part.arena += start - part.start;
        part.start = start;
    }
    if (part.end - part.start > size)
        part.end = part.start + size;
    return part;
}

static bool touch(struct thread *t, uint64_t at, bool writes)
{
    const struct mapping *m = memory_at(at);
    if (!m || !mapping_has_arena(m) || !(m->prot & (writes ? PROT_WRITE : PROT_READ | PROT_EXEC)))
        return false;
    if (!m->absent)
        return true; /* meanwhile */
    struct mapping part = around(m, at);
    long there = call_broker(t, BOX_TOUCH, (long)part.arena, (long)(part.end - part.start));
    if (there <= 0 || (uint64_t)there <= at - part.start)
        return false;
    if ((uint64_t)there < part.end - part.start)
        part.end = part.start + PAGE_UP((uint64_t)there);
    part.absent = false;
    return memory_map(&part) >= 0;
}

bool memory_touch(struct thread *t, uint64_t at, bool writes)
{
    lock_take(&memory_lock);
    bool result = touch(t, at, writes);
    lock_drop(&memory_lock);
    return result;
}

bool memory_is_absent(uint64_t at)
{
    lock_take(&memory_lock);
    const struct mapping *m = memory_at(at);
    bool result = m && m->absent;
    lock_drop(&memory_lock);
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
    tell_gone();
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

/* How much there is but between start and end. The stack counts as nothing: the kernel
 * lets it grow, and here all of it is there from the start. */
static uint64_t sum(enum memory_what what, uint64_t start, uint64_t end)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct mapping *m = &map[i];
        if (tell_is_stack(m->start, m->end) || (what == MEMORY_DATA && !mapping_is_data(m)))
            continue;
        uint64_t low = m->start > start ? m->start : start, high = m->end < end ? m->end : end;
        bytes += m->end - m->start - (high > low ? high - low : 0);
    }
    return bytes;
}

static bool fits(enum memory_what what, uint64_t limit, const uint64_t range[3])
{
    uint64_t size = range[0];
    return limit == UINT64_MAX || (size <= limit && sum(what, range[1], range[2]) <= limit - size);
}

bool memory_fits(enum memory_what what, uint64_t size, uint64_t start, uint64_t end)
{
    const struct slot *s = thread_self()->slot;
    const uint64_t range[3] = {size, start, end};
    return fits(MEMORY_OTHER, s->memory_limit, range) &&
           (what != MEMORY_DATA || fits(MEMORY_DATA, s->data_limit, range));
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
        if (prot & PROT_WRITE && m->kind != MAPPING_SHARED && !mapping_is_data(m) &&
            !memory_fits(MEMORY_DATA, (m->end < end ? m->end : end) - at, at, m->end))
            return -ENOMEM;
        at = m->end;
    }
    int first = borders(start, end);
    if (first < 0)
        return first;
    long result = 0;
    for (unsigned i = (unsigned)first, next; result == 0 && i < count && map[i].start < end;
         i = next) {
        for (next = i; next < count && map[next].start < end && map[next].absent == map[i].absent;)
            next++;
        if (!map[i].absent)
            result = host_call(__NR_mprotect, (long)map[i].start,
                               (long)(map[next - 1].end - map[i].start), prot);
        for (unsigned done = i; result == 0 && done < next; done++)
            map[done].prot = prot; /* the host may have as many as it allows */
    }
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
        if (!memory_is_free(now, wanted) || !memory_fits(MEMORY_DATA, wanted - now, 0, 0) ||
            memory_map(&m) < 0)
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
            part.arena += mapping_has_arena(m) ? at - part.start : 0;
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
