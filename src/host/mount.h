/* host/mount: the mount calls that a view is built with (open_tree and its
 * kin, Linux 5.12). Directories are descriptors, or AT_FDCWD; each function
 * returns 0, or a descriptor, or -errno. */
#ifndef VOW_HOST_MOUNT_H
#define VOW_HOST_MOUNT_H

#include "base/base.h"

enum { MOUNT_READ_ONLY = 1, MOUNT_NO_EXEC = 2, MOUNT_NO_DEVICES = 4 };

/* mount_private: later mounts are seen by no other mount namespace. Fails
 * where mounting is not allowed, and with -ENOSYS where the calls below are
 * not there. */
int mount_private(void);
/* mount_tmpfs: a new tmpfs, attached nowhere yet. `size` as in its option. */
int mount_tmpfs(const char *size);
/* mount_clone: a copy of the mounts at and below path ("": of `dir` itself),
 * attached nowhere yet; nosuid, and with `attrs` besides those that they had. */
int mount_clone(int dir, const char *path, unsigned attrs);
/* mount_place: something to attach to. No component of path may be a symbolic
 * link (-ELOOP), so that nobody can swap one in while mounts are made. */
int mount_place(int dir, const char *path);
/* mount_attach: puts such a tree on such a place. `tree` is then its root. */
int mount_attach(int tree, int place);
/* mount_seal: makes the one mount at path below `dir` read-only. */
int mount_seal(int dir, const char *path);
/* mount_pivot: the directory `root`, where something was attached, becomes the
 * root of this mount namespace; the old root is gone with all below it. The
 * working directory is the new root. `over_old` is what was attached over the
 * old root to build the new one in, `aside` another place below the old root. */
int mount_pivot(int root, int over_old, int aside);

#endif
