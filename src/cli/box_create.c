/* vow box create: an image from a directory or a tar archive. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/box.h"
#include "cli/box_fill.h"
#include "cli/box_image.h"
#include "cli/box_progress.h"
#include "cli/box_tar.h"
#include "cli/cli.h"

static const char usage[] =
    "usage: vow box create IMAGE [--from DIRECTORY|TAR] [--size SIZE]\n"
    "\n"
    "Makes an image, an ordinary ext4 file system in a sparse file, of what is in a\n"
    "directory or an uncompressed tar archive (-: standard input), or an empty one.\n"
    "\n"
    "  --from PATH  what to put into it\n"
    "  --size SIZE  of the image, as 512M or 4G; otherwise twice of what is in it,\n"
    "               at least 1G\n"
    "  --help       this text\n";

enum { SIZE_MIN = 1 << 30 };

struct request {
    const char *image, *from;
    uint64_t size;
};

/* What the source needs, about; an archive from a pipe is not known before. */
static int measure(const char *from, uint64_t *files, uint64_t *bytes, struct err *err)
{
    struct stat st;
    if (!from)
        return 0;
    if (strcmp(from, "-") == 0) {
        *bytes = (uint64_t)SIZE_MIN * 4;
        return 0;
    }
    if (stat(from, &st) != 0)
        return err_set(err, -errno, "%s: %s", from, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return fill_count(from, files, bytes, err);
    *bytes = (uint64_t)st.st_size;
    return 0;
}

static int fill(struct store *s, const char *from, struct err *err)
{
    struct stat st;
    if (!from)
        return 0;
    if (strcmp(from, "-") == 0)
        return tar_unpack(s, STDIN_FILENO, err);
    if (stat(from, &st) == 0 && S_ISDIR(st.st_mode)) {
        struct fill f = {.store = s};
        int r = fill_tree(&f, from, "/", err);
        fill_free(&f);
        return r;
    }
    int fd CLEAN_FD = open(from, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_set(err, -errno, "%s: %s", from, strerror(errno)) : tar_unpack(s, fd, err);
}

static int create(const struct request *request)
{
    struct box_image image;
    struct err err;
    uint64_t files = 0, bytes = 0, size = request->size;
    if (measure(request->from, &files, &bytes, &err) != 0) {
        cli_error(BOX_NAME, "%s", err.text);
        return EXIT_FAILURE;
    }
    if (size == 0)
        size = 2 * bytes > SIZE_MIN ? 2 * bytes : SIZE_MIN;
    int status = box_image_make(&image, request->image, size & ~UINT64_C(4095), files);
    if (status != 0)
        return status;
    int r = fill(image.store, request->from, &err);
    box_progress_end();
    if (r == 0)
        return box_image_close(&image);
    cli_error(BOX_NAME, "%s%s", err.text, r == -ENOSPC ? "; --size makes a larger image" : "");
    box_image_abandon(&image);
    return EXIT_FAILURE;
}

int box_create_command(int argc, char **argv)
{
    static const struct option options[] = {{"from", required_argument, NULL, 'f'},
                                            {"size", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {0};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'f': request.from = optarg; break;
        case 's':
            if (!box_size(optarg, &request.size))
                return cli_usage_error(BOX_NAME, "'%s' is no size; say 512M or 4G", optarg);
            break;
        case 'h': fputs(usage, stdout); return cli_flush(BOX_NAME);
        default: return cli_usage_error(BOX_NAME, "create: no option '%s'", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return cli_usage_error(BOX_NAME, "create: one image is to be named");
    request.image = argv[optind];
    return create(&request);
}
