#include "calls.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { QUIET = IN_ALL_EVENTS & ~IN_ACCESS };

/* All that has come. The halves of a rename have the same number, which is not told. */
static void events(int fd, const char *what)
{
    _Alignas(struct inotify_event) char buffer[8192];
    ssize_t size;
    uint32_t cookie = 0;
    printf("%s:\n", what);
    while ((size = read(fd, buffer, sizeof buffer)) > 0) {
        for (char *at = buffer; at < buffer + size;) {
            struct inotify_event *e = (struct inotify_event *)at;
            const char *pair = !e->cookie ? "" : e->cookie == cookie ? " same" : " new";
            printf("  %d %#x%s %u %s\n", e->wd, e->mask, pair, e->len, e->len ? e->name : "");
            cookie = e->cookie;
            at += sizeof *e + e->len;
        }
    }
    fflush(stdout);
}

static void make(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_WRONLY, 0644);
    if (*text && write(fd, text, strlen(text)) < 0)
        perror(name);
    close(fd);
}

static void watched_directory(void)
{
    int fd = inotify_init1(IN_NONBLOCK);
    mkdir("d", 0755), mkdir("elsewhere", 0755);
    SHOW(inotify_add_watch(fd, "d", QUIET));
    make("d/one", "");
    events(fd, "created");
    make("d/one", "text");
    events(fd, "written");
    SHOW(chmod("d/one", 0600));
    SHOW(truncate("d/one", 1));
    events(fd, "mode and size");
    close(open("d/one", O_RDONLY));
    close(open("d/one", O_WRONLY));
    events(fd, "opened");
    /* kernels differ in what they tell of first, the opening or the emptying */
    SHOW(inotify_add_watch(fd, "d", IN_MODIFY));
    close(open("d/one", O_WRONLY | O_TRUNC));
    events(fd, "emptied");
    SHOW(inotify_add_watch(fd, "d", QUIET));
    SHOW(rename("d/one", "d/two"));
    events(fd, "renamed");
    SHOW(rename("d/two", "elsewhere/two"));
    events(fd, "moved out");
    SHOW(rename("elsewhere/two", "d/three"));
    events(fd, "moved in");
    SHOW(link("d/three", "d/four"));
    SHOW(symlink("three", "d/five"));
    SHOW(mkfifo("d/six", 0600));
    events(fd, "other names");
    SHOW(mkdir("d/sub", 0755));
    close(open("d/sub", O_RDONLY | O_DIRECTORY));
    SHOW(chmod("d/sub", 0700));
    SHOW(rmdir("d/sub"));
    events(fd, "a directory");
    SHOW(unlink("d/four") | unlink("d/five") | unlink("d/six"));
    events(fd, "removed");
    close(open("d/three", O_PATH));
    FAILS(mkdir("d/three", 0700));
    FAILS(unlink("d/nothing"));
    FAILS(rmdir("d/three"));
    events(fd, "nothing");
    SHOW(unlink("d/three"));
    SHOW(rmdir("d"));
    events(fd, "itself removed");
    FAILS(inotify_rm_watch(fd, 1));
    rmdir("elsewhere");
    close(fd);
}

static void watched_file(void)
{
    const struct timespec first[2] = {{1, 0}, {0, UTIME_OMIT}},
                          second[2] = {{0, UTIME_OMIT}, {1, 0}};
    int fd = inotify_init1(IN_NONBLOCK);
    make("f", "text");
    SHOW(inotify_add_watch(fd, "f", IN_ALL_EVENTS));
    int file = open("f", O_RDWR);
    SHOW(pwrite(file, "x", 1, 0));
    SHOW(write(file, "", 0));
    SHOW(ftruncate(file, 2));
    SHOW(fchmod(file, 0600));
    events(fd, "by descriptor");
    SHOW(utimensat(AT_FDCWD, "f", NULL, 0));
    SHOW(utimensat(AT_FDCWD, "f", first, 0));
    SHOW(utimensat(AT_FDCWD, "f", second, 0));
    events(fd, "times");
    SHOW(chown("f", getuid(), getgid()));
    events(fd, "owner");
    int twice = dup(file);
    close(twice);
    events(fd, "a copy closed");
    SHOW(rename("f", "g"));
    events(fd, "moved");
    SHOW(link("g", "h"));
    SHOW(unlink("h"));
    events(fd, "links");
    SHOW(unlink("g"));
    events(fd, "the last name");
    SHOW(write(file, "y", 1));
    close(file);
    events(fd, "closed");
    close(fd);
}

static void replaced_file(void)
{
    int fd = inotify_init1(IN_NONBLOCK);
    mkdir("d", 0755);
    make("d/old", ""), make("d/new", "");
    SHOW(inotify_add_watch(fd, "d", QUIET));
    SHOW(inotify_add_watch(fd, "d/old", QUIET));
    SHOW(inotify_add_watch(fd, "d/new", QUIET));
    SHOW(rename("d/new", "d/old"));
    events(fd, "replaced");
    make("d/old", "text");
    events(fd, "both watches");
    SHOW(unlink("d/old"));
    events(fd, "removed");
    rmdir("d");
    close(fd);
}

static void masks(void)
{
    int fd = inotify_init1(IN_NONBLOCK);
    mkdir("d", 0755);
    make("f", "");
    SHOW(symlink("f", "l"));
    FAILS(inotify_add_watch(fd, "f", IN_ONLYDIR | IN_OPEN));
    FAILS(inotify_add_watch(fd, "f", 0));
    FAILS(inotify_add_watch(fd, "nothing", IN_OPEN));
    FAILS(inotify_add_watch(fd, "f", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
    FAILS(inotify_add_watch(0x7000, "f", IN_OPEN));
    FAILS(inotify_add_watch(fd, NULL, IN_OPEN));
    SHOW(inotify_add_watch(fd, "d", IN_ONLYDIR | IN_CREATE));
    SHOW(inotify_add_watch(fd, "f", IN_OPEN));
    FAILS(inotify_add_watch(fd, "f", IN_OPEN | IN_MASK_CREATE));
    SHOW(inotify_add_watch(fd, "l", IN_CLOSE_WRITE | IN_MASK_ADD));
    make("f", "");
    events(fd, "added");
    SHOW(inotify_add_watch(fd, "f", IN_CLOSE));
    make("f", "");
    events(fd, "replaced");
    SHOW(inotify_add_watch(fd, "l", IN_DONT_FOLLOW | IN_DELETE_SELF));
    SHOW(unlink("l"));
    events(fd, "the link");
    SHOW(inotify_add_watch(fd, "f", IN_ATTRIB | IN_ONESHOT));
    SHOW(chmod("f", 0600));
    SHOW(chmod("f", 0644));
    events(fd, "once");
    SHOW(inotify_add_watch(fd, "f", IN_ATTRIB));
    SHOW(inotify_rm_watch(fd, 1));
    FAILS(inotify_rm_watch(fd, 1));
    FAILS(inotify_rm_watch(fd, 77));
    FAILS(inotify_rm_watch(0x7000, 1));
    events(fd, "ended");
    unlink("f"), rmdir("d");
    close(fd);
}

static void descriptor(void)
{
    char small[16];
    int size = -1, file = open("/dev/null", O_RDONLY);
    FAILS(inotify_init1(1));
    FAILS(inotify_add_watch(file, ".", IN_OPEN));
    FAILS(inotify_rm_watch(file, 1));
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), ep = epoll_create1(0);
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    SHOW(fcntl(fd, F_GETFD));
    FAILS(read(fd, small, sizeof small));
    FAILS(write(fd, small, sizeof small));
    SHOW(poll(&p, 1, 0));
    mkdir("d", 0755);
    SHOW(inotify_add_watch(fd, "d", QUIET));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    SHOW(epoll_wait(ep, &e, 1, 0));
    mkdir("d/a", 0755);
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(epoll_wait(ep, &e, 1, 0));
    SHOW(epoll_wait(ep, &e, 1, 0));
    SHOW(ioctl(fd, FIONREAD, &size));
    SHOW(size);
    FAILS(read(fd, small, sizeof small));
    rmdir("d/a");
    SHOW(epoll_wait(ep, &e, 1, 0));
    events(fd, "both");
    SHOW(ioctl(fd, FIONREAD, &size));
    SHOW(size);
    make("d/f", "");
    for (int i = 0; i < 5; i++)
        chmod("d/f", 0600);
    events(fd, "alike");
    unlink("d/f"), rmdir("d");
    close(ep), close(fd), close(file);
}

static void overflow(void)
{
    _Alignas(struct inotify_event) char buffer[65536];
    int fd = inotify_init1(IN_NONBLOCK), over = 0;
    ssize_t size;
    make("f", "");
    SHOW(inotify_add_watch(fd, "f", IN_OPEN | IN_CLOSE));
    for (int i = 0; i < 9000; i++)
        close(open("f", O_RDONLY));
    while ((size = read(fd, buffer, sizeof buffer)) > 0)
        for (char *at = buffer; at < buffer + size;) {
            struct inotify_event *e = (struct inotify_event *)at;
            over += e->wd == -1 && e->mask == IN_Q_OVERFLOW;
            at += sizeof *e + e->len;
        }
    SHOW(over);
    make("f", "");
    events(fd, "again");
    unlink("f");
    close(fd);
}

static void memory_files(void)
{
    int fd = inotify_init1(IN_NONBLOCK);
    mkdir("/dev/shm/inotify", 0755);
    SHOW(inotify_add_watch(fd, "/dev/shm/inotify", QUIET));
    make("/dev/shm/inotify/a", "text");
    SHOW(rename("/dev/shm/inotify/a", "/dev/shm/inotify/b"));
    SHOW(unlink("/dev/shm/inotify/b"));
    SHOW(rmdir("/dev/shm/inotify"));
    events(fd, "memory");
    close(fd);
}

const struct theme inotify_themes[] = {
    {"inotify-directory", watched_directory}, {"inotify-file", watched_file},
    {"inotify-replaced", replaced_file},      {"inotify-masks", masks},
    {"inotify-descriptor", descriptor},       {"inotify-overflow", overflow},
    {"inotify-memory", memory_files},         {0},
};
