#include "box/broker/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "box/broker/calls.h"
#include "box/broker/node.h"
#include "box/broker/task.h"

enum { PAGE = 4096, WORDS = WINDOWS / 64 };

static struct {
    struct node *node; /* of ARENA_NODE */
    uint64_t bytes;    /* of ARENA_NAMELESS */
    uint32_t users;
    enum arena_kind kind;
} windows[WINDOWS];
static unsigned hint, hand;
static unsigned used_end; /* behind it no window was ever given away */
static uint64_t spent, most = UINT64_MAX;

static int64_t small = -1; /* the window that small pieces come from */

char *arena_at(unsigned window, uint64_t offset)
{
    return box.arena + ((uint64_t)window << WINDOW_SHIFT) + offset;
}

/* Windows ------------------------------------------------------------------------------*/

static bool are_free(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        if (i >= WINDOWS || windows[i].kind != ARENA_FREE)
            return false;
    return true;
}

static void give(enum arena_kind kind, struct node *node, unsigned window)
{
    windows[window].kind = kind;
    used_end = window < used_end ? used_end : window + 1;
    windows[window].node = node;
    windows[window].users = 0;
    windows[window].bytes = 0;
}

static int64_t find_free(unsigned count)
{
    for (unsigned i = 0; count && i < WINDOWS; i++)
        if (are_free((hint + i) % WINDOWS, count))
            return (hint + i) % WINDOWS;
    return -ENOMEM;
}

/* Something that nobody maps, and that can be had again, goes. */
static bool make_room(void)
{
    for (unsigned i = 0; i < WINDOWS; i++, hand = (hand + 1) % WINDOWS) {
        if (windows[hand].kind == ARENA_NODE && window_make_room(windows[hand].node))
            return true;
    }
    return text_make_room();
}

int64_t arena_claim(enum arena_kind kind, struct node *node, unsigned count)
{
    int64_t first = find_free(count);
    while (first < 0 && make_room())
        first = find_free(count);
    for (unsigned i = 0; first >= 0 && i < count; i++)
        give(kind, node, (unsigned)first + i);
    if (first >= 0)
        hint = ((unsigned)first + count) % WINDOWS;
    return first;
}

bool arena_extend(struct node *node, unsigned end)
{
    if (!are_free(end, 1))
        return false;
    give(ARENA_NODE, node, end);
    return true;
}

void arena_drop(unsigned first, unsigned count)
{
    madvise(arena_at(first, 0), (size_t)count << WINDOW_SHIFT, MADV_REMOVE);
    for (unsigned i = first; i < first + count; i++)
        give(ARENA_FREE, NULL, i);
}

unsigned arena_users(unsigned first, unsigned count)
{
    unsigned sum = 0;
    for (unsigned i = first; i < first + count; i++)
        sum += windows[i].users;
    return sum;
}

/* Bytes --------------------------------------------------------------------------------*/

void arena_limit(uint64_t bytes)
{
    most = bytes;
}

int arena_spend(uint64_t bytes)
{
    while (bytes > most || spent > most - bytes)
        if (!make_room())
            return -ENOMEM;
    spent += bytes;
    return 0;
}

void arena_refund(uint64_t bytes)
{
    spent -= bytes;
}

void arena_populate(void *at, uint64_t size, uint64_t offset, uint64_t file_size)
{
    if (offset < file_size)
        madvise(at, (size_t)(size < file_size - offset ? size : file_size - offset),
                MADV_POPULATE_WRITE); /* else they come one by one */
}

/* Nobody maps anything of the window of small pieces. */
static void small_unused(unsigned window)
{
    arena_refund(windows[window].bytes);
    arena_drop(window, 1);
    if (small == (int64_t)window)
        small = -1;
}

int64_t arena_small(uint64_t size)
{
    size = (size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (small < 0 || windows[small].bytes + size > WINDOW_BYTES)
        small = arena_claim(ARENA_NAMELESS, NULL, 1);
    if (small < 0 || arena_spend(size) != 0)
        return -ENOMEM;
    uint64_t at = ((uint64_t)small << WINDOW_SHIFT) + windows[small].bytes;
    windows[small].bytes += size;
    return (int64_t)at;
}

/* Who maps what ------------------------------------------------------------------------*/

static void left(unsigned window)
{
    if (windows[window].users == 0 || --windows[window].users)
        return;
    switch (windows[window].kind) {
    case ARENA_FREE: break;
    case ARENA_NODE: window_unused(windows[window].node); break;
    case ARENA_TEXT: text_unused(window); break;
    case ARENA_NAMELESS: small_unused(window); break;
    }
}

void arena_note(struct process *p, uint64_t arena, uint64_t size)
{
    for (uint64_t i = arena >> WINDOW_SHIFT; i <= (arena + size - 1) >> WINDOW_SHIFT; i++) {
        uint64_t bit = UINT64_C(1) << i % 64;
        if (i < WINDOWS && !(p->mapped[i / 64] & bit)) {
            p->mapped[i / 64] |= bit;
            windows[i].users++;
        }
    }
}

int arena_inherit(struct process *p, const struct process *parent)
{
    p->mapped = calloc(WORDS, sizeof *p->mapped);
    if (!p->mapped)
        return -ENOMEM;
    for (unsigned i = 0; parent && i < WORDS; i++) {
        p->mapped[i] = parent->mapped[i];
        for (uint64_t set = p->mapped[i]; set; set &= set - 1)
            windows[i * 64 + (unsigned)__builtin_ctzll(set)].users++;
    }
    return 0;
}

void arena_leave(struct process *p)
{
    for (unsigned i = 0; p->mapped && i < WORDS; i++) {
        uint64_t set = p->mapped[i];
        p->mapped[i] = 0;
        for (; set; set &= set - 1)
            left(i * 64 + (unsigned)__builtin_ctzll(set));
    }
}

/* A place in the last window of which nothing is mapped. */
int64_t box_unmap(struct thread *t, struct call *c)
{
    struct process *p = t->process;
    uint64_t i = c->a[0] >> WINDOW_SHIFT, bit = UINT64_C(1) << i % 64;
    if (i < WINDOWS && p->mapped[i / 64] & bit) {
        p->mapped[i / 64] &= ~bit;
        left((unsigned)i);
    }
    return 0;
}

/* A place, size: how many bytes from there on may be mapped; 0: none, it is behind the
 * end of its file. */
int64_t box_touch(struct thread *t, struct call *c)
{
    uint64_t i = c->a[0] >> WINDOW_SHIFT;
    if (i >= WINDOWS || !(t->process->mapped[i / 64] >> i % 64 & 1) || c->a[0] % PAGE)
        return -EINVAL;
    return windows[i].kind == ARENA_NODE ? window_touch(windows[i].node, c->a[0], c->a[1])
                                         : (int64_t)c->a[1];
}

void arena_unlinked(struct node *n)
{
    struct store_attr a;
    if (n->type != S_IFREG || n->ops->attr(n, &a) != 0 || a.nlink)
        return;
    if (n->window)
        window_unused(n);
    text_forget(n); /* it may be gone already, and then has none */
}

struct node *arena_node(uint64_t arena, uint64_t *offset)
{
    uint64_t i = arena >> WINDOW_SHIFT;
    struct node *n = i < WINDOWS && windows[i].kind == ARENA_NODE ? windows[i].node : NULL;
    *offset = n ? window_offset(n, arena) : 0;
    return n;
}

/* msync */
int arena_sync(uint64_t arena)
{
    uint64_t offset;
    struct node *n = arena_node(arena, &offset);
    return n ? n->ops->sync(n) : 0;
}

void window_flush_all(void)
{
    for (unsigned i = 0; i < used_end; i++)
        if (windows[i].kind == ARENA_NODE && (i == 0 || windows[i - 1].node != windows[i].node))
            window_flush(windows[i].node);
}
