/* box_tar: unpacks a tar archive into an image: ustar, GNU and pax, as tar(1)
 * and `docker export` write them; not compressed. */
#ifndef VOW_CLI_BOX_TAR_H
#define VOW_CLI_BOX_TAR_H

#include "store/store.h"

/* tar_unpack: reads the archive from a descriptor to its end. Names are taken
 * below the root of the image: `..` in them is an error, symbolic links are
 * not followed. Owners, modes, times, links, devices and user and capability
 * attributes (pax) are kept. 0 or -errno, and err says what and where. */
int tar_unpack(struct store *s, int fd, struct err *err);

#endif
