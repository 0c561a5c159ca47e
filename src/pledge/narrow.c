/* narrow: the rules of pledge(2) about what a call may ask for. PURE. */
#include "pledge/pledge.h"

#include <errno.h>
#include <string.h>

/* parse: as OpenBSD reads them. Policies of vow run are laxer: there a tab
 * parts words as well, and a blank at the beginning is none. */
static int parse(const char *text, promise_set *asked, struct err *err)
{
    if (*text == ' ' || text[strcspn(text, "\t\n\v\f\r")])
        return err_set(err, -EINVAL, "words are parted by blanks, and by nothing else");
    return promises_parse(text, asked, err);
}

/* narrow_side: one of the two arguments. Where it holds `error`, more than it
 * has is passed over. */
static int narrow_side(const char *text, bool *given, promise_set *held, struct err *err)
{
    bool lenient = *given && *held & PROMISE(ERROR);
    promise_set asked;
    if (!text)
        return 0;
    int code = parse(text, &asked, err);
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
    int code = narrow_side(promises, &to.pledged, &to.held, err);
    if (code == 0)
        code = narrow_side(execpromises, &to.pledged_at_exec, &to.held_at_exec, err);
    if (code == 0)
        *next = to;
    return code;
}
