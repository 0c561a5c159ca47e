/* Set-id bits: making them, and programs that have them. */
#include "escape.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDE "stdio rpath wpath cpath dpath fattr chown proc exec id"

/* 0 if the bit is there. */
static int has_bit(const char *path, mode_t bit)
{
    struct stat st;
    int failed = TRY(stat(path, &st));
    return failed ? failed : st.st_mode & bit ? 0 : EPERM;
}

static int create_with(mode_t mode)
{
    int fd = open("bits", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int failed = fd < 0 ? errno : mode & 06000 ? has_bit("bits", mode & 06000) : 0;
    clean_fd(&fd);
    unlink("bits");
    return failed;
}

static int setuid_by_open(UNUSED const struct scene *s)
{
    return create_with(04755);
}

static int setgid_by_open(UNUSED const struct scene *s)
{
    return create_with(02755);
}

static int plain_by_open(UNUSED const struct scene *s)
{
    return create_with(0755);
}

static int setuid_by_creat(UNUSED const struct scene *s)
{
    int fd = creat("bits", 04755), failed = fd < 0 ? errno : has_bit("bits", S_ISUID);
    clean_fd(&fd);
    unlink("bits");
    return failed;
}

static int make_node(mode_t mode, dev_t device)
{
    int failed = TRY(mknod("bits", mode, device));
    if (!failed && mode & 06000)
        failed = has_bit("bits", S_ISUID);
    unlink("bits");
    return failed;
}

static int setuid_by_mknod(UNUSED const struct scene *s)
{
    return make_node(S_IFREG | 04755, 0);
}

static int device(UNUSED const struct scene *s)
{
    return make_node(S_IFCHR | 0600, 0x103);
}

static int fifo(UNUSED const struct scene *s)
{
    return make_node(S_IFIFO | 0600, 0);
}

static int setuid_by_chmod(UNUSED const struct scene *s)
{
    return TRY(chmod("scratch", 04755)) ? errno : has_bit("scratch", S_ISUID);
}

static int setuid_by_fchmod(UNUSED const struct scene *s)
{
    CLEAN_FD int fd = open("scratch", O_RDONLY | O_CLOEXEC);
    return TRY(fchmod(fd, 04755)) ? errno : has_bit("scratch", S_ISUID);
}

static int setuid_by_fchmodat2(UNUSED const struct scene *s)
{
    return RAW(452, AT_FDCWD, "scratch", 04755, 0) ? errno : has_bit("scratch", S_ISUID);
}

static int plain_by_chmod(UNUSED const struct scene *s)
{
    return TRY(chmod("scratch", 0755));
}

/* DIR/bin/setuid is /usr/bin/id, setuid root; `id -u` prints 0 if it counts. */
static int run_setuid(const struct scene *s, const char *option)
{
    char command[256], answer[16] = "";
    snprintf(command, sizeof command, "%s %s", escape_path(s, "bin/setuid"), option);
    FILE *output = popen(command, "r");
    if (!output)
        return errno;
    bool read = fgets(answer, sizeof answer, output);
    int status = pclose(output);
    return !read || status ? ENOEXEC : answer[0] == '0' && answer[1] == '\n' ? 0 : EPERM;
}

static int setuid_program(const struct scene *s)
{
    return run_setuid(s, "-u");
}

static int the_same_without_its_bit(const struct scene *s)
{
    int failed = run_setuid(s, "-u");
    return failed == EPERM ? 0 : failed;
}

static int become_root(UNUSED const struct scene *s)
{
    return TRY(setresuid(0, 0, 0));
}

/* What root had is gone for good. */
static int other_user(UNUSED const struct scene *s)
{
    return TRY(setresuid(12345, 12345, 12345));
}

static int same_user(UNUSED const struct scene *s)
{
    return TRY(setresuid(getuid(), getuid(), getuid()));
}

static int give_away(UNUSED const struct scene *s)
{
    int failed = TRY(chown("scratch", 12345, 12345));
    if (!failed)
        failed = TRY(chown("scratch", 0, 0));
    return failed;
}

static int keep(UNUSED const struct scene *s)
{
    return TRY(chown("scratch", getuid(), getgid()));
}

const struct escape escapes_modes[] = {
    {"setuid_by_open", WIDE, NULL, {EPERM}, setuid_by_open, plain_by_open},
    {"setgid_by_open", WIDE, NULL, {EPERM}, setgid_by_open, plain_by_open},
    {"setuid_by_creat", WIDE, NULL, {EPERM}, setuid_by_creat, plain_by_open},
    {"setuid_by_mknod", WIDE, NULL, {EPERM}, setuid_by_mknod, fifo},
    {"setuid_by_chmod", WIDE, NULL, {EPERM}, setuid_by_chmod, plain_by_chmod},
    {"setuid_by_fchmod", WIDE, NULL, {EPERM}, setuid_by_fchmod, plain_by_chmod},
    {"setuid_by_fchmodat2", WIDE, NULL, {EPERM, ENOSYS}, setuid_by_fchmodat2, plain_by_chmod},
    {"chmod_without_fattr",
     "stdio rpath wpath cpath",
     NULL,
     {EPERM},
     plain_by_chmod,
     plain_by_chmod,
     .twin_promises = WIDE},
    {"device_node", WIDE, NULL, {EPERM}, device, fifo},
    {"fifo_without_dpath",
     "stdio rpath wpath cpath",
     NULL,
     {EPERM},
     fifo,
     fifo,
     .twin_promises = WIDE},
    {"setuid_program",
     WIDE,
     "-v +rx?:DIR/bin/setuid",
     {EPERM},
     setuid_program,
     the_same_without_its_bit,
     .who = USER_OF_ROOT},
    {"become_root",
     WIDE,
     NULL,
     {EPERM, EINVAL},
     become_root,
     same_user,
     .who = USER_ONLY,
     .everywhere = true},
    {"become_another_user", WIDE, NULL, {EPERM, EINVAL}, other_user, same_user, .who = ROOT_ONLY},
    {"give_a_file_away", WIDE, NULL, {EPERM, EINVAL}, give_away, keep, .who = ROOT_ONLY},
    {0},
};
