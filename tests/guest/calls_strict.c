/* What a call refuses, and what it leaves as it was: full tables, unknown flags, real
 * users, bytes that nobody got. */
#include "calls.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

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

const struct theme strict_themes[] = {{"full", full},
                                      {"real_users", real_users},
                                      {"unknown_flags", unknown_flags},
                                      {"not_given", not_given},
                                      {NULL, NULL}};
