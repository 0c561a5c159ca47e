/* arena: one sparse memory file of 2^45 bytes. Each node that was ever mapped has
 * a window of 2^31 bytes in it, so that its pages are contiguous; guests map parts
 * of it. Who has mapped what is the guests' knowledge, so a window, once given, stays
 * until the box ends, and so does its node. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "box/broker/arena.h"
#include "box/broker/node.h"

enum { WINDOW_SHIFT = 31, WINDOWS = 1 << (ARENA_SHIFT - WINDOW_SHIFT), PAGE = 4096 };
#define WINDOW_BYTES (UINT64_C(1) << WINDOW_SHIFT)

struct window {
    unsigned index;
    uint64_t filled; /* bytes from the start that are the file's; a multiple of PAGE */
    bool shared;     /* somebody may write to it: it is what read and write see */
};

static struct node *users[WINDOWS]; /* of each window; the marker: of nobody by name */
static struct node nameless;
static unsigned hint;
static uint64_t nameless_used; /* of the last nameless window */
static unsigned nameless_window = WINDOWS;

static char *address(const struct node *n, uint64_t offset)
{
    return box.arena + ((uint64_t)n->window->index << WINDOW_SHIFT) + offset;
}

static unsigned take(struct node *user)
{
    for (unsigned i = 0; i < WINDOWS; i++) {
        unsigned at = (hint + i) % WINDOWS;
        if (users[at])
            continue;
        users[at] = user;
        hint = at + 1;
        return at;
    }
    return WINDOWS;
}

int64_t arena_nameless(void)
{
    unsigned index = take(&nameless);
    return index == WINDOWS ? -ENOMEM : (int64_t)((uint64_t)index << WINDOW_SHIFT);
}

void arena_populate(void *at, uint64_t size, uint64_t offset, uint64_t file_size)
{
    if (offset < file_size)
        madvise(at, (size_t)(size < file_size - offset ? size : file_size - offset),
                MADV_POPULATE_WRITE); /* else they come one by one */
}

static int fill(struct node *n, uint64_t end, uint64_t file_size)
{
    struct window *w = n->window;
    end = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (w->filled < end)
        arena_populate(address(n, w->filled), end - w->filled, w->filled, file_size);
    while (w->filled < end) {
        int64_t got = n->ops->read(n, w->filled, address(n, w->filled), (size_t)(end - w->filled));
        if (got < 0)
            return (int)got;
        if (got == 0 || w->filled + (uint64_t)got >= end)
            w->filled = end;
        else
            w->filled += (uint64_t)got & ~(uint64_t)(PAGE - 1)
                             ? (uint64_t)got & ~(uint64_t)(PAGE - 1)
                             : end - w->filled;
    }
    return 0;
}

int64_t arena_map(struct node *n, uint64_t offset, uint64_t size, bool shared)
{
    if (offset > WINDOW_BYTES || size > WINDOW_BYTES - offset)
        return -ENOMEM;
    if (!n->window) {
        struct window *w = calloc(1, sizeof *w);
        if (!w || (w->index = take(n)) == WINDOWS) {
            free(w);
            return -ENOMEM;
        }
        n->window = w;
        node_hold(n);
    }
    struct store_attr attr;
    int result = n->ops->attr(n, &attr);
    if (result == 0)
        result =
            fill(n, shared && attr.size > offset + size ? attr.size : offset + size, attr.size);
    if (result != 0)
        return result;
    if (shared && !n->window->shared) {
        n->window->shared = true;
        store_fs_changed(n); /* its bytes are in the arena now */
    }
    return (int64_t)(((uint64_t)n->window->index << WINDOW_SHIFT) + offset);
}

int64_t arena_new(uint64_t size)
{
    size = (size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (size > WINDOW_BYTES)
        return -ENOMEM;
    if (nameless_window == WINDOWS || nameless_used + size > WINDOW_BYTES) {
        nameless_window = take(&nameless);
        nameless_used = 0;
        if (nameless_window == WINDOWS)
            return -ENOMEM;
    }
    uint64_t at = nameless_used;
    nameless_used += size;
    return (int64_t)(((uint64_t)nameless_window << WINDOW_SHIFT) + at);
}

bool window_covers(const struct node *n)
{
    return n->window && n->window->shared;
}

int64_t window_read(struct node *n, uint64_t offset, void *to, size_t size)
{
    struct store_attr attr;
    int result = n->ops->attr(n, &attr);
    if (result != 0)
        return result;
    if (size == 0 || offset >= attr.size)
        return 0;
    if (size > attr.size - offset)
        size = (size_t)(attr.size - offset);
    if (offset + size > n->window->filled)
        return n->ops->read(n, offset, to, size);
    memcpy(to, address(n, offset), size);
    return (int64_t)size;
}

void window_write(struct node *n, uint64_t offset, const void *from, size_t size)
{
    if (offset >= n->window->filled)
        return;
    uint64_t room = n->window->filled - offset;
    memcpy(address(n, offset), from, size < room ? size : (size_t)room);
}

void window_truncate(struct node *n, uint64_t size)
{
    struct window *w = n->window;
    if (size < w->filled) {
        uint64_t page = (size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        memset(address(n, size), 0, (size_t)(page - size));
        if (page < w->filled)
            madvise(address(n, page), (size_t)(w->filled - page), MADV_REMOVE);
    }
}

/* What guests wrote: pages that differ from the file's. */
int window_flush(struct node *n)
{
    struct window *w = n->window;
    struct store_attr attr;
    char page[PAGE];
    if (!w->shared || n->ops->attr(n, &attr) != 0)
        return 0;
    for (uint64_t at = 0; at < w->filled && at < attr.size; at += PAGE) {
        uint64_t size = attr.size - at < PAGE ? attr.size - at : PAGE;
        int64_t got = n->ops->read(n, at, page, (size_t)size);
        if (got == (int64_t)size && memcmp(page, address(n, at), (size_t)size) == 0)
            continue;
        int64_t put = n->ops->write(n, at, address(n, at), (size_t)size);
        if (put < 0)
            return (int)put;
    }
    return 0;
}

struct node *arena_node(uint64_t arena, uint64_t *offset)
{
    uint64_t index = arena >> WINDOW_SHIFT;
    *offset = arena & (WINDOW_BYTES - 1);
    return index < WINDOWS && users[index] != &nameless ? users[index] : NULL;
}

int window_flush_at(uint64_t arena)
{
    uint64_t offset;
    struct node *n = arena_node(arena, &offset);
    return n ? n->ops->sync(n) : 0;
}

void window_flush_all(void)
{
    for (unsigned i = 0; i < hint && i < WINDOWS; i++)
        if (users[i] && users[i] != &nameless)
            window_flush(users[i]);
}
