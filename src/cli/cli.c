#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words of the command line and names of files may stand in it. */
static void complain(const char *name, const char *format, va_list args)
{
    CLEAN_FREE char *text = NULL;
    CLEAN_STR struct str shown = {0};
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    quote_controls(&shown, text ? text : format);
    fprintf(stderr, "vow %s: %s\n", name, str_get(&shown));
}

void cli_error(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(name, format, args);
    va_end(args);
}

int cli_usage_error(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(name, format, args);
    va_end(args);
    fprintf(stderr, "'vow %s --help' says more\n", name);
    return EXIT_USAGE;
}

int cli_no_option(const char *name, const char *word)
{
    return cli_usage_error(name, "'%s' is not an option, or lacks its value", word);
}

const char *cli_option_value(const char *option, int argc, char **argv, int *index)
{
    size_t size = strlen(option);
    const char *word = argv[*index];
    if (strncmp(word, option, size) != 0 || (word[size] != '\0' && word[size] != '='))
        return NULL;
    if (word[size] == '\0' && *index + 1 == argc)
        return NULL;
    *index += word[size] == '=' ? 1 : 2;
    return word[size] == '=' ? word + size + 1 : argv[*index - 1];
}

static bool parse_number(const char *word, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(word, &end, 0);
    return end != word && *end == '\0' && errno == 0;
}

static const struct arch_table *suggested; /* what name_at counts */

static const char *name_at(size_t index)
{
    return call_name(&suggested->calls[index]);
}

static int no_call(const char *name, const struct arch *arch, const char *word)
{
    suggested = arch_table(arch->id);
    const char *near = word_nearest(word, strlen(word), name_at, suggested->call_count);
    if (near)
        return cli_usage_error(name, "%s has no call '%s'; did you mean '%s'?", arch->name, word,
                               near);
    return cli_usage_error(name, "%s has no call '%s'", arch->name, word);
}

int cli_parse_call(const char *name, const struct arch *arch, char *const *words,
                   struct call_event *out)
{
    uint64_t number;
    const struct sys_call *call = arch_call_by_name(arch, words[0]);
    *out = (struct call_event){.arch = arch};
    if (!call && (!parse_number(words[0], &number) || number > UINT32_MAX))
        return no_call(name, arch, words[0]);
    out->nr = call ? call->nr : (uint32_t)number;
    for (size_t i = 0; words[i + 1]; i++) {
        if (i == ARRAY_COUNT(out->args))
            return cli_usage_error(name, "a call has at most six arguments");
        if (!parse_number(words[i + 1], &out->args[i]))
            return cli_usage_error(name, "argument '%s' is not a number", words[i + 1]);
        if (arch->bits == 32)
            out->args[i] = (uint32_t)out->args[i];
    }
    return 0;
}

int cli_choose_arch(const char *name, const char *word, const struct arch **out)
{
    const struct arch *arch = arch_by_name(word);
    if (arch && arch->id == ARCH_X32)
        return cli_usage_error(name, "x32 is never allowed: no promise has any of its calls");
    *out = arch;
    if (arch)
        return 0;
    CLEAN_STR struct str known = {0};
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (i != ARCH_X32)
            str_addf(&known, " %s", archs[i].name);
    return cli_usage_error(name, "no architecture '%s'; there are:%s", word, str_get(&known));
}

int cli_flush(const char *name)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    cli_error(name, "cannot write: %s", strerror(errno));
    return EXIT_FAILURE;
}
