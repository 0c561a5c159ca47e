#include "base/base.h"

#include <stdlib.h>
#include <unistd.h>

void clean_free(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

void clean_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
