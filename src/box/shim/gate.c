/* gate: from a number to the function that serves it. */
#include "box/calls.h"
#include "box/shim/site.h"
#include "box/shim/sys.h"

enum { NUMBERS = 512 };

#define LOCAL(name) [__NR_##name] = sys_##name,
#define BOTH(name) [__NR_##name] = sys_##name,
#define BROKER(name)
#define CALL(name, where, level, note, ...) where(name)
static sys_call *const served[NUMBERS] = {
#include "box/calls.def"
};
#undef CALL
#undef LOCAL
#undef BOTH
#undef BROKER

#define LOCAL(name)
#define BOTH(name)
#define BROKER(name) [__NR_##name] = true,
#define CALL(name, where, level, note, ...) where(name)
static const bool forwarded[NUMBERS] = {
#include "box/calls.def"
};
#undef CALL

void gate_call(struct regs *r)
{
    struct thread *t = thread_self();
    long args[6] = {(long)r->di, (long)r->si, (long)r->dx, (long)r->r10, (long)r->r8, (long)r->r9};
    uint64_t nr = (uint32_t)r->nr;
    long result = -ENOSYS;
    t->slot->counts.calls++;
    if (t->trapped) {
        t->trapped = 0;
        t->slot->counts.trapped++;
        site_called(t, r);
    }
    if (nr < NUMBERS && served[nr])
        result = served[nr](t, r, args);
    else if (nr < NUMBERS && forwarded[nr])
        result = call_forward(t, (uint32_t)nr, args);
    r->ax = (uint64_t)result;
    if (result == -RESTART_SYS || result == -RESTART_NOHAND ||
        __atomic_load_n(&t->slot->notice, __ATOMIC_ACQUIRE))
        t->kicked = 1;
}
