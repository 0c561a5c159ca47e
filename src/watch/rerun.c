/* rerun: the command line that would allow what was denied. PURE.
 *
 * It is the user's own line with what is missing worked in: promises join the
 * first -p, a path rule takes the place of one for the same path. Where much is
 * missing below a rule of the user's, that one gets the letters: a line with a rule
 * for each of a hundred files tells nobody anything. */
#include "watch/words.h"

#include "policy/path.h"

#include <stdlib.h>
#include <string.h>

#define MANY 4      /* rules below one of the user's that make one */
#define DEPTH_MIN 3 /* of that: never /usr or a home directory */
#define NO_OPTION SIZE_MAX

static bool is_option(const struct run_option *option, const char *name)
{
    return option->value && strcmp(option->name, name) == 0;
}

/* The promises of all -p; they were parsed before. */
static promise_set promises_of(const struct run_line *line)
{
    promise_set all = 0, some;
    struct err err;
    for (size_t i = 0; i < line->option_count; i++)
        if (is_option(&line->options[i], "-p") &&
            promises_parse(line->options[i].value, &some, &err) == 0)
            all |= some;
    return all;
}

/* The letters that all these denials lack at one path. */
static uint8_t letters_for(const struct denial *denials, size_t count, const char *path)
{
    uint8_t letters = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < denials[i].remedy.rule_count; k++)
            if (strcmp(denials[i].remedy.rules[k].path, path) == 0)
                letters |= denials[i].remedy.rules[k].perms;
    return letters;
}

/* A `-v PERMS:PATH` of the user's: its parts, the path normal; false where the
 * option is another one, or its path is relative. */
static bool read_rule(const struct run_option *option, struct path_perms *perms, char **path)
{
    struct err err;
    const char *colon = is_option(option, "-v") ? strchr(option->value, ':') : NULL;
    if (!colon || colon[1] != '/' ||
        perms_parse(option->value, (size_t)(colon - option->value), perms, &err) != 0)
        return false;
    *path = path_normalise(colon + 1, "/");
    return *path != NULL;
}

static size_t depth_of(const char *path)
{
    size_t depth = 0;
    for (; *path; path++)
        depth += *path == '/' && path[1];
    return depth;
}

/* Do many paths below `dir` get a rule? */
static bool has_many_below(const struct denial *denials, size_t count, const char *dir)
{
    size_t below = 0;
    for (size_t i = 0; i < count && below < MANY; i++)
        for (size_t k = 0; k < denials[i].remedy.rule_count; k++) {
            const char *path = denials[i].remedy.rules[k].path;
            below += path_covers(dir, path) && strcmp(dir, path) != 0 &&
                     !letters_for(denials, i, path); /* the first of them */
        }
    return below >= MANY;
}

/* gathering: the user's rule that gets the letters of a rule for `path`: its own (the
 * last one, which counts), or one above with many such. */
static size_t gathering(const struct run_line *line, const struct denial *denials, size_t count,
                        const char *path)
{
    size_t best = NO_OPTION, own = NO_OPTION, depth = 0;
    for (size_t i = 0; i < line->option_count; i++) {
        char *ruled CLEAN_FREE = NULL;
        struct path_perms perms;
        if (!read_rule(&line->options[i], &perms, &ruled) || !path_covers(ruled, path))
            continue;
        size_t deep = depth_of(ruled);
        bool many = perms.letters && deep >= DEPTH_MIN && deep > depth &&
                    has_many_below(denials, count, ruled);
        if (strcmp(ruled, path) == 0)
            own = i;
        if (many)
            best = i, depth = deep;
    }
    return own != NO_OPTION ? own : best;
}

/* The letters that an option gets. */
static uint8_t letters_gathered(const struct run_line *line, size_t option,
                                const struct denial *denials, size_t count)
{
    uint8_t letters = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < denials[i].remedy.rule_count; k++) {
            const struct remedy_rule *rule = &denials[i].remedy.rules[k];
            if (gathering(line, denials, count, rule->path) == option)
                letters |= rule->perms;
        }
    return letters;
}

static void add_word(struct str *out, const char *word)
{
    str_add_char(out, ' ');
    quote_shell(out, word);
}

/* An option as it was, or a path rule with the letters that were missing. */
static void add_option(struct str *out, const struct run_option *option, uint8_t letters)
{
    char *path CLEAN_FREE = NULL;
    struct path_perms perms;
    if (letters && read_rule(option, &perms, &path)) {
        perms.adds |= perms.letters == 0; /* as before, no reason to drop the default rules */
        perms.letters |= letters;
        str_add_char(out, ' ');
        rule_word(out, &perms, path);
        return;
    }
    add_word(out, option->name);
    if (option->value)
        add_word(out, option->value);
}

static void add_promises(struct str *out, promise_set set)
{
    struct str words CLEAN_STR = {0};
    promises_print(&words, set);
    add_word(out, "-p");
    add_word(out, str_get(&words));
}

/* The user's options; the first -p has all promises, and what was missing. */
static void add_options(struct str *out, const struct denial *denials, size_t count,
                        const struct run_line *line)
{
    promise_set missing = 0;
    bool given = false;
    for (size_t i = 0; i < count; i++)
        missing |= denials[i].remedy.promises;
    for (size_t i = 0; i < line->option_count; i++) {
        bool promises = is_option(&line->options[i], "-p");
        if (!promises)
            add_option(out, &line->options[i], letters_gathered(line, i, denials, count));
        else if (!given)
            add_promises(out, promises_of(line) | missing);
        given |= promises;
    }
    if (missing && !given)
        add_promises(out, missing);
}

/* New path rules, each path once. */
static void add_rules(struct str *out, const struct denial *denials, size_t count,
                      const struct run_line *line)
{
    for (size_t i = 0; i < count; i++) {
        const struct remedy *remedy = &denials[i].remedy;
        for (size_t k = 0; k < remedy->rule_count; k++) {
            const char *path = remedy->rules[k].path;
            if (letters_for(denials, i, path) || gathering(line, denials, count, path) != NO_OPTION)
                continue;
            struct path_perms perms = {.letters = letters_for(denials, count, path), .adds = true};
            str_add_char(out, ' ');
            rule_word(out, &perms, path);
        }
    }
}

static void add_program(struct str *out, const struct run_line *line)
{
    str_add(out, " --");
    for (char *const *word = line->argv; *word; word++)
        add_word(out, *word);
}

void denial_rerun(struct str *out, const struct denial *denials, size_t count,
                  const struct run_line *line)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= denials[i].remedy.promises || denials[i].remedy.rule_count;
    if (!any)
        return;
    str_add(out, "vow run");
    add_options(out, denials, count, line);
    add_rules(out, denials, count, line);
    add_program(out, line);
}

/* How somebody looks on is what the line below changes. */
static bool is_about_watching(const struct run_option *option)
{
    static const char *const words[] = {"--explain", "--hint", "--no-explain"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (strcmp(option->name, words[i]) == 0)
            return true;
    return false;
}

static void add_explained(struct str *out, const struct run_line *line)
{
    str_add(out, "vow run --explain");
    for (size_t i = 0; i < line->option_count; i++)
        if (!is_about_watching(&line->options[i]))
            add_option(out, &line->options[i], 0);
    add_program(out, line);
}

void hint_words(struct str *out, const struct ending *ending, promise_set promises,
                const struct run_line *line)
{
    quote_shell(out, line->argv[0]);
    if (ending->signal)
        str_addf(out, " was ended by signal %d (%s)", ending->number, ending->signal);
    else
        str_addf(out, " ended with status %d", ending->number);
    str_add(out, ", held to '");
    promises_print(out, promises);
    str_add(out, "'; to see whether vow stopped something: ");
    add_explained(out, line);
}
