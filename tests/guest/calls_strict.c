/* What a call refuses, and what it leaves as it was: full tables, unknown flags, real
 * users, bytes that nobody got; what becomes of locks. */
#include "calls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void make(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    write(fd, text, strlen(text));
    close(fd);
    close(open(name, O_RDONLY)); /* known to the box from here on */
}

/* Nothing is made, emptied or looked for when there is no number for it. */
static void full(void)
{
    struct stat st;
    struct rlimit few = {3, 1024};
    make("f", "text");
    setrlimit(RLIMIT_NOFILE, &few);
    SHOW(open("made", O_CREAT | O_WRONLY, 0644));
    SHOW(open("f", O_TRUNC | O_WRONLY));
    SHOW(open("missing", O_RDONLY));
    SHOW(open("missing/x", O_RDONLY));
    SHOW(openat(99, "x", O_RDONLY));
    SHOW(open("f", O_RDONLY));
    SHOW(syscall(SYS_open, NULL, O_RDONLY));
    SHOW(access("made", F_OK));
    SHOW(stat("f", &st));
    SHOW(st.st_size);
    few.rlim_cur = 4;
    setrlimit(RLIMIT_NOFILE, &few);
    SHOW(open("missing", O_RDONLY));
    SHOW(open("f", O_RDONLY));
    SHOW(open("missing", O_RDONLY));
}

/* access(2) asks for the real user, on the way to a file, too. */
static void show_access(const char *name)
{
    for (int i = 0; i < 2; i++) {
        SHOW(access(name, F_OK));
        SHOW(access(name, R_OK));
        SHOW(faccessat(AT_FDCWD, name, R_OK, AT_EACCESS));
    }
}

static void real_users(void)
{
    mkdir("own", 0700);
    mkdir("group", 0750);
    make("own/f", "text");
    make("group/f", "text");
    SHOW(setresuid(1000, 0, 0));
    show_access("own/f");
    SHOW(setresuid(0, 0, 0));
    SHOW(setresuid(0, 1000, 0));
    show_access("own/f");
    SHOW(setresuid(0, 0, 0));
    SHOW(setresgid(0, 1000, 0));
    SHOW(setresuid(1000, 1000, 0));
    show_access("group/f");
    SHOW(setresuid(0, 0, 0));
    SHOW(setresgid(1000, 0, 0));
    SHOW(setresuid(1000, 1000, 0));
    show_access("group/f");
}

static void unknown_flags(void)
{
    const int odd[] = {0x4, 0x100, 0x200, 0x400, 0x8000, 1 << 20, (int)(1U << 31)};
    const struct timespec neither[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    char out[512];
    make("f", "text");
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        printf("%x\n", (unsigned)odd[i]);
        SHOW(syscall(SYS_statx, AT_FDCWD, "f", odd[i], 0, out));
        SHOW(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, odd[i]));
        SHOW(syscall(SYS_fchownat, AT_FDCWD, "f", -1, -1, odd[i]));
        SHOW(syscall(SYS_utimensat, AT_FDCWD, "f", NULL, odd[i]));
        SHOW(syscall(SYS_utimensat, 0, NULL, NULL, odd[i]));
    }
    SHOW(syscall(SYS_statx, AT_FDCWD, "f", 0x2000, 0, out));
    SHOW(syscall(SYS_statx, AT_FDCWD, "f", 0x4000, 0, out));
    SHOW(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0, out));
    SHOW(syscall(SYS_statx, AT_FDCWD, "f", 0, 1U << 31, out));
    SHOW(syscall(SYS_fchownat, AT_FDCWD, "", -1, -1, AT_EMPTY_PATH));
    SHOW(syscall(SYS_utimensat, AT_FDCWD, "missing", neither, 0));
    SHOW(syscall(SYS_utimensat, AT_FDCWD, "missing", NULL, 0));
}

/* The position stays where it was. */
static void not_given(void)
{
    char byte;
    make("f", "text");
    int fd = open("f", O_RDONLY), both = open("f", O_RDWR);
    SHOW(read(fd, (void *)8, 2));
    SHOW(read(fd, &byte, 1));
    SHOW(read(both, (void *)8, 2));
    SHOW(lseek(both, 0, SEEK_CUR));
    SHOW(lseek(fd, 0, SEEK_CUR));
}

/* Locks ----------------------------------------------------------------------------------*/

/* The other one's side: a lock for each letter that comes, and what became of it. */
static void obey(const char *name, int in, int out)
{
    static const struct {
        char letter;
        int how;
    } orders[] = {{'s', LOCK_SH | LOCK_NB}, {'x', LOCK_EX | LOCK_NB}, {'w', LOCK_EX}};
    int fd = open(name, O_RDWR);
    char letter;
    while (read(in, &letter, 1) == 1)
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
            if (orders[i].letter == letter)
                write(out, flock(fd, orders[i].how) == 0 ? "y" : "n", 1);
    _exit(0);
}

static int other[2]; /* to it, from it */

static int ask(const char *letter)
{
    char answer = '?';
    write(other[0], letter, 1);
    read(other[1], &answer, 1);
    return answer;
}

/* Who changes a lock loses it first, so that two that both want more do not wait for ever. */
static void converted(void)
{
    int to[2], from[2];
    char answer;
    make("f", "text");
    pipe(to), pipe(from);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(to[1]);
        obey("f", to[0], from[1]);
    }
    other[0] = to[1], other[1] = from[0];
    int fd = open("f", O_RDWR);
    SHOW(flock(fd, LOCK_SH));
    SHOW(flock(fd, LOCK_SH | LOCK_NB));
    SHOW(ask("s"));
    SHOW(flock(fd, LOCK_EX | LOCK_NB));
    SHOW(ask("x"));
    SHOW(flock(fd, LOCK_SH | LOCK_NB));
    SHOW(ask("s"));
    SHOW(flock(fd, LOCK_SH | LOCK_NB));
    write(other[0], "w", 1);
    until_asleep(pid);
    SHOW(flock(fd, LOCK_UN));
    SHOW(read(other[1], &answer, 1));
    SHOW(answer);
    SHOW(flock(fd, LOCK_SH | LOCK_NB));
    close(to[1]);
    waitpid(pid, NULL, 0);
    SHOW(flock(fd, LOCK_EX));
}

static int range(int fd, int command, int type, const int64_t at[2])
{
    struct flock l = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = at[0], .l_len = at[1]};
    return fcntl(fd, command, &l);
}
#define AT(start, size) ((const int64_t[2]){start, size})

/* What stands in the way of another process. */
static void in_the_way(int type, const int64_t at[2])
{
    fflush(stdout);
    if (fork() == 0) {
        struct flock l = {
            .l_type = (short)type, .l_whence = SEEK_SET, .l_start = at[0], .l_len = at[1]};
        SHOW(fcntl(open("f", O_RDWR), F_GETLK, &l));
        printf("%jd+%jd: %d %jd+%jd %d\n", (intmax_t)at[0], (intmax_t)at[1], l.l_type,
               (intmax_t)l.l_start, (intmax_t)l.l_len, l.l_pid == getppid());
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

static void ranges(void)
{
    make("f", "text");
    int fd = open("f", O_RDWR);
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(0, 10)));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(10, 10)));
    in_the_way(F_WRLCK, AT(0, 0));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(30, 10)));
    in_the_way(F_WRLCK, AT(0, 0));
    in_the_way(F_WRLCK, AT(20, 0));
    SHOW(range(fd, F_SETLK, F_RDLCK, AT(5, 10)));
    in_the_way(F_WRLCK, AT(0, 0));
    in_the_way(F_WRLCK, AT(7, 1));
    in_the_way(F_RDLCK, AT(7, 100));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(5, 10)));
    in_the_way(F_WRLCK, AT(3, 1));
    SHOW(range(fd, F_SETLK, F_UNLCK, AT(8, 2)));
    in_the_way(F_RDLCK, AT(0, 0));
    in_the_way(F_RDLCK, AT(9, 0));
    SHOW(range(fd, F_SETLK, F_UNLCK, AT(0, 0)));
    in_the_way(F_WRLCK, AT(0, 0));
}

static void edges_of_ranges(void)
{
    make("f", "text");
    int fd = open("f", O_RDWR);
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(INT64_MAX, 1)));
    in_the_way(F_WRLCK, AT(0, 0));
    SHOW(range(fd, F_SETLK, F_UNLCK, AT(0, 0)));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(INT64_MAX - 1, 1)));
    in_the_way(F_WRLCK, AT(0, 0));
    in_the_way(F_WRLCK, AT(INT64_MAX, 1));
    SHOW(range(fd, F_SETLK, F_UNLCK, AT(0, 0)));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(INT64_MAX - 1, 2)));
    in_the_way(F_WRLCK, AT(0, 0));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(INT64_MAX - 1, 3)));
    SHOW(range(fd, F_SETLK, F_UNLCK, AT(0, 0)));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(5, -6)));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(5, -5)));
    in_the_way(F_WRLCK, AT(0, 0));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(-5, -6)));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(INT64_MIN, INT64_MIN)));
    SHOW(range(fd, F_SETLK, F_WRLCK, AT(1, INT64_MIN)));
}

static void refused_locks(void)
{
    struct flock whence = {.l_type = F_WRLCK, .l_whence = 7};
    struct flock end = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = INT64_MAX};
    struct flock named = {.l_type = F_WRLCK, .l_pid = 4};
    make("f", "text");
    int fd = open("f", O_RDWR), path = open("f", O_PATH), read_only = open("f", O_RDONLY);
    SHOW(fcntl(fd, F_SETLK, &whence));
    SHOW(fcntl(fd, F_SETLK, &end));
    SHOW(fcntl(fd, F_OFD_SETLK, &named));
    SHOW(fcntl(fd, F_OFD_GETLK, &named));
    SHOW(range(fd, F_SETLK, 9, AT(0, 1)));
    SHOW(range(fd, F_GETLK, 9, AT(0, 1)));
    SHOW(range(fd, F_GETLK, F_UNLCK, AT(0, 1)));
    SHOW(range(read_only, F_SETLK, F_WRLCK, AT(0, 1)));
    SHOW(range(read_only, F_GETLK, F_WRLCK, AT(0, 1)));
    SHOW(range(path, F_SETLK, F_RDLCK, AT(0, 1)));
    SHOW(range(path, F_GETLK, F_RDLCK, AT(0, 1)));
    SHOW(flock(path, LOCK_SH));
    SHOW(fcntl(path, F_SETFL, O_APPEND));
    SHOW(fcntl(path, F_GETFL) & O_PATH);
    SHOW(fcntl(path, F_GETOWN));
    SHOW(fcntl(path, F_GETPIPE_SZ));
    SHOW(fcntl(path, F_GETFD));
    SHOW(fcntl(path, F_DUPFD, 20));
}

const struct theme strict_themes[] = {{"full", full},
                                      {"real_users", real_users},
                                      {"unknown_flags", unknown_flags},
                                      {"not_given", not_given},
                                      {"converted_locks", converted},
                                      {"ranges", ranges},
                                      {"edges_of_ranges", edges_of_ranges},
                                      {"refused_locks", refused_locks},
                                      {NULL, NULL}};
