#include "box/broker/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "box/arch/x86_64/offsets.h"
#include "box/arch/x86_64/site.h"
#include "box/broker/arena.h"
#include "box/broker/calls.h"
#include "box/broker/node.h"
#include "box/broker/task.h"

enum {
    PAGE = 4096,
    STUBS_PER_PAGE = PAGE / STUB_SIZE, /* the bits of a word */
    PAGES_TRIED = 1024,
    REACH_BACK = 8 << 20, /* so that a jump's last byte is no instruction */
    GRACE = 20000,        /* ns: for who fetches instructions to see what was written */
    STOPS_MAX = 16,       /* of which one told of stands for more (shim/site.c) */
    BUCKETS = 1024,
    SITES_MAX = 1 << 14, /* of a text; */
    ALL_SITES_MAX = 1 << 18,
    TEXTS_MAX = 4096, /* of the arena's 16384 windows */
};

/* How far a jump is written while others may be executing. */
enum phase {
    PHASE_NEW,
    PHASE_STOPPED, /* who comes to any instruction of it is stopped */
    PHASE_FILLED,  /* the bytes in between are there */
    PHASE_DONE,
    PHASE_NEVER, /* it cannot be, or was taken back */
};

struct known {
    struct known *next;
    uint32_t offset; /* of the site in the text */
    uint32_t stub;
    uint8_t phase, stops; /* stops: how often somebody came into the middle */
    struct site site;
    struct stub code;
    uint8_t before[SITE_JUMP_SIZE];
    int64_t since;
};

struct program_text {
    struct program_text *next;
    struct node *node;
    uint64_t offset, size;
    struct store_attr made_of;
    uint8_t *at; /* in the arena */
    uint64_t arena;
    uint64_t *used; /* for each page of stubs, which are taken */
    struct known *sites[BUCKETS];
    unsigned site_count;
};

static struct program_text *first;
static unsigned count, site_count;

/* Texts ------------------------------------------------------------------------------*/

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_current(const struct program_text *x, const struct store_attr *attr)
{
    return x->made_of.size == attr->size && same_time(&x->made_of.mtime, &attr->mtime) &&
           same_time(&x->made_of.ctime, &attr->ctime);
}

static int fill(struct program_text *x)
{
    arena_populate(x->at, x->size, x->offset, x->made_of.size);
    for (uint64_t done = 0; done < x->size;) {
        int64_t got = x->node->ops->read(x->node, x->offset + done, x->at + done, x->size - done);
        if (got <= 0)
            return (int)got; /* 0: behind the file's end there are zeros */
        done += (uint64_t)got;
    }
    return 0;
}

static void text_free(struct program_text *x)
{
    struct program_text **at = &first;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct known *k = x->sites[i], *next; k; k = next) {
            next = k->next;
            free(k);
        }
    arena_refund(x->size);
    arena_drop((unsigned)(x->arena >> WINDOW_SHIFT), 1);
    site_count -= x->site_count;
    count--;
    node_drop(x->node);
    free(x->used);
    free(x);
}

static bool is_mapped(const struct program_text *x)
{
    return arena_users((unsigned)(x->arena >> WINDOW_SHIFT), 1) > 0;
}

static bool is_wanted(const struct program_text *x)
{
    struct store_attr attr;
    return x->node->ops->attr(x->node, &attr) == 0 && attr.nlink && is_current(x, &attr);
}

void text_unused(unsigned window)
{
    struct program_text *x = first;
    while (x && x->arena >> WINDOW_SHIFT != window)
        x = x->next;
    if (x && !is_wanted(x))
        text_free(x);
}

bool text_make_room(void)
{
    struct program_text *last = NULL; /* the oldest */
    for (struct program_text *x = first; x; x = x->next)
        if (!is_mapped(x))
            last = x;
    if (last)
        text_free(last);
    return last;
}

/* Those that nobody can map again. */
void text_forget(const struct node *n)
{
    for (struct program_text *x = first, *next; x; x = next) {
        next = x->next;
        if (x->node == n && !is_mapped(x) && !is_wanted(x))
            text_free(x);
    }
}

static struct program_text *make(struct node *n, uint64_t offset, uint64_t size,
                                 const struct store_attr *attr)
{
    struct program_text *x = calloc(1, sizeof *x);
    int64_t window = x ? arena_claim(ARENA_TEXT, NULL, 1) : -ENOMEM;
    if (window >= 0 && arena_spend(size) != 0) {
        arena_drop((unsigned)window, 1);
        window = -ENOMEM;
    }
    if (window >= 0)
        x->used = calloc((size + PAGE - 1) / PAGE, sizeof *x->used);
    if (window < 0 || !x->used) {
        if (window >= 0)
            arena_drop((unsigned)window, 1);
        free(x);
        return NULL;
    }
    x->node = node_hold(n);
    x->offset = offset;
    x->size = size;
    x->made_of = *attr;
    x->arena = (uint64_t)window << WINDOW_SHIFT;
    x->at = (uint8_t *)arena_at((unsigned)window, 0);
    x->next = first;
    first = x;
    count++;
    if (fill(x) == 0)
        return x;
    text_free(x);
    return NULL;
}

int64_t text_map(struct node *n, uint64_t offset, uint64_t size)
{
    struct store_attr attr;
    int result = n->ops->attr(n, &attr);
    if (result != 0)
        return result;
    if (size > TEXT_MAX || window_covers(n))
        return -ENOTSUP; /* what others may write to changes under a copy */
    struct program_text *x = first;
    while (x && !(x->node == n && x->offset == offset && x->size == size && is_current(x, &attr)))
        x = x->next;
    if (!x)
        text_forget(n);
    if (!x && count < TEXTS_MAX)
        x = make(n, offset, size, &attr);
    return x ? (int64_t)x->arena : -ENOTSUP;
}

/* Sites ------------------------------------------------------------------------------*/

static struct known *find(const struct program_text *x, uint64_t offset)
{
    struct known *k = x->sites[offset % BUCKETS];
    while (k && k->offset != offset)
        k = k->next;
    return k;
}

/* Where a stub for this site fits and is free; its offset among the stubs. */
static int64_t place(struct program_text *x, const struct known *k)
{
    uint64_t pages = (x->size + PAGE - 1) / PAGE;
    uint64_t page = k->offset > REACH_BACK ? (k->offset - REACH_BACK) / PAGE : 0;
    for (unsigned tried = 0; tried < PAGES_TRIED && page < pages; tried++, page++)
        for (unsigned i = 0; i < STUBS_PER_PAGE; i++) {
            uint64_t stub = page * PAGE + i * STUB_SIZE;
            if (x->used[page] >> i & 1 ||
                !site_fits(&k->site, (int64_t)(TEXT_STUBS + stub) - k->offset))
                continue;
            x->used[page] |= UINT64_C(1) << i;
            return (int64_t)stub;
        }
    return -ENOSPC;
}

static void plan(struct program_text *x, struct known *k)
{
    uint8_t bytes[SITE_REACH];
    size_t size = x->size - k->offset < SITE_REACH ? x->size - k->offset : SITE_REACH;
    memcpy(bytes, x->at + k->offset, size);
    k->phase = PHASE_NEVER;
    if (site_read(bytes, size, x->offset + k->offset, &k->site) != 0)
        return;
    int64_t stub = place(x, k);
    if (stub < 0 || site_write(&k->site, bytes, (int64_t)(TEXT_STUBS + stub) - k->offset, T_GATE,
                               &k->code) != 0)
        return;
    k->stub = (uint32_t)stub;
    memcpy(k->before, bytes, sizeof k->before);
    memcpy(x->at + TEXT_STUBS + stub, k->code.bytes, sizeof k->code.bytes);
    k->phase = PHASE_NEW;
}

/* Is the one who asks the only one that executes anything just now? */
static bool is_quiet(const struct thread *t)
{
    for (const struct process *p = box.first; p; p = p->next)
        for (const struct thread *o = p->threads; o && p->state == RUNNING; o = o->next)
            if (o != t && !o->busy)
                return false;
    return true;
}

static void put(struct program_text *x, uint64_t at, uint8_t byte)
{
    __atomic_store_n(x->at + at, byte, __ATOMIC_SEQ_CST);
}

enum { BREAKPOINT = 0xcc };

/* Who comes is stopped: at the site by a breakpoint, where moved instructions
 * began by the bytes that are none. */
static void stop(struct program_text *x, const struct known *k)
{
    put(x, k->offset, BREAKPOINT);
    for (unsigned i = 1; i < SITE_JUMP_SIZE; i++)
        if (k->site.guarded >> i & 1)
            put(x, k->offset + i, k->code.jump[i]);
}

static void put_others(struct program_text *x, const struct known *k,
                       const uint8_t bytes[SITE_JUMP_SIZE])
{
    for (unsigned i = 1; i < SITE_JUMP_SIZE; i++)
        if (!(k->site.guarded >> i & 1))
            put(x, k->offset + i, bytes[i]);
}

/* The next steps of the way to a jump: all of them if nobody can be in between. */
static void advance(struct program_text *x, struct known *k, bool quiet)
{
    int64_t now = time_now();
    while (k->phase < PHASE_DONE && (quiet || k->phase == PHASE_NEW || now - k->since >= GRACE)) {
        switch (k->phase) {
        case PHASE_NEW: stop(x, k); break;
        case PHASE_STOPPED: put_others(x, k, k->code.jump); break;
        case PHASE_FILLED: put(x, k->offset, k->code.jump[0]); break;
        }
        k->phase++;
        k->since = now;
    }
}

/* A site whose middle is where others go, too: jumping there costs a signal. */
static void take_back(struct program_text *x, struct known *k)
{
    put(x, k->offset, BREAKPOINT);
    put_others(x, k, k->before);
    for (unsigned i = 1; i < SITE_JUMP_SIZE; i++)
        if (k->site.guarded >> i & 1)
            put(x, k->offset + i, k->before[i]);
    put(x, k->offset, k->before[0]);
    k->phase = PHASE_NEVER;
}

static struct program_text *text_at(uint64_t arena, uint64_t *offset)
{
    for (struct program_text *x = first; x; x = x->next)
        if (arena >= x->arena && arena - x->arena < x->size) {
            *offset = arena - x->arena;
            return x;
        }
    return NULL;
}

struct node *text_node(uint64_t arena, uint64_t *offset)
{
    const struct program_text *x = text_at(arena, offset);
    if (!x)
        return NULL;
    *offset += x->offset;
    return x->node;
}

static struct known *learn(struct program_text *x, uint64_t offset)
{
    bool full = x->site_count >= SITES_MAX || site_count >= ALL_SITES_MAX;
    struct known *k = full ? NULL : calloc(1, sizeof *k);
    if (!k)
        return NULL;
    x->site_count++;
    site_count++;
    k->offset = (uint32_t)offset;
    plan(x, k);
    k->next = x->sites[offset % BUCKETS];
    return x->sites[offset % BUCKETS] = k;
}

/* SITE_CALLED: a syscall at `offset` has trapped. 1: it will not again, or nothing
 * can be done about it; 0: say so again. */
static int64_t called(const struct thread *t, struct program_text *x, uint64_t offset)
{
    struct known *k = find(x, offset);
    if (!k)
        k = learn(x, offset);
    if (!k)
        return 1;
    advance(x, k, is_quiet(t));
    return k->phase >= PHASE_DONE;
}

/* SITE_STOPPED: somebody ran into what was written at `offset`. Where he goes on,
 * from there; -ENOENT: it was not ours. */
static int64_t stopped(const struct thread *t, struct program_text *x, uint64_t offset)
{
    bool quiet = is_quiet(t);
    for (unsigned back = 0; back < SITE_JUMP_SIZE && back <= offset; back++) {
        struct known *k = find(x, offset - back);
        if (!k || (k->phase == PHASE_NEVER && k->stops <= STOPS_MAX))
            continue;
        int at = 0;
        if (back > 0)
            at = stub_place((const struct stub_notes *)(const void *)(k->code.bytes + STUB_NOTES),
                            back);
        if (at < 0)
            continue;
        if (back > 0 && k->stops <= STOPS_MAX)
            k->stops++;
        advance(x, k, quiet);
        if (k->stops > STOPS_MAX && k->phase == PHASE_DONE && quiet)
            take_back(x, k);
        return (int64_t)(TEXT_STUBS + k->stub - offset) + at;
    }
    return -ENOENT;
}

/* arena offset, enum site_event */
int64_t box_site(struct thread *t, struct call *c)
{
    uint64_t offset;
    struct program_text *x = text_at(c->a[0], &offset);
    if (!x)
        return -ENOENT;
    return c->a[1] == SITE_CALLED ? called(t, x, offset) : stopped(t, x, offset);
}
