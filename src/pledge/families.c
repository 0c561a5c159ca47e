/* families: what a pledge says of families beside the promises. PURE.
 *
 * vow run's promises allow what a program needs in order to start: metadata of
 * any file, descriptors in messages, mapping libraries. A program that pledges
 * has started. So where no other program can follow (no exec) these fall back
 * to the promise that OpenBSD asks for, and the handler turns what libcs make
 * of plain requests into calls that a filter can judge. */
#include "pledge/pledge.h"

static const struct withheld {
    uint16_t family;
    promise_set any_of; /* what gives it back; 0: nothing */
} withheld[] = {
    {FAMILY_OPEN_GIVEN, 0},
    {FAMILY_LOOK, PROMISE(RPATH) | PROMISE(PS) | PROMISE(VMINFO)},
    {FAMILY_MAP_PROGRAMS, PROMISE(PROT_EXEC)},
    {FAMILY_SEND_MESSAGE, PROMISE(SENDFD)},
    {FAMILY_RECEIVE_MESSAGE, PROMISE(RECVFD)},
    {FAMILY_SIGNAL_HANDLERS, 0},
    {FAMILY_SIGNAL_MASK, 0},
};

/* What the promise unveil asks for, and what a broker changes. It opens files
 * outside of the program's Landlock domain, so no open may reach it that its
 * flags alone do not put under a promise. */
static void beside_unveil(promise_set held, bool broker, uint8_t families[FAMILY_COUNT])
{
    if (broker || held & PROMISE(UNVEIL))
        families[FAMILY_ASK_BROKER] = FAMILY_GRANTED;
    if (held & PROMISE(UNVEIL))
        families[FAMILY_START_BROKER] = FAMILY_GRANTED;
    if (!broker)
        return;
    families[FAMILY_OPEN_GIVEN] = FAMILY_WITHHELD;
    families[FAMILY_OPEN_SERVED] = FAMILY_WITHHELD;
}

void pledge_families(promise_set held, bool broker, uint8_t families[FAMILY_COUNT])
{
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        families[i] = FAMILY_BY_PROMISE;
    families[FAMILY_INJECTED] = FAMILY_GRANTED; /* also in a handler that holds nothing */
    if (held == 0)
        return;
    families[FAMILY_THREAD_SYNC] = FAMILY_GRANTED; /* threads that pledge() stopped go on */
    if (held & PROMISE(EXEC)) {
        families[FAMILY_SIGNAL_HANDLERS] = FAMILY_WITHHELD;
        families[FAMILY_KEEP_HANDLER] = FAMILY_GRANTED;
    } else {
        for (size_t i = 0; i < ARRAY_COUNT(withheld); i++)
            if (!(withheld[i].any_of & held))
                families[withheld[i].family] = FAMILY_WITHHELD;
        families[FAMILY_SERVED] = families[FAMILY_OPEN_SERVED] = FAMILY_GRANTED;
    }
    beside_unveil(held, broker, families);
}

promise_set pledge_missing(const struct call_event *event, const struct call_verdict *verdict)
{
    const struct grant *grants = verdict->call ? call_grants(verdict->call) : NULL;
    for (size_t i = 0; grants && i < call_rules(verdict->call)->grant_count; i++) {
        struct clause clause;
        grant_clause(&grants[i], NULL, &clause);
        for (size_t k = 0; k < ARRAY_COUNT(withheld) && clause_holds(&clause, event->args); k++)
            if (withheld[k].family == grants[i].family && withheld[k].any_of)
                return withheld[k].any_of & -withheld[k].any_of;
    }
    return verdict->missing;
}
