/* Every call that takes a path, under unveil(2): on what is shown, on what is
 * hidden, and with too few permissions. */
#include "conform.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct stat state;
static char bytes[256];

SHOWS("r:dir", "stat(2) sees what is shown", "unveil.2", stat("dir/file", &state));
HIDES("r:dir", "stat(2) does not see what is hidden", "unveil.2", stat("hidden/file", &state));
HIDES("r:dir/sub", "stat(2) of a directory above a rule gives ENOENT", "kern_unveil.c of 2026",
      stat("dir", &state));
SHOWS("r:dir", "lstat(2) sees what is shown", "unveil.2", lstat("dir/link", &state));
HIDES("r:dir", "lstat(2) does not see what is hidden", "unveil.2", lstat("link", &state));
FORBIDS("x:file", "stat(2) takes r", "regress/sys/kern/unveil test_x", stat("file", &state));
SHOWS("r:dir", "fstatat(2) sees what is shown", "unveil.2",
      fstatat(AT_FDCWD, "dir/file", &state, 0));
HIDES("r:dir", "fstatat(2) does not see what is hidden", "unveil.2",
      fstatat(scene.hidden, "file", &state, 0));
SHOWS("r:dir", "access(2) sees what is shown", "unveil.2", access("dir/file", R_OK));
HIDES("r:dir", "access(2) does not see what is hidden", "unveil.2", access("file", F_OK));
HIDES("r:dir", "access(2) does not see the root", "regress/sys/kern/unveil test_access",
      access("/", R_OK));
SHOWS("r:dir", "faccessat(2) sees what is shown", "unveil.2",
      faccessat(scene.dir, "file", R_OK, AT_EACCESS));
HIDES("r:dir", "faccessat(2) does not see what is hidden", "unveil.2",
      faccessat(scene.hidden, "file", R_OK, 0));
SHOWS("r:dir", "readlink(2) sees what is shown", "unveil.2", readlink("dir/link", bytes, 8));
HIDES("r:dir", "readlink(2) does not see what is hidden", "unveil.2", readlink("link", bytes, 8));
HIDES("r:dir", "a symbolic link does not lead out", "unveil.2", open("dir/link", O_RDONLY));
SHOWS("r:dir r:file", "a symbolic link leads to what is shown", "unveil.2",
      open("dir/link", O_RDONLY));
SHOWS("r:dir", "chdir(2) goes to what is shown", "unveil.2", chdir("dir/sub"));
HIDES("r:dir", "chdir(2) does not go to what is hidden", "unveil.2", chdir("hidden"));
SHOWS("r:dir", "paths count from where chdir(2) went", "unveil.2",
      chdir("dir/sub") == 0 ? open("../file", O_RDONLY) : -1);
HIDES("r:dir", "and do not lead above", "regress/sys/kern/unveil test_dotdotup",
      chdir("dir/sub") == 0 ? open("../../file", O_RDONLY) : 0);

static long lists(const char *path)
{
    DIR *directory = opendir(path);
    return directory && readdir(directory) ? 0 : -1;
}

SHOWS("r:dir", "opendir(3) lists what is shown", "unveil.2", lists("dir"));
HIDES("r:dir", "opendir(3) does not list what is hidden", "unveil.2", lists("hidden"));
SHOWS("r:dir", "opendir(3) of \".\" and of names with \"..\" inside", "regress test_opendir",
      lists("dir/./sub/../sub") == 0 ? lists("dir/.") : -1);
HIDES("r:dir", "opendir(3) of the directory above", "regress test_opendir", lists("dir/.."));
SHOWS("r:dir", "out and in again is in", "regress test_opendir", lists("dir/../dir/sub"));
SHOWS("r:dir", "many slashes are one", "regress test_open", open(at("dir//sub///file"), O_RDONLY));
SHOWS("r:dir", "realpath(3) of what is shown", "regress test_realpath",
      OK(realpath("dir/sub", NULL)));
SHOWS("r:dir", "statfs(2) sees everything", "kern_unveil.c BYPASSUNVEIL",
      statfs("hidden", &(struct statfs){0}));

SHOWS("w:dir", "chmod(2) takes w", "regress test_chmod", chmod("dir/file", 0600));
FORBIDS("r:dir", "chmod(2) is refused under r", "regress test_chmod", chmod("dir/file", 0600));
HIDES("rw:dir", "chmod(2) of what is hidden", "regress test_chmod", chmod("file", 0600));
FORBIDS("r:dir", "fchmodat(2) is refused under r", "unveil.2",
        fchmodat(scene.dir, "file", 0600, 0));
SHOWS("w:dir", "chown(2) takes w", "unveil.2", chown("dir/file", getuid(), getgid()));
FORBIDS("r:dir", "chown(2) is refused under r", "unveil.2", chown("dir/file", getuid(), getgid()));
HIDES("rw:dir", "chown(2) of what is hidden", "unveil.2", chown("file", getuid(), getgid()));
FORBIDS("r:dir", "lchown(2) is refused under r", "unveil.2",
        lchown("dir/link", getuid(), getgid()));
SHOWS("w:dir", "utimes(2) takes w", "unveil.2", utimes("dir/file", NULL));
FORBIDS("r:dir", "utimes(2) is refused under r", "unveil.2", utimes("dir/file", NULL));
HIDES("rw:dir", "utimensat(2) of what is hidden", "unveil.2", utimensat(AT_FDCWD, "file", NULL, 0));
SHOWS("w:dir", "truncate(2) takes w", "unveil.2", truncate("dir/file", 1));
HIDES("rw:dir", "truncate(2) of what is hidden", "unveil.2", truncate("file", 1));

static long sets_attribute(const char *path)
{
    return setxattr(path, "user.vow", "x", 1, 0);
}

#define XATTR_OK(act) ((act) == 0 || errno == EOPNOTSUPP ? 0 : -1)
FORBIDS("r:dir", "setxattr(2) is refused under r", "vow", XATTR_OK(sets_attribute("dir/file")));
HIDES("rw:dir", "setxattr(2) of what is hidden", "vow", XATTR_OK(sets_attribute("file")));
HIDES("rw:dir", "getxattr(2) of what is hidden", "vow",
      getxattr("file", "user.vow", bytes, 8) >= 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0
                                                                                             : -1);

SHOWS("rwc:dir", "mkdir(2) where c is", "unveil.2", mkdir("dir/new", 0755));
FORBIDS("rw:dir", "mkdir(2) without c", "unveil.2", mkdir("dir/new", 0755));
HIDES("rwc:dir", "mkdir(2) in what is hidden", "unveil.2", mkdir("hidden/new", 0755));
SHOWS("rwc:.", "rmdir(2) where c is", "unveil.2", rmdir("empty"));
FORBIDS("rw:.", "rmdir(2) without c", "unveil.2", rmdir("empty"));
HIDES("rwc:dir", "unlink(2) of what is hidden", "regress test_unlink", unlink("hidden/file"));
FORBIDS("rw:file", "unlink(2) of a file with rw", "regress test_unlink", unlink("file"));
SHOWS("c:file", "unlink(2) of a file with c", "regress test_unlink", unlink("file"));
SHOWS("rwc:dir", "rename(2) where c is", "regress test_rename", rename("dir/file", "dir/new"));
HIDES("rwc:dir", "rename(2) of what is hidden", "regress test_rename",
      rename("hidden/file", "dir/new"));
HIDES("rwc:dir", "rename(2) into what is hidden", "regress test_rename",
      rename("dir/file", "hidden/new"));
HIDES("rwc:dir", "renameat(2) into what is hidden", "regress test_rename",
      renameat(scene.dir, "file", scene.hidden, "new"));
FORBIDS("rw:dir", "rename(2) without c", "unveil.2", rename("dir/file", "dir/new"));
SHOWS("rwc:dir rwc:file", "rename(2) from one rule to another", "regress test_rename",
      rename("dir/file", "file"));
SHOWS("rwc:dir rwc:file", "link(2) of what is shown", "regress test_link", link("file", "dir/new"));
HIDES("rwc:dir", "link(2) of what is hidden", "regress test_link", link("file", "dir/new"));
HIDES("rwc:file", "link(2) into what is hidden", "regress test_link", link("file", "hidden/new"));
FORBIDS("rwc:file rw:dir", "link(2) without c", "regress test_link", link("file", "dir/new"));
SHOWS("rwc:dir", "symlink(2) where c is", "regress test_symlink", symlink("x", "dir/new"));
SHOWS("rwc:dir", "symlink(2) may name what is hidden", "regress test_symlink",
      symlink("../file", "dir/new"));
HIDES("rwc:dir", "symlink(2) in what is hidden", "regress test_symlink",
      symlink("x", "hidden/new"));
FORBIDS("rw:dir", "symlink(2) without c", "regress test_symlink", symlink("x", "dir/new"));
SHOWS("rwc:dir", "mkfifo(3) where c is", "unveil.2", mkfifo("dir/new", 0644));
HIDES("rwc:dir", "mkfifo(3) in what is hidden", "unveil.2", mkfifo("new", 0644));

static long calls(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

static long answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

SHOWS("rw:socket", "connect(2) to a path that is shown", "uipc_usrreq.c UNVEIL_WRITE",
      calls("socket"));
HIDES("rw:dir", "connect(2) to a path that is hidden", "uipc_usrreq.c UNVEIL_WRITE",
      calls("socket"));
SHOWS("rwc:dir", "bind(2) to a path where c is", "uipc_usrreq.c UNVEIL_CREATE", answers("dir/new"));
HIDES("rwc:dir", "bind(2) to a path that is hidden", "uipc_usrreq.c UNVEIL_CREATE", answers("new"));

/* exec: only from the lock on. `shown` are the directories of the system. */
static long runs(const char *rule, const char *program, int wanted)
{
    static const char *const shown[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64"};
    bool there[sizeof shown / sizeof *shown];
    char *const words[] = {(char *)program, NULL};
    int status;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        there[i] = access(shown[i], F_OK) == 0;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (there[i] && unveil(shown[i], "rx") != 0)
            return -1;
    if (unveil(program, rule) != 0 || unveil(NULL, NULL) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        execve(program, words, (char *[]){NULL});
        _exit(errno);
    }
    return waitpid(pid, &status, 0) == pid ? OK(WIFEXITED(status) && WEXITSTATUS(status) == wanted)
                                           : -1;
}

ALLOWS(NULL, "execve(2) takes x", "regress test_exec", runs("x", "/bin/true", 0));
ALLOWS(NULL, "execve(2) without x is refused", "regress test_exec2",
       runs("rw", "/bin/true", EACCES));
