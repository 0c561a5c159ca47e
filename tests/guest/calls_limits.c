/* Limits of sizes, holes in files, and walks that must not lead away. */
#include "calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int ended(void)
{
    int status;
    wait(&status);
    return status;
}

static volatile sig_atomic_t signals;

static void count(int signal)
{
    signals += signal == SIGXFSZ;
}

static void file_size(void)
{
    char bytes[300];
    struct rlimit limit = {1000, 2000};
    memset(bytes, 'x', sizeof bytes);
    signal(SIGXFSZ, count);
    int fd = open("limited", O_RDWR | O_CREAT, 0600),
        other = open("source", O_RDWR | O_CREAT, 0600);
    SHOW(ftruncate(other, 3000));
    SHOW(setrlimit(RLIMIT_FSIZE, &limit));
    SHOW(ftruncate(fd, 1001));
    SHOW(signals);
    SHOW(ftruncate(fd, 900));
    SHOW(pwrite(fd, bytes, 300, 900));
    SHOW(pwrite(fd, bytes, 300, 1000));
    SHOW(signals);
    SHOW(pwrite(fd, bytes, 0, 5000));
    SHOW(signals);
    SHOW(fallocate(fd, 0, 0, 1500));
    SHOW(posix_fallocate(fd, 0, 500));
    SHOW(signals);
    SHOW(lseek(fd, 950, SEEK_SET));
    SHOW(sendfile(fd, other, NULL, 500));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(write(fd, bytes, 1));
    SHOW(signals);
    SHOW(truncate("source", 1500)); /* it becomes smaller */
    SHOW(truncate("source", 1600));
    SHOW(signals);
    int pipes[2];
    SHOW(pipe(pipes));
    for (int i = 0; i < 20; i++)
        write(pipes[1], bytes, sizeof bytes); /* a limit of files */
    SHOW(signals);
    if (fork() == 0) {
        signal(SIGXFSZ, SIG_DFL);
        write(fd, bytes, 1);
        _exit(0);
    }
    SHOW(WTERMSIG(ended()));
    limit.rlim_cur = limit.rlim_max;
    SHOW(setrlimit(RLIMIT_FSIZE, &limit));
    SHOW(write(fd, bytes, 300));
    int memory = syscall(SYS_memfd_create, "m", 0);
    SHOW(ftruncate(memory, 2001));
    SHOW(pwrite(memory, bytes, 300, 1900));
    SHOW(signals);
}

static void holes(void)
{
    char bytes[4096];
    memset(bytes, 'x', sizeof bytes);
    int fd = open("holes", O_RDWR | O_CREAT, 0600);
    SHOW(lseek(fd, 0, SEEK_DATA));
    SHOW(lseek(fd, 0, SEEK_HOLE));
    pwrite(fd, bytes, sizeof bytes, 0);
    pwrite(fd, bytes, sizeof bytes, 1 << 20);
    ftruncate(fd, 3 << 20);
    fsync(fd);
    SHOW(lseek(fd, 0, SEEK_DATA));
    SHOW(lseek(fd, 0, SEEK_HOLE));
    SHOW(lseek(fd, 5000, SEEK_DATA));
    SHOW(lseek(fd, 5000, SEEK_HOLE));
    SHOW(lseek(fd, (1 << 20) + 5, SEEK_DATA));
    SHOW(lseek(fd, (1 << 20) + 5, SEEK_HOLE));
    SHOW(lseek(fd, 2 << 20, SEEK_DATA));
    SHOW(lseek(fd, 2 << 20, SEEK_HOLE));
    SHOW(lseek(fd, 3 << 20, SEEK_DATA));
    SHOW(lseek(fd, 3 << 20, SEEK_HOLE));
    SHOW(lseek(fd, -1, SEEK_DATA));
    SHOW(lseek(fd, 0, SEEK_CUR));
    int reader = open("holes", O_RDONLY);
    SHOW(lseek(reader, 5000, SEEK_DATA));
    SHOW(read(reader, bytes, 5));
    SHOW(bytes[0]);
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    SHOW(lseek(fd, 0, SEEK_DATA));
    int pipes[2];
    pipe(pipes);
    SHOW(lseek(pipes[0], 0, SEEK_HOLE));
    SHOW(lseek(fd, 0, 5));
}

static long walk(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {.flags = flags, .resolve = resolve};
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

static void tree(void)
{
    mkdir("top", 0700), mkdir("top/in", 0700);
    close(open("top/file", O_RDWR | O_CREAT, 0600));
    close(open("top/in/file", O_RDWR | O_CREAT, 0600));
    close(open("outside", O_RDWR | O_CREAT, 0600));
    symlink("in/file", "top/within");
    symlink("../outside", "top/away");
    symlink("/file", "top/absolute");
    symlink("in", "top/directory");
    symlink("/proc/self/fd/0", "top/magic");
    symlink("within", "top/twice");
}

static void beneath(void)
{
    tree();
    int top = open("top", O_RDONLY | O_DIRECTORY);
    static const char *const paths[] = {"file",
                                        "in/file",
                                        "in/../file",
                                        "..",
                                        "../top",
                                        "in/../../top/file",
                                        "within",
                                        "away",
                                        "absolute",
                                        "directory/file",
                                        "magic",
                                        "twice",
                                        "/file",
                                        "/",
                                        ".",
                                        "in/..",
                                        "missing",
                                        "file/",
                                        "directory/../file",
                                        ""};
    static const uint64_t ways[] = {0,
                                    RESOLVE_BENEATH,
                                    RESOLVE_IN_ROOT,
                                    RESOLVE_NO_SYMLINKS,
                                    RESOLVE_NO_MAGICLINKS,
                                    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            if (ways[w] == 0 && strcmp(paths[i], "magic") == 0)
                continue; /* what descriptor 0 is differs */
            printf("%s by %d: ", paths[i], (int)ways[w]);
            SHOW(walk(top, paths[i], O_PATH, ways[w]));
        }
    SHOW(walk(top, "within", O_RDONLY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
    SHOW(walk(top, "within", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
    SHOW(walk(top, "new", O_RDWR | O_CREAT, RESOLVE_BENEATH));
    SHOW(walk(top, "../new", O_RDWR | O_CREAT, RESOLVE_BENEATH));
    SHOW(walk(top, "../new", O_RDWR | O_CREAT, RESOLVE_IN_ROOT));
    SHOW(access("new", F_OK));
    SHOW(walk(AT_FDCWD, "/proc/self/status", O_RDONLY, RESOLVE_NO_XDEV));
    SHOW(walk(AT_FDCWD, "/proc/self/fd/1", O_PATH, RESOLVE_NO_MAGICLINKS));
    SHOW(walk(AT_FDCWD, "top/file", O_RDONLY, RESOLVE_NO_XDEV));
    SHOW(walk(AT_FDCWD, "/dev/null", O_RDONLY, RESOLVE_NO_SYMLINKS));
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    SHOW(walk(proc, "self/status", O_RDONLY, RESOLVE_NO_XDEV));
    SHOW(walk(proc, "..", O_PATH, RESOLVE_NO_XDEV));
    SHOW(walk(proc, "self/root/", O_PATH, RESOLVE_BENEATH));
}

static long raw(const void *how, size_t size)
{
    long fd = syscall(SYS_openat2, AT_FDCWD, ".", how, size);
    if (fd >= 0)
        close((int)fd);
    return fd < 0 ? -1 : 0;
}

static void strict(void)
{
    static struct {
        struct open_how how;
        uint64_t later[1000];
    } big = {.how = {.flags = O_RDONLY}};
    SHOW(raw(&big, sizeof big.how));
    SHOW(raw(&big, sizeof big.how - 8));
    SHOW(raw(&big, 0));
    SHOW(raw(&big, sizeof big));
    big.later[3] = 1;
    SHOW(raw(&big, sizeof big));
    SHOW(raw(&big, 5000));
    SHOW(raw((void *)8, sizeof big.how));
    static const struct open_how odd[] = {
        {.flags = 1ULL << 40},
        {.flags = 1 << 30},
        {.mode = 0600},
        {.flags = O_CREAT | O_RDWR, .mode = 010000},
        {.resolve = 0x80},
        {.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT},
        {.flags = O_PATH | O_RDWR},
        {.flags = O_PATH | O_CLOEXEC},
        {.flags = O_TMPFILE | O_RDONLY},
        {.flags = O_CREAT | O_RDWR, .resolve = RESOLVE_CACHED},
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        SHOW(raw(&odd[i], sizeof odd[i]));
}

const struct theme limit_themes[] = {
    {"file_size", file_size}, {"holes", holes}, {"beneath", beneath},
    {"strict_opens", strict}, {NULL, NULL},
};
