#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void complain(const char *name, const char *format, va_list args)
{
    fprintf(stderr, "vow %s: ", name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
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

int cli_choose_arch(const char *name, const char *word, const struct arch **out)
{
    const struct arch *arch = arch_by_name(word);
    if (arch && arch->id == ARCH_X32)
        return cli_usage_error(name, "x32 is never allowed: no promise has any of its calls");
    *out = arch;
    if (arch)
        return 0;
    CLEAN_STR struct str known = {0}, shown = {0};
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (i != ARCH_X32)
            str_addf(&known, " %s", archs[i].name);
    quote_visible(&shown, word, strlen(word));
    return cli_usage_error(name, "no architecture '%s'; there are:%s", str_get(&shown),
                           str_get(&known));
}

int cli_flush(const char *name)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    cli_error(name, "cannot write: %s", strerror(errno));
    return EXIT_FAILURE;
}
