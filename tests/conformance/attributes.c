/* fattr, chown, flock: what is said about a file rather than in it. */
#include "conform.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

GRANTS("fattr", "stdio", "chmod(2)", "pledge.2 fattr", chmod("file", 0600));
GRANTS("fattr", "stdio", "fchmod(2)", "pledge.2 fattr", fchmod(scene.file, 0600));
GRANTS("fattr", "stdio", "fchmodat(2)", "pledge.2 fattr", fchmodat(scene.dir, "file", 0600, 0));
GRANTS("fattr", "stdio", "utimes(2)", "pledge.2 fattr", utimes("file", NULL));
GRANTS("fattr", "stdio", "utime(3)", "pledge.2 fattr", utime("file", NULL));
GRANTS("fattr", "stdio", "utimensat(2)", "pledge.2 fattr",
       utimensat(scene.dir, "file", NULL, AT_SYMLINK_NOFOLLOW));
GRANTS("fattr", "stdio", "futimens(2)", "pledge.2 fattr", futimens(scene.file, NULL));
GRANTS("fattr", "stdio", "chown(2) to oneself", "kern_pledge.c pledge_chown",
       chown("file", getuid(), getgid()));
GRANTS("fattr", "stdio", "lchown(2) to oneself", "kern_pledge.c pledge_chown",
       lchown("link", getuid(), getgid()));
GRANTS("fattr", "stdio", "fchown(2) to oneself", "kern_pledge.c pledge_chown",
       fchown(scene.file, getuid(), (gid_t)-1));
GRANTS("fattr", "stdio", "fchownat(2) to oneself", "kern_pledge.c pledge_chown",
       fchownat(scene.dir, "file", (uid_t)-1, getgid(), 0));
FAILS(EPERM, "stdio rpath fattr", "chown(2) to another user", "kern_pledge.c pledge_chown",
      chown("file", 4242, (gid_t)-1), .needs = "root: gives files away");
FAILS(EPERM, "stdio rpath fattr", "fchown(2) to another group", "kern_pledge.c pledge_chown",
      fchown(scene.file, (uid_t)-1, 4242), .needs = "root: gives files away");
FAILS(EPERM, "stdio rpath fattr", "lchown(2) to another user", "kern_pledge.c pledge_chown",
      lchown("link", 4242, (gid_t)-1), .needs = "root: gives files away");
FAILS(EPERM, "stdio rpath fattr", "fchownat(2) to another group", "kern_pledge.c pledge_chown",
      fchownat(scene.dir, "file", (uid_t)-1, 4242, 0), .needs = "root: gives files away");
ALLOWS("stdio rpath fattr chown", "chown(2) to anybody", "pledge.2 chown",
       chown("file", 4242, 4242), .needs = "root: gives files away");
ALSO_GRANTS("chown", "fattr", "stdio rpath", "chown alone is enough for chown(2)", "pledge.2 chown",
            chown("file", getuid(), getgid()));

static long plain_mode(long result)
{
    struct stat now;
    return OK(result == 0 && fstat(scene.file, &now) == 0 && (now.st_mode & 07777) == 0755);
}

ALLOWS("stdio rpath fattr", "the set-id bits of a chmod(2) are dropped without a word",
       "pledge.2 chmod", plain_mode(chmod("file", 06755)));
ALLOWS("stdio rpath fattr", "the set-id bits of a fchmod(2) are dropped without a word",
       "pledge.2 chmod", plain_mode(fchmod(scene.file, 04755)));
ALLOWS("stdio rpath fattr", "the set-id bits of a fchmodat(2) are dropped without a word",
       "pledge.2 chmod", plain_mode(fchmodat(AT_FDCWD, "file", 02755, 0)));

GRANTS("fattr", "stdio rpath", "extended attributes are attributes (setxattr(2))", "vow",
       OK(setxattr("file", "user.vow", "x", 1, 0) == 0 || errno == EOPNOTSUPP));

GRANTS("flock", "stdio", "flock(2)", "pledge.2 flock", flock(scene.file, LOCK_EX));
GRANTS("flock", "stdio", "giving a lock up is locking, too", "pledge.2 flock",
       flock(scene.file, LOCK_UN));
GRANTS("flock", "stdio", "fcntl(2) F_SETLK", "pledge.2 flock",
       fcntl(scene.file, F_SETLK, &(struct flock){.l_type = F_WRLCK}));
GRANTS("flock", "stdio", "fcntl(2) F_SETLKW", "pledge.2 flock",
       fcntl(scene.file, F_SETLKW, &(struct flock){.l_type = F_WRLCK}));
GRANTS("flock", "stdio", "fcntl(2) F_GETLK", "pledge.2 flock",
       fcntl(scene.file, F_GETLK, &(struct flock){.l_type = F_WRLCK}));
GRANTS("flock", "stdio", "lockf(3)", "pledge.2 flock", lockf(scene.file, F_LOCK, 1));
