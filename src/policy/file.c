/* file: the text of a policy file.
 *
 * A line is a keyword and its arguments, separated by blanks; "…" holds blanks
 * together, with \" and \\ inside; # at the beginning of a word starts a
 * comment. Every message begins with NAME:LINE:COLUMN, columns in characters
 * from 1. An included text is parsed by a parser of its own that knows the
 * outer one: that is how depth is bounded and circles are found. */
#include "policy/path.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INCLUDE_DEPTH 8
#define INCLUDES_MAX 64 /* of all texts together: they could include each other in any order */
#define SHOWN_MAX 64    /* bytes of a strange word in a message */

struct word {
    char *text;
    size_t column;
};

struct words {
    struct word *at;
    size_t count, capacity;
    char *text; /* behind all of them */
};

struct parser {
    struct policy *policy;
    const struct policy_source *source;
    const struct policy_loader *loader;
    const struct parser *outer; /* the file that includes this one */
    unsigned *includes;         /* so far, of all texts */
    size_t line;
    struct err *err;
};

static void words_free(struct words *words)
{
    free(words->at);
    free(words->text);
}
#define CLEAN_WORDS __attribute__((cleanup(words_free)))

/* "name:line:column". */
static void place_of(struct str *out, const struct parser *parser, size_t column)
{
    struct str name CLEAN_STR = {0};
    quote_visible(&name, parser->source->name, strlen(parser->source->name));
    str_addf(out, "%.200s:%zu:%zu", str_get(&name), parser->line, column);
}

/* Puts "name:line:column: " before the message that is already in err. */
static int fail_at(const struct parser *parser, size_t column, int code)
{
    struct err plain = *parser->err;
    struct str place CLEAN_STR = {0};
    place_of(&place, parser, column);
    return err_set(parser->err, code, "%s: %.300s", str_get(&place), plain.text);
}

static int fail(const struct parser *parser, size_t column, const char *message)
{
    err_set(parser->err, -EINVAL, "%s", message);
    return fail_at(parser, column, -EINVAL);
}

static int fail_memory(const struct parser *parser)
{
    return err_set(parser->err, -ENOMEM, "out of memory");
}

/* The column of a byte: characters before it, counted by their first bytes. */
static size_t column_of(const char *line, const char *at)
{
    size_t column = 1;
    for (; line < at; line++)
        column += ((unsigned char)*line & 0xc0) != 0x80;
    return column;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Copies one word to *out and returns what follows it, or NULL with the
 * message. */
static const char *take_word(const struct parser *parser, const char *line, const char *at,
                             const char *end, char **out)
{
    const char *quote = NULL; /* the one that is open */
    for (; at < end && (quote || !is_blank(*at)); at++) {
        bool escape = quote && *at == '\\';
        if (escape && (at + 1 == end || !strchr("\"\\", at[1]))) {
            fail(parser, column_of(line, at), "inside quotes, '\\' stands before '\"' or '\\'");
            return NULL;
        }
        if (*at == '"')
            quote = quote ? NULL : at;
        else
            *(*out)++ = escape ? *++at : *at;
    }
    if (quote) {
        fail(parser, column_of(line, quote), "the quotes that open here are not closed");
        return NULL;
    }
    *(*out)++ = '\0';
    return at;
}

static int split(const struct parser *parser, const char *line, const char *end,
                 struct words *words)
{
    char *out = words->text = malloc((size_t)(end - line) + 1);
    if (!out)
        return fail_memory(parser);
    for (const char *at = line; at < end;) {
        if (is_blank(*at)) {
            at++;
            continue;
        }
        if (*at == '#')
            break;
        void *grown = words->at;
        if (array_grow(&grown, &words->capacity, words->count, sizeof *words->at) < 0)
            return fail_memory(parser);
        words->at = grown;
        words->at[words->count++] = (struct word){out, column_of(line, at)};
        at = take_word(parser, line, at, end, &out);
        if (!at)
            return -EINVAL;
    }
    return 0;
}

static int do_promises(struct parser *parser, const struct word *words, size_t count)
{
    parser->policy->promises_given = true;
    for (size_t i = 1; i < count; i++) {
        enum promise promise;
        int result = promise_parse(words[i].text, strlen(words[i].text), &promise, parser->err);
        if (result < 0)
            return fail_at(parser, words[i].column, result);
        parser->policy->promises |= UINT64_C(1) << promise;
    }
    return 0;
}

static int add_paths(struct parser *parser, const struct word *words, size_t count,
                     const struct path_perms *perms)
{
    for (size_t i = 0; i < count; i++) {
        struct str place CLEAN_STR = {0};
        struct path_perms said = *perms;
        place_of(&place, parser, words[i].column);
        said.said_at = str_get(&place);
        int result =
            policy_add_path(parser->policy, words[i].text, parser->source->dir, &said, parser->err);
        if (result < 0)
            return fail_at(parser, words[i].column, result);
    }
    return 0;
}

static int do_path(struct parser *parser, const struct word *words, size_t count)
{
    struct path_perms perms;
    int result = perms_parse(words[1].text, strlen(words[1].text), &perms, parser->err);
    if (result < 0)
        return fail_at(parser, words[1].column, result);
    if (!perms.letters)
        return fail(parser, words[1].column, "a path needs permissions; 'hide' takes all away");
    return add_paths(parser, words + 2, count - 2, &perms);
}

static int do_hide(struct parser *parser, const struct word *words, size_t count)
{
    return add_paths(parser, words + 1, count - 1, &(struct path_perms){0});
}

static int do_hide_maybe(struct parser *parser, const struct word *words, size_t count)
{
    return add_paths(parser, words + 1, count - 1, &(struct path_perms){.optional = true});
}

/* Hands each argument to one of the policy's setters. */
static int each(struct parser *parser, const struct word *words, size_t count,
                int (*set)(struct policy *, const char *, struct err *))
{
    for (size_t i = 1; i < count; i++) {
        int result = set(parser->policy, words[i].text, parser->err);
        if (result < 0)
            return fail_at(parser, words[i].column, result);
    }
    return 0;
}

static int do_env(struct parser *parser, const struct word *words, size_t count)
{
    return each(parser, words, count, policy_add_env);
}

static int do_setenv(struct parser *parser, const struct word *words, size_t count)
{
    return each(parser, words, count, policy_add_setenv);
}

static int do_limit(struct parser *parser, const struct word *words, size_t count)
{
    return each(parser, words, count, policy_set_limit);
}

static int do_view(struct parser *parser, const struct word *words, size_t count)
{
    return each(parser, words, count, policy_set_view);
}

static int do_program(struct parser *parser, const struct word *words, size_t count)
{
    return parser->source->preset ? 0 : each(parser, words, count, policy_add_program);
}

static int do_env_all(struct parser *parser, const struct word *words, size_t count)
{
    (void)words, (void)count;
    parser->policy->env_all = true;
    return 0;
}

static int do_kill(struct parser *parser, const struct word *words, size_t count)
{
    (void)words, (void)count;
    parser->policy->kill = true;
    return 0;
}

static int parse_text(struct parser *parser);

/* A text that includes itself, directly or not, is told with the chain. */
static int check_include(const struct parser *parser, const char *name)
{
    struct str chain CLEAN_STR = {0};
    unsigned depth = 0;
    bool circle = false;
    for (const struct parser *p = parser; p; p = p->outer) {
        str_addf(&chain, " ← %s", p->source->name);
        circle |= strcmp(p->source->name, name) == 0;
        if (circle)
            break;
        depth++;
    }
    if (circle)
        return err_set(parser->err, -ELOOP, "includes go round: %s%s", name, str_get(&chain));
    if (depth >= INCLUDE_DEPTH)
        return err_set(parser->err, -ELOOP, "includes are nested deeper than %d", INCLUDE_DEPTH);
    if (++*parser->includes > INCLUDES_MAX)
        return err_set(parser->err, -ELOOP, "more than %d includes", INCLUDES_MAX);
    return 0;
}

static int include(struct parser *parser, const char *name, bool preset)
{
    if (!parser->loader)
        return err_set(parser->err, -EINVAL, "includes are not possible here");
    char *dir CLEAN_FREE = preset ? NULL : path_parent(name);
    struct str text CLEAN_STR = {0}, label CLEAN_STR = {0};
    str_addf(&label, "%s%s", preset ? "preset " : "", name);
    int result = check_include(parser, str_get(&label));
    if (result < 0)
        return result;
    result = parser->loader->load(parser->loader->context, name, preset, &text, parser->err);
    if (result < 0)
        return result;
    struct policy_source source = {.name = str_get(&label),
                                   .text = str_get(&text),
                                   .size = text.size,
                                   .dir = dir,
                                   .preset = preset};
    struct parser inner = {.policy = parser->policy,
                           .source = &source,
                           .loader = parser->loader,
                           .outer = parser,
                           .includes = parser->includes,
                           .err = parser->err};
    return parse_text(&inner);
}

static int do_include(struct parser *parser, const struct word *words, size_t count)
{
    (void)count;
    const struct word *file = &words[1];
    if (file->text[0] != '/' && !parser->source->dir)
        return fail(parser, file->column, "an include must start with '/' here");
    char *path CLEAN_FREE = path_normalise(file->text, parser->source->dir);
    if (!path)
        return fail_memory(parser);
    int result = include(parser, path, false);
    return result < 0 ? fail_at(parser, file->column, result) : 0;
}

static int do_preset(struct parser *parser, const struct word *words, size_t count)
{
    (void)count;
    int result = include(parser, words[1].text, true);
    return result < 0 ? fail_at(parser, words[1].column, result) : 0;
}

#define MANY SIZE_MAX
static const struct keyword {
    const char *name;
    int (*run)(struct parser *parser, const struct word *words, size_t count);
    size_t least, most; /* arguments */
    const char *usage;
} keywords[] = {
    {"promises", do_promises, 0, MANY, "promises stdio rpath"},
    {"path", do_path, 2, MANY, "path r /etc"},
    {"hide", do_hide, 1, MANY, "hide ~/.ssh"},
    {"hide?", do_hide_maybe, 1, MANY, "hide? ~/.ssh"},
    {"include", do_include, 1, 1, "include other.vow"},
    {"preset", do_preset, 1, 1, "preset git"},
    {"env", do_env, 1, MANY, "env EDITOR LESS"},
    {"setenv", do_setenv, 1, MANY, "setenv LANG=C"},
    {"env-all", do_env_all, 0, 0, "env-all"},
    {"limit", do_limit, 1, MANY, "limit mem=1G"},
    {"view", do_view, 1, 1, "view system"},
    {"kill", do_kill, 0, 0, "kill"},
    {"program", do_program, 1, MANY, "program /usr/bin/git"},
};

static const char *keyword_name(size_t index)
{
    return keywords[index].name;
}

static int unknown_keyword(const struct parser *parser, const struct word *word)
{
    struct str shown CLEAN_STR = {0};
    size_t size = strlen(word->text);
    quote_visible(&shown, word->text, size < SHOWN_MAX ? size : SHOWN_MAX);
    const char *near = word_nearest(word->text, size, keyword_name, ARRAY_COUNT(keywords));
    if (near)
        err_set(parser->err, -EINVAL, "no keyword '%s'; did you mean '%s'?", str_get(&shown), near);
    else
        err_set(parser->err, -EINVAL, "no keyword '%s'; vow-policy(5) lists them", str_get(&shown));
    return fail_at(parser, word->column, -EINVAL);
}

static int parse_line(struct parser *parser, const char *line, const char *end)
{
    CLEAN_WORDS struct words words = {0};
    const char *nul = memchr(line, '\0', (size_t)(end - line));
    if (nul)
        return fail(parser, column_of(line, nul), "a NUL byte; this is no text");
    int result = split(parser, line, end, &words);
    if (result < 0 || words.count == 0)
        return result;
    for (size_t i = 0; i < ARRAY_COUNT(keywords); i++) {
        const struct keyword *keyword = &keywords[i];
        if (strcmp(words.at[0].text, keyword->name) != 0)
            continue;
        if (words.count - 1 >= keyword->least && words.count - 1 <= keyword->most)
            return keyword->run(parser, words.at, words.count);
        err_set(parser->err, -EINVAL, "%s arguments; write: %s",
                words.count - 1 < keyword->least ? "missing" : "too many", keyword->usage);
        return fail_at(parser, words.at[0].column, -EINVAL);
    }
    return unknown_keyword(parser, &words.at[0]);
}

static int parse_text(struct parser *parser)
{
    const char *at = parser->source->text, *end = at + parser->source->size;
    for (parser->line = 1; at < end; parser->line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        int result = parse_line(parser, at, stop);
        if (result < 0)
            return result;
        at = newline ? newline + 1 : end;
    }
    return 0;
}

int policy_parse(struct policy *p, const struct policy_source *source,
                 const struct policy_loader *loader, struct err *err)
{
    unsigned includes = 0;
    struct parser parser = {
        .policy = p, .source = source, .loader = loader, .includes = &includes, .err = err};
    return parse_text(&parser);
}
