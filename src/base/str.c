#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `more` bytes and the NUL behind them. */
static bool reserve(struct str *s, size_t more)
{
    if (s->failed || more > SIZE_MAX / 4 - s->size) {
        s->failed = true;
        return false;
    }
    size_t wanted = s->size + more + 1;
    if (wanted <= s->capacity)
        return true;
    size_t capacity = s->capacity ? s->capacity : 64;
    while (capacity < wanted)
        capacity *= 2;
    char *bigger = reallocarray(s->at, capacity, 1);
    if (!bigger) {
        s->failed = true;
        return false;
    }
    s->at = bigger;
    s->capacity = capacity;
    return true;
}

void str_add_bytes(struct str *s, const void *bytes, size_t size)
{
    if (size == 0 || !reserve(s, size))
        return;
    memcpy(s->at + s->size, bytes, size);
    s->size += size;
    s->at[s->size] = '\0';
}

void str_add(struct str *s, const char *text)
{
    str_add_bytes(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
    str_add_bytes(s, &c, 1);
}

void str_addv(struct str *s, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    if (size < 0)
        s->failed = true;
    else if (size > 0 && reserve(s, (size_t)size)) {
        vsnprintf(s->at + s->size, (size_t)size + 1, format, again);
        s->size += (size_t)size;
    }
    va_end(again);
}

void str_addf(struct str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str_addv(s, format, args);
    va_end(args);
}

void str_clear(struct str *s)
{
    s->size = 0;
    if (s->at)
        s->at[0] = '\0';
}

void str_free(struct str *s)
{
    free(s->at);
    *s = (struct str){0};
}

const char *str_get(const struct str *s)
{
    return s->at ? s->at : "";
}

char *str_take(struct str *s)
{
    char *text = s->failed ? NULL : s->at ? s->at : strdup("");
    if (s->failed)
        free(s->at);
    *s = (struct str){0};
    return text;
}
