/* Fifteen ways in which sandboxes broke when a libc, a kernel or an
 * architecture changed: each call is made here as that libc makes it. */
#include "conform.h"

#include <asm/termbits.h>
#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers that the headers of a libc may be too old for. */
#ifndef SYS_newfstatat
#define SYS_newfstatat SYS_fstatat64 /* of 32 bits */
#endif
#ifdef SYS_rseq
#define NR_rseq SYS_rseq
#else
#define NR_rseq 334 /* x86_64's: musl has no name for it */
#endif
#define NR_uretprobe 335
#define NR_clone3 435
#define NR_openat2 437
#define NR_faccessat2 439
#define NR_fchmodat2 452

/* In musl since 1.2.5, where the kernel's header would say it again. */
#ifndef STATX_BASIC_STATS
#define STATX_BASIC_STATS 0x7ffU
#endif
#define GUARD_INSTALL 102                      /* MADV_GUARD_INSTALL */
#define GETS2 _IOR('T', 0x2A, struct termios2) /* TCGETS2 */

static char bytes[512];

/* 1. glibc 2.34 starts threads and programs by clone3; it goes back to clone
 * at ENOSYS, and at nothing else. */
static long starts_by_clone3(void)
{
    struct clone_args how = {.exit_signal = SIGCHLD};
    long pid = syscall(NR_clone3, &how, sizeof how);
    if (pid == 0)
        _exit(0);
    return pid < 0 ? -1 : waitpid((pid_t)pid, NULL, 0);
}

static void *nothing(void *data)
{
    return data;
}

static long starts_thread(void)
{
    pthread_t thread;
    return OK(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

FAILS(ENOSYS, "stdio proc exec", "clone3(2) is unknown, whatever is promised", "moby#42680",
      starts_by_clone3());
ALLOWS("stdio", "pthread_create(3) goes on without clone3(2)", "moby#42680", starts_thread());

/* 2. access and faccessat with flags are faccessat2 in newer libcs. */
GRANTS("rpath", "stdio", "faccessat2(2)", "systemd#16739",
       syscall(NR_faccessat2, AT_FDCWD, "file", R_OK, AT_EACCESS));

/* 3. glibc 2.33: fstat is newfstatat with an empty path. */
ALLOWS("stdio", "newfstatat(2) of a descriptor", "wob#62",
       syscall(SYS_newfstatat, scene.file, "", bytes, AT_EMPTY_PATH));
GRANTS("rpath", "stdio", "newfstatat(2) of a path", "lightwave#3",
       syscall(SYS_newfstatat, AT_FDCWD, "file", bytes, 0));
GRANTS("rpath", "stdio", "newfstatat(2) of a path below a descriptor", "lightwave#3",
       syscall(SYS_newfstatat, scene.dir, "file", bytes, AT_EMPTY_PATH));

/* 4. glibc 2.35 registers each thread with rseq, and ends where that is EPERM
 * or half done. A second registration is the kernel's to refuse. */
ALLOWS("stdio", "rseq(2) reaches the kernel", "snapd#11357",
       OK(syscall(NR_rseq, NULL, 0, 0, 0) == -1 && errno == EINVAL));

/* 5. and 13. Calls of 32-bit programs, which only one that may execute them can
 * have: i386's entry from 64-bit code, with memory below 4 GB. */
#ifdef __x86_64__
static long call32(int number, long a, long b, long c, long d)
{
    long result;
    register long fourth asm("rsi") = d;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(number), "b"(a), "c"(b), "d"(c), "r"(fourth)
                 : "memory", "r8", "r9", "r10", "r11");
    if (result < 0)
        errno = (int)-result;
    return result < 0 ? -1 : result;
}

static uint32_t *low_page(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

static long socketcall_sends(void)
{
    enum { SEND = 9 };
    uint32_t *at = low_page();
    at[0] = (uint32_t)scene.pair[0];
    at[1] = (uint32_t)(uintptr_t)&at[8];
    at[2] = 4;
    at[3] = 0;
    return call32(102, SEND, (long)at, 0, 0);
}

#define BOTH "stdio rpath proc exec"
#define I386 .needs = "i386: calls of its programs"
ALLOWS(BOTH, "32-bit clock_gettime64(2)", "moby#40739", call32(403, 0, (long)low_page(), 0, 0),
       I386);
ALLOWS(BOTH, "32-bit clock_nanosleep_time64(2)", "moby#40739",
       call32(407, 1, 0, (long)low_page(), 0), I386);
ALLOWS(BOTH, "32-bit ppoll_time64(2)", "openssh#161", call32(414, 0, 0, (long)low_page(), 0), I386);
ALLOWS(BOTH, "32-bit futex_time64(2)", "moby#40739",
       call32(422, (long)low_page(), 1 /* FUTEX_WAKE */, 1, 0), I386);
ALLOWS(BOTH, "32-bit socketcall(2) that sends", "openssh#154", socketcall_sends(), I386);
DIES("stdio rpath", "without exec a 32-bit call ends the process", "vow",
     call32(20 /* getpid */, 0, 0, 0, 0), I386,
     .silent = "a filter ends the process without a signal that could be handled");
#endif

/* 6. statx for fstat: loongarch64, and 32-bit loaders. */
ALLOWS("stdio", "statx(2) of a descriptor", "file#119",
       syscall(SYS_statx, scene.file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, bytes));
GRANTS("rpath", "stdio", "statx(2) of a path", "garden-runc#372",
       syscall(SYS_statx, AT_FDCWD, "file", 0, STATX_BASIC_STATS, bytes));

/* 7. fchmodat2, glibc 2.39. It asks for set-id bits as chmod does. */
GRANTS("fattr", "stdio", "fchmodat2(2)", "systemd#30250",
       OK(syscall(NR_fchmodat2, AT_FDCWD, "file", 0600, AT_SYMLINK_NOFOLLOW) == 0 ||
          errno == ENOSYS));

static long sets_id(long result)
{
    struct stat state;
    return OK(fstat(scene.file, &state) == 0 && (result == -1 || !(state.st_mode & S_ISUID)));
}

ALLOWS("stdio fattr", "fchmodat2(2) does not set a set-id bit", "systemd#29618",
       sets_id(syscall(NR_fchmodat2, AT_FDCWD, "file", 04755, 0)));

/* 8. openat2, whose flags are in memory. */
static long opens_by_openat2(void)
{
    return syscall(NR_openat2, AT_FDCWD, "file", (uint64_t[3]){O_RDONLY, 0, 0}, 24);
}

FAILS(ENOSYS, "stdio rpath", "openat2(2) is unknown, whatever is promised", "systemd#18342",
      opens_by_openat2());

/* 9. The kernel puts uretprobe into programs that are traced. Called by
 * anybody else it ends the process by its own signal, not by ours. */
#ifdef __x86_64__
ROW(syscall(NR_uretprobe), .rule = "uretprobe(2) reaches the kernel", .source = "systemd#34615",
    .promises = "stdio", .result = DEATH, .number = SIGILL, .twin = starts_thread,
    .needs = "linux-6.11: has uretprobe");
#endif

/* 10. isatty by TCGETS2, glibc 2.42. */
ALLOWS("stdio", "ioctl(2) TCGETS2 of a terminal", "cloud-hypervisor#7276",
       ioctl(scene.terminal, GETS2, bytes));
ALLOWS("stdio", "ioctl(2) TCGETS2 of a file fails with ENOTTY", "gvisor#12589",
       OK(ioctl(scene.file, GETS2, bytes) == -1 && errno == ENOTTY));

/* 11. glibc 2.42 guards the stacks of threads so. */
static void *page(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

ALLOWS("stdio", "madvise(2) MADV_GUARD_INSTALL", "camoufox#551",
       OK(madvise(page(), 4096, GUARD_INSTALL) == 0 || errno == EINVAL));

/* 12. What malloc asks at its first call. */
ALLOWS("stdio", "getrandom(2) that does not wait", "systemd#20191",
       syscall(SYS_getrandom, bytes, 8, 1 /* GRND_NONBLOCK */));
ALLOWS("stdio", "sched_getaffinity(2)", "systemd#20191",
       syscall(SYS_sched_getaffinity, 0, sizeof bytes, bytes));
ALLOWS("stdio", "the size of huge pages may be read", "rumur#307",
       OK(open("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", O_RDONLY) >= 0 ||
          errno == ENOENT));

/* 14. The upper half of an int's register is anything, and open is openat in
 * one release and open in the next. */
#define SIGNED_AT ((long)AT_FDCWD)
#define UNSIGNED_AT ((long)(uint32_t)AT_FDCWD)
#define DIRTY(value) ((long)(0xabcd00000000 | (value)))
GRANTS("rpath", "stdio", "openat(2), the directory sign-extended", "tor#1964",
       syscall(SYS_openat, SIGNED_AT, "file", O_RDONLY));
GRANTS("rpath", "stdio", "openat(2), the directory zero-extended", "tor#1966",
       syscall(SYS_openat, UNSIGNED_AT, "file", O_RDONLY));
GRANTS("rpath", "stdio", "openat(2), dirt above the flags", "tor#1966",
       syscall(SYS_openat, SIGNED_AT, "file", DIRTY(O_RDONLY)));
GRANTS("wpath", "stdio rpath", "openat(2) for writing, dirt above the flags", "tor#1966",
       syscall(SYS_openat, SIGNED_AT, "file", DIRTY(O_WRONLY)));
#ifdef SYS_open
GRANTS("rpath", "stdio", "open(2) as the old call", "tor#1964",
       syscall(SYS_open, "file", O_RDONLY));
GRANTS("wpath", "stdio rpath", "open(2) as the old call, for writing", "tor#1964",
       syscall(SYS_open, "file", O_WRONLY));
#endif
DIES("stdio tty", "typing into the terminal with dirt above the request", "vow",
     OK(syscall(SYS_ioctl, scene.terminal, DIRTY(TIOCSTI), "x") == 0 || errno == EIO ||
        errno == EPERM));

/* 15. Landlock: renaming between directories is a right of its own, and a
 * process can enter only so many domains. */
ALLOWS("stdio rpath cpath", "rename(2) from one directory to another", "firejail#6696",
       rename("file", "dir/new"));
ALLOWS("stdio rpath cpath", "link(2) from one directory to another", "firejail#6696",
       link("file", "dir/new"));

static long narrows_often(void)
{
    char words[] = "chown cpath dns dpath exec fattr flock getpw id inet mcast proc prot_exec ps "
                   "recvfd route rpath sendfd settime tty unix unveil vminfo wpath wroute stdio";
    for (char *rest = words; rest; rest = strchr(rest, ' ')) {
        rest += *rest == ' ';
        if (pledge(rest, NULL) != 0)
            return -1;
    }
    return 0;
}

ALLOWS(NULL, "promises may be given up one by one", "vow", narrows_often(),
       .single = "before Landlock's ABI 8 other threads are found by rpath");
