#include "box/broker/page_cache.h"

#include <stdlib.h>
#include <string.h>

#include "box/broker/publish.h"

enum { AHEAD = 32, NOT_HERE = -1 }; /* pages read at once by who reads on */

static uint64_t *tags; /* of each page; 0: empty */
static uint32_t count;
static unsigned hand;

int page_cache_start(uint32_t page_count)
{
    count = page_count;
    tags = calloc(count, sizeof *tags);
    return tags ? 0 : -ENOMEM;
}

static char *bytes(uint32_t index)
{
    return (char *)(box.published + 1) + published_page_bytes(count / PAGE_WAYS - 1, index);
}

static int64_t find(uint32_t ino, uint64_t page)
{
    if (!count || page > UINT32_MAX)
        return NOT_HERE;
    uint32_t set = published_page_set(count / PAGE_WAYS - 1, ino, (uint32_t)page);
    uint64_t tag = published_page_tag(ino, (uint32_t)page);
    for (uint32_t i = set; i < set + PAGE_WAYS; i++)
        if (tags[i] == tag)
            return i;
    return NOT_HERE;
}

static void begin(struct published_page *p)
{
    __atomic_store_n(&p->seq, p->seq + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void end(struct published_page *p)
{
    __atomic_store_n(&p->seq, p->seq + 1, __ATOMIC_RELEASE);
}

/* What stands at a place becomes this page; tag 0: nothing. */
static void replace(uint32_t index, uint64_t tag, const char *from, size_t size)
{
    struct published_page *p = &box.published->pages[index];
    begin(p);
    tags[index] = p->tag = tag;
    if (tag) {
        memcpy(bytes(index), from, size);
        memset(bytes(index) + size, 0, PAGE_BYTES - size);
    }
    end(p);
}

static void keep(uint32_t ino, uint64_t page, const char *from, size_t size)
{
    uint32_t set = published_page_set(count / PAGE_WAYS - 1, ino, (uint32_t)page), at = set;
    int64_t found = find(ino, page);
    while (at < set + PAGE_WAYS && tags[at])
        at++;
    if (at == set + PAGE_WAYS)
        at = set + hand++ % PAGE_WAYS;
    if (found == NOT_HERE)
        replace(at, published_page_tag(ino, (uint32_t)page), from, size);
}

/* Copies part of a page from the store, and keeps it and what will be read next. */
static int64_t fetch(struct node *n, uint64_t page, size_t in, void *to, size_t size)
{
    static char buffer[AHEAD * PAGE_BYTES];
    size_t wanted = page == n->next_page && page ? sizeof buffer : PAGE_BYTES;
    if (in + size > PAGE_BYTES)
        wanted = sizeof buffer;
    int64_t got = n->ops->read(n, page * PAGE_BYTES, buffer, wanted);
    if (got <= (int64_t)in)
        return got < 0 ? got : 0;
    for (size_t at = 0; at < (size_t)got; at += PAGE_BYTES) {
        size_t part = (size_t)got - at < PAGE_BYTES ? (size_t)got - at : PAGE_BYTES;
        keep(n->ino, page + at / PAGE_BYTES, buffer + at, part);
    }
    n->next_page = page + ((size_t)got + PAGE_BYTES - 1) / PAGE_BYTES;
    if (size > (size_t)got - in)
        size = (size_t)got - in;
    memcpy(to, buffer + in, size);
    return (int64_t)size;
}

int64_t page_cache_read(struct node *n, uint64_t file_size, uint64_t offset, void *to, size_t size)
{
    size_t done = 0;
    if (offset >= file_size)
        return 0;
    if (size > file_size - offset)
        size = (size_t)(file_size - offset);
    if ((offset + size) / PAGE_BYTES > UINT32_MAX)
        return n->ops->read(n, offset, to, size);
    while (done < size) {
        uint64_t page = (offset + done) / PAGE_BYTES;
        size_t in = (offset + done) % PAGE_BYTES, part = PAGE_BYTES - in;
        int64_t at = find(n->ino, page);
        if (part > size - done)
            part = size - done;
        if (at == NOT_HERE) {
            int64_t got = fetch(n, page, in, (char *)to + done, size - done);
            if (got <= 0)
                return done ? (int64_t)done : got;
            part = (size_t)got;
        } else {
            memcpy((char *)to + done, bytes((uint32_t)at) + in, part);
        }
        done += part;
    }
    return (int64_t)done;
}

void page_cache_write(uint32_t ino, uint64_t offset, const void *from, size_t size)
{
    for (size_t done = 0, part; done < size; done += part) {
        uint64_t page = (offset + done) / PAGE_BYTES;
        size_t in = (offset + done) % PAGE_BYTES;
        part = PAGE_BYTES - in < size - done ? PAGE_BYTES - in : size - done;
        int64_t at = find(ino, page);
        if (at == NOT_HERE)
            continue;
        begin(&box.published->pages[at]);
        memcpy(bytes((uint32_t)at) + in, (const char *)from + done, part);
        end(&box.published->pages[at]);
    }
}

void page_cache_drop(uint32_t ino, uint64_t start, uint64_t limit)
{
    uint64_t first = start / PAGE_BYTES, last = (limit + PAGE_BYTES - 1) / PAGE_BYTES;
    if (last - first < count) {
        for (uint64_t page = first; page < last && page <= UINT32_MAX; page++) {
            int64_t at = find(ino, page);
            if (at != NOT_HERE)
                replace((uint32_t)at, 0, NULL, 0);
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (tags[i] >> 32 == ino && (uint32_t)tags[i] >= first)
            replace(i, 0, NULL, 0);
}
