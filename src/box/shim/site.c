#include "box/shim/site.h"

#include "box/arch/x86_64/site.h"
#include "box/shim/memory.h"

enum { ASKED = 2048, JUMP = 0xe9, STOPS_TOLD = 8 };

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

static bool in_stubs(uint64_t at)
{
    return (at >= STUBS_HIGH && at < STUBS_HIGH_END) || (at >= STUBS_LOW && at < STUBS_LOW_END);
}

/* The notes of the stub at an address. */
static bool read_notes(uint64_t stub, struct stub_notes *out)
{
    return in_stubs(stub) && guest_copy(out, (const void *)(stub + STUB_NOTES), sizeof *out) == 0;
}

/* Where the jump that was written at `site` leads to; 0: none was, or not all of it. */
static uint64_t stub_of(uint64_t site, struct stub_notes *notes)
{
    uint8_t jump[SITE_JUMP_SIZE];
    int32_t distance;
    if (guest_copy(jump, (const void *)site, sizeof jump) < 0 || jump[0] != JUMP)
        return 0;
    memcpy(&distance, jump + 1, sizeof distance);
    uint64_t stub = site + SITE_JUMP_SIZE + (uint64_t)distance;
    bool is_its =
        stub % STUB_SIZE == 0 && read_notes(stub, notes) && stub + (uint64_t)notes->site == site;
    return is_its ? stub : 0;
}

void site_called(struct thread *t, struct regs *r)
{
    uint64_t site = r->ip - SITE_CALL_SIZE;
    struct stub_notes notes;
    if (__atomic_load_n(asked_about(site), __ATOMIC_RELAXED) == site)
        return;
    int64_t arena = arena_of(site);
    bool again = arena >= 0 && call_broker(t, BOX_SITE, arena, SITE_CALLED) == 0;
    uint64_t stub = again ? 0 : stub_of(site, &notes);
    if (stub) { /* behind the syscall there is none of what was there */
        r->ip = stub + STUB_RESUME;
    } else if (!again) {
        __atomic_store_n(&has_asked, 1, __ATOMIC_RELAXED);
        __atomic_store_n(asked_about(site), site, __ATOMIC_RELAXED);
    }
}

/* Where somebody goes on who ran into a jump at `at`; 0: the broker has to say. Now
 * and then it is to hear of it, for it puts a site back that this happens to often. */
static uint64_t behind_jump(uint64_t at)
{
    static unsigned stops;
    struct stub_notes notes;
    if (++stops % STOPS_TOLD == 0)
        return 0;
    for (unsigned back = 1; back < SITE_JUMP_SIZE; back++) {
        uint64_t stub = stub_of(at - back, &notes);
        int place = stub ? stub_place(&notes, back) : -1;
        if (place >= 0)
            return stub + (unsigned)place;
    }
    return 0;
}

bool site_stopped(struct thread *t, int signal, struct context *c)
{
    if (signal != SIGILL && signal != SIGTRAP)
        return false;
    uint64_t at = c->regs.rip - (signal == SIGTRAP ? 1 : 0); /* behind the breakpoint */
    uint64_t to = signal == SIGILL ? behind_jump(at) : 0;
    int64_t arena = to ? 0 : arena_of(at);
    long distance = to || arena < 0 ? 0 : call_broker(t, BOX_SITE, arena, SITE_STOPPED);
    if (!to && distance <= 0)
        return false;
    c->regs.rip = to ? to : at + (uint64_t)distance;
    return true;
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
    struct stub_notes notes;
    uint64_t stub = stub_of(c->regs.rip - SITE_CALL_SIZE, &notes);
    if (stub)
        c->regs.rip = stub + STUB_RESUME;
}
