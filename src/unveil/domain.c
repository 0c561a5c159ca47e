#include "unveil/domain.h"

#include "host/process.h"
#include "host/threads.h"
#include "landlock/landlock.h"

int domain_enter(int ruleset, int abi)
{
    struct err err;
    enum landlock_whom whom = abi >= LANDLOCK_ABI_ALL ? LANDLOCK_ALL : LANDLOCK_CALLER;
    int code = process_no_new_privs();
    if (code == 0 && whom == LANDLOCK_CALLER && !threads_alone()) {
        whom = LANDLOCK_STOPPED;
        code = threads_stop(&err);
    }
    if (code < 0)
        return code;
    code = landlock_restrict(ruleset, whom);
    if (whom == LANDLOCK_STOPPED)
        threads_go();
    return code;
}
