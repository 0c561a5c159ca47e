#include "host/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_sys_admin(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    return syscall(SYS_capget, &header, data) == 0 &&
           data[CAP_SYS_ADMIN / 32].effective & 1u << CAP_SYS_ADMIN % 32;
}

static int write_file(int dir, const char *name, const char *text)
{
    CLEAN_FD int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -errno;
    return 0;
}

static int map_own_ids(uid_t uid, gid_t gid, struct err *err)
{
    CLEAN_FD int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self < 0)
        return err_set(err, -errno, "/proc is not mounted: %s", strerror(errno));
    char users[32], groups[32];
    snprintf(users, sizeof users, "%u %u 1", uid, uid);
    snprintf(groups, sizeof groups, "%u %u 1", gid, gid);
    const char *const files[][2] = {{"uid_map", users}, {"setgroups", "deny"}, {"gid_map", groups}};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        int failed = write_file(self, files[i][0], files[i][1]);
        if (failed)
            return err_set(err, failed, "cannot write /proc/self/%s: %s", files[i][0],
                           strerror(-failed));
    }
    return 0;
}

/* The first number in a file below /proc/sys, or -1. */
static long setting(const char *path)
{
    CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return -1;
    return strtol(text, NULL, 10);
}

#define APPARMOR "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

bool userns_is_doubtful(void)
{
    return !has_sys_admin() && setting(APPARMOR) == 1;
}

static const char *in_words(int code)
{
    switch (code) {
    case -ENOSYS: return "this kernel has none, or is older than 5.12";
    case -EINVAL: return "there is none in a chroot";
    case -ENOSPC: return "as many as user.max_user_namespaces and its like allow are in use";
    case -EPERM:
    case -EACCES: return "there is none inside another sandbox, container or chroot";
    default: return strerror(-code);
    }
}

int userns_why(int code, struct err *err)
{
    static const struct {
        const char *file;
        long value;
        const char *text;
    } causes[] = {
        {"/proc/sys/kernel/unprivileged_userns_clone", 0,
         "sysctl kernel.unprivileged_userns_clone is 0; set it to 1"},
        {"/proc/sys/user/max_user_namespaces", 0, "sysctl user.max_user_namespaces is 0; raise it"},
        {"/proc/sys/user/max_mnt_namespaces", 0, "sysctl user.max_mnt_namespaces is 0; raise it"},
        {APPARMOR, 1,
         "AppArmor restricts user namespaces; give vow a profile with 'userns,' or set sysctl "
         "kernel.apparmor_restrict_unprivileged_userns to 0"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(causes); i++)
        if (setting(causes[i].file) == causes[i].value)
            return err_set(err, code, "no mount namespace of one's own: %s", causes[i].text);
    return err_set(err, code, "no mount namespace of one's own: %s", in_words(code));
}

int userns_enter(struct err *err)
{
    if (has_sys_admin() && unshare(CLONE_NEWNS) == 0)
        return 0;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return userns_why(-errno, err);
    /* /proc/self belongs to root while the process is not dumpable. The exec
     * to come decides anew. */
    if (prctl(PR_SET_DUMPABLE, 1) < 0)
        return err_set(err, -errno, "cannot become dumpable: %s", strerror(errno));
    return map_own_ids(uid, gid, err);
}
