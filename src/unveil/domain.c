#include "unveil/domain.h"

#include "host/landlock.h"
#include "host/process.h"

#include <errno.h>

#define ABI_ALL_THREADS 8

int domain_enter(int ruleset, int abi)
{
    int code = process_no_new_privs();
    if (code == 0 && abi < ABI_ALL_THREADS && process_has_threads())
        code = -EBUSY;
    return code < 0 ? code : host_landlock_restrict(ruleset, abi >= ABI_ALL_THREADS);
}
