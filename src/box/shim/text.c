/* text: what the compiler wants of a C library. */
#include "box/shim/shim.h"

void *memcpy(void *to, const void *from, size_t size)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);
    for (size_t i = size; i-- > 0;)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *at, int byte, size_t size)
{
    void *to = at;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
    return at;
}

size_t text_length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}
