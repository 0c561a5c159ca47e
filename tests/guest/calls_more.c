#include "calls.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static int ended(void)
{
    int status = -1;
    wait(&status);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void splices(void)
{
    int a[2], b[2], fd = open("file", O_CREAT | O_RDWR, 0600);
    char buffer[64] = "";
    off_t at = 3;
    pipe(a), pipe(b);
    write(fd, "0123456789", 10);
    SHOW(splice(fd, &at, a[1], NULL, 4, 0));
    SHOW(at);
    off_t before = -4096;
    SHOW(splice(fd, &before, a[1], NULL, 4, 0));
    SHOW(sendfile(a[1], fd, &before, 4));
    SHOW(copy_file_range(fd, &before, fd, NULL, 4, 0));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(tee(a[0], b[1], 100, 0));
    SHOW(tee(a[0], a[1], 100, 0));
    SHOW(tee(fd, b[1], 100, 0));
    SHOW(read(b[0], buffer, 64));
    printf("%.4s\n", buffer);
    SHOW(splice(a[0], NULL, b[1], NULL, 2, 0));
    SHOW(read(b[0], buffer, 64));
    printf("%.2s\n", buffer);
    at = 20;
    SHOW(splice(a[0], NULL, fd, &at, 100, 0));
    SHOW(at);
    SHOW(pread(fd, buffer, 64, 0));
    SHOW(memcmp(buffer + 20, "56", 2));
    SHOW(splice(a[0], NULL, b[1], NULL, 100, SPLICE_F_NONBLOCK));
    SHOW(tee(a[0], b[1], 100, SPLICE_F_NONBLOCK));
    SHOW(splice(fd, NULL, fd, NULL, 10, 0));
    SHOW(splice(a[0], &at, b[1], NULL, 10, 0));
    SHOW(splice(99, NULL, b[1], NULL, 10, 0));
    SHOW(splice(a[1], NULL, b[1], NULL, 10, 0));
    SHOW(splice(a[0], NULL, b[1], NULL, 10, 999));
    SHOW(splice(a[0], NULL, b[1], NULL, 0, 0));
    struct iovec v[2] = {{"ab", 2}, {"cde", 3}};
    SHOW(vmsplice(a[1], v, 2, 0));
    SHOW(read(a[0], buffer, 64));
    SHOW(vmsplice(fd, v, 2, 0));
    SHOW(close(a[1]));
    SHOW(splice(a[0], NULL, b[1], NULL, 10, 0));
    SHOW(tee(a[0], b[1], 10, 0));
    SHOW(close(b[0]));
    signal(SIGPIPE, SIG_IGN);
    lseek(fd, 0, SEEK_SET);
    SHOW(splice(fd, NULL, b[1], NULL, 10, 0));
}

static void vectors_with_flags(void)
{
    char buffer[16] = "";
    struct iovec v = {"abcdef", 6}, r = {buffer, 4};
    int fd = open("file", O_CREAT | O_RDWR, 0600);
    SHOW(pwritev2(fd, &v, 1, -1, 0));
    SHOW(pwritev2(fd, &v, 1, 10, RWF_SYNC));
    SHOW(pwritev2(fd, &v, 1, 20, RWF_DSYNC));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(preadv2(fd, &r, 1, 2, 0));
    puts(buffer);
    SHOW(preadv2(fd, &r, 1, -1, RWF_HIPRI));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(preadv2(fd, &r, 1, 0, 0x40000000));
    SHOW(preadv2(99, &r, 1, 0, 0));
    SHOW(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
    SHOW(sync_file_range(fd, 0, 0, 999));
    SHOW(sync_file_range(fd, -1, 0, 0));
    SHOW(sync_file_range(99, 0, 0, 0));
    int p[2];
    pipe(p);
    SHOW(sync_file_range(p[1], 0, 0, 0));
    SHOW(readahead(fd, 0, 10));
    SHOW(readahead(p[0], 0, 10));
    SHOW(readahead(99, 0, 10));
}

static void old_times(void)
{
    struct stat st;
    struct utimbuf u = {1000, 2000};
    struct timeval v[2] = {{3000, 4}, {5000, 6}}, wrong[2] = {{1, 1000000}, {1, 0}};
    close(open("file", O_CREAT | O_RDWR, 0600));
    SHOW(syscall(SYS_utime, "file", &u));
    stat("file", &st);
    printf("%ld %ld\n", st.st_atim.tv_sec, st.st_mtim.tv_sec);
    SHOW(syscall(SYS_utimes, "file", v));
    stat("file", &st);
    printf("%ld.%ld %ld.%ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec,
           st.st_mtim.tv_nsec);
    SHOW(syscall(SYS_utimes, "file", wrong));
    SHOW(syscall(SYS_futimesat, AT_FDCWD, "file", v));
    int fd = open("file", O_RDONLY);
    SHOW(syscall(SYS_futimesat, fd, NULL, NULL));
    fstat(fd, &st);
    SHOW(st.st_mtim.tv_sec > 1700000000);
    SHOW(syscall(SYS_utime, "missing", NULL));
    SHOW(syscall(SYS_utimes, NULL, NULL));
    SHOW(syscall(SYS_utime, "file", (void *)8));
    symlink("file", "link");
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0640, 0));
    stat("file", &st);
    SHOW(st.st_mode & 0777);
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW));
    SHOW(syscall(SYS_fchmodat2, fd, "", 0600, AT_EMPTY_PATH));
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0600, 0x4000));
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "missing", 0600, 0));
}

static void memory_files(void)
{
    char buffer[8192];
    int fd = memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    FAILS(fd);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(write(fd, "contents", 8));
    SHOW(ftruncate(fd, 4096));
    char *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(memcmp(a, "contents", 8));
    strcpy(a + 100, "mapped");
    SHOW(pread(fd, buffer, 7, 100));
    puts(buffer);
    SHOW(munmap(a, 4096));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    SHOW(ftruncate(fd, 8192));
    SHOW(pwrite(fd, buffer, 8, 4096));
    SHOW(ftruncate(fd, 2048));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE));
    SHOW(ftruncate(fd, 1024));
    SHOW(pwrite(fd, "x", 1, 0));
    SHOW(mmap(NULL, 2048, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    SHOW(errno == EPERM);
    SHOW(mmap(NULL, 2048, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    SHOW(mmap(NULL, 2048, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    SHOW(fcntl(fd, F_ADD_SEALS, 0x4000));
    int plain = memfd_create("plain", 0);
    SHOW(fcntl(plain, F_GET_SEALS));
    SHOW(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(memfd_create("x", 0x8000));
    memset(buffer, 'x', 260);
    buffer[260] = '\0';
    SHOW(memfd_create(buffer, 0));
    SHOW(memfd_create((void *)8, 0));
    int p[2];
    pipe(p);
    SHOW(fcntl(p[0], F_GET_SEALS));
    SHOW(fcntl(p[0], F_ADD_SEALS, F_SEAL_WRITE));
}

static int range(int fd, int how, int type, off_t start)
{
    struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = 10};
    return fcntl(fd, how, &l);
}

static void waiting_for_locks(void)
{
    int told[2], fd = open("file", O_CREAT | O_RDWR, 0600);
    char byte;
    pipe(told);
    SHOW(range(fd, F_SETLK, F_WRLCK, 0));
    pid_t pid = fork();
    if (pid == 0) {
        if (range(fd, F_SETLK, F_WRLCK, 0) != -1 || (errno != EAGAIN && errno != EACCES))
            _exit(1);
        if (range(fd, F_SETLK, F_WRLCK, 100) != 0)
            _exit(2);
        write(told[1], "", 1);
        _exit(range(fd, F_SETLKW, F_WRLCK, 0) == 0 ? 0 : errno == EDEADLK ? 3 : 4);
    }
    read(told[0], &byte, 1);
    until_asleep(pid);
    SHOW(range(fd, F_SETLKW, F_WRLCK, 100)); /* a circle */
    SHOW(range(fd, F_SETLK, F_UNLCK, 0));
    SHOW(ended());
    SHOW(range(fd, F_SETLKW, F_WRLCK, 100));
    int other = open("file", O_RDWR);
    SHOW(range(fd, F_OFD_SETLK, F_WRLCK, 200));
    SHOW(range(other, F_OFD_SETLK, F_WRLCK, 200));
    pid = fork();
    if (pid == 0)
        _exit(range(other, F_OFD_SETLKW, F_WRLCK, 200) == 0 ? 8 : 9);
    until_asleep(pid);
    SHOW(range(fd, F_OFD_SETLK, F_UNLCK, 200));
    SHOW(ended());
}

static void pages_in_memory(void)
{
    unsigned char there[4] = {9, 9, 9, 9};
    char *a = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(a, 1, 8192);
    SHOW(mincore(a, 8192, there));
    printf("%d %d %d\n", there[0] & 1, there[1] & 1, there[2]);
    SHOW(mincore(a + 1, 8192, there));
    SHOW(mincore(a, 8192, (void *)8));
    SHOW(mlock(a, 4096));
    SHOW(munlock(a, 4096));
    SHOW(syscall(SYS_mlock2, a, 4096, 1));
    SHOW(syscall(SYS_mlock2, a, 4096, 77));
    munmap(a + 4096, 4096);
    SHOW(mincore(a, 8192, there));
    SHOW(mlock(a, 8192));
    SHOW(mlockall(0));
    SHOW(mlockall(77));
    SHOW(mlockall(MCL_ONFAULT));
    SHOW(munlockall());
}

/* What nobody but root may, and root not in a box. */
static void refused(void)
{
    if (fork() == 0) {
        setuid(10);
        SHOW(syscall(SYS_mount, "a", "/", "tmpfs", 0, NULL));
        SHOW(syscall(SYS_umount2, "/", 0));
        SHOW(syscall(SYS_pivot_root, ".", "."));
        SHOW(syscall(SYS_chroot, "/"));
        SHOW(syscall(SYS_reboot, 1, 2, 3, NULL));
        SHOW(syscall(SYS_swapoff, "/a"));
        SHOW(syscall(SYS_acct, NULL));
        SHOW(syscall(SYS_vhangup));
        SHOW(syscall(SYS_unshare, 0x20000));
        SHOW(syscall(SYS_unshare, 0));
        SHOW(syscall(SYS_syslog, 2, NULL, 0));
        _exit(0);
    }
    SHOW(ended());
    SHOW(mknod("device", S_IFREG | 0600, 0));
    int fd = open("device", O_RDWR);
    SHOW(fcntl(fd, F_GETLEASE));
}

/* What a node is, and what reading of it gives. */
static void show_device(const char *name, int mode, int major, int minor)
{
    struct stat st = {0};
    char bytes[8] = "abcdefg";
    printf("%s\n", name);
    SHOW(mknod(name, mode, makedev(major, minor)));
    SHOW(stat(name, &st));
    SHOW(st.st_mode);
    SHOW(st.st_rdev);
    int fd = open(name, O_RDWR);
    SHOW(fd >= 0 ? 0 : -1);
    SHOW(read(fd, bytes, 4));
    SHOW(bytes[0] == 'a');
    SHOW(write(fd, "x", 1));
    close(fd);
}

/* Outside, /tmp may be mounted so that no device there can be opened. */
static void device_nodes(void)
{
    struct statvfs where;
    char place[] = "/var/tmp/vow-devices-XXXXXX";
    bool moves = statvfs(".", &where) == 0 && where.f_flag & ST_NODEV;
    if (moves) {
        mkdtemp(place);
        chmod(place, 0755);
        chdir(place);
    }
    show_device("my-null", S_IFCHR | 0666, 1, 3);
    show_device("my-zero", S_IFCHR | 0640, 1, 5);
    show_device("my-full", S_IFCHR | 0666, 1, 7);
    show_device("my-urandom", S_IFCHR | 0666, 1, 9);
    show_device("strange", S_IFCHR | 0600, 62, 77);
    show_device("large", S_IFCHR | 0600, 62, 70000);
    show_device("block", S_IFBLK | 0660, 62, 3);
    show_device("null-block", S_IFBLK | 0660, 1, 3);
    SHOW(mknod("my-null", S_IFCHR | 0666, makedev(1, 3)));
    SHOW(mknod("no/null", S_IFCHR | 0666, makedev(1, 3)));
    SHOW(mknod("directory", S_IFDIR | 0777, 0));
    SHOW(mknod("link", S_IFLNK | 0777, 0));
    SHOW(mknod("what", 0110666, 0));
    SHOW(rename("my-null", "null"));
    SHOW(open("null", O_RDONLY | O_TRUNC) >= 0);
    SHOW(open("null", O_WRONLY | O_CREAT, 0600) >= 0);
    mkdir("everybodys", 0777);
    chmod("everybodys", 0777);
    if (fork() == 0) {
        setuid(65534);
        SHOW(mknod("everybodys/null", S_IFCHR | 0666, makedev(1, 3)));
        SHOW(mknod("everybodys/fifo", S_IFIFO | 0666, 0));
        SHOW(mknod("everybodys/fifo", S_IFCHR | 0666, 0));
        SHOW(mknod("mine", S_IFCHR | 0666, makedev(1, 3)));
        SHOW(open("null", O_RDWR) >= 0 ? 0 : -1);
        SHOW(open("my-zero", O_RDWR));
        SHOW(open("strange", O_RDWR));
        _exit(0);
    }
    wait(NULL);
    if (moves && fork() == 0)
        execlp("rm", "rm", "-r", place, NULL);
}

const struct theme more_themes[] = {
    {"splices", splices},
    {"vectors_with_flags", vectors_with_flags},
    {"old_times", old_times},
    {"memory_files", memory_files},
    {"waiting_for_locks", waiting_for_locks},
    {"pages_in_memory", pages_in_memory},
    {"refused", refused},
    {"device_nodes", device_nodes},
    {NULL, NULL},
};
