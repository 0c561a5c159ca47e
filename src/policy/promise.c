#include "policy/promise.h"

#include "arch/tables.h"
#include "policy/tables.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t\r\n"

const char *promise_name(enum promise promise)
{
    return table_promise_texts + table_promises[promise].name_at;
}

const char *promise_words(enum promise promise)
{
    return table_promise_words + table_promise_words_at[promise];
}

bool promise_inert(enum promise promise)
{
    return table_promises[promise].inert;
}

const char *family_name(unsigned family)
{
    return table_family_texts + table_family_names_at[family];
}

const char *family_words(unsigned family)
{
    return table_family_words + table_families[family].words_at;
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

static const char *word_of(size_t index)
{
    return promise_name((enum promise)index);
}

int promise_parse(const char *word, size_t size, enum promise *out, struct err *err)
{
    for (enum promise p = 0; p < PROMISE_COUNT; p++)
        if (strncmp(promise_name(p), word, size) == 0 && promise_name(p)[size] == '\0') {
            *out = p;
            return 0;
        }
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, word, size < 64 ? size : 64);
    const char *near = word_nearest(word, size, word_of, PROMISE_COUNT);
    if (near)
        return err_set(err, -EINVAL, "no promise '%s'; did you mean '%s'?", str_get(&shown), near);
    return err_set(err, -EINVAL, "no promise '%s'; 'vow promises' lists them", str_get(&shown));
}

int promises_parse(const char *text, promise_set *out, struct err *err)
{
    promise_set set = 0;
    for (const char *at = text + strspn(text, BLANKS); *at; at += strspn(at, BLANKS)) {
        size_t size = strcspn(at, BLANKS);
        enum promise promise;
        struct err why;
        if (promise_parse(at, size, &promise, &why) < 0)
            return err_set(err, -EINVAL, "column %zu: %.400s", (size_t)(at - text) + 1, why.text);
        set |= UINT64_C(1) << promise;
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
