/* memory: the program's memory as the kernel would look at it: what cannot be
 * read is an error, not a fault. For signal handlers. What another thread
 * unmaps in between still is a fault; the kernel would not have said better. */
#ifndef VOW_PLEDGE_MEMORY_H
#define VOW_PLEDGE_MEMORY_H

#include "base/base.h"

/* memory_copy: 0 or -EFAULT. */
int memory_copy(void *to, uintptr_t from, size_t size);
/* memory_text: copies a text with its NUL; its length, -EFAULT, or
 * -ENAMETOOLONG (`to` then holds its beginning). */
long memory_text(char *to, size_t capacity, uintptr_t from);

#endif
