/* narrow: the rules of pledge(2) about what a call may ask for. PURE. */
#include "pledge/pledge.h"

#include <errno.h>

/* narrow_side: one of the two arguments. `lenient`: more is not an error. */
static int narrow_side(const char *text, bool lenient, bool *given, promise_set *held,
                       struct err *err)
{
    promise_set asked;
    if (!text)
        return 0;
    int code = promises_parse(text, &asked, err);
    if (code < 0)
        return code;
    promise_set more = *given ? asked & ~*held : 0;
    if (more && !lenient) {
        struct str words CLEAN_STR = {0};
        promises_print(&words, more);
        return err_set(err, -EPERM, "a promise that was given up does not come back: %s",
                       str_get(&words));
    }
    *held = asked & ~more;
    *given = true;
    return 0;
}

int pledge_narrow(const struct pledge_state *now, const char *promises, const char *execpromises,
                  struct pledge_state *next, struct err *err)
{
    struct pledge_state to = *now;
    bool lenient = now->pledged && now->held & PROMISE(ERROR);
    int code = narrow_side(promises, lenient, &to.pledged, &to.held, err);
    if (code == 0)
        code = narrow_side(execpromises, false, &to.pledged_at_exec, &to.held_at_exec, err);
    if (code == 0)
        *next = to;
    return code;
}
