/* vow box fsck, resize and mount: the host's own tools for ext4. */
#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/box.h"
#include "cli/box_image.h"
#include "cli/cli.h"

static const char fsck_usage[] =
    "usage: vow box fsck [--repair] IMAGE\n"
    "\n"
    "Replays the image's journal in memory and checks that it can be read, then\n"
    "lets e2fsck check everything.\n"
    "\n"
    "  --repair   write: replay the journal, repair what is damaged\n"
    "  --help     this text\n";
static const char resize_usage[] =
    "usage: vow box resize IMAGE SIZE\n"
    "\n"
    "Makes an image that nobody uses larger or smaller (512M, 4G), by resize2fs.\n"
    "\n"
    "  --help     this text\n";
static const char mount_usage[] = "usage: vow box mount IMAGE DIRECTORY\n"
                                  "\n"
                                  "Says what to type to mount an image on the host.\n"
                                  "\n"
                                  "  --help     this text\n";

/* Runs a tool of e2fsprogs; its exit status, or 127 and a message. */
static int run_tool(char *const argv[])
{
    static char *const env[] = {"PATH=/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL=C", NULL};
    static const char *const dirs[] = {"/usr/sbin", "/sbin", "/usr/bin"};
    pid_t child;
    int status, r = ENOENT;
    for (size_t i = 0; i < ARRAY_COUNT(dirs) && r != 0; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", dirs[i], argv[0]);
        r = posix_spawn(&child, path, NULL, NULL, argv, env);
    }
    if (r != 0) {
        cli_error(BOX_NAME, "%s cannot be started (%s): it is part of e2fsprogs", argv[0],
                  strerror(r));
        return EXIT_NOT_FOUND;
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_FAILURE;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* Options and the number of words: 0, an exit status, or -1 after --help. */
static int read_words(int argc, char **argv, const char *usage, int count, bool *repair)
{
    static const struct option options[] = {
        {"repair", no_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return -1;
        }
        if (option != 'r' || !repair)
            return cli_usage_error(BOX_NAME, "%s: no option '%s'", argv[0], argv[optind - 1]);
        *repair = true;
    }
    return argc - optind == count
               ? 0
               : cli_usage_error(BOX_NAME, "%s: %d words are needed", argv[0], count);
}

int box_fsck_command(int argc, char **argv)
{
    struct box_image image;
    bool repair = false;
    int status = read_words(argc, argv, fsck_usage, 1, &repair);
    if (status != 0)
        return status > 0 ? status : cli_flush(BOX_NAME);
    if (!repair) {
        status = box_image_open(&image, argv[optind], false);
        if (status == 0)
            status = box_image_close(&image);
        if (status != 0)
            return status;
    }
    char *tool[] = {"e2fsck", "-f", repair ? "-p" : "-n", "--", argv[optind], NULL};
    return run_tool(tool);
}

/* Opening for writing and closing leaves an empty journal, as resize2fs wants. */
static int settle(const char *path)
{
    struct box_image image;
    int status = box_image_open(&image, path, true);
    return status ? status : box_image_close(&image);
}

int box_resize_command(int argc, char **argv)
{
    uint64_t size;
    struct stat st;
    char blocks[32];
    int status = read_words(argc, argv, resize_usage, 2, NULL);
    if (status != 0)
        return status > 0 ? status : cli_flush(BOX_NAME);
    char *path = argv[optind];
    if (!box_size(argv[optind + 1], &size))
        return cli_usage_error(BOX_NAME, "'%s' is no size; say 512M or 4G", argv[optind + 1]);
    status = settle(path);
    char *check[] = {"e2fsck", "-f", "-p", "--", path, NULL};
    if (status == 0)
        status = run_tool(check) > 1 ? EXIT_FAILURE : 0; /* 1: repaired */
    if (status != 0)
        return status;
    if (stat(path, &st) == 0 && size > (uint64_t)st.st_size && truncate(path, (off_t)size) != 0) {
        cli_error(BOX_NAME, "%s: %s", path, strerror(errno));
        return EXIT_FAILURE;
    }
    snprintf(blocks, sizeof blocks, "%lluK", (unsigned long long)(size >> 10));
    char *tool[] = {"resize2fs", path, blocks, NULL};
    status = run_tool(tool);
    if (status == 0 && size < (uint64_t)st.st_size && truncate(path, (off_t)size) != 0)
        status = EXIT_FAILURE;
    return status;
}

int box_mount_command(int argc, char **argv)
{
    int status = read_words(argc, argv, mount_usage, 2, NULL);
    if (status != 0)
        return status > 0 ? status : cli_flush(BOX_NAME);
    CLEAN_STR struct str line = {0};
    str_add(&line, "sudo mount -o loop,nosuid,nodev ");
    quote_shell(&line, argv[optind]);
    str_add_char(&line, ' ');
    quote_shell(&line, argv[optind + 1]);
    printf("An image is an ordinary ext4 file. While no box uses it:\n\n  %s\n\n"
           "'vow box cp' copies files without root.\n",
           str_get(&line));
    return cli_flush(BOX_NAME);
}
