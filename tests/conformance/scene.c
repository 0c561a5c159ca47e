#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct scene scene;

/* must: the value of a call that returns -1, which ends the process. */
static int must(int value, const char *what)
{
    if (value < 0) {
        fprintf(stderr, "scene: %s: %s\n", what, strerror(errno));
        _exit(2);
    }
    return value;
}

static void put(const char *path)
{
    int fd = must(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), path);
    must((int)write(fd, path, strlen(path)), path);
    close(fd);
}

static void put_program(const char *path)
{
    static const char text[] = "#!/bin/sh\nexit 0\n";
    int fd = must(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755), path);
    must((int)write(fd, text, sizeof text - 1), path);
    close(fd);
}

static void put_directory(const char *path)
{
    must(mkdir(path, 0755), path);
}

static void put_files(void)
{
    put("file");
    put("other");
    put_program("program");
    must(symlink("file", "link"), "link");
    put_directory("empty");
    put_directory("dir");
    put("dir/file");
    put("dir/other");
    must(symlink("../file", "dir/link"), "dir/link");
    put_directory("dir/sub");
    put("dir/sub/file");
    put_directory("hidden");
    put("hidden/file");
    put_directory("hidden/sub");
    put("hidden/sub/file");
}

static int bind_at(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = must(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    if (type == SOCK_STREAM)
        must(listen(fd, 4), "listen");
    return fd;
}

static void open_descriptors(void)
{
    scene.file = must(open("file", O_RDWR | O_CLOEXEC), "file");
    scene.dir = must(open("dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "dir");
    scene.hidden = must(open("hidden", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "hidden");
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, scene.pair), "socketpair");
    scene.inet = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    scene.listener = bind_at("socket", SOCK_STREAM);
    scene.datagram = bind_at("datagram", SOCK_DGRAM);
    scene.master = must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
    must(unlockpt(scene.master), "unlockpt");
    char name[64];
    must(ptsname_r(scene.master, name, sizeof name) == 0 ? 0 : -1, "ptsname");
    scene.terminal = must(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), name);
}

void scene_make(const char *top)
{
    snprintf(scene.top, sizeof scene.top, "%s", top);
    umask(022);
    must(chdir(top), top);
    put_files();
    open_descriptors();
}

static int remove_entry(const char *path, const struct stat *state, int type, struct FTW *position)
{
    (void)state, (void)type, (void)position;
    return remove(path);
}

void scene_remove(const char *top)
{
    nftw(top, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *at(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scene.top, name);
    return path;
}
