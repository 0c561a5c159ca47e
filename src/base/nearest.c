#include "base/base.h"

#include <string.h>

#define WORD_MAX 16 /* longer words resemble none */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edits (insert, delete, replace, swap two neighbours) that turn one word
 * into the other; `a` has at most WORD_MAX bytes. */
static size_t distance(const char *a, size_t a_size, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t i = 0; i <= a_size; i++)
        before[i] = last[i] = i;
    for (size_t j = 1; b[j - 1]; j++) {
        row[0] = j;
        for (size_t i = 1; i <= a_size; i++) {
            size_t replace = last[i - 1] + (a[i - 1] != b[j - 1]);
            row[i] = min3(last[i] + 1, row[i - 1] + 1, replace);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[i - 2] + 1 < row[i])
                row[i] = before[i - 2] + 1;
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[a_size];
}

const char *word_nearest(const char *word, size_t size, const char *(*known)(size_t index),
                         size_t count)
{
    const char *found = NULL;
    size_t least = size / 2 + 1;
    for (size_t i = 0; size <= WORD_MAX && i < count; i++) {
        size_t edits = distance(word, size, known(i));
        if (edits < least) {
            least = edits;
            found = known(i);
        }
    }
    return found;
}
