/* glibc: names of functions that musl has not. A libjansson.a that was compiled for
 * glibc calls them: the checked forms of _FORTIFY_SOURCE, and from 2.38 on C23's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `room`: of the object at `out`, as far as the compiler knew it. */
int __vsnprintf_chk(char *out, size_t size, int flag, size_t room, const char *format,
                    va_list args);
int __snprintf_chk(char *out, size_t size, int flag, size_t room, const char *format, ...);
int __sprintf_chk(char *out, int flag, size_t room, const char *format, ...);
char *__strncpy_chk(char *out, const char *text, size_t size, size_t room);
long long __isoc23_strtoll(const char *text, char **end, int base);

/* NOLINTNEXTLINE(readability-function-size): the parameters are glibc's */
int __vsnprintf_chk(char *out, size_t size, int flag, size_t room, const char *format, va_list args)
{
    (void)flag;
    if (size > room)
        abort();
    return vsnprintf(out, size, format, args);
}

int __snprintf_chk(char *out, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = __vsnprintf_chk(out, size, flag, room, format, args);
    va_end(args);
    return length;
}

int __sprintf_chk(char *out, int flag, size_t room, const char *format, ...)
{
    (void)flag;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(out, room, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length >= room)
        abort();
    return length;
}

char *__strncpy_chk(char *out, const char *text, size_t size, size_t room)
{
    if (size > room)
        abort();
    return strncpy(out, text, size);
}

/* With base 2 it would take 0b, which nobody asks for. */
long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return strtoll(text, end, base);
}
