/* unveil(2): the public form of src/unveil/. */
#include "unveil/unveil.h"

#include <errno.h>
#include <vow.h>

#define PUBLIC __attribute__((visibility("default")))

PUBLIC int unveil(const char *path, const char *permissions)
{
    int code = !path && !permissions ? unveil_lock() : unveil_add(path, permissions);
    if (code == 0)
        return 0;
    errno = -code;
    return -1;
}
