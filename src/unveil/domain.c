#include "unveil/domain.h"

#include "host/process.h"
#include "host/threads.h"
#include "landlock/landlock.h"

int domain_enter(int ruleset, int abi, bool stopped)
{
    struct err err;
    enum landlock_whom whom = abi >= LANDLOCK_ABI_ALL ? LANDLOCK_ALL : LANDLOCK_CALLER;
    int code = process_no_new_privs();
    bool stops = whom == LANDLOCK_CALLER && !stopped && !threads_alone();
    if (code == 0 && stops)
        code = threads_stop(&err);
    if (code < 0)
        return code;
    if (whom == LANDLOCK_CALLER && (stopped || stops))
        whom = LANDLOCK_STOPPED;
    code = landlock_restrict(ruleset, whom);
    if (stops)
        threads_go();
    return code;
}
