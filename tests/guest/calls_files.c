#include "calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static void put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
}

static void show_stat(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        show(path, -1);
        return;
    }
    printf("%s: %o %ld links, %ld bytes, owner %u %u\n", path, st.st_mode,
           S_ISDIR(st.st_mode) ? 0 : (long)st.st_nlink, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size,
           st.st_uid, st.st_gid);
}

static void opening(void)
{
    put_file("f", "text");
    mkdir("d", 0755);
    symlink("f", "l");
    symlink("nowhere", "dangling");
    symlink("loop2", "loop1");
    symlink("loop1", "loop2");
    FAILS(open("absent", O_RDONLY));
    FAILS(open("", O_RDONLY));
    FAILS(open("f/x", O_RDONLY));
    FAILS(open("absent/x", O_RDONLY));
    FAILS(open("f/", O_RDONLY));
    FAILS(open("d", O_WRONLY));
    FAILS(open("d", O_RDWR));
    FAILS(open("d", O_RDONLY));
    FAILS(open("d/", O_RDONLY | O_DIRECTORY));
    FAILS(open("f", O_RDONLY | O_DIRECTORY));
    FAILS(open("f", O_RDONLY | O_CREAT | O_EXCL, 0600));
    FAILS(open("l", O_RDONLY | O_CREAT | O_EXCL, 0600));
    FAILS(open("dangling", O_RDONLY));
    FAILS(open("dangling", O_RDONLY | O_CREAT | O_EXCL, 0600));
    FAILS(open("l", O_RDONLY | O_NOFOLLOW));
    FAILS(open("loop1", O_RDONLY));
    FAILS(open("d", O_RDONLY | O_CREAT, 0600));
    FAILS(open("new/", O_RDONLY | O_CREAT, 0600));
    FAILS(open("l", O_PATH | O_NOFOLLOW));
    FAILS(open((const char *)8, O_RDONLY));
    FAILS(openat(999, "f", O_RDONLY));
    FAILS(openat(999, "/", O_RDONLY));
    char name[300];
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    FAILS(open(name, O_RDONLY | O_CREAT, 0600));
    name[255] = 'n', name[256] = '\0';
    FAILS(open(name, O_RDONLY | O_CREAT, 0600));
    static char path[5000];
    memset(path, '/', sizeof path - 1);
    FAILS(open(path, O_RDONLY));
    path[4000] = '\0';
    FAILS(open(path, O_RDONLY));
    int fd = open("f", O_RDONLY | O_TRUNC | O_WRONLY);
    show_stat("f");
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_GETFL) & O_ACCMODE);
    SHOW(fcntl(fd, F_SETFL, O_APPEND));
    SHOW((fcntl(fd, F_GETFL) & O_APPEND) != 0);
    SHOW(close(fd));
    SHOW(close(fd));
    SHOW(close(-1));
    SHOW(dup2(999, 5));
    SHOW(dup3(0, 0, 0));
    SHOW(fcntl(0, F_DUPFD, 5000000));
    SHOW(fcntl(0, 9999, 0));
    fd = openat(AT_FDCWD, ".", O_TMPFILE | O_RDWR, 0600);
    SHOW(fd >= 0);
    SHOW(write(fd, "abc", 3));
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    SHOW(linkat(AT_FDCWD, name, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
    show_stat("linked");
}

static void bytes(void)
{
    char buffer[64] = "";
    int fd = open("f", O_RDWR | O_CREAT, 0640);
    SHOW(write(fd, "0123456789", 10));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, -3, SEEK_CUR));
    SHOW(read(fd, buffer, 64));
    SHOW(read(fd, buffer, 64));
    SHOW(lseek(fd, -11, SEEK_END));
    SHOW(lseek(fd, 5, SEEK_END));
    SHOW(lseek(fd, 0, 77));
    SHOW(write(fd, "x", 1));
    show_stat("f");
    SHOW(pread(fd, buffer, 4, 9));
    SHOW(buffer[0]);
    SHOW(buffer[1]);
    SHOW(pread(fd, buffer, 4, -1));
    SHOW(pread(fd, buffer, 4, 1000));
    SHOW(pwrite(fd, "yz", 2, 1));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(read(fd, (void *)8, 1));
    SHOW(pread(fd, (void *)8, 1, 0));
    SHOW(write(fd, (void *)8, 1));
    SHOW(write(fd, (void *)8, 0));
    SHOW(read(999, buffer, 1));
    struct iovec v[3] = {{buffer, 3}, {buffer + 10, 0}, {buffer + 20, 60}};
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(readv(fd, v, 3));
    SHOW(buffer[20]);
    SHOW(readv(fd, v, -1));
    SHOW(readv(fd, v, 2000));
    SHOW(writev(fd, v, 2));
    SHOW(preadv(fd, v, 1, 1));
    SHOW(ftruncate(fd, 4));
    SHOW(ftruncate(fd, -1));
    SHOW(ftruncate(fd, 100000));
    show_stat("f");
    SHOW(truncate("f", 3));
    SHOW(truncate("absent", 3));
    SHOW(truncate(".", 3));
    SHOW(fallocate(fd, 0, 0, 8192));
    SHOW(fallocate(fd, 0, -1, 8192));
    SHOW(fallocate(fd, 0, 0, 0));
    show_stat("f");
    int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY | O_APPEND);
    SHOW(write(reader, "x", 1));
    SHOW(read(writer, buffer, 1));
    SHOW(ftruncate(reader, 0));
    SHOW(write(writer, "end", 3));
    show_stat("f");
    int directory = open(".", O_RDONLY);
    SHOW(read(directory, buffer, 1));
    SHOW(write(directory, buffer, 1));
    int copy = open("copy", O_RDWR | O_CREAT, 0600);
    off_t from = 2;
    SHOW(sendfile(copy, reader, &from, 100));
    SHOW(from);
    SHOW(lseek(reader, 0, SEEK_CUR));
    from = 0;
    SHOW(copy_file_range(reader, &from, copy, NULL, 50, 0));
    show_stat("copy");
    SHOW(fsync(fd));
    SHOW(fdatasync(copy));
    SHOW(fsync(999));
    static char large[300000];
    memset(large, 'l', sizeof large);
    SHOW(pwrite(fd, large, sizeof large, 1000));
    SHOW(pread(fd, large, sizeof large, 1001));
    SHOW(large[0]);
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
}

static void names(void)
{
    put_file("f", "1");
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("f/x", 0777));
    SHOW(mkdir("a/b", 0777));
    SHOW(mkdir("/", 0777));
    SHOW(mkdir("e/", 0700));
    SHOW(mkdir("", 0777));
    SHOW(mkdir("d/.", 0777));
    SHOW(mkdir("d/..", 0777));
    SHOW(rmdir("f"));
    SHOW(rmdir("absent"));
    SHOW(rmdir("d/."));
    SHOW(rmdir("d/.."));
    SHOW(unlink("d"));
    SHOW(unlink("absent"));
    SHOW(unlink("f/"));
    SHOW(unlinkat(AT_FDCWD, "e", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "f", 12345));
    SHOW(link("f", "g"));
    show_stat("f");
    SHOW(link("f", "g"));
    SHOW(link("absent", "h"));
    SHOW(link("d", "h"));
    SHOW(link("f", "d/h"));
    SHOW(symlink("f", "l"));
    SHOW(symlink("f", "l"));
    SHOW(symlink("", "m"));
    SHOW(link("l", "hard-link-of-link"));
    show_stat("hard-link-of-link");
    SHOW(linkat(AT_FDCWD, "l", AT_FDCWD, "i", AT_SYMLINK_FOLLOW));
    show_stat("i");
    SHOW(rename("f", "f"));
    SHOW(rename("f", "g"));
    show_stat("f");
    SHOW(rename("f", "n"));
    SHOW(rename("absent", "x"));
    SHOW(rename("n", "d"));
    SHOW(rename("d", "n"));
    SHOW(rename("d", "d/inside"));
    SHOW(rename("d", "d2"));
    SHOW(mkdir("d3", 0755));
    SHOW(rename("d3", "d2"));
    SHOW(rename("d2", "d3"));
    SHOW(rename("d3/.", "x"));
    SHOW(rmdir("d3"));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n", AT_FDCWD, "g", 1));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n", AT_FDCWD, "g", 2));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n", AT_FDCWD, "g", 3));
    char target[16] = "";
    SHOW(readlink("l", target, 16));
    SHOW(target[0]);
    SHOW(readlink("n", target, 16));
    SHOW(readlink("absent", target, 16));
    SHOW(readlink("l", target, 0));
    SHOW(mknod("fifo", S_IFIFO | 0644, 0));
    show_stat("fifo");
    SHOW(mknod("plain", S_IFREG | 0600, 0));
    show_stat("plain");
}

static void attributes(void)
{
    put_file("f", "1");
    symlink("f", "l");
    SHOW(chmod("f", 0600));
    show_stat("f");
    SHOW(chmod("l", 04755));
    show_stat("f");
    show_stat("l");
    SHOW(chmod("absent", 0));
    int fd = open("f", O_RDONLY);
    SHOW(fchmod(fd, 01));
    show_stat("f");
    SHOW(fchmod(999, 0));
    SHOW(access("f", R_OK));
    SHOW(access("f", X_OK));
    SHOW(access("absent", F_OK));
    SHOW(access("f", 77));
    SHOW(faccessat(AT_FDCWD, "dangling", F_OK, 0));
    if (geteuid() == 0) {
        SHOW(chown("f", 12, 34));
        SHOW(lchown("l", 1, 2));
        SHOW(fchown(fd, (uid_t)-1, 5));
    }
    struct timespec times[2] = {{1000, 5}, {2000, UTIME_OMIT}};
    SHOW(utimensat(AT_FDCWD, "f", times, 0));
    times[1].tv_nsec = 7;
    SHOW(futimens(fd, times));
    times[1].tv_nsec = 1000000000;
    SHOW(futimens(fd, times));
    struct stat st;
    SHOW(fstat(fd, &st));
    SHOW(st.st_atim.tv_sec);
    SHOW(st.st_mtim.tv_nsec);
    SHOW(fstat(999, &st));
    SHOW(fstat(fd, (void *)8));
    SHOW(stat("f", (void *)8));
    SHOW(fstatat(fd, "", &st, AT_EMPTY_PATH));
    SHOW(fstatat(AT_FDCWD, "f", &st, 1 << 20));
    SHOW(umask(077));
    put_file("masked", "1");
    show_stat("masked");
    SHOW(umask(022));
    char value[16];
    SHOW(setxattr("f", "user.a", "value", 5, 0));
    SHOW(setxattr("f", "user.a", "value", 5, XATTR_CREATE));
    SHOW(getxattr("f", "user.a", value, sizeof value));
    SHOW(value[4]);
    SHOW(getxattr("f", "user.a", value, 2));
    SHOW(getxattr("f", "user.a", NULL, 0));
    SHOW(lgetxattr("f", "user.absent", value, sizeof value));
    SHOW(fremovexattr(fd, "user.a"));
    SHOW(fgetxattr(fd, "user.a", value, sizeof value));
    SHOW(getxattr("/proc/self/status", "user.a", value, sizeof value));
    struct statfs fs;
    SHOW(statfs("/proc", &fs));
    SHOW(fs.f_type);
    SHOW(statfs("absent", &fs));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void directories(void)
{
    char path[4096], name[32];
    mkdir("d", 0755);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "d/file-%d", i);
        put_file(name, "x");
    }
    struct dirent **entries;
    int count = scandir("d", &entries, NULL, by_name);
    SHOW(count);
    puts(entries[0]->d_name), puts(entries[1]->d_name), puts(entries[301]->d_name);
    SHOW(entries[5]->d_type);
    DIR *d = opendir("d");
    for (int i = 0; i < 302; i++) {
        struct dirent *e = readdir(d);
        if (e && e->d_name[0] == 'f') {
            snprintf(path, sizeof path, "d/%s", e->d_name);
            unlink(path);
        }
    }
    SHOW(readdir(d) == NULL);
    rewinddir(d);
    count = 0;
    while (readdir(d))
        count++;
    SHOW(count);
    SHOW(chdir("d"));
    SHOW(strcmp(strrchr(getcwd(path, sizeof path), '/'), "/d"));
    SHOW(rmdir("../d"));
    SHOW(getcwd(path, sizeof path) == NULL);
    SHOW(open("new", O_CREAT | O_WRONLY, 0600));
    SHOW(chdir(".."));
    SHOW(chdir("absent"));
    SHOW(chdir("/proc/self/status"));
    SHOW(fchdir(0));
    SHOW(fchdir(999));
    SHOW(syscall(SYS_getcwd, path, 1));
    char small[8];
    SHOW(syscall(SYS_getdents64, open(".", O_RDONLY), small, sizeof small));
    SHOW(syscall(SYS_getdents64, 0, path, sizeof path));
}

static void pipes(void)
{
    int p[2], n;
    char buffer[16];
    static char much[200000];
    SHOW(pipe(p));
    SHOW(pipe2(p, 12345));
    SHOW(pipe2(p, O_NONBLOCK | O_CLOEXEC));
    SHOW(fcntl(p[0], F_GETFD));
    SHOW(read(p[0], buffer, 1));
    SHOW(write(p[1], much, sizeof much));
    SHOW(write(p[1], much, 1));
    SHOW(ioctl(p[0], FIONREAD, &n));
    SHOW(n);
    SHOW(read(p[0], much, 5000));
    SHOW(write(p[1], much, 4096));
    SHOW(write(p[1], much, 4096));
    SHOW(lseek(p[0], 0, SEEK_SET));
    SHOW(pread(p[0], buffer, 1, 0));
    SHOW(read(p[1], buffer, 1));
    SHOW(write(p[0], buffer, 1));
    SHOW(close(p[1]));
    SHOW(read(p[0], much, sizeof much));
    SHOW(read(p[0], much, sizeof much));
    struct pollfd polled = {p[0], POLLIN, 0};
    SHOW(poll(&polled, 1, 0));
    SHOW(polled.revents);
    SHOW(pipe((int *)8));
}

static void pipe_sizes(void)
{
    static char much[200000];
    int p[2], q[2];
    SHOW(pipe2(p, O_NONBLOCK));
    SHOW(fcntl(p[0], F_GETPIPE_SZ));
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 100000));
    SHOW(fcntl(p[0], F_GETPIPE_SZ));
    memset(much, 'a', sizeof much);
    SHOW(write(p[1], much, sizeof much));
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 65536));
    SHOW(read(p[0], much, 70000));
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 65535));
    SHOW(fcntl(p[0], F_GETPIPE_SZ));
    memset(much, 'b', sizeof much);
    SHOW(write(p[1], much, 4096));
    SHOW(read(p[0], much, sizeof much));
    SHOW(much[131072 - 70000 - 1]);
    SHOW(much[131072 - 70000]);
    SHOW(fcntl(p[0], F_SETPIPE_SZ, 1));
    SHOW(fcntl(p[0], F_SETPIPE_SZ, 0));
    struct pollfd polled = {p[1], POLLOUT, 0};
    SHOW(poll(&polled, 1, 0));
    SHOW(write(p[1], much, 1));
    SHOW(poll(&polled, 1, 0));
    SHOW(read(p[0], much, 1));
    SHOW(write(p[1], much, sizeof much));
    SHOW(fcntl(p[1], F_SETPIPE_SZ, 1 << 20));
    SHOW(fcntl(0, F_GETPIPE_SZ));
    SHOW(fcntl(0, F_SETPIPE_SZ, 4096));
    SHOW(setuid(65534));
    SHOW(pipe(q));
    SHOW(fcntl(q[1], F_SETPIPE_SZ, (1 << 20) + 1));
    SHOW(fcntl(q[1], F_SETPIPE_SZ, -1));
}

static void waiting(void)
{
    int p[2], event = eventfd(3, EFD_NONBLOCK), e = epoll_create1(0);
    uint64_t value = 0;
    pipe(p);
    struct pollfd fds[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {999, POLLIN, 0}};
    SHOW(poll(fds, 3, 0));
    SHOW(fds[0].revents);
    SHOW(fds[1].revents);
    SHOW(fds[2].revents);
    SHOW(poll(fds, 1, 20));
    SHOW(poll(NULL, 0, 5));
    fds[0].fd = -1;
    SHOW(poll(fds, 1, 0));
    SHOW(read(event, &value, 8));
    SHOW(value);
    SHOW(read(event, &value, 8));
    SHOW(read(event, &value, 4));
    value = UINT64_MAX;
    SHOW(write(event, &value, 8));
    value = 7;
    SHOW(write(event, &value, 8));
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 42}, got[4];
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, event, &ev));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, event, &ev));
    SHOW(epoll_wait(e, got, 4, 0));
    SHOW(got[0].data.u64);
    ev.events = EPOLLIN | EPOLLET;
    SHOW(epoll_ctl(e, EPOLL_CTL_MOD, event, &ev));
    SHOW(epoll_wait(e, got, 4, 0));
    SHOW(epoll_wait(e, got, 4, 0));
    SHOW(epoll_ctl(e, EPOLL_CTL_DEL, event, NULL));
    SHOW(epoll_ctl(e, EPOLL_CTL_DEL, event, NULL));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, e, &ev));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, 999, &ev));
    SHOW(epoll_wait(e, got, 0, 0));
    SHOW(epoll_wait(event, got, 1, 0));
    /* What is closed is watched no more, even if two watched it. */
    int outer = epoll_create1(0), q[2];
    SHOW(pipe(q));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, q[1], &ev));
    SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, q[1], &ev));
    SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, e, &ev));
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, outer, &ev));
    SHOW(close(q[1]));
    SHOW(read(q[0], got, 1));
    /* An edge is each arrival, seen or not. */
    ev.events = EPOLLIN | EPOLLET;
    SHOW(pipe(q));
    SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, q[0], &ev));
    SHOW(epoll_wait(outer, got, 4, 0));
    SHOW(write(q[1], "a", 1));
    SHOW(epoll_wait(outer, got, 4, 0));
    SHOW(epoll_wait(outer, got, 4, 0));
    SHOW(read(q[0], got, 1));
    SHOW(write(q[1], "b", 1));
    SHOW(epoll_wait(outer, got, 4, 0));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(event, &set);
    struct timeval none = {0, 0};
    SHOW(select(event + 1, &set, NULL, NULL, &none));
    SHOW(FD_ISSET(event, &set));
    SHOW(select(-1, NULL, NULL, NULL, &none));
}

static void locks(void)
{
    int a = open("f", O_RDWR | O_CREAT, 0600), b = open("f", O_RDWR), r = open("f", O_RDONLY);
    SHOW(flock(a, LOCK_EX));
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(a, LOCK_SH));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(a, 77));
    SHOW(flock(999, LOCK_SH));
    close(a);
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    struct flock l = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
    SHOW(fcntl(b, F_SETLK, &l));
    SHOW(fcntl(r, F_SETLK, &l));
    SHOW(fcntl(b, F_GETLK, &l));
    SHOW(l.l_type);
    struct flock o = {.l_type = F_WRLCK, .l_start = 15, .l_len = 1};
    SHOW(fcntl(r, F_OFD_SETLK, &o));
    int other = open("f", O_RDWR);
    SHOW(fcntl(other, F_OFD_SETLK, &o));
    o.l_start = 30;
    SHOW(fcntl(other, F_OFD_SETLK, &o));
    l.l_whence = 9;
    l.l_type = F_RDLCK;
    SHOW(fcntl(b, F_SETLK, &l));
}

static void devices(void)
{
    char buffer[8] = "abc";
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR),
        full = open("/dev/full", O_RDWR);
    SHOW(read(null, buffer, 8));
    SHOW(write(null, buffer, 8));
    SHOW(read(zero, buffer, 8));
    SHOW(buffer[0]);
    SHOW(write(full, buffer, 8));
    SHOW(read(open("/dev/urandom", O_RDONLY), buffer, 8));
    struct stat st;
    SHOW(stat("/dev/null", &st));
    SHOW(st.st_mode);
    SHOW((long)st.st_rdev);
    SHOW(ioctl(null, TIOCGWINSZ, buffer));
    SHOW(isatty(null));
    SHOW(access("/proc/self/exe", R_OK));
    SHOW(open("/proc/self/nothing", O_RDONLY));
}

const struct theme file_themes[] = {
    {"opening", opening},
    {"bytes", bytes},
    {"names", names},
    {"attributes", attributes},
    {"directories", directories},
    {"pipes", pipes},
    {"pipe-sizes", pipe_sizes},
    {"waiting", waiting},
    {"locks", locks},
    {"devices", devices},
    {NULL, NULL},
};
