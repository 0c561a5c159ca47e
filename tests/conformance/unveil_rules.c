/* The rules of unveil(2): what they are about, which one wins, how they change. */
#include "conform.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static long opens(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static long writes(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC);
}

static long creates(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

/* Effect. */
SHOWS("r:dir", "a file below an unveiled directory is there", "unveil.2 DESCRIPTION",
      opens("dir/file"));
SHOWS("r:dir", "so is one further below", "unveil.2 DESCRIPTION", opens("dir/sub/file"));
SHOWS("r:dir", "so is the directory itself", "unveil.2 DESCRIPTION", opens("dir"));
SHOWS("r:file", "an unveiled file is there", "unveil.2 DESCRIPTION", opens("file"));
HIDES("r:dir", "the first call hides all the rest", "unveil.2 DESCRIPTION", opens("file"));
HIDES("r:dir", "what is in the rest is hidden, too", "unveil.2 DESCRIPTION", opens("hidden/file"));
HIDES("r:file", "beside an unveiled file its neighbours are hidden", "unveil.2 DESCRIPTION",
      opens("other"));
HIDES("r:dir", "the system is hidden", "unveil.2 DESCRIPTION", opens("/etc/passwd"));
HIDES("r:dir", "the root is hidden", "unveil.2 DESCRIPTION", opens("/"));
HIDES("r:dir", "the directory above is hidden", "unveil.2 DESCRIPTION", opens("dir/.."));
HIDES("r:dir", "a name that begins like the rule's is another one", "unveil.2 DESCRIPTION",
      creates("directory"));
SHOWS("r:dir r:file", "a second call shows more", "unveil.2 DESCRIPTION", opens("file"));
SHOWS("r:hidden/sub", "a hidden directory is walked through to an unveiled one",
      "unveil.2 DESCRIPTION", opens("hidden/sub/file"));
HIDES("r:hidden/sub", "its other files stay hidden", "unveil.2 DESCRIPTION", opens("hidden/file"));
SHOWS("r:/", "the root shows everything", "unveil.2 DESCRIPTION", opens("hidden/file"));
ALLOWS(NULL, "unveil(2) itself sees everything", "unveil.2 DESCRIPTION",
       unveil("dir", "r") == 0 && unveil("hidden/sub", "r") == 0 ? opens("hidden/sub/file") : -1);
SHOWS("r:link", "a rule on a symbolic link is on what it leads to", "kern_unveil.c FOLLOW",
      opens("file"));

/* Permissions. */
FORBIDS("r:dir", "r does not write", "unveil.2 permissions", writes("dir/file"));
FORBIDS("r:dir", "r does not create", "unveil.2 permissions", creates("dir/new"));
FORBIDS("r:dir", "r does not read and write", "unveil.2 permissions", open("dir/file", O_RDWR));
FORBIDS("r:dir", "r does not truncate", "unveil.2 permissions", truncate("dir/file", 0));
FORBIDS("w:dir", "w does not read", "unveil.2 permissions", opens("dir/file"));
SHOWS("w:dir", "w writes", "unveil.2 permissions", writes("dir/file"));
FORBIDS("rw:dir", "rw does not create", "unveil.2 permissions", creates("dir/new"));
FORBIDS("rw:dir", "rw does not remove", "unveil.2 permissions", unlink("dir/file"));
SHOWS("rwc:dir", "rwc creates", "unveil.2 permissions", creates("dir/new"));
SHOWS("wc:dir", "wc creates a file for writing", "unveil.2 permissions", creates("dir/new"));
SHOWS("c:dir", "c removes", "unveil.2 permissions", unlink("dir/file"));
SHOWS("c:dir", "c makes directories", "unveil.2 permissions", mkdir("dir/new", 0755));
FORBIDS("x:dir", "x does not read", "unveil.2 permissions", opens("dir/file"));
FORBIDS("r:file", "a file's r does not write", "unveil.2 permissions", writes("file"));
SHOWS("rw:file", "a file's rw reads and writes", "unveil.2 permissions", open("file", O_RDWR));

/* The most specific rule. */
SHOWS("r:dir rw:dir/sub", "a directory further below may have more", "unveil.2 DESCRIPTION",
      writes("dir/sub/file"));
FORBIDS("r:dir rw:dir/sub", "which is not for the one above", "unveil.2 DESCRIPTION",
        writes("dir/file"));
FORBIDS("rw:dir r:dir/sub", "a directory further below may have less", "unveil.2 DESCRIPTION",
        writes("dir/sub/file"));
FORBIDS("rw:dir r:dir/file", "a file below may have less", "unveil.2 DESCRIPTION",
        writes("dir/file"));
SHOWS("rw:dir r:dir/file", "its neighbours have what the directory has", "unveil.2 DESCRIPTION",
      writes("dir/other"));
SHOWS("r:dir rw:dir/file", "a file below may have more", "unveil.2 DESCRIPTION",
      writes("dir/file"));
SHOWS("rw:dir/sub r:dir", "the order of the calls does not matter", "unveil.2 DESCRIPTION",
      writes("dir/sub/file"));
HIDES("r:dir -:dir/sub", "\"\" hides a directory below", "unveil.2 permissions",
      opens("dir/sub/file"));
SHOWS("r:/ -:hidden", "\"\" hides nothing but that", "unveil.2 permissions", opens("dir/file"));
HIDES("r:/ -:hidden", "\"\" hides a directory below the root", "unveil.2 permissions",
      opens("hidden/file"));
SHOWS("r:/ -:hidden r:hidden/sub", "below \"\" something may be shown again",
      "unveil.2 DESCRIPTION", opens("hidden/sub/file"));

/* Changes before the lock. */
SHOWS("r:dir rw:dir", "permissions may be widened", "kern_unveil.c unveil_setflags",
      writes("dir/file"));
FORBIDS("rw:dir r:dir", "permissions may be narrowed", "kern_unveil.c unveil_setflags",
        writes("dir/file"));
HIDES("r:dir -:dir", "permissions may be taken away", "kern_unveil.c unveil_setflags",
      opens("dir/file"));
SHOWS("-:file r:file", "and given again", "kern_unveil.c unveil_setflags", opens("file"));

/* What a rule is about: the directory that was there, the name that was said. */
static long remade_directory(void)
{
    if (unveil(".", "rwc") != 0 || unveil("empty", "rwc") != 0 || rmdir("empty") != 0 ||
        unveil(".", "") != 0)
        return -1;
    return opens("empty");
}

static long remade_file(void)
{
    return unlink("file") == 0 && creates("file") >= 0 ? opens("file") : -1;
}

static long replaced_file(void)
{
    return rename("other", "file") == 0 ? opens("file") : -1;
}

static long moved_directory(void)
{
    return unveil(".", "rwc") == 0 && unveil("hidden/sub", "r") == 0 &&
                   rename("hidden", "moved") == 0
               ? writes("moved/sub/file")
               : 0;
}

ALLOWS(NULL, "a directory that is removed is gone, with its rule", "unveil.2 DESCRIPTION",
       OK(remade_directory() == -1 && errno == ENOENT));
SHOWS("rwc:file", "a file may be removed and made again", "unveil.2 DESCRIPTION", remade_file());
SHOWS("rwc:file rwc:other", "a file may be replaced by another", "unveil.2 DESCRIPTION",
      replaced_file());
SHOWS("rwc:new", "a rule may be about a file that is absent", "unveil.2 DESCRIPTION",
      creates("new") >= 0 ? opens("new") : -1);
FORBIDS("r:new", "an absent file is not made without c", "unveil.2 permissions", creates("new"));
ROW(moved_directory(), .rule = "a directory keeps its rule where it moves",
    .source = "unveil.2 DESCRIPTION", .result = ERROR, .number = EACCES, .twin = remade_file);

/* The call itself. */
#define UNVEIL_FAILS(code, in_words, said_in, act)                                                 \
    ROW(act, .rule = in_words, .source = said_in, .result = ERROR, .number = code, .twin = unveils)

static long unveils(void)
{
    return unveil("dir", "r");
}

static long locked(const char *path)
{
    return unveil("dir", "r") == 0 && unveil(NULL, NULL) == 0 ? unveil(path, "r") : 0;
}

static long locked_by_pledge(void)
{
    return unveil("dir", "r") == 0 && pledge("stdio rpath", NULL) == 0 ? opens("dir/file") : -1;
}

static long unlocked_by_pledge(void)
{
    return pledge("stdio rpath unveil", NULL) == 0 && unveil("dir", "r") == 0 &&
                   unveil("file", "r") == 0
               ? opens("file")
               : -1;
}

static long many(void)
{
    char path[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(path, sizeof path, "dir/new-%d", i);
        if (unveil(path, "r") != 0)
            return -1;
    }
    return 0;
}

UNVEIL_FAILS(EINVAL, "an unknown letter is refused", "unveil.2 EINVAL", unveil("dir", "rz"));
UNVEIL_FAILS(ENOENT, "the directory of a rule must be there", "unveil.2 ENOENT",
             unveil("absent/file", "r"));
UNVEIL_FAILS(ENOTDIR, "a file is no directory", "unveil.2 ENOENT", unveil("file/name", "r"));
UNVEIL_FAILS(EFAULT, "a path without permissions is refused", "kern_unveil.c sys_unveil",
             unveil("dir", NULL));
UNVEIL_FAILS(EFAULT, "permissions without a path are refused", "kern_unveil.c sys_unveil",
             unveil(NULL, "r"));
UNVEIL_FAILS(E2BIG, "there is a limit to the number of rules", "unveil.2 E2BIG", many());
UNVEIL_FAILS(EPERM, "after the lock no rule is taken", "unveil.2 EPERM", locked("file"));
UNVEIL_FAILS(EPERM, "after the lock it cannot be locked again", "unveil.2 EPERM", locked(NULL));
ALLOWS(NULL, "what is shown works after the lock", "unveil.2 DESCRIPTION",
       (locked("file"), opens("dir/file")));
ALLOWS(NULL, "a lock before any rule hides nothing", "unveil.2 DESCRIPTION",
       unveil(NULL, NULL) == 0 ? opens("/etc/passwd") : -1);
ALLOWS(NULL, "pledge(2) without unveil locks", "unveil.2 DESCRIPTION", locked_by_pledge());
FAILS(EPERM, "stdio rpath", "unveil(2) without its promise fails with EPERM", "pledge.2 unveil",
      unveil("dir", "r"), .openbsd = "it is a violation",
      .because = "it is a function of the library, which knows that it is over");
ALLOWS(NULL, "with the promise unveil rules may be made after pledge(2)", "pledge.2 unveil",
       unlocked_by_pledge());

/* Processes and descriptors. */
static long in_child(long (*function)(void), int code)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(function() < 0 ? errno : 0);
    return waitpid(pid, &status, 0) == pid ? OK(WIFEXITED(status) && WEXITSTATUS(status) == code)
                                           : -1;
}

static long opens_hidden(void)
{
    return opens("hidden/file");
}

static long opens_shown(void)
{
    return opens("dir/file");
}

static long shows_and_opens(void)
{
    return unveil("hidden", "r") == 0 ? opens_hidden() : -1;
}

static long shows_hidden(void)
{
    return unveil("hidden", "r");
}

SHOWS("r:dir", "a child sees what its parent shows", "kern_unveil.c unveil_copy",
      in_child(opens_shown, 0));
SHOWS("r:dir", "a child does not see the rest", "kern_unveil.c unveil_copy",
      in_child(opens_hidden, ENOENT));
SHOWS("r:dir", "what a child unveils is for itself", "kern_unveil.c unveil_copy",
      in_child(shows_and_opens, 0));
SHOWS("r:dir", "what a child unveils is not for its parent", "kern_unveil.c unveil_copy",
      OK(in_child(shows_hidden, 0) == 0 && opens_hidden() == -1 && errno == ENOENT));
SHOWS("r:dir", "a file that is open stays open", "unveil.2 DESCRIPTION",
      read(scene.file, (char[4]){0}, 4));
SHOWS("r:dir", "a hidden directory that is open can be entered", "kern_unveil.c fchdir",
      fchdir(scene.hidden));
HIDES("r:dir", "nothing is found from a hidden directory that is open", "kern_unveil.c",
      openat(scene.hidden, "file", O_RDONLY));
SHOWS("r:dir", "a shown directory that is open is a place to start", "kern_unveil.c",
      openat(scene.dir, "sub/file", O_RDONLY));
HIDES("r:dir", "it is no place to leave", "kern_unveil.c unveil_covered",
      openat(scene.dir, "../file", O_RDONLY));
HIDES("r:dir", "after fchdir(2) to a hidden directory nothing is found", "kern_unveil.c",
      fchdir(scene.hidden) == 0 ? opens("file") : 0);
