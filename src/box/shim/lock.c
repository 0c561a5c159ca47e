/* lock: a mutex of the shim's own. 0 free, 1 held, 2 held and waited for. */
#include "box/shim/shim.h"

enum { WAIT = 128, WAKE = 129 };

static long futex(uint32_t *word, long op, long value)
{
    return host_call(__NR_futex, (long)word, op, value);
}

void lock_take(struct lock *l)
{
    uint32_t free = 0;
    if (__atomic_compare_exchange_n(&l->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE) != 0)
        futex(&l->word, WAIT, 2);
}

void lock_drop(struct lock *l)
{
    if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2)
        futex(&l->word, WAKE, 1);
}
