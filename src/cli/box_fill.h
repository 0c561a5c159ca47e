/* box_fill: puts files of the host into an image. */
#ifndef VOW_CLI_BOX_FILL_H
#define VOW_CLI_BOX_FILL_H

#include "store/store.h"

/* A host's inode with several names, and its number in the store. */
struct fill_link {
    uint64_t device, inode;
    uint32_t ino;
};

struct fill {
    struct store *store;
    bool root_owned; /* all belongs to root, whoever owned it */
    bool keep;       /* what is in the image already stays, and is no error */
    struct fill_link *links;
    size_t link_count, link_capacity;
    uint64_t files, bytes; /* so far */
};

/* All return 0 or -errno, and err names the path.
 *
 * fill_tree: what is at the host's path `from`, with all below it on the same
 * file system, becomes `to` in the image, whose directory must exist; an
 * existing directory is merged into. Owners, modes, times, user and security
 * attributes, holes and hard links are kept; sockets are left out. */
int fill_tree(struct fill *f, const char *from, const char *to, struct err *err);
/* fill_path: an absolute path as a program would follow it: each directory and
 * symbolic link on the way, and at its end the file, or the directory itself
 * without what is in it. What is there already stays. */
int fill_path(struct fill *f, const char *path, struct err *err);
/* fill_count: how many files and bytes fill_tree would copy. */
int fill_count(const char *from, uint64_t *files, uint64_t *bytes, struct err *err);
/* fill_make: a file with this text, a directory (text NULL), or a link (mode
 * S_IFLNK): below directories that exist. -EEXIST is no error. */
int fill_make(struct fill *f, const char *path, uint32_t mode, const char *text);
void fill_free(struct fill *f);

#endif
