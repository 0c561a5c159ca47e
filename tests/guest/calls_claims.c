/* Files that are opened for reading: what is opened before is known to the box, so
 * that it may be opened again without asking. */
#include "calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static void make(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    write(fd, text, strlen(text));
    close(fd);
    close(open(name, O_RDONLY));
}

static void make_directory(const char *name)
{
    mkdir(name, 0755);
    close(open(name, O_RDONLY));
}

static void numbers(void)
{
    int ends[2], fds[100];
    make("f", "text");
    make_directory("d");
    SHOW(open("f", O_RDONLY));
    SHOW(open("d", O_RDONLY));
    SHOW(open("f", O_RDONLY));
    SHOW(close(4));
    SHOW(pipe(ends));
    printf("%d %d\n", ends[0], ends[1]);
    SHOW(close(3));
    SHOW(open("d", O_RDONLY | O_DIRECTORY));
    SHOW(close(ends[0]));
    SHOW(open("f", O_RDONLY));
    SHOW(close(4));
    SHOW(close(4));
    SHOW(dup(3));
    SHOW(open("f", O_RDONLY));
    SHOW(open("missing", O_RDONLY));
    SHOW(open("missing", O_RDONLY));
    SHOW(open("f/x", O_RDONLY));
    SHOW(open("f/", O_RDONLY));
    SHOW(open("f", O_RDONLY | O_DIRECTORY));
    SHOW(open("d", O_RDWR));
    SHOW(openat(3, "x", O_RDONLY));
    SHOW(openat(99, "x", O_RDONLY));
    SHOW(open("", O_RDONLY));
    SHOW(syscall(SYS_open, NULL, O_RDONLY));
    for (int i = 0; i < 100; i++)
        fds[i] = open("f", O_RDONLY);
    printf("%d to %d\n", fds[0], fds[99]);
    for (int i = 0; i < 100; i += 3)
        close(fds[i]);
    SHOW(open("f", O_RDONLY));
    SHOW(open("f", O_RDONLY));
    const struct rlimit few = {20, 1024};
    SHOW(setrlimit(RLIMIT_NOFILE, &few));
    SHOW(open("f", O_RDONLY));
    SHOW(open("f", O_RDONLY));
    SHOW(open("f", O_RDONLY));
    SHOW(open("f", O_RDONLY));
    SHOW(close(1000));
    SHOW(close(-1));
}

static long size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : -errno;
}

static void uses(void)
{
    char buffer[64] = "", name[64], *at;
    make("f", "0123456789");
    make_directory("d");
    make("d/e", "in d");
    int fd = open("f", O_RDONLY | O_CLOEXEC), dir = open("d", O_RDONLY | O_NONBLOCK);
    SHOW(read(fd, buffer, 4));
    SHOW(pread(fd, buffer, 4, 8));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, 2, SEEK_CUR));
    SHOW(size_of(fd));
    int twin = dup(fd);
    SHOW(lseek(twin, 0, SEEK_CUR));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(twin, F_GETFD));
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(dir, F_GETFL) & (O_NONBLOCK | O_ACCMODE));
    close(twin);
    close(fd);
    fd = open("f", O_RDONLY);
    SHOW(read(fd, buffer, 3));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(fcntl(fd, F_SETFD, FD_CLOEXEC));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(write(open("f", O_RDONLY), "x", 1));
    SHOW(read(dir, buffer, 4));
    SHOW(fchdir(dir));
    SHOW(open("e", O_RDONLY));
    SHOW(fchdir(open("..", O_RDONLY)));
    SHOW(size_of(openat(dir, "e", O_RDONLY)));
    SHOW(openat(dir, "../f", O_RDONLY | O_NOFOLLOW));
    symlink("f", "l");
    SHOW(readlink("l", buffer, 8));
    SHOW(open("l", O_RDONLY));
    SHOW(open("l", O_RDONLY | O_NOFOLLOW));
    fd = open("f", O_RDONLY);
    at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    printf("%.10s\n", at == MAP_FAILED ? "?" : at);
    fd = open("f", O_RDONLY);
    struct pollfd p = {fd, POLLIN | POLLOUT};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    fd = open("f", O_RDONLY);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    SHOW(access(name, F_OK));
    SHOW(size_of(open(name, O_RDONLY)));
    SHOW(ftruncate(open("f", O_RDONLY), 0));
    SHOW(fchmod(open("f", O_RDONLY), 0600));
    SHOW(fsync(open("f", O_RDONLY)));
    SHOW(openat(AT_FDCWD, "f", O_RDONLY | O_PATH));
}

/* Descriptors that /proc lists. */
static int listed(void)
{
    DIR *d = opendir("/proc/self/fd");
    int count = 0;
    for (struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static void counted(void)
{
    char link[256];
    make("f", "text");
    int before = listed();
    open("f", O_RDONLY);
    open("f", O_RDONLY);
    SHOW(listed() - before);
    int fd = open("f", O_RDONLY);
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    long size = readlink(name, link, sizeof link - 1);
    link[size > 0 ? size : 0] = '\0';
    printf("%s\n", strrchr(link, '/') ? strrchr(link, '/') : "?");
    SHOW(close_range(fd - 1, fd, 0));
    SHOW(listed() - before);
    SHOW(close(fd));
    for (int i = 0; i < 40; i++)
        open("f", O_RDONLY);
    SHOW(listed() - before);
    SHOW(dup2(0, fd + 3));
    SHOW(listed() - before);
    SHOW(size_of(fd + 2));
}

/* Over a socket, to oneself. */
static int passed(int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof fd)];
        struct cmsghdr header;
    } c = {.header = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS}};
    int pair[2], got = -1;
    char byte = 0;
    struct iovec v = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    memcpy(CMSG_DATA(&c.header), &fd, sizeof fd);
    SHOW(sendmsg(pair[0], &m, 0));
    close(fd);
    m.msg_controllen = sizeof c;
    SHOW(recvmsg(pair[1], &m, 0));
    memcpy(&got, CMSG_DATA(&c.header), sizeof got);
    close(pair[0]);
    close(pair[1]);
    return got;
}

static void shared(void)
{
    char buffer[16] = "";
    make("f", "0123456789");
    int fd = open("f", O_RDONLY), gone = open("f", O_RDONLY | O_CLOEXEC), status = 0;
    SHOW(read(fd, buffer, 2));
    if (fork() == 0) {
        read(fd, buffer, 3);
        close(gone);
        _exit(open("f", O_RDONLY) == gone ? 7 : 8);
    }
    wait(&status);
    SHOW(WEXITSTATUS(status));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(size_of(gone));
    fd = open("f", O_RDONLY);
    read(fd, buffer, 4);
    fd = passed(fd);
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(read(fd, buffer, 16));
    printf("%.6s\n", buffer);
}

/* What an exec leaves: of 3 to 6, 4 and 6 are to be closed. */
static void left_open(void)
{
    for (int fd = 3; fd < 8; fd++)
        SHOW(size_of(fd));
    SHOW(lseek(3, 0, SEEK_CUR));
    SHOW(open("f", O_RDONLY));
}

static void executes(void)
{
    char buffer[16];
    make("f", "0123456789");
    open("f", O_RDONLY);
    open("f", O_RDONLY | O_CLOEXEC);
    open(".", O_RDONLY);
    open("f", O_RDONLY | O_CLOEXEC);
    read(3, buffer, 4);
    SHOW(size_of(5) >= 0);
    close(5);
    fflush(stdout);
    execl("/proc/self/exe", "calls", "claims_left_open", NULL);
}

static long entries(int fd)
{
    char buffer[1024];
    return syscall(SYS_getdents64, fd, buffer, sizeof buffer);
}

static void removed(void)
{
    char buffer[16] = "";
    struct stat st;
    make("f", "old text");
    make("g", "new text, longer");
    make_directory("d");
    make_directory("e");
    int fd = open("f", O_RDONLY), g = open("g", O_RDONLY), d = open("d", O_RDONLY);
    SHOW(unlink("f"));
    SHOW(read(fd, buffer, 3));
    SHOW(fstat(fd, &st));
    SHOW(st.st_nlink);
    SHOW(pread(fd, buffer, 16, 4));
    printf("%.4s\n", buffer);
    SHOW(open("f", O_RDONLY));
    make("h", "replaces");
    SHOW(rename("h", "g"));
    SHOW(size_of(g));
    SHOW(size_of(open("g", O_RDONLY)));
    SHOW(rmdir("d"));
    SHOW(entries(d));
    SHOW(openat(d, "x", O_RDONLY));
    SHOW(openat(d, "x", O_RDWR | O_CREAT, 0600));
    int e = open("e", O_RDONLY);
    SHOW(entries(e) > 0);
    SHOW(rmdir("e"));
    SHOW(entries(e));
    SHOW(lseek(e, 0, SEEK_SET));
    SHOW(entries(e));
    for (int i = 0; i < 50; i++) {
        make("t", i % 2 ? "abc" : "abcdef");
        fd = open("t", O_RDONLY);
        unlink("t");
        if (size_of(fd) != (i % 2 ? 3 : 6))
            SHOW(size_of(fd));
        close(fd);
    }
}

static void users(void)
{
    char buffer[16];
    make("f", "text");
    make("g", "text");
    chmod("f", 0600);
    close(open("f", O_RDONLY));
    int fd = open("f", O_RDONLY), d = open(".", O_RDONLY);
    SHOW(seteuid(1000));
    SHOW(read(fd, buffer, 2));
    SHOW(open("f", O_RDONLY));
    SHOW(openat(d, "f", O_RDONLY));
    SHOW(openat(d, "g", O_RDONLY));
    SHOW(openat(d, "g", O_RDONLY));
    SHOW(seteuid(0));
    SHOW(open("f", O_RDONLY));
    SHOW(read(fd, buffer, 9));
}

static void show_events(int fd)
{
    char buffer[4096];
    long n = read(fd, buffer, sizeof buffer);
    for (long at = 0; at < n;) {
        struct inotify_event *e = (struct inotify_event *)(buffer + at);
        printf("%x %s\n", e->mask, e->len ? e->name : "");
        at += (long)sizeof *e + e->len;
    }
}

static void watched(void)
{
    make("f", "text");
    int before = open("f", O_RDONLY), notes = inotify_init1(IN_NONBLOCK);
    int wd = inotify_add_watch(notes, ".", IN_OPEN | IN_CLOSE);
    close(before);
    int fd = open("f", O_RDONLY);
    show_events(notes);
    close(fd);
    show_events(notes);
    SHOW(inotify_rm_watch(notes, wd));
    close(open("f", O_RDONLY));
    close(notes);
    SHOW(close(open("f", O_RDONLY)));
}

/* Locks of a process end with any descriptor of the file, however it is closed. */
static long is_locked(void)
{
    struct flock l = {.l_type = F_WRLCK};
    int status = 0;
    if (fork() == 0) {
        fcntl(open("f", O_RDWR), F_GETLK, &l);
        _exit(l.l_type != F_UNLCK);
    }
    wait(&status);
    return WEXITSTATUS(status);
}

static int lock(void)
{
    struct flock l = {.l_type = F_WRLCK};
    static int fd = -1;
    if (fd < 0)
        fd = open("f", O_RDWR);
    return fcntl(fd, F_SETLK, &l);
}

static void locked(void)
{
    make("f", "text");
    int fd = open("f", O_RDONLY), other = open(".", O_RDONLY);
    SHOW(lock());
    SHOW(is_locked());
    SHOW(close(fd));
    SHOW(is_locked());
    lock();
    fd = open("f", O_RDONLY);
    SHOW(is_locked());
    SHOW(dup2(other, fd) == fd);
    SHOW(is_locked());
    lock();
    SHOW(close(fd));
    fd = open("f", O_RDONLY);
    SHOW(is_locked());
    SHOW(close_range(fd, fd, 0));
    SHOW(is_locked());
    lock();
    fd = open("f", O_RDONLY | O_CLOEXEC);
    SHOW(is_locked());
    fflush(stdout);
    execl("/proc/self/exe", "calls", "claims_left_locked", NULL);
}

static void left_locked(void)
{
    SHOW(is_locked());
}

static void left_at(void)
{
    int ends[2];
    char buffer[16] = "";
    off_t at = 1;
    make("f", "0123456789");
    pipe(ends);
    int fd = open("f", O_RDONLY);
    SHOW(read(fd, buffer, 3));
    SHOW(splice(fd, NULL, ends[1], NULL, 4, 0));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(read(ends[0], buffer, 16));
    printf("%.4s\n", buffer);
    SHOW(splice(fd, &at, ends[1], NULL, 2, 0));
    SHOW(at);
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(splice(fd, NULL, ends[1], NULL, 100, 0));
    SHOW(splice(fd, NULL, ends[1], NULL, 100, 0));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(read(ends[0], buffer, 16));
    printf("%.5s\n", buffer);
}

static void devices(void)
{
    char buffer[64];
    struct iovec v[2] = {{buffer, 8}, {buffer + 16, 8}};
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
    int sink = open("/dev/zero", O_WRONLY), path = open("/dev/null", O_PATH);
    memset(buffer, 1, sizeof buffer);
    SHOW(read(null, buffer, 8));
    SHOW(write(null, buffer, 8));
    SHOW(write(null, buffer, 0));
    SHOW(pwrite(null, buffer, 8, 100));
    SHOW(pwrite(null, buffer, 8, -1));
    SHOW(pread(null, buffer, 8, -1));
    SHOW(buffer[0]);
    SHOW(read(zero, buffer, 8));
    SHOW(buffer[7] * 10 + buffer[8]);
    SHOW(readv(zero, v, 2));
    SHOW(buffer[23] * 100 + buffer[15] * 10 + buffer[24]);
    SHOW(pread(zero, buffer, 30, 5));
    SHOW(buffer[15] * 10 + buffer[30]);
    SHOW(pread(zero, buffer, 8, -1));
    SHOW(read(zero, NULL, 8));
    SHOW(read(zero, NULL, 0));
    SHOW(write(zero, buffer, 8));
    SHOW(write(sink, buffer, 8));
    SHOW(writev(sink, v, 2));
    SHOW(read(sink, buffer, 8));
    SHOW(read(path, buffer, 8));
    SHOW(write(path, buffer, 8));
    SHOW(lseek(zero, 0, SEEK_CUR));
    SHOW(lseek(null, 10, SEEK_SET));
    SHOW(isatty(null));
    SHOW(isatty(open("/dev/full", O_RDWR)));
    SHOW(write(open("/dev/full", O_RDWR), buffer, 8));
    SHOW(close(null));
    SHOW(write(null, buffer, 8));
    make("f", "text");
    SHOW(isatty(open("f", O_RDONLY)));
    SHOW(isatty(open("f", O_RDWR)));
    SHOW(isatty(open(".", O_RDONLY)));
    SHOW(isatty(99));
}

/* Threads that open and close beside each other ---------------------------------------------*/

enum { OPENERS = 4, TURNS = 2000 };
static unsigned char owners[1024];
static long faults;

static void fault(const char *what, long a, long b)
{
    if (__atomic_fetch_add(&faults, 1, __ATOMIC_SEQ_CST) < 5)
        printf("%s: %ld %ld\n", what, a, b);
}

/* A number is nobody else's while it is open, and leads to what was opened. */
static void *open_and_close(void *argument)
{
    long index = (long)argument;
    char name[2] = {(char)('a' + index)}, buffer[16], byte;
    for (int i = 0; i < TURNS; i++) {
        int fd = i % 16 == 15 ? dup(0) : open(name, O_RDONLY);
        if (fd < 3 || fd >= 1024)
            fault("open", fd, errno);
        if (__atomic_exchange_n(&owners[fd], 1, __ATOMIC_SEQ_CST))
            fault("somebody else's", fd, index);
        if (i % 16 != 15 && (pread(fd, &byte, 1, 0) != 1 || byte != name[0]))
            fault("another file", fd, byte);
        if (i % 16 != 15 && (read(fd, buffer, 2) != 2 || lseek(fd, 0, SEEK_CUR) != 2))
            fault("position", fd, errno);
        if (i % 7 == 0 && fcntl(fd, F_GETFD) != 0)
            fault("fcntl", fd, errno);
        __atomic_store_n(&owners[fd], 0, __ATOMIC_SEQ_CST);
        if (close(fd) != 0)
            fault("close", fd, errno);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t t[OPENERS];
    char name[2] = "a", text[] = "a text";
    int before = listed();
    for (long i = 0; i < OPENERS; i++) {
        name[0] = text[0] = (char)('a' + i);
        make(name, text);
    }
    for (long i = 0; i < OPENERS; i++)
        pthread_create(&t[i], NULL, open_and_close, (void *)i);
    for (int i = 0; i < 20; i++) { /* and somebody takes all in */
        if (fork() == 0)
            _exit(0);
        wait(NULL);
    }
    for (long i = 0; i < OPENERS; i++)
        pthread_join(t[i], NULL);
    SHOW(faults);
    SHOW(listed() - before);
}

const struct theme claim_themes[] = {{"claims_numbers", numbers},
                                     {"claims_uses", uses},
                                     {"claims_counted", counted},
                                     {"claims_shared", shared},
                                     {"claims_left_open", left_open},
                                     {"claims_executes", executes},
                                     {"claims_removed", removed},
                                     {"claims_users", users},
                                     {"claims_watched", watched},
                                     {"claims_locked", locked},
                                     {"claims_left_locked", left_locked},
                                     {"claims_left_at", left_at},
                                     {"claims_devices", devices},
                                     {"claims_threads", threads},
                                     {NULL, NULL}};
