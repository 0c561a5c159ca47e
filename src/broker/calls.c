#include "broker/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 NR_NEWER(439)
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 NR_NEWER(452)
#endif

/* By how often programs make them: the filter asks in this order. */
const struct call calls[] = {
    {SYS_openat, CALL_OPEN, 0, 1, -1, 0},
#ifdef SYS_open
    {SYS_open, CALL_OPEN, -1, 0, -1, 0},
#endif
#ifdef SYS_creat
    {SYS_creat, CALL_CREAT, -1, 0, -1, 0},
#endif
#ifdef SYS_newfstatat
    {SYS_newfstatat, CALL_STAT, 0, 1, 3, 0},
#endif
#ifdef SYS_fstatat64
    {SYS_fstatat64, CALL_STAT, 0, 1, 3, 0},
#endif
#ifdef SYS_stat
    {SYS_stat, CALL_STAT, -1, 0, -1, 0},
#endif
#ifdef SYS_lstat
    {SYS_lstat, CALL_STAT, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
#endif
#ifdef SYS_stat64
    {SYS_stat64, CALL_STAT, -1, 0, -1, 0},
#endif
#ifdef SYS_lstat64
    {SYS_lstat64, CALL_STAT, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
#endif
    {SYS_statx, CALL_STATX, 0, 1, 2, 0},
#ifdef SYS_access
    {SYS_access, CALL_ACCESS, -1, 0, -1, 0},
#endif
    {SYS_faccessat, CALL_ACCESS, 0, 1, -1, 0},
    {SYS_faccessat2, CALL_ACCESS, 0, 1, 3, 0},
#ifdef SYS_readlink
    {SYS_readlink, CALL_READLINK, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
#endif
    {SYS_readlinkat, CALL_READLINK, 0, 1, -1, AT_SYMLINK_NOFOLLOW},
    {SYS_chdir, CALL_CHDIR, -1, 0, -1, 0},
    {SYS_execve, CALL_EXEC, -1, 0, -1, 0},
    {SYS_execveat, CALL_EXEC, 0, 1, 4, 0},
#ifdef SYS_chmod
    {SYS_chmod, CALL_CHMOD, -1, 0, -1, 0},
#endif
    {SYS_fchmodat, CALL_CHMOD, 0, 1, -1, 0},
    {SYS_fchmodat2, CALL_CHMOD, 0, 1, 3, 0},
#ifdef SYS_chown
    {SYS_chown, CALL_CHOWN, -1, 0, -1, 0},
#endif
#ifdef SYS_lchown
    {SYS_lchown, CALL_CHOWN, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
#endif
#ifdef SYS_chown32
    {SYS_chown32, CALL_CHOWN, -1, 0, -1, 0},
#endif
#ifdef SYS_lchown32
    {SYS_lchown32, CALL_CHOWN, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
#endif
    {SYS_fchownat, CALL_CHOWN, 0, 1, 4, 0},
#ifdef SYS_utime
    {SYS_utime, CALL_UTIME, -1, 0, -1, 0},
#endif
#ifdef SYS_utimes
    {SYS_utimes, CALL_UTIMES, -1, 0, -1, 0},
#endif
#ifdef SYS_futimesat
    {SYS_futimesat, CALL_UTIMES, 0, 1, -1, 0},
#endif
#ifdef SYS_utimensat
    {SYS_utimensat, CALL_UTIMENSAT, 0, 1, 3, 0},
#endif
#ifdef SYS_utimensat_time64
    {SYS_utimensat_time64, CALL_UTIMENSAT, 0, 1, 3, 0},
#endif
    {SYS_truncate, CALL_TRUNCATE, -1, 0, -1, 0},
#ifdef SYS_truncate64
    {SYS_truncate64, CALL_TRUNCATE, -1, 0, -1, 0},
#endif
    {SYS_getxattr, CALL_GETXATTR, -1, 0, -1, 0},
    {SYS_lgetxattr, CALL_GETXATTR, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
    {SYS_listxattr, CALL_LISTXATTR, -1, 0, -1, 0},
    {SYS_llistxattr, CALL_LISTXATTR, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
    {SYS_setxattr, CALL_SETXATTR, -1, 0, -1, 0},
    {SYS_lsetxattr, CALL_SETXATTR, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
    {SYS_removexattr, CALL_REMOVEXATTR, -1, 0, -1, 0},
    {SYS_lremovexattr, CALL_REMOVEXATTR, -1, 0, -1, AT_SYMLINK_NOFOLLOW},
    {SYS_inotify_add_watch, CALL_WATCH, -1, 1, -1, 0},
#ifdef SYS_mkdir
    {SYS_mkdir, CALL_MKDIR, -1, 0, -1, 0},
#endif
    {SYS_mkdirat, CALL_MKDIR, 0, 1, -1, 0},
#ifdef SYS_mknod
    {SYS_mknod, CALL_MKNOD, -1, 0, -1, 0},
#endif
    {SYS_mknodat, CALL_MKNOD, 0, 1, -1, 0},
#ifdef SYS_symlink
    {SYS_symlink, CALL_SYMLINK, -1, 1, -1, 0},
#endif
    {SYS_symlinkat, CALL_SYMLINK, 1, 2, -1, 0},
#ifdef SYS_unlink
    {SYS_unlink, CALL_REMOVE, -1, 0, -1, 0},
#endif
#ifdef SYS_rmdir
    {SYS_rmdir, CALL_REMOVE, -1, 0, -1, AT_REMOVEDIR},
#endif
    {SYS_unlinkat, CALL_REMOVE, 0, 1, 2, 0},
#ifdef SYS_link
    {SYS_link, CALL_LINK, -1, 0, -1, 0},
#endif
    {SYS_linkat, CALL_LINK, 0, 1, 4, 0},
#ifdef SYS_rename
    {SYS_rename, CALL_RENAME, -1, 0, -1, 0},
#endif
#ifdef SYS_renameat
    {SYS_renameat, CALL_RENAME, 0, 1, -1, 0},
#endif
    {SYS_renameat2, CALL_RENAME, 0, 1, 4, 0},
    {SYS_connect, CALL_CONNECT, -1, -1, -1, 0},
    {SYS_bind, CALL_BIND, -1, -1, -1, 0},
    {SYS_sendto, CALL_SEND, -1, -1, -1, 0},
#ifdef SYS_socketcall
    {SYS_socketcall, CALL_SOCKETCALL, -1, -1, -1, 0},
#endif
    {SYS_setuid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setgid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setreuid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setregid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setresuid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setresgid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setfsuid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setfsgid, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_setgroups, CALL_IDENTITY, -1, -1, -1, 0},
#ifdef SYS_setuid32
    {SYS_setuid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setgid32
    {SYS_setgid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setreuid32
    {SYS_setreuid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setregid32
    {SYS_setregid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setresuid32
    {SYS_setresuid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setresgid32
    {SYS_setresgid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setfsuid32
    {SYS_setfsuid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setfsgid32
    {SYS_setfsgid32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
#ifdef SYS_setgroups32
    {SYS_setgroups32, CALL_IDENTITY, -1, -1, -1, 0},
#endif
    {SYS_capset, CALL_IDENTITY, -1, -1, -1, 0},
    {SYS_prctl, CALL_REQUEST, -1, -1, -1, 0},
};
const size_t call_count = ARRAY_COUNT(calls);

const struct call *call_find(uint32_t nr)
{
    for (size_t i = 0; i < call_count; i++)
        if (calls[i].nr == nr)
            return &calls[i];
    return NULL;
}

const struct socketcall socketcalls[SOCKETCALLS] = {
    {2, 3, SYS_bind}, {3, 3, SYS_connect}, {11, 6, SYS_sendto}};

/* What no broker can do for another, and what would lead around it: rings and
 * handles that open, other roots and mounts, marks on whole file systems. With
 * ENOSYS where programs have another way. */
const struct call_refused calls_refused[] = {
    {NR_NEWER(437), ENOSYS}, /* openat2 */
    {NR_NEWER(435), ENOSYS}, /* clone3 */
    {NR_NEWER(425), ENOSYS}, /* io_uring_setup */
    {NR_NEWER(426), ENOSYS}, /* io_uring_enter */
    {NR_NEWER(427), ENOSYS}, /* io_uring_register */
    {SYS_name_to_handle_at, ENOSYS},
    {SYS_open_by_handle_at, ENOSYS},
#ifdef SYS_oldstat
    {SYS_oldstat, ENOSYS},
#endif
#ifdef SYS_oldlstat
    {SYS_oldlstat, ENOSYS},
#endif
#ifdef SYS_uselib
    {SYS_uselib, ENOSYS},
#endif
    {NR_NEWER(428), ENOSYS}, /* open_tree */
    {NR_NEWER(430), ENOSYS}, /* fsopen */
    {NR_NEWER(431), ENOSYS}, /* fsconfig */
    {NR_NEWER(457), ENOSYS}, /* statmount */
    {NR_NEWER(458), ENOSYS}, /* listmount */
    {NR_NEWER(432), ENOSYS}, /* fsmount */
    {NR_NEWER(433), ENOSYS}, /* fspick */
    {NR_NEWER(429), ENOSYS}, /* move_mount */
    {NR_NEWER(442), ENOSYS}, /* mount_setattr */
    {NR_NEWER(463), ENOSYS}, /* setxattrat */
    {NR_NEWER(464), ENOSYS}, /* getxattrat */
    {NR_NEWER(465), ENOSYS}, /* listxattrat */
    {NR_NEWER(466), ENOSYS}, /* removexattrat */
    {NR_NEWER(467), ENOSYS}, /* open_tree_attr */
    {NR_NEWER(468), ENOSYS}, /* file_getattr */
    {NR_NEWER(469), ENOSYS}, /* file_setattr */
    {NR_NEWER(443), ENOSYS}, /* quotactl_fd */
    {SYS_chroot, EPERM},
    {SYS_pivot_root, EPERM},
    {SYS_mount, EPERM},
#ifdef SYS_umount
    {SYS_umount, EPERM},
#endif
    {SYS_umount2, EPERM},
    {SYS_setns, EPERM},
    {SYS_swapon, EPERM},
    {SYS_swapoff, EPERM},
    {SYS_acct, EPERM},
    {SYS_quotactl, EPERM},
    {SYS_fanotify_init, EPERM},
    {SYS_fanotify_mark, EPERM},
    {SYS_bpf, EPERM},
};
const size_t call_refused_count = ARRAY_COUNT(calls_refused);
