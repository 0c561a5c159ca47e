/* box_image: what the subcommands of `vow box` that work on images share. */
#ifndef VOW_CLI_BOX_IMAGE_H
#define VOW_CLI_BOX_IMAGE_H

#include "base/device.h"
#include "store/store.h"

/* An image of the host, opened; `path` as the user gave it. */
struct box_image {
    const char *path;
    struct device device;
    struct store *store;
};
/* box_image_open, box_image_close: 0 or an exit status; errors are reported. */
int box_image_open(struct box_image *i, const char *path, bool write);
int box_image_close(struct box_image *i);

/* box_image_make: a new image of `size` bytes (a sparse file, which must not
 * exist yet) with an empty file system for about `files` files, opened. Until
 * box_image_close nothing is made durable: filling it is faster so. */
int box_image_make(struct box_image *i, const char *path, uint64_t size, uint64_t files);
/* box_image_abandon: after a failure: the new image goes away. */
void box_image_abandon(struct box_image *i);

/* box_walk: the inode that a path leads to, as path_resolution(7) says, from
 * the root of the store: 0 or -errno. Without `follow`, a symbolic link at the
 * end is not followed. */
int box_walk(struct store *s, const char *path, bool follow, uint32_t *ino);
/* box_size: "512M", "2G"; false if it is none. */
bool box_size(const char *word, uint64_t *out);

#endif
