/* vow export: a policy in another tool's format. */
#include "cli/cli.h"
#include "export/oci.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "export"

static const char usage[] =
    "usage: vow export oci [POLICY OPTIONS] [--arch ARCH]\n"
    "\n"
    "Writes the system calls that a policy allows, for another tool; on standard error,\n"
    "what the policy says and the format cannot.\n"
    "\n"
    "  oci          a seccomp profile: for docker and podman, with all architectures; with\n"
    "               --arch for runc and crun themselves (config.json: linux.seccomp)\n"
    "  --arch ARCH  for one architecture\n"
    "  --help       this text\n"
    "\n"
    "Policy options:\n";

static int export_oci(const struct policy *policy, const struct arch *arch)
{
    CLEAN_STR struct str lost = {0};
    struct err err;
    json_t *profile;
    if (oci_profile(policy, arch, &profile, &lost, &err) != 0) {
        cli_error(NAME, "%s", err.text);
        return EXIT_FAILURE;
    }
    json_dumpf(profile, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(profile);
    fprintf(stderr, "vow %s: not in the profile:\n%s", NAME, str_get(&lost));
    return cli_flush(NAME);
}

/* --arch, or an error; 0 or an exit status. */
static int parse_option(int argc, char **argv, int *index, const struct arch **arch)
{
    const char *value = cli_option_value("--arch", argc, argv, index);
    return value ? cli_choose_arch(NAME, value, arch) : cli_no_option(NAME, argv[*index]);
}

int cmd_export(int argc, char **argv)
{
    struct policy_options options;
    const struct arch *arch = NULL;
    CLEAN_FREE char *note = NULL;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s%s", usage, policy_options_help);
            return cli_flush(NAME);
        }
    if (argc < 2 || strcmp(argv[1], "oci") != 0)
        return cli_usage_error(NAME, "the first word is the format: oci");
    int status = policy_options_init(&options, NAME);
    for (int index = 2; status == 0 && index < argc;) {
        int taken = policy_option(&options, NAME, argc, argv, &index);
        if (taken < 0)
            status = EXIT_USAGE;
        else if (taken == 0)
            status = parse_option(argc, argv, &index, &arch);
    }
    if (status == 0)
        status = policy_options_finish(&options, NAME, NULL, &note);
    if (status == 0 && note)
        cli_error(NAME, "%s", note);
    if (status == 0)
        status = export_oci(&options.policy, arch);
    policy_options_free(&options);
    return status;
}
