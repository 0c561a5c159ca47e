#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"run", cmd_run, "run a program under a policy"},
    {"box", cmd_box, "run programs behind one fixed filter, on an image of files"},
    {"export", cmd_export, "write a policy in another tool's format"},
    {"filter", cmd_filter, "print, simulate and compare the filter of a policy"},
    {"promises", cmd_promises, "list the promises and what each allows"},
    {"doctor", cmd_doctor, "say what this machine can enforce"},
    {"why", cmd_why, "say whether a policy allows something, and what is missing"},
    {NULL, NULL, NULL},
};

static int help(FILE *out)
{
    fputs("usage: vow COMMAND [OPTIONS]\n\n", out);
    for (const struct command *c = commands; c->name; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->summary);
    fputs("\n'vow help COMMAND' says more\n", out);
    return out == stderr ? EXIT_USAGE : 0;
}

static const struct command *find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(name, c->name) == 0)
            return c;
    return NULL;
}

static const char *name_at(size_t index)
{
    return commands[index].name;
}

static int no_command(const char *name)
{
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, name, strlen(name));
    const char *near = word_nearest(name, strlen(name), name_at, ARRAY_COUNT(commands) - 1);
    fprintf(stderr, "vow: no command '%s'; ", str_get(&shown));
    if (near)
        fprintf(stderr, "did you mean '%s'? ", near);
    fputs("'vow help' lists them\n", stderr);
    return EXIT_USAGE;
}

/* `vow help` and `vow help COMMAND`. */
static int help_on(const char *name)
{
    const struct command *c = name ? find(name) : NULL;
    if (c)
        return c->run(2, (char *[]){(char *)c->name, (char *)"--help", NULL});
    return name ? no_command(name) : help(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "--version") == 0) {
        puts("vow " VOW_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help_on(argv[2]);
    const struct command *command = find(argv[1]);
    if (command)
        return command->run(argc - 1, argv + 1);
    if (strncmp(argv[1], "run ", 4) == 0) /* a script's first line: one word */
        return cmd_run_script(argc, argv);
    return no_command(argv[1]);
}
