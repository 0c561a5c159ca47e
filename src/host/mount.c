#include "host/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From <sys/mount.h>, which clashes with <linux/mount.h>. */
#define MNT_DETACH 2

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

#define CALL(...) call_result(syscall(__VA_ARGS__))

static int call_result(long result)
{
    return result < 0 ? -errno : (int)result;
}

int mount_private(void)
{
    struct mount_attr nothing = {0};
    int failed = CALL(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return failed ? failed : CALL(SYS_mount_setattr, AT_FDCWD, "/", 0, &nothing, sizeof nothing);
}

static int configure_tmpfs(int fs, const char *size)
{
    int failed = CALL(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0);
    if (!failed)
        failed = CALL(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", size, 0);
    if (!failed)
        failed = CALL(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    return failed;
}

int mount_tmpfs(const char *size)
{
    CLEAN_FD int fs = CALL(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0)
        return fs;
    int failed = configure_tmpfs(fs, size);
    if (failed)
        return failed;
    return CALL(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

static int set_attrs(int dir, const char *path, unsigned flags, unsigned attrs)
{
    struct mount_attr attr = {
        .attr_set = (attrs & MOUNT_READ_ONLY ? MOUNT_ATTR_RDONLY : 0) |
                    (attrs & MOUNT_NO_EXEC ? MOUNT_ATTR_NOEXEC : 0) |
                    (attrs & MOUNT_NO_DEVICES ? MOUNT_ATTR_NODEV : 0) | MOUNT_ATTR_NOSUID,
    };
    return CALL(SYS_mount_setattr, dir, path, flags, &attr, sizeof attr);
}

int mount_clone(int dir, const char *path, unsigned attrs)
{
    CLEAN_FD int tree = CALL(SYS_open_tree, dir, path,
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
    if (tree < 0)
        return tree;
    int failed = set_attrs(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attrs);
    return failed ? failed : take_fd(&tree);
}

int mount_place(int dir, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    return CALL(SYS_openat2, dir, path, &how, sizeof how);
}

int mount_attach(int tree, int place)
{
    return CALL(SYS_move_mount, tree, "", place, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int mount_seal(int dir, const char *path)
{
    return set_attrs(dir, path, 0, MOUNT_READ_ONLY);
}

int mount_pivot(int root, int over_old, int aside)
{
    if (fchdir(root) < 0)
        return -errno;
    int failed = CALL(SYS_pivot_root, ".", ".");
    /* The old root now lies on top of the new one, and on top of it what was
     * mounted over it, which is what an umount of "." would find. One umount
     * is enough, and waits for RCU once, if that is moved aside first. */
    if (!failed)
        failed = mount_attach(over_old, aside);
    return failed ? failed : CALL(SYS_umount2, ".", MNT_DETACH);
}
