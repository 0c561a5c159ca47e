/* pledge(2): the public form of src/pledge/. */
#include "pledge/pledge.h"

#include <errno.h>
#include <string.h>
#include <vow.h>

#define PUBLIC __attribute__((visibility("default")))

PUBLIC int vow_pledge(const char *promises, const char *execpromises, struct vow_error *error)
{
    struct err err;
    memset(&err, 0, sizeof err); /* gcc -Oz copies zeros for "= {0}" */
    int code = pledge_set(promises, execpromises, &err);
    if (error)
        memcpy(error->text, err.text, sizeof error->text);
    if (code == 0)
        return 0;
    errno = -code;
    return -1;
}

PUBLIC int pledge(const char *promises, const char *execpromises)
{
    return vow_pledge(promises, execpromises, NULL);
}
