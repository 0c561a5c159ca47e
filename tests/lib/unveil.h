/* unveil: what its tests share: a small tree, and calls that tell their errno. */
#ifndef TESTS_UNVEIL_H
#define TESTS_UNVEIL_H

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

/* Of a call: 0 or errno. */
static inline int told(long result)
{
    return result < 0 ? errno : 0;
}

static inline int opening(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static inline int looking(const char *path)
{
    struct stat stat_;
    return told(stat(path, &stat_));
}

static char root[64];

/* In the tree: an absolute path, of which a thread's last four stay valid. */
static inline const char *in(const char *name)
{
    static _Thread_local char paths[4][256];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static inline void make_file(const char *name)
{
    int fd = open(in(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, name, strlen(name)), (long)strlen(name));
    close(fd);
}

static inline void remove_tree(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    if (root[0] != '\0' && system(command) != 0)
        perror(root);
}

/* a/file a/inner/file b/file b/link → ../a/file, and the working directory is the root. */
static inline void make_tree(void)
{
    pid_t keeper;
    int end[2];
    strcpy(root, "/tmp/vow-unveil-XXXXXX");
    CHECK(mkdtemp(root));
    CHECK_EQ(mkdir(in("a"), 0700), 0);
    CHECK_EQ(mkdir(in("a/inner"), 0700), 0);
    CHECK_EQ(mkdir(in("b"), 0700), 0);
    make_file("a/file");
    make_file("a/inner/file");
    make_file("b/file");
    CHECK_EQ(symlink("../a/file", in("b/link")), 0);
    /* Whoever tests cannot remove it: a child, forked before, does at its end. */
    CHECK_EQ(pipe2(end, O_CLOEXEC), 0);
    keeper = fork();
    if (keeper == 0) {
        char byte;
        close(end[1]);
        if (fork() == 0 && setsid() > 0 && read(end[0], &byte, 1) == 0)
            remove_tree();
        _exit(0);
    }
    close(end[0]);
    CHECK_EQ(waitpid(keeper, NULL, 0), keeper);
}

static inline void show(const char *path, const char *permissions)
{
    if (unveil(path, permissions) == 0)
        return;
    if (errno == EBUSY)
        SKIP("listener: another one is in force");
    test_fail(__FILE__, __LINE__, "unveil(%s, %s): %s", path, permissions, strerror(errno));
    test_end();
}

#endif
