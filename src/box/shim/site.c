#include "box/shim/site.h"

#include "box/arch/x86_64/site.h"
#include "box/shim/memory.h"

enum { ASKED = 2048, JUMP = 0xe9 };

/* Sites that nothing more is to be asked about; a later one takes the place of an
 * earlier one. */
static uint64_t asked[ASKED];
static uint32_t has_asked;

static uint64_t *asked_about(uint64_t site)
{
    return &asked[(site ^ site >> 11) % ASKED];
}

void site_forget(void)
{
    if (has_asked)
        memset(asked, 0, sizeof asked);
    has_asked = 0;
}

/* Where in the arena the text at an address lies; -ENOENT: it is none. */
static int64_t arena_of(uint64_t at)
{
    lock_take(&memory_lock);
    const struct mapping *m = memory_at(at);
    int64_t arena = m && m->text ? (int64_t)(m->arena + at - m->start) : -ENOENT;
    lock_drop(&memory_lock);
    return arena;
}

void site_called(struct thread *t, uint64_t ip)
{
    uint64_t site = ip - SITE_CALL_SIZE;
    if (__atomic_load_n(asked_about(site), __ATOMIC_RELAXED) == site)
        return;
    int64_t arena = arena_of(site);
    if (arena < 0 || call_broker(t, BOX_SITE, arena, SITE_CALLED) != 0) {
        __atomic_store_n(&has_asked, 1, __ATOMIC_RELAXED);
        __atomic_store_n(asked_about(site), site, __ATOMIC_RELAXED);
    }
}

bool site_stopped(struct thread *t, int signal, struct context *c)
{
    if (signal != SIGILL && signal != SIGTRAP)
        return false;
    uint64_t at = c->regs.rip - (signal == SIGTRAP ? 1 : 0); /* behind the breakpoint */
    int64_t arena = arena_of(at);
    long distance = arena < 0 ? 0 : call_broker(t, BOX_SITE, arena, SITE_STOPPED);
    if (distance <= 0)
        return false;
    c->regs.rip = at + (uint64_t)distance;
    return true;
}

static bool in_stubs(uint64_t at)
{
    return (at >= STUBS_HIGH && at < STUBS_HIGH_END) || (at >= STUBS_LOW && at < STUBS_LOW_END);
}

/* The notes of the stub at an address. */
static bool read_notes(uint64_t stub, struct stub_notes *out)
{
    return in_stubs(stub) && guest_copy(out, (const void *)(stub + STUB_NOTES), sizeof *out) == 0;
}

void site_leave(struct context *c)
{
    uint64_t at = c->regs.rip, stub = at & ~(uint64_t)(STUB_SIZE - 1);
    struct stub_notes notes;
    if (read_notes(stub, &notes))
        c->regs.rip = stub + (uint64_t)notes.site + stub_text(&notes, (unsigned)(at - stub));
}

void site_enter(struct context *c)
{
    uint64_t site = c->regs.rip - SITE_CALL_SIZE;
    struct stub_notes notes;
    uint8_t jump[SITE_JUMP_SIZE];
    int32_t distance;
    if (guest_copy(jump, (const void *)site, sizeof jump) < 0 || jump[0] != JUMP)
        return;
    memcpy(&distance, jump + 1, sizeof distance);
    uint64_t stub = site + SITE_JUMP_SIZE + (uint64_t)distance;
    if (stub % STUB_SIZE == 0 && read_notes(stub, &notes) && stub + (uint64_t)notes.site == site)
        c->regs.rip = stub + STUB_RESUME;
}
