/* rpath, wpath, cpath, dpath, and the paths that every process may open. */
#include "conform.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ZONE "/usr/share/zoneinfo/UTC"

static struct stat state;
static char bytes[256];

static long lists(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;
    while (directory && readdir(directory))
        count++;
    return OK(count > 2);
}

/* reads_back: 0 if the descriptor's file begins with this text. */
static long reads_back(int fd, const char *text)
{
    return fd < 0 ? -1
                  : OK(pread(fd, bytes, sizeof bytes, 0) >= (ssize_t)strlen(text) &&
                       strncmp(bytes, text, strlen(text)) == 0);
}

GRANTS("rpath", "stdio", "open(2) for reading", "pledge.2 rpath",
       reads_back(open("file", O_RDONLY), "file"));
GRANTS("rpath", "stdio", "openat(2) for reading", "pledge.2 rpath",
       reads_back(openat(scene.dir, "file", O_RDONLY), "dir/file"));
GRANTS("rpath", "stdio", "fopen(3) for reading", "pledge.2 rpath", OK(fopen("file", "r")));
GRANTS("rpath", "stdio", "opendir(3) and readdir(3)", "pledge.2 rpath", lists("dir"));
GRANTS("rpath", "stdio", "reading a directory that is open already (getdents(2))",
       "kern_pledge.c pledge_syscalls", syscall(SYS_getdents64, scene.dir, bytes, sizeof bytes));
GRANTS("rpath", "stdio", "stat(2)", "pledge.2 rpath", stat("file", &state));
GRANTS("rpath", "stdio", "lstat(2)", "pledge.2 rpath", lstat("link", &state));
GRANTS("rpath", "stdio", "fstatat(2)", "pledge.2 rpath", fstatat(scene.dir, "file", &state, 0));
GRANTS("rpath", "stdio", "access(2)", "pledge.2 rpath", access("file", R_OK));
GRANTS("rpath", "stdio", "faccessat(2)", "pledge.2 rpath", faccessat(scene.dir, "file", R_OK, 0));
#define LINKS_PROBED                                                                               \
    .openbsd = "it is a violation",                                                                \
    .because = "libcs ask so for /proc/self/exe when they start, and go on without"
FAILS(EPERM, "stdio", "readlink(2) without rpath fails with EPERM", "pledge.2 rpath",
      readlink("link", bytes, 8), LINKS_PROBED);
FAILS(EPERM, "stdio", "readlinkat(2) without rpath fails with EPERM", "pledge.2 rpath",
      readlinkat(scene.dir, "link", bytes, 8), LINKS_PROBED);
GRANTS("rpath", "stdio", "chdir(2)", "pledge.2 rpath", chdir("dir"));
GRANTS("rpath", "stdio", "getcwd(3)", "pledge.2 rpath", OK(getcwd(bytes, sizeof bytes)));
ALLOWS("stdio rpath", "realpath(3)", "pledge.2 rpath", OK(realpath("link", NULL)));
GRANTS("rpath", "stdio", "statfs(2)", "pledge.2 rpath", statfs(".", &(struct statfs){0}));
GRANTS("rpath", "stdio", "fstatfs(2)", "kern_pledge.c pledge_syscalls",
       fstatfs(scene.file, &(struct statfs){0}));

GRANTS("wpath", "stdio", "open(2) for writing", "pledge.2 wpath", open("file", O_WRONLY));
GRANTS("wpath", "stdio rpath", "open(2) for reading and writing takes both promises",
       "pledge.2 wpath", open("file", O_RDWR));
GRANTS("rpath", "stdio wpath", "open(2) for reading and writing takes both promises, too",
       "pledge.2 rpath", open("file", O_RDWR));
GRANTS("wpath", "stdio", "openat(2) for writing", "pledge.2 wpath",
       openat(scene.dir, "file", O_WRONLY | O_APPEND));
GRANTS("wpath", "stdio rpath", "open(2) for reading that truncates", "kern_pledge.c pledge_namei",
       open("file", O_RDONLY | O_TRUNC));
GRANTS("wpath", "stdio", "truncate(2)", "pledge.2 wpath", truncate("file", 1));
DIES("stdio rpath", "rpath alone does not append to a file", "pledge.2 wpath",
     open("file", O_WRONLY | O_APPEND));

GRANTS("cpath", "stdio", "mkdir(2)", "pledge.2 cpath", mkdir("new", 0755));
GRANTS("cpath", "stdio", "mkdirat(2)", "pledge.2 cpath", mkdirat(scene.dir, "new", 0755));
GRANTS("cpath", "stdio", "rmdir(2)", "pledge.2 cpath", rmdir("empty"));
GRANTS("cpath", "stdio", "unlink(2)", "pledge.2 cpath", unlink("file"));
GRANTS("cpath", "stdio", "unlinkat(2)", "pledge.2 cpath", unlinkat(scene.dir, "file", 0));
GRANTS("cpath", "stdio", "remove(3)", "pledge.2 cpath", remove("file"));
GRANTS("cpath", "stdio rpath", "rename(2)", "kern_pledge.c SYS_rename", rename("file", "new"));
GRANTS("cpath", "stdio rpath", "renameat(2)", "kern_pledge.c SYS_rename",
       renameat(scene.dir, "file", scene.dir, "new"));
GRANTS("cpath", "stdio", "link(2)", "pledge.2 cpath", link("file", "new"));
GRANTS("cpath", "stdio", "symlink(2)", "pledge.2 cpath", symlink("file", "new"));
GRANTS("cpath", "stdio", "symlinkat(2)", "pledge.2 cpath", symlinkat("file", scene.dir, "new"));
GRANTS("cpath", "stdio wpath", "open(2) of a new file for writing", "pledge.2 cpath",
       open("new", O_WRONLY | O_CREAT, 0644));
GRANTS("wpath", "stdio cpath", "creating a file for writing takes wpath, too",
       "kern_pledge.c pledge_namei", open("new", O_WRONLY | O_CREAT, 0644));
GRANTS("rpath", "stdio cpath", "creating a file for reading takes rpath, too",
       "kern_pledge.c pledge_namei", open("new", O_RDONLY | O_CREAT, 0644));
GRANTS("cpath", "stdio rpath wpath", "open(2) of a new file for reading and writing",
       "pledge.2 cpath", open("new", O_RDWR | O_CREAT | O_EXCL, 0600));
GRANTS("rpath", "stdio cpath", "O_CREAT does not open for reading what is there",
       "kern_pledge.c pledge_namei", reads_back(open("file", O_RDONLY | O_CREAT, 0644), "file"));
GRANTS("wpath", "stdio rpath cpath", "O_CREAT does not open for writing what is there",
       "kern_pledge.c pledge_namei", open("file", O_RDWR | O_CREAT, 0644));
GRANTS("cpath", "stdio rpath wpath", "mkstemp(3)", "pledge.2 cpath",
       mkstemp((char[]){"new-XXXXXX"}));
GRANTS("cpath", "stdio rpath wpath", "a file without a name (O_TMPFILE) is created",
       "pledge.2 cpath", open(".", O_RDWR | O_TMPFILE, 0600));

GRANTS("dpath", "stdio", "mkfifo(3)", "pledge.2 dpath", mkfifo("new", 0644));
GRANTS("dpath", "stdio", "mknod(2) of a fifo", "pledge.2 dpath", mknod("new", S_IFIFO | 0644, 0));
GRANTS("dpath", "stdio", "mknod(2) of a device", "pledge.2 dpath",
       mknod("new", S_IFCHR | 0600, 0x103), .needs = "root: makes a device");
DIES("stdio rpath wpath cpath", "cpath makes no fifo", "pledge.2 dpath", mkfifo("new", 0644));

/* What tzset(3), daemon(3) and the libc itself open. */
ALLOWS("stdio", "/etc/localtime may be opened", "pledge.2 open",
       OK(open("/etc/localtime", O_RDONLY) >= 0 || errno == ENOENT));
ALLOWS("stdio", "files below /usr/share/zoneinfo may be opened", "pledge.2 open",
       OK(open(ZONE, O_RDONLY) >= 0 || errno == ENOENT));
ALLOWS("stdio", "/etc/localtime may be asked for with access(2)", "pledge.2 access",
       OK(access("/etc/localtime", R_OK) == 0 || errno == ENOENT));
ALLOWS("stdio", "/dev/null may be opened for reading and writing", "kern_pledge.c pledge_namei",
       open("/dev/null", O_RDWR));
DIES("stdio", "/etc/localtime may not be opened for writing", "kern_pledge.c pledge_namei",
     OK(open("/etc/localtime", O_WRONLY) >= 0 || errno == EACCES || errno == ENOENT));
DIES("stdio", "other files of /etc may not be opened", "kern_pledge.c pledge_namei",
     open("/etc/passwd", O_RDONLY));
DIES("stdio", "/dev/null/.. is not /dev/null", "kern_pledge.c canonpath",
     open("/dev/../etc/passwd", O_RDONLY));
DIES("stdio", "zoneinfo/../… leads nowhere", "kern_pledge.c canonpath",
     open("/usr/share/zoneinfo/../../../etc/passwd", O_RDONLY));
DIES("stdio", "the directory of the zones may not be changed", "kern_pledge.c pledge_namei",
     OK(unlink("/usr/share/zoneinfo/absent") == 0 || errno == ENOENT || errno == EACCES));
DIES("stdio", "writing below /usr/share/zoneinfo is a violation", "kern_pledge.c pledge_namei",
     OK(open("/usr/share/zoneinfo/absent", O_WRONLY) == -1 &&
        (errno == ENOENT || errno == EACCES)));
