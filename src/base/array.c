#include "base/base.h"

#include <errno.h>
#include <stdlib.h>

int array_grow(void **array, size_t *capacity, size_t count, size_t element_size)
{
    if (count < *capacity)
        return 0;
    size_t wanted = *capacity < 8 ? 16 : *capacity * 2;
    while (wanted <= count)
        wanted *= 2;
    void *bigger = reallocarray(*array, wanted, element_size);
    if (!bigger)
        return -ENOMEM;
    *array = bigger;
    *capacity = wanted;
    return 0;
}
