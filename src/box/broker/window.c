/* window: the bytes of a node that lie in the arena, in pieces that are filled when
 * somebody needs them. A private mapping copies from there on write; once there was
 * a shared one that may be written to, they are what read and write see, too.
 *
 * A file of the image keeps its window when nobody maps it any more, as a cache;
 * a file that lives in memory has nothing else. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "box/broker/arena.h"
#include "box/broker/node.h"

enum { PAGE = 4096, PIECE = 1 << 16, AT_ONCE = 8 << 20, LARGE = 1 << 30 };
#define PAGE_END(n) (((n) + PAGE - 1) & ~(uint64_t)(PAGE - 1))

struct window {
    unsigned first, count; /* windows of the arena */
    uint64_t *filled;      /* a bit for each piece; */
    size_t words;          /* bits behind them are zeros */
    uint64_t pieces;
    bool shared; /* somebody may write to it: it is what read and write see */
    bool holds;  /* its node: somebody maps it, or it is a cache */
};

static const struct node *busy; /* is being filled: it cannot make room for itself */

static char *address(const struct node *n, uint64_t offset)
{
    return arena_at(n->window->first, offset);
}

static bool is_filled(const struct window *w, uint64_t piece)
{
    return piece / 64 < w->words && w->filled[piece / 64] >> piece % 64 & 1;
}

static int mark(struct window *w, uint64_t piece)
{
    size_t words = piece / 64 + 1;
    if (words > w->words) {
        uint64_t *more = reallocarray(w->filled, words, sizeof *more);
        if (!more)
            return -ENOMEM;
        memset(more + w->words, 0, (words - w->words) * sizeof *more);
        w->filled = more;
        w->words = words;
    }
    w->filled[piece / 64] |= UINT64_C(1) << piece % 64;
    w->pieces++;
    return 0;
}

/* Coming and going ---------------------------------------------------------------------*/

static int make(struct node *n, uint64_t end)
{
    uint64_t room = end > LARGE ? end * 2 : end; /* so that it can grow in place */
    uint64_t count = (room + WINDOW_BYTES - 1) >> WINDOW_SHIFT;
    struct window *w = count <= WINDOWS ? calloc(1, sizeof *w) : NULL;
    int64_t first = w ? arena_claim(ARENA_NODE, n, count ? (unsigned)count : 1) : -ENOMEM;
    if (first < 0) {
        free(w);
        return -ENOMEM;
    }
    w->first = (unsigned)first;
    w->count = count ? (unsigned)count : 1;
    n->window = w;
    return 0;
}

/* Makes room for so many bytes. */
static int reach(struct node *n, uint64_t end)
{
    struct window *w = n->window;
    if (!w)
        return make(n, end);
    while ((uint64_t)w->count << WINDOW_SHIFT < end) {
        if (!arena_extend(n, w->first + w->count))
            return -ENOMEM;
        w->count++;
    }
    return 0;
}

void window_free(struct node *n)
{
    struct window *w = take_ptr(n->window);
    if (!w)
        return;
    arena_refund(w->pieces * PIECE);
    arena_drop(w->first, w->count);
    bool holds = w->holds;
    free(w->filled);
    free(w);
    if (holds)
        node_drop(n);
}

void window_hold(struct node *n)
{
    if (n->window && !n->window->holds) {
        n->window->holds = true;
        node_hold(n);
    }
}

uint64_t window_offset(const struct node *n, uint64_t arena)
{
    return arena - ((uint64_t)n->window->first << WINDOW_SHIFT);
}

static unsigned users(const struct node *n)
{
    return arena_users(n->window->first, n->window->count);
}

static bool is_nameless(struct node *n)
{
    struct store_attr a;
    return n->ops->attr(n, &a) == 0 && a.nlink == 0;
}

/* What guests wrote goes to the file, unless nobody can see it again. */
static int keep_written(struct node *n, bool nameless)
{
    if (!n->window->shared || (nameless && n->references == n->window->holds))
        return 0;
    return window_flush(n);
}

void window_unused(struct node *n)
{
    struct window *w = n->window;
    if (!w || users(n))
        return;
    if (n->ops->in_memory) {
        bool holds = w->holds;
        w->holds = false;
        if (holds)
            node_drop(n);
        return;
    }
    bool nameless = is_nameless(n);
    if (keep_written(n, nameless) != 0 || !(w->shared || nameless))
        return; /* these bytes are nowhere else; or a cache */
    if (w->shared) {
        w->shared = false;
        store_fs_changed(n);
    }
    window_free(n);
}

bool window_make_room(struct node *n)
{
    if (n == busy || n->ops->in_memory || n->window->shared || users(n))
        return false;
    window_free(n);
    return true;
}

/* Filling ------------------------------------------------------------------------------*/

/* Reads what pieces have that are being filled; behind the file's end there are zeros. */
static int load(struct node *n, uint64_t from, uint64_t end)
{
    if (n->ops->in_memory)
        return 0;
    while (from < end) {
        int64_t got = n->ops->read(n, from, address(n, from), (size_t)(end - from));
        if (got <= 0)
            return (int)got;
        from += (uint64_t)got;
    }
    return 0;
}

/* Fills the pieces that lie in a range, as many as stand in a row at a time. */
static int fill(struct node *n, uint64_t from, uint64_t end, uint64_t file_size)
{
    struct window *w = n->window;
    uint64_t piece = from / PIECE, last = (end + PIECE - 1) / PIECE;
    int result = 0;
    busy = n;
    while (piece < last && result == 0) {
        uint64_t stop = piece;
        while (stop < last && !is_filled(w, stop) && result == 0 &&
               (result = arena_spend(PIECE)) == 0)
            if ((result = mark(w, stop)) == 0)
                stop++;
            else
                arena_refund(PIECE);
        if (stop > piece) {
            uint64_t start = piece * PIECE,
                     to = stop * PIECE < file_size ? stop * PIECE : file_size;
            arena_populate(address(n, start), stop * PIECE - start, start,
                           n->ops->in_memory ? 0 : file_size);
            int loaded = load(n, start, to);
            result = result ? result : loaded;
        }
        piece = stop + 1;
    }
    busy = NULL;
    return result;
}

/* How far from `offset` on what is mapped is there. */
static uint64_t present(const struct window *w, uint64_t offset, uint64_t end)
{
    uint64_t piece = offset / PIECE;
    while (piece * PIECE < end && is_filled(w, piece))
        piece++;
    uint64_t to = piece * PIECE < end ? piece * PIECE : end;
    return to > offset ? to - offset : 0;
}

int64_t window_map(struct node *n, const struct window_part *part)
{
    struct store_attr attr;
    uint64_t end = part->offset + part->size;
    int result = end < part->offset || end > WINDOWS * WINDOW_BYTES ? -ENOMEM : reach(n, end);
    if (result == 0)
        result = n->ops->attr(n, &attr);
    if (result != 0)
        return result;
    uint64_t file_end = PAGE_END(attr.size), now = end < file_end ? end : file_end;
    if (now > part->offset + AT_ONCE)
        now = part->offset + AT_ONCE;
    if (now > part->offset)
        result = fill(n, part->offset, now, attr.size);
    if (result != 0)
        return result;
    if (part->shared && !n->window->shared) {
        n->window->shared = true;
        store_fs_changed(n); /* its bytes are in the arena now */
    }
    uint64_t pages = present(n->window, part->offset, end < file_end ? end : file_end) / PAGE;
    return map_answer(((uint64_t)n->window->first << WINDOW_SHIFT) + part->offset, pages);
}

int64_t window_touch(struct node *n, uint64_t arena, uint64_t size)
{
    struct store_attr attr;
    uint64_t offset = window_offset(n, arena);
    uint64_t room = ((uint64_t)n->window->count << WINDOW_SHIFT) - offset;
    int result = n->ops->attr(n, &attr);
    if (result != 0 || offset >= attr.size)
        return result;
    size = size < room ? size : room;
    if (size > PAGE_END(attr.size) - offset)
        size = PAGE_END(attr.size) - offset;
    result = fill(n, offset, offset + size, attr.size);
    return result ? result : (int64_t)size;
}

/* Reading and writing ------------------------------------------------------------------*/

bool window_covers(const struct node *n)
{
    return n->window && n->window->shared;
}

/* As much of a range as lies in pieces that all are, or are not, filled. */
static uint64_t alike(const struct window *w, uint64_t offset, uint64_t size)
{
    uint64_t piece = offset / PIECE;
    bool filled = is_filled(w, piece);
    while ((piece + 1) * PIECE < offset + size && is_filled(w, piece + 1) == filled)
        piece++;
    uint64_t end = (piece + 1) * PIECE;
    return end < offset + size ? end - offset : size;
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
    for (uint64_t done = 0, part; done < size; done += part) {
        part = alike(n->window, offset + done, size - done);
        if (is_filled(n->window, (offset + done) / PIECE)) {
            memcpy((char *)to + done, address(n, offset + done), (size_t)part);
            continue;
        }
        int64_t got = n->ops->read(n, offset + done, (char *)to + done, (size_t)part);
        if (got < (int64_t)part)
            return got < 0 && !done ? got : (int64_t)(done + (uint64_t)(got > 0 ? got : 0));
    }
    return (int64_t)size;
}

void window_write(struct node *n, uint64_t offset, const void *from, size_t size)
{
    for (uint64_t done = 0, part; done < size; done += part) {
        part = alike(n->window, offset + done, size - done);
        if (is_filled(n->window, (offset + done) / PIECE))
            memcpy(address(n, offset + done), (const char *)from + done, (size_t)part);
    }
}

int window_grow(struct node *n, uint64_t offset, uint64_t size)
{
    int result = offset + size > WINDOWS * WINDOW_BYTES ? -EFBIG : reach(n, offset + size);
    if (result == 0)
        result = fill(n, offset, offset + size, 0);
    if (result == 0)
        n->window->shared = true;
    return result;
}

void window_zero(struct node *n, uint64_t offset, uint64_t size)
{
    for (uint64_t done = 0, part; done < size; done += part) {
        part = alike(n->window, offset + done, size - done);
        uint64_t start = offset + done, end = start + part;
        if (!is_filled(n->window, start / PIECE))
            continue;
        uint64_t head = PAGE_END(start) < end ? PAGE_END(start) : end;
        uint64_t tail = end & ~(uint64_t)(PAGE - 1);
        memset(address(n, start), 0, (size_t)(head - start));
        if (tail > head)
            madvise(address(n, head), (size_t)(tail - head), MADV_REMOVE);
        if (tail >= head)
            memset(address(n, tail), 0, (size_t)(end - tail));
    }
}

/* What nobody maps is given back; else it may be touched again at any moment. */
void window_truncate(struct node *n, uint64_t size)
{
    struct window *w = n->window;
    uint64_t end = (uint64_t)w->words * 64 * PIECE;
    if (size >= end)
        return;
    window_zero(n, size, end - size);
    for (uint64_t piece = (size + PIECE - 1) / PIECE; !users(n) && piece < w->words * 64; piece++)
        if (is_filled(w, piece)) {
            w->filled[piece / 64] &= ~(UINT64_C(1) << piece % 64);
            w->pieces--;
            arena_refund(PIECE);
        }
}

/* What guests wrote into a piece: pages that differ from the file's. */
static int flush_piece(struct node *n, uint64_t start, uint64_t file_size)
{
    static char held[PIECE];
    uint64_t size = file_size - start < PIECE ? file_size - start : PIECE;
    int64_t got = n->ops->read(n, start, held, (size_t)size);
    for (uint64_t at = 0; at < size; at += PAGE) {
        uint64_t part = size - at < PAGE ? size - at : PAGE;
        char *mapped = address(n, start + at);
        if (got >= (int64_t)(at + part) && memcmp(held + at, mapped, (size_t)part) == 0)
            continue;
        int64_t put = n->ops->write(n, start + at, mapped, (size_t)part);
        if (put < (int64_t)part)
            return put < 0 ? (int)put : -ENOSPC;
    }
    return 0;
}

int window_flush(struct node *n)
{
    const struct window *w = n->window;
    struct store_attr attr;
    int result = 0;
    if (!w->shared || n->ops->in_memory || n->ops->attr(n, &attr) != 0)
        return 0;
    for (uint64_t piece = 0; piece * PIECE < attr.size && piece < w->words * 64 && result == 0;
         piece++)
        if (is_filled(w, piece))
            result = flush_piece(n, piece * PIECE, attr.size);
    return result;
}
