/* cli/box: the subcommands of `vow box`, one file each. */
#ifndef VOW_CLI_BOX_H
#define VOW_CLI_BOX_H

#include "box/filter.h"

#define BOX_NAME "box"

/* argv[0] is the subcommand's own name; each returns the exit status. */
int box_cp_command(int argc, char **argv);
int box_create_command(int argc, char **argv);
int box_filter_command(int argc, char **argv);
int box_fsck_command(int argc, char **argv);
int box_ls_command(int argc, char **argv);
int box_mount_command(int argc, char **argv);
int box_pack_command(int argc, char **argv);
int box_resize_command(int argc, char **argv);
int box_stats_command(int argc, char **argv);
/* box_read_host: the word behind --host, NULL: none; says what is wrong. */
bool box_read_host(const char *word, enum box_host *out);
/* box_run_command: here argv[0] is the image. */
int box_run_command(int argc, char **argv);

#endif
