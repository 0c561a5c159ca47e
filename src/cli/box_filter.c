/* vow box filter: the two fixed filters, as instructions or as names. */
#include <stdio.h>
#include <string.h>

#include "box/run.h"
#include "cli/box.h"
#include "cli/cli.h"

static const char usage[] =
    "usage: vow box filter --guest|--broker [--host trap|notify] [--plain] [--names]\n"
    "\n"
    "Prints the filter under which the programs of every box run, or that of the one\n"
    "process that serves them.\n"
    "\n"
    "  --guest    of the programs\n"
    "  --broker   of the process that holds the image and the terminal\n"
    "  --host     of a box that is started with this option (trap)\n"
    "  --plain    of a box that is started with this option\n"
    "  --names    only the calls that it allows, one a line\n"
    "  --help     this text\n";

static void print_names(const struct ruleset *rules)
{
    for (size_t i = 0; i < rules->call_count; i++) {
        const struct rule *rule = &rules->rules[rules->calls[i].rules];
        if (rule->always || rule->clause_count > 0)
            puts(call_name(arch_call(rules->arch, rules->calls[i].nr)));
    }
}

static int print(struct box_confined which, bool names)
{
    const struct arch *arch = arch_by_name("x86_64");
    struct ruleset rules;
    struct program program;
    struct err err;
    int result = box_filter_rules(which, arch, &rules, &err);
    if (result == 0 && names)
        print_names(&rules);
    ruleset_free(&rules);
    if (result == 0 && !names && (result = box_filter(which, arch, &program, &err)) == 0) {
        CLEAN_STR struct str text = {0};
        bpf_print(&text, &program, arch);
        printf("%s\n%zu instructions\n", str_get(&text), program.count);
        program_free(&program);
    }
    if (result == 0)
        return cli_flush(BOX_NAME);
    cli_error(BOX_NAME, "%s", err.text);
    return EXIT_SETUP;
}

int box_filter_command(int argc, char **argv)
{
    bool guest = false, broker = false, names = false;
    struct box_confined which = {.host = BOX_TRAP, .set_bases = box_must_set_bases()};
    for (int i = 1; i < argc; i++) {
        CLEAN_STR struct str shown = {0};
        quote_visible(&shown, argv[i], strlen(argv[i]));
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return cli_flush(BOX_NAME);
        }
        if (strcmp(argv[i], "--guest") == 0)
            guest = true;
        else if (strcmp(argv[i], "--broker") == 0)
            broker = true;
        else if (strcmp(argv[i], "--names") == 0)
            names = true;
        else if (strcmp(argv[i], "--plain") == 0)
            which.set_bases = true;
        else if (strcmp(argv[i], "--host") == 0) {
            if (!box_read_host(argv[++i], &which.host))
                return EXIT_USAGE;
        } else
            return cli_usage_error(BOX_NAME, "filter has no option '%s'", str_get(&shown));
    }
    if (guest == broker)
        return cli_usage_error(BOX_NAME, "filter takes one of --guest and --broker");
    which.side = guest ? BOX_GUEST : BOX_BROKER;
    return print(which, names);
}
