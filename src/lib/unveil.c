/* unveil(2): the public form of src/unveil/. */
#include "unveil/unveil.h"

#include <errno.h>
#include <vow.h>

#define PUBLIC __attribute__((visibility("default")))

static int told(int code)
{
    if (code == 0)
        return 0;
    errno = -code;
    return -1;
}

PUBLIC int unveil(const char *path, const char *permissions)
{
    return told(!path && !permissions ? unveil_lock() : unveil_add(path, permissions));
}

PUBLIC int vow_unveil_flags(unsigned flags)
{
    return told(flags != VOW_DATA_ONLY ? -EINVAL : unveil_data_only());
}
