/* cli/box: the subcommands of `vow box`, one file each. */
#ifndef VOW_CLI_BOX_H
#define VOW_CLI_BOX_H

#define BOX_NAME "box"

/* argv[0] is the subcommand's own name; each returns the exit status. */
int box_filter_command(int argc, char **argv);

#endif
