#include "policy/promise.h"

#include "arch/tables.h"
#include "policy/tables.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define WORD_MAX 16 /* longer words resemble no promise */

const char *promise_name(enum promise promise)
{
    return table_texts + table_promises[promise].name_at;
}

const char *promise_words(enum promise promise)
{
    return table_texts + table_promises[promise].words_at;
}

bool promise_inert(enum promise promise)
{
    return table_promises[promise].inert;
}

const char *family_name(unsigned family)
{
    return table_texts + table_families[family].name_at;
}

const char *family_words(unsigned family)
{
    return table_texts + table_families[family].words_at;
}

const promise_set *family_sets(unsigned family, size_t *count)
{
    *count = table_families[family].set_count;
    return table_promise_sets + table_families[family].set_at;
}

bool family_granted(unsigned family, promise_set held)
{
    size_t count;
    const promise_set *sets = family_sets(family, &count);
    for (size_t i = 0; i < count; i++)
        if ((sets[i] & held) == sets[i])
            return true;
    return false;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edits (insert, delete, replace, swap two neighbours) that turn one word
 * into the other; `a` has at most WORD_MAX bytes. */
static size_t edit_distance(const char *a, size_t a_size, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t i = 0; i <= a_size; i++)
        last[i] = i;
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

/* The promise that the word resembles most, or NULL if at least half of it
 * would have to change. */
static const char *nearest(const char *word, size_t size)
{
    const char *found = NULL;
    size_t least = size / 2 + 1;
    for (enum promise p = 0; size <= WORD_MAX && p < PROMISE_COUNT; p++) {
        size_t distance = edit_distance(word, size, promise_name(p));
        if (distance < least) {
            least = distance;
            found = promise_name(p);
        }
    }
    return found;
}

static int unknown(const char *word, size_t size, size_t column, struct err *err)
{
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, word, size < 64 ? size : 64);
    const char *near = nearest(word, size);
    if (!near)
        return err_set(err, -EINVAL, "no promise '%s' (column %zu); 'vow promises' lists them",
                       str_get(&shown), column);
    return err_set(err, -EINVAL, "no promise '%s' (column %zu); did you mean '%s'?",
                   str_get(&shown), column, near);
}

int promises_parse(const char *text, promise_set *out, struct err *err)
{
    promise_set set = 0;
    for (const char *at = text + strspn(text, BLANKS); *at; at += strspn(at, BLANKS)) {
        size_t size = strcspn(at, BLANKS);
        enum promise p = 0;
        while (p < PROMISE_COUNT &&
               (strncmp(promise_name(p), at, size) != 0 || promise_name(p)[size] != '\0'))
            p++;
        if (p == PROMISE_COUNT)
            return unknown(at, size, (size_t)(at - text) + 1, err);
        set |= UINT64_C(1) << p;
        at += size;
    }
    *out = set;
    return 0;
}

void promises_print(struct str *out, promise_set set)
{
    const char *blank = "";
    for (enum promise p = 0; p < PROMISE_COUNT; p++) {
        if (!(set >> p & 1))
            continue;
        str_add(out, blank);
        str_add(out, promise_name(p));
        blank = " ";
    }
}
