#include "cli/cli.h"

#include <stdio.h>

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
