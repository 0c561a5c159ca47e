/* vow box: the emulator. The first word is a subcommand, or the image to run
 * a program in. */
#include "cli/box.h"

#include <stdio.h>
#include <string.h>

#include "box/filter.h"
#include "cli/cli.h"

static const char usage[] =
    "usage: vow box IMAGE [--discard] [--plain] [--stats]\n"
    "                    [--host trap|notify] [--memory SIZE] [--limit mem=SIZE|procs=N]…\n"
    "                    -- PROGRAM [ARGUMENT]…\n"
    "       vow box pack -o IMAGE [--add PATH]… [--package NAME]… [--no-data]\n"
    "                    [--size SIZE] PROGRAM…\n"
    "       vow box create IMAGE [--from DIRECTORY|TAR] [--size SIZE]\n"
    "       vow box ls [-l] IMAGE [PATH]\n"
    "       vow box cp FROM IMAGE:PATH | IMAGE:PATH TO\n"
    "       vow box stats IMAGE\n"
    "       vow box fsck [--repair] IMAGE\n"
    "       vow box resize IMAGE SIZE\n"
    "       vow box mount IMAGE DIRECTORY\n"
    "       vow box filter --guest|--broker [--host trap|notify] [--plain]\n"
    "                    [--names]\n"
    "\n"
    "Runs programs behind one fixed filter, the same for all of them, on files that\n"
    "lie in an image.\n"
    "\n";

static const struct command commands[] = {
    {"pack", box_pack_command, "make an image of programs of this machine"},
    {"create", box_create_command, "make an image of a directory or a tar archive"},
    {"ls", box_ls_command, "list a directory of an image"},
    {"cp", box_cp_command, "copy files into an image, or out of it"},
    {"stats", box_stats_command, "say how full an image is"},
    {"fsck", box_fsck_command, "check an image, or repair it"},
    {"resize", box_resize_command, "make an image larger or smaller"},
    {"mount", box_mount_command, "say how to mount an image"},
    {"filter", box_filter_command, "print the two fixed filters"},
    {NULL, NULL, NULL},
};

static int help(void)
{
    fputs(usage, stdout);
    for (const struct command *c = commands; c->name; c++)
        printf("  %-10s %s\n", c->name, c->summary);
    puts("\n  --help     this text");
    return cli_flush(BOX_NAME);
}

int cmd_box(int argc, char **argv)
{
    if (argc < 2)
        return cli_usage_error(BOX_NAME, "a command is missing");
    if (strcmp(argv[1], "--help") == 0)
        return help();
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(argv[1], c->name) == 0)
            return c->run(argc - 1, argv + 1);
    return box_run_command(argc - 1, argv + 1);
}
