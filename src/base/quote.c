/* quote: bytes of strangers made safe to show and to paste. */
#include "base/base.h"

#include <string.h>

/* The length of the valid, printable UTF-8 sequence at `text`, or 0.
 * Controls, C1, bidirectional marks, line separators and invalid bytes are
 * not printable. */
static size_t printable(const unsigned char *text, size_t size)
{
    unsigned c = text[0];
    if (c >= 0x20 && c < 0x7f)
        return 1;
    size_t length = c >= 0xc2 && c < 0xe0   ? 2
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xf0 && c < 0xf5 ? 4
                                            : 0;
    if (length == 0 || length > size)
        return 0;
    uint32_t rune = c & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        rune = rune << 6 | (text[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = rune >= 0xd800 && rune < 0xe000;
    bool c1 = rune < 0xa0;
    bool marks = (rune >= 0x200b && rune <= 0x200f) || (rune >= 0x2028 && rune <= 0x202e) ||
                 (rune >= 0x2060 && rune <= 0x206f) || rune == 0xfeff || rune == 0x061c;
    if (rune < least[length] || rune > 0x10ffff || surrogate || c1 || marks)
        return 0;
    return length;
}

static void add_escaped(struct str *out, unsigned char c)
{
    switch (c) {
    case '\n': str_add(out, "\\n"); break;
    case '\t': str_add(out, "\\t"); break;
    case '\r': str_add(out, "\\r"); break;
    default: str_addf(out, "\\x%02x", c);
    }
}

/* Everything but what is printable, and `escape` if it is not 0. */
static void quote_but(struct str *out, const char *text, size_t size, char escape)
{
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0; i < size;) {
        size_t length = printable(at + i, size - i);
        if (escape && text[i] == escape)
            str_addf(out, "\\%c", escape);
        else if (length)
            str_add_bytes(out, at + i, length);
        else
            add_escaped(out, at[i]);
        i += length ? length : 1;
    }
}

void quote_visible(struct str *out, const char *text, size_t size)
{
    quote_but(out, text, size, '\\');
}

void quote_controls(struct str *out, const char *text)
{
    quote_but(out, text, strlen(text), '\0');
}

static bool is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-./:=,+@%^";
    return text[0] != '\0' && text[strspn(text, safe)] == '\0';
}

static bool all_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = printable((const unsigned char *)text + i, size - i);
        if (!length)
            return false;
        i += length;
    }
    return true;
}

/* $'…': understood by bash, ksh, zsh, busybox and POSIX 2024 shells. An
 * escape \xHH would swallow a following hex digit in some shells: octal has
 * exactly three digits and does not. */
static void quote_dollar(struct str *out, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    str_add(out, "$'");
    for (size_t i = 0; i < size;) {
        size_t length = printable(at + i, size - i);
        if (at[i] == '\'' || at[i] == '\\')
            str_addf(out, "\\%c", at[i]);
        else if (length)
            str_add_bytes(out, at + i, length);
        else
            str_addf(out, "\\%03o", at[i]);
        i += length ? length : 1;
    }
    str_add_char(out, '\'');
}

void quote_shell(struct str *out, const char *argument)
{
    size_t size = strlen(argument);
    if (is_plain(argument)) {
        str_add(out, argument);
    } else if (!all_printable(argument, size)) {
        quote_dollar(out, argument, size);
    } else {
        str_add_char(out, '\'');
        for (size_t i = 0; i < size; i++) {
            if (argument[i] == '\'')
                str_add(out, "'\\''");
            else
                str_add_char(out, argument[i]);
        }
        str_add_char(out, '\'');
    }
}
