/* What uid 0 may do by being the owner of the system's files, without any
 * capability. */
#include "escape.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WIDE                                                                                       \
    "stdio rpath wpath cpath dpath fattr chown inet unix proc exec id settime ps vminfo route "    \
    "wroute sysv tty"

static int opens(const char *path, int flags)
{
    CLEAN_FD int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? errno : 0;
}

#define OPENS(name, path, flags)                                                                   \
    static int name(UNUSED const struct scene *s)                                                  \
    {                                                                                              \
        return opens(path, flags);                                                                 \
    }

OPENS(shadow, "/etc/shadow", O_RDONLY)
OPENS(passwd, "/etc/passwd", O_RDONLY)
OPENS(change_passwd, "/etc/passwd", O_WRONLY | O_APPEND)
OPENS(preload, "/etc/ld.so.preload", O_WRONLY | O_CREAT | O_EXCL)
OPENS(core_pattern, "/proc/sys/kernel/core_pattern", O_WRONLY)
OPENS(modprobe, "/proc/sys/kernel/modprobe", O_WRONLY)
OPENS(sysrq, "/proc/sysrq-trigger", O_WRONLY)
OPENS(kcore, "/proc/kcore", O_RDONLY)
OPENS(power, "/sys/power/state", O_WRONLY)
OPENS(uevent, "/sys/kernel/uevent_helper", O_WRONLY)
OPENS(cgroup, "/sys/fs/cgroup/cgroup.procs", O_WRONLY)
OPENS(processors, "/sys/devices/system/cpu/online", O_RDONLY)
OPENS(memory, "/dev/mem", O_RDONLY)
OPENS(kernel_log, "/dev/kmsg", O_RDONLY)
OPENS(null, "/dev/null", O_RDWR)
OPENS(init_environment, "/proc/1/environ", O_RDONLY)
OPENS(version, "/proc/version", O_RDONLY)
OPENS(change_library, "/usr/bin/env", O_WRONLY)
OPENS(library, "/usr/bin/env", O_RDONLY)

static int change_system_mode(UNUSED const struct scene *s)
{
    struct stat st;
    return TRY(stat("/usr/bin/env", &st)) ? errno : TRY(chmod("/usr/bin/env", st.st_mode & 0777));
}

static int change_own_mode(UNUSED const struct scene *s)
{
    return TRY(chmod("file", 0644));
}

static int change_null(UNUSED const struct scene *s)
{
    return TRY(chmod("/dev/null", 0666));
}

static int cron(UNUSED const struct scene *s)
{
    const char *path = "/etc/cron.d/vow-escape";
    int failed = opens(path, O_WRONLY | O_CREAT | O_EXCL);
    if (!failed)
        unlink(path);
    return failed;
}

static int write_file(UNUSED const struct scene *s)
{
    return escape_write("scratch", "x");
}

#define SHUT                                                                                       \
    {                                                                                              \
        ENOENT, EACCES, EROFS, EPERM                                                               \
    }
const struct escape escapes_root[] = {
    {"shadow", WIDE, NULL, SHUT, shadow, passwd, .who = ROOT_ONLY},
    {"shadow_without_a_view", WIDE, NO_VIEW, {EACCES}, shadow, passwd, .who = ROOT_ONLY},
    {"change_passwd", WIDE, NULL, SHUT, change_passwd, passwd, .who = ROOT_ONLY},
    {"cron", WIDE, NULL, SHUT, cron, write_file, .who = ROOT_ONLY},
    {"core_pattern", WIDE, NULL, SHUT, core_pattern, version, .who = ROOT_ONLY},
    {"core_pattern_without_a_view",
     WIDE,
     NO_VIEW,
     {EACCES},
     core_pattern,
     version,
     .who = ROOT_ONLY},
    {"modprobe_path", WIDE, NULL, SHUT, modprobe, version, .who = ROOT_ONLY},
    {"sysrq", WIDE, NULL, SHUT, sysrq, version, .who = ROOT_ONLY},
    {"kcore", WIDE, NULL, SHUT, kcore, version, .who = ROOT_ONLY},
    {"environment_of_init", WIDE, NULL, SHUT, init_environment, version, .who = ROOT_ONLY},
    {"power", WIDE, NULL, SHUT, power, processors, .who = ROOT_ONLY},
    {"uevent_helper", WIDE, NULL, SHUT, uevent, processors, .who = ROOT_ONLY},
    {"cgroup", WIDE, NULL, SHUT, cgroup, processors, .who = ROOT_ONLY},
    {"physical_memory", WIDE, NULL, SHUT, memory, null, .who = ROOT_ONLY},
    {"physical_memory_without_a_view", WIDE, NO_VIEW, SHUT, memory, null, .who = ROOT_ONLY},
    {"kernel_log_device", WIDE, NULL, SHUT, kernel_log, null, .who = ROOT_ONLY},
    {"change_a_program", WIDE, NULL, SHUT, change_library, library, .who = ROOT_ONLY},
    {"change_a_program_s_mode",
     WIDE,
     NULL,
     {EROFS},
     change_system_mode,
     change_own_mode,
     .who = ROOT_ONLY},
    {"change_the_mode_of_null",
     WIDE,
     NULL,
     {EROFS},
     change_null,
     change_own_mode,
     .who = ROOT_ONLY},
    {"preload", WIDE, NULL, SHUT, preload, passwd, .who = ROOT_ONLY, .everywhere = true},
    {0},
};
