/* The calls about memory. */
#include <linux/mman.h>

#include "box/shim/memory.h"
#include "box/shim/sys.h"

enum { LOW_TOP = 0x80000000, REMAP_MAYMOVE = 1, REMAP_FIXED = 2 };
#define FIXED (MAP_FIXED | MAP_FIXED_NOREPLACE)

/* Where a new mapping goes; 0: nowhere. Files go where text may lie, for that is
 * what a loader maps first, to put the text in there. */
static uint64_t choose(uint64_t hint, uint64_t size, uint64_t flags)
{
    hint &= ~UINT64_C(0xfff);
    if (flags & FIXED)
        return hint;
    if (hint && memory_is_free(hint, hint + size))
        return hint;
    if ((flags & (MAP_TYPE | MAP_ANONYMOUS | MAP_32BIT)) == MAP_PRIVATE)
        return memory_find_text(size);
    return memory_find(size, flags & MAP_32BIT ? LOW_TOP : memory_top);
}

static bool is_text(const long a[6])
{
    return (a[3] & (MAP_TYPE | MAP_ANONYMOUS)) == MAP_PRIVATE &&
           (a[2] & (PROT_WRITE | PROT_EXEC)) == PROT_EXEC;
}

/* Asks the broker where in the arena it lies: what BOX_MAP answers, or -errno. */
static long locate(struct thread *t, struct mapping *m, const long a[6], bool may_be_text)
{
    bool shared = (a[3] & MAP_TYPE) != MAP_PRIVATE;
    enum map_how how = shared ? MAP_AS_SHARED : may_be_text ? MAP_AS_TEXT : MAP_AS_PRIVATE;
    long fd = a[3] & MAP_ANONYMOUS ? MAP_NEW_SHARED : (int)a[4];
    long offset = a[3] & MAP_ANONYMOUS ? 0 : a[5];
    long answer = call_broker(t, BOX_MAP, fd, a[2], how, offset, (long)(m->end - m->start));
    if (answer < 0)
        return answer;
    m->kind = shared ? MAPPING_SHARED : MAPPING_FILE;
    m->arena = map_place(answer);
    m->writable = answer & MAP_SHARED_WRITABLE;
    m->text = answer & MAP_IS_TEXT;
    return answer;
}

/* Where it goes: 0 or -errno. -ENOEXEC: where it must go it cannot be text. */
static long place(struct mapping *m, uint64_t hint, uint64_t size, uint64_t flags)
{
    m->start = choose(hint, size, flags);
    m->end = m->start + size;
    if (!m->start)
        return flags & FIXED ? -EPERM : -ENOMEM;
    if (flags & MAP_FIXED_NOREPLACE && !memory_is_free(m->start, m->end))
        return -EEXIST;
    if (!memory_fits(mapping_is_data(m) ? MEMORY_DATA : MEMORY_OTHER, size, m->start, m->end))
        return -ENOMEM;
    return m->text && !memory_may_be_text(m->start, m->end) ? -ENOEXEC : 0;
}

/* With the lock held, so that nobody tells the broker meanwhile that nothing is mapped
 * of what it has just answered. */
static long map_one(struct thread *t, struct mapping *m, const long a[6], bool may_be_text)
{
    uint64_t flags = (uint64_t)a[3], size = m->end;
    bool is_private = flags & MAP_ANONYMOUS && (flags & MAP_TYPE) == MAP_PRIVATE;
    long answer = is_private ? 0 : locate(t, m, a, may_be_text);
    long result = answer < 0 ? answer : place(m, (uint64_t)a[0], size, flags);
    if (result == 0)
        result = is_private ? memory_map(m) : memory_map_file(m, map_present(answer));
    if (answer >= 0 && result < 0 && !is_private)
        memory_not_mapped(m->arena);
    return result;
}

long sys_mmap(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t flags = (uint64_t)a[3], size = PAGE_UP((uint64_t)a[1]);
    bool anonymous = flags & MAP_ANONYMOUS;
    (void)r;
    if ((flags & MAP_TYPE) == 0 || size == 0 || (!anonymous && a[5] & (PAGE_SIZE - 1)))
        return -EINVAL;
    if (flags & FIXED && a[0] & (PAGE_SIZE - 1))
        return -EINVAL;
    if (size > GUEST_TOP || flags & MAP_HUGETLB)
        return -ENOMEM;
    struct mapping m;
    bool may_be_text = is_text(a);
    long result;
    lock_take(&memory_lock);
    do {
        m = (struct mapping){.end = size, .prot = (uint32_t)a[2] & 7, .kind = MAPPING_ANON};
        result = map_one(t, &m, a, may_be_text);
        may_be_text = false;
    } while (result == -ENOEXEC);
    lock_drop(&memory_lock);
    return result;
}

static bool range_is_wrong(long start, long size)
{
    return start & (PAGE_SIZE - 1) || size < 0 ||
           (uint64_t)start + PAGE_UP((uint64_t)size) > GUEST_TOP;
}

long sys_munmap(struct thread *t, struct regs *r, const long a[6])
{
    (void)t, (void)r;
    if (range_is_wrong(a[0], a[1]) || a[1] == 0)
        return -EINVAL;
    uint64_t start = (uint64_t)a[0], end = start + PAGE_UP((uint64_t)a[1]);
    if (start < GUEST_LOW)
        start = GUEST_LOW; /* nothing is there */
    if (start >= end)
        return 0;
    lock_take(&memory_lock);
    long result = memory_unmap(start, end);
    lock_drop(&memory_lock);
    return result;
}

long sys_mprotect(struct thread *t, struct regs *r, const long a[6])
{
    (void)t, (void)r;
    if (a[0] & (PAGE_SIZE - 1) || a[2] & ~0x0f)
        return -EINVAL;
    if (range_is_wrong(a[0], a[1]))
        return -ENOMEM;
    lock_take(&memory_lock);
    long result = memory_protect((uint64_t)a[0], (uint64_t)a[0] + PAGE_UP((uint64_t)a[1]),
                                 (uint32_t)a[2] & 7);
    lock_drop(&memory_lock);
    return result;
}

long sys_brk(struct thread *t, struct regs *r, const long a[6])
{
    (void)t, (void)r;
    lock_take(&memory_lock);
    long result = (long)memory_break((uint64_t)a[0]);
    lock_drop(&memory_lock);
    return result;
}

long sys_mremap(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t at = (uint64_t)a[0], old = PAGE_UP((uint64_t)a[1]), new = PAGE_UP((uint64_t)a[2]);
    (void)t, (void)r;
    if (at & (PAGE_SIZE - 1) || a[3] & ~(REMAP_MAYMOVE | REMAP_FIXED) || new == 0 || old == 0 ||
        new > GUEST_TOP)
        return -EINVAL;
    if (a[3] & REMAP_FIXED && (!(a[3] & REMAP_MAYMOVE) || a[4] & (PAGE_SIZE - 1) || a[4] < 0))
        return -EINVAL;
    int64_t to = a[3] & REMAP_FIXED ? a[4] : a[3] & REMAP_MAYMOVE ? MEMORY_MAY_MOVE : MEMORY_STAY;
    lock_take(&memory_lock);
    long result = memory_resize(at, old, new, to);
    lock_drop(&memory_lock);
    return result;
}

long sys_madvise(struct thread *t, struct regs *r, const long a[6])
{
    (void)t, (void)r;
    if (a[0] & (PAGE_SIZE - 1) || range_is_wrong(a[0], a[1]))
        return -EINVAL;
    if (a[2] == MADV_REMOVE || a[2] < 0 || (a[2] > MADV_COLLAPSE && a[2] != MADV_HWPOISON))
        return -EINVAL;
    if (a[2] != MADV_DONTNEED || a[1] == 0)
        return 0;
    lock_take(&memory_lock);
    long result = memory_discard((uint64_t)a[0], (uint64_t)a[0] + PAGE_UP((uint64_t)a[1]));
    lock_drop(&memory_lock);
    return result;
}

/* Shared pages are the file's: the broker reads and writes the same ones. */
long sys_msync(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t end = (uint64_t)a[0] + PAGE_UP((uint64_t)a[1]);
    long result = 0;
    (void)r;
    if (range_is_wrong(a[0], a[1]))
        return -EINVAL;
    for (uint64_t at = (uint64_t)a[0]; at < end && result == 0;) {
        lock_take(&memory_lock);
        const struct mapping *found = memory_at(at);
        struct mapping m = found ? *found : (struct mapping){0};
        lock_drop(&memory_lock);
        if (!found)
            return -ENOMEM;
        if (m.kind == MAPPING_SHARED && m.writable)
            result = call_broker(t, __NR_msync, (long)m.arena);
        at = m.end;
    }
    return result;
}

/* Is all of a range mapped? */
static bool is_mapped(uint64_t at, uint64_t end)
{
    bool whole = true;
    lock_take(&memory_lock);
    while (at < end && whole) {
        const struct mapping *m = memory_at(at);
        whole = m != NULL;
        at = m ? m->end : end;
    }
    lock_drop(&memory_lock);
    return whole;
}

/* Nothing is ever paged out. */
long sys_mlock(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t at = (uint64_t)a[0] & ~(uint64_t)(PAGE_SIZE - 1);
    (void)t, (void)r;
    return is_mapped(at, PAGE_UP((uint64_t)a[0] + (uint64_t)a[1])) ? 0 : -ENOMEM;
}

long sys_munlock(struct thread *t, struct regs *r, const long a[6])
{
    return sys_mlock(t, r, a);
}

/* All that is mapped counts as there: nothing is ever paged out. */
long sys_mincore(struct thread *t, struct regs *r, const long a[6])
{
    uint64_t at = (uint64_t)a[0], end = at + PAGE_UP((uint64_t)a[1]);
    (void)r;
    if (at & (PAGE_SIZE - 1))
        return -EINVAL;
    if (range_is_wrong(a[0], a[1]) || !is_mapped(at, end))
        return -ENOMEM;
    uint64_t pages = (end - at) / PAGE_SIZE;
    memset(t->window + WINDOW_START, 1, PAGE_SIZE);
    for (uint64_t done = 0; done < pages; done += PAGE_SIZE) {
        uint64_t part = pages - done < PAGE_SIZE ? pages - done : PAGE_SIZE;
        if (guest_copy((char *)a[2] + done, t->window + WINDOW_START, part) < 0)
            return -EFAULT;
    }
    return 0;
}

long sys_mlock2(struct thread *t, struct regs *r, const long a[6])
{
    return a[2] & ~1L ? -EINVAL : sys_mlock(t, r, a);
}

long sys_mlockall(struct thread *t, struct regs *r, const long a[6])
{
    (void)t, (void)r;
    return a[0] == 0 || a[0] & ~7L || a[0] == 4 ? -EINVAL : 0;
}

long sys_munlockall(struct thread *t, struct regs *r, const long a[6])
{
    (void)t, (void)r, (void)a;
    return 0;
}
