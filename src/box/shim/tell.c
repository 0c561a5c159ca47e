/* tell: what the shim alone knows of its process, as /proc/self says it. */
#include "box/shim/memory.h"

#include <linux/mman.h>

enum { LINE = 128, PART = WINDOW_SIZE / 2 };

static uint64_t environ_start, environ_end;

void tell_environ_at(uint64_t start, uint64_t end)
{
    environ_start = start;
    environ_end = end;
}

static char *put_hex(char *to, uint64_t value, unsigned least)
{
    unsigned digits = 1;
    while (digits < 16 && value >> 4 * digits)
        digits++;
    for (digits = digits < least ? least : digits; digits-- > 0;)
        *to++ = "0123456789abcdef"[value >> 4 * digits & 15];
    return to;
}

static char *put_text(char *to, const char *text)
{
    while (*text)
        *to++ = *text++;
    return to;
}

/* The stack is where the environment lies; the heap ends where brk says. */
static char *put_line(char *to, const struct mapping *m, uint64_t heap)
{
    to = put_hex(to, m->start, 8);
    *to++ = '-';
    to = put_hex(to, m->end, 8);
    *to++ = ' ';
    *to++ = m->prot & PROT_READ ? 'r' : '-';
    *to++ = m->prot & PROT_WRITE ? 'w' : '-';
    *to++ = m->prot & PROT_EXEC ? 'x' : '-';
    *to++ = m->kind == MAPPING_SHARED ? 's' : 'p';
    to = put_text(to, " 00000000 00:00 0 ");
    if (environ_start >= m->start && environ_start < m->end)
        to = put_text(to, "                         [stack]");
    else if (m->kind == MAPPING_ANON && heap > m->start && heap <= m->end)
        to = put_text(to, "                         [heap]");
    *to++ = '\n';
    return to;
}

/* As many lines as there is room for, of what lies at *at or above, which moves on. */
static uint64_t put_lines(char *to, uint64_t *at)
{
    const struct mapping *m;
    char *start = to;
    lock_take(&memory_lock);
    uint64_t heap = memory_break(0);
    while (to - start < PART - LINE && (m = memory_above(*at))) {
        to = put_line(to, m, heap);
        *at = m->end;
    }
    lock_drop(&memory_lock);
    return (uint64_t)(to - start);
}

static long tell_maps(struct thread *t)
{
    for (uint64_t at = 0;;) {
        uint64_t size = put_lines(t->window + WINDOW_START, &at);
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
