/* Ways around unveil(2): calls that name a path where one does not look for
 * it, and names that lead elsewhere. Linux has more of them than OpenBSD. Each
 * fails somehow, and works where nothing is hidden. */
#include "conform.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_io_uring_setup 425
#define NR_open_tree 428
#define NR_fspick 433
#define NR_openat2 437
#define NR_mount_setattr 442

/* It fails, with whatever errno. */
#define CLOSED(rules, in_words, act, ...)                                                          \
    ROW(act, .rule = in_words, .source = "unveil.2 DESCRIPTION", .veil = rules, .result = ERROR,   \
        ##__VA_ARGS__)

static char bytes[4096];

/* Other calls. */
CLOSED("r:dir", "openat2(2) is no way to what is hidden",
       syscall(NR_openat2, AT_FDCWD, "hidden/file", (uint64_t[3]){O_RDONLY}, 24));
CLOSED("r:dir", "open(2) with O_PATH is no way to what is hidden", open("hidden/file", O_PATH));
CLOSED("r:dir", "statx(2) is no way to what is hidden",
       syscall(SYS_statx, AT_FDCWD, "hidden/file", 0, 0x7ff, bytes));
CLOSED("r:dir", "inotify(7) is no way to what is hidden",
       inotify_add_watch(inotify_init1(IN_CLOEXEC), "hidden", IN_CREATE));
CLOSED("r:dir", "name_to_handle_at(2) is no way to what is hidden",
       name_to_handle_at(AT_FDCWD, "hidden/file",
                         memcpy(bytes, &(struct file_handle){.handle_bytes = 128}, 8), &(int){0},
                         0));
CLOSED("r:dir", "open_tree(2) is no way to what is hidden",
       syscall(NR_open_tree, AT_FDCWD, "hidden", 0));
CLOSED("r:dir", "open_tree(2) of a copy is no way to what is hidden",
       syscall(NR_open_tree, AT_FDCWD, "hidden", 1), .needs = "root: may mount");
CLOSED("r:dir", "fspick(2) is no way to what is hidden", syscall(NR_fspick, AT_FDCWD, "/", 0),
       .needs = "root: may mount");
CLOSED("rwc:dir", "mount(2) is no way to what is hidden",
       mount("hidden", "dir/sub", NULL, MS_BIND, NULL) == 0 ? umount2("dir/sub", MNT_DETACH) : -1,
       .needs = "root: may mount");
CLOSED("rx:dir", "chroot(2) is no way to what is hidden", chroot("hidden"),
       .needs = "root: may change the root");
CLOSED("r:dir", "io_uring(7) opens no file",
       syscall(NR_io_uring_setup, 4, bytes) >= 0 || errno == EPERM || errno == ENOMEM ? 0 : -1);
CLOSED("r:dir", "creat(2) is no way to what is hidden", creat("hidden/file", 0644));
CLOSED("r:dir", "futimesat(2) is no way to what is hidden",
       syscall(SYS_utimensat, scene.hidden, "file", NULL, 0));
CLOSED("r:dir", "linkat(2) of a descriptor that is open makes no name",
       linkat(AT_FDCWD, "hidden/file", scene.dir, "new", AT_SYMLINK_FOLLOW));
CLOSED("rwc:dir", "renameat2(2) does not exchange with what is hidden",
       syscall(SYS_renameat2, AT_FDCWD, "dir/file", AT_FDCWD, "hidden/file", 2 /* EXCHANGE */));

static struct sockaddr_un named(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

/* The answer of a socket of another kind would do: it was found. */
static long sends_by_message(void)
{
    struct sockaddr_un to = named("socket");
    struct iovec data = {(void *)"x", 1};
    struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &data, .msg_iovlen = 1};
    long sent = sendmsg(socket(AF_UNIX, SOCK_DGRAM, 0), &message, 0);
    return sent >= 0 || errno == EPROTOTYPE ? 0 : -1;
}

static long sends_by_name(void)
{
    struct sockaddr_un to = named("socket");
    long sent =
        sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&to, sizeof to);
    return sent >= 0 || errno == EPROTOTYPE ? 0 : -1;
}

CLOSED("rw:dir", "sendto(2) does not reach a hidden socket", sends_by_name());
SHOWS("rw:dir", "sendmsg(2) reaches a hidden socket for datagrams", "uipc_usrreq.c UNVEIL_WRITE",
      sends_by_message(), .openbsd = "the socket is not there",
      .because =
          "the address stands in memory, too deep for a filter; without unix there is no such "
          "socket to send from");

/* Names that lead elsewhere. */
static const char *below_root(const char *process)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s/root%s/file", process, scene.top);
    return path;
}

static long own_number(void)
{
    char path[64];
    snprintf(path, sizeof path, "%d", getpid());
    ssize_t size = readlink("/proc/self", bytes, sizeof bytes - 1);
    bytes[size > 0 ? size : 0] = '\0';
    return OK(strcmp(bytes, path) == 0);
}

static const char *descriptor(int fd, const char *below)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d%s", fd, below);
    return path;
}

static long opens_plain(void)
{
    return open(descriptor(open("other", O_RDONLY), ""), O_WRONLY);
}

static long opens_for_more(void)
{
    int fd = open("other", O_RDONLY);
    return unveil("dir", "r") == 0 && unveil("/proc", "rw") == 0
               ? open(descriptor(fd, ""), O_WRONLY)
               : 0;
}

static long own_memory(void)
{
    int fd = open("/proc/self/mem", O_RDWR);
    return OK(pwrite(fd, "x", 1, (off_t)(uintptr_t)bytes) == 1 && bytes[0] == 'x');
}

#define IN_PROC "r:dir r:/proc"
CLOSED(IN_PROC, "/proc/self/root leads nowhere", open(below_root("self"), O_RDONLY));
CLOSED(IN_PROC, "/proc/self/cwd leads nowhere", open("/proc/self/cwd/file", O_RDONLY));
CLOSED(IN_PROC, "/proc/thread-self/cwd leads nowhere",
       open("/proc/thread-self/cwd/file", O_RDONLY));

CLOSED(IN_PROC, "/proc/self/fd leads nowhere from a hidden directory",
       open(descriptor(scene.hidden, "/file"), O_RDONLY));
HIDES(IN_PROC, "/proc/self/fd does not open a hidden file anew", "vow",
      open(descriptor(scene.file, ""), O_RDONLY));
ROW(opens_for_more(), .rule = "nor for more than it is open for", .source = "vow", .result = ERROR,
    .twin = opens_plain);
SHOWS("r:dir rw:/proc", "/proc/self/mem is the memory of the process, not the broker's", "vow",
      own_memory());
SHOWS(IN_PROC, "/proc/self is the process itself, not the broker", "vow", own_number());
CLOSED("r:/ -:hidden", "a hidden directory is not entered by ..",
       open("dir/../hidden/file", O_RDONLY));
CLOSED("rwc:. -:hidden", "nor by a link",
       symlink("hidden", "new") == 0 ? open("new/file", O_RDONLY) : -1);
CLOSED("rwc:dir -:dir/sub", "a hidden directory does not come out by renaming its parent",
       rename("dir/sub", "dir/new") == 0 ? open("dir/new/file", O_RDONLY) : -1);
CLOSED("rwc:. -:hidden/sub", "nor by renaming what is above it",
       rename("hidden", "shown") == 0 ? open("shown/sub/file", O_RDONLY) : -1);
CLOSED("rwc:. -:file", "a hidden file is not overwritten by rename(2)", rename("other", "file"));
CLOSED("rwc:. -:file", "nor given another name by link(2)", link("file", "new"));

/* What is shown keeps working in those forms. */
SHOWS("r:dir r:/proc", "/proc/self/fd of a shown directory", "vow",
      open(descriptor(scene.dir, "/file"), O_RDONLY));
