/* The families against what programs and libcs do, and against what broke or
 * holed other filters. Everything goes through decide_call, so a row here
 * holds for the compiled filters, too (tests/sim). */
#include "harness.h"
#include "policy/decide.h"

#include <errno.h>
#include <string.h>

#define ALL_PROMISES ((UINT64_C(1) << PROMISE_COUNT) - 1)
#define STDIO PROMISE(STDIO)
#define HIGH UINT64_C(0xdeadbeef00000000)

struct arguments {
    uint64_t a[6];
};
#define ARGS(...) ((struct arguments){{__VA_ARGS__}})

/* The verdict, or a denied one where the architecture has no such call. */
static struct call_verdict verdict(const struct arch *arch, promise_set promises, const char *name,
                                   struct arguments args)
{
    struct policy policy = {.promises = promises};
    const struct sys_call *call = arch_call_by_name(arch, name);
    struct call_verdict out = {.bpf = ANSWER_NONE};
    if (call) {
        struct call_event event = {.arch = arch, .nr = call->nr};
        memcpy(event.args, args.a, sizeof event.args);
        decide_call(&policy, &event, &out);
    }
    return out;
}

static const struct arch *x86_64(void)
{
    return &archs[ARCH_X86_64];
}

static bool allowed(promise_set promises, const char *name, struct arguments args)
{
    return verdict(x86_64(), promises, name, args).bpf == ANSWER_ALLOW;
}

static promise_set missing(promise_set promises, const char *name, struct arguments args)
{
    struct call_verdict v = verdict(x86_64(), promises, name, args);
    return v.bpf == ANSWER_DENY ? v.missing : 0;
}

static bool skipped(const struct arch *arch)
{
    return arch->id == ARCH_X32;
}

/* Every architecture that has the call answers so. */
static void everywhere(promise_set promises, const char *name, struct arguments args,
                       enum answer wanted)
{
    size_t seen = 0;
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        struct call_verdict v = verdict(&archs[i], promises, name, args);
        if (skipped(&archs[i]) || v.bpf == ANSWER_NONE)
            continue;
        seen++;
        if (v.bpf != wanted)
            test_fail(__FILE__, __LINE__, "%s on %s: %s", name, archs[i].name,
                      wanted == ANSWER_ALLOW ? "denied" : "allowed");
    }
    if (seen == 0)
        test_fail(__FILE__, __LINE__, "no architecture has %s", name);
}

/* Calls of one intent: whoever may do one of them may do the others. */
static const char *const alike[][10] = {
    {"read", "readv", "pread64", "preadv", "preadv2"},
    {"write", "writev", "pwrite64", "pwritev", "pwritev2"},
    {"poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64"},
    {"epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_create", "epoll_create1", "epoll_ctl"},
    {"stat", "stat64", "lstat", "lstat64", "newfstatat", "fstatat64", "statx", "fstat", "fstat64"},
    {"access", "faccessat", "faccessat2"},
    {"futex", "futex_time64", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue"},
    {"clock_gettime", "clock_gettime64", "gettimeofday", "time", "clock_getres_time64"},
    {"nanosleep", "clock_nanosleep", "clock_nanosleep_time64"},
    {"timerfd_settime", "timerfd_settime64", "timer_settime", "timer_settime64"},
    {"rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigaction", "sigaction"},
    {"recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "recv"},
    {"clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "settimeofday"},
    {"utime", "utimes", "futimesat", "utimensat", "utimensat_time64"},
    {"getdents", "getdents64"},
    {"unlink", "unlinkat", "rmdir"},
    {"rename", "renameat", "renameat2"},
    {"readlink", "readlinkat"},
    {"dup", "dup2", "dup3"},
    {"pipe", "pipe2", "eventfd", "eventfd2"},
    {"sendfile", "sendfile64", "splice", "copy_file_range"},
    {"statfs", "statfs64", "fstatfs", "fstatfs64"},
    {"chown", "chown32", "lchown", "fchown", "fchown32", "fchownat"},
    {"setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "removexattrat"},
    {"io_pgetevents", "io_pgetevents_time64", "io_submit"},
    {"semtimedop", "semtimedop_time64", "semop", "mq_timedsend", "mq_timedsend_time64"},
    {"fork", "vfork"},
    {"wait4", "waitid", "waitpid"},
    {"execve", "execveat"},
};

TEST(calls_of_one_intent_are_decided_alike)
{
    for (size_t arch = 0; arch < ARCH_COUNT; arch++)
        for (size_t row = 0; row < ARRAY_COUNT(alike) && !skipped(&archs[arch]); row++) {
            promise_set one = 0;
            const char *first = NULL;
            for (size_t i = 0; i < ARRAY_COUNT(alike[row]) && alike[row][i]; i++) {
                promise_set who = 0;
                for (unsigned p = 0; p < PROMISE_COUNT; p++) {
                    promise_set held = UINT64_C(1) << p;
                    if (verdict(&archs[arch], held, alike[row][i], ARGS(0)).bpf == ANSWER_ALLOW)
                        who |= held;
                }
                if (!arch_call_by_name(&archs[arch], alike[row][i]))
                    continue;
                if (first && who != one)
                    test_fail(__FILE__, __LINE__, "%s: %s and %s differ", archs[arch].name, first,
                              alike[row][i]);
                first = alike[row][i];
                one = who;
                CHECK(who != 0);
            }
        }
}

/* What glibc, musl and Go call before main, on whatever architecture. */
TEST(programs_start_under_stdio_alone)
{
    static const char *const plain[] = {
        "access",
        "arch_prctl",
        "brk",
        "cacheflush",
        "clock_gettime",
        "clock_gettime64",
        "close",
        "epoll_pwait",
        "exit_group",
        "faccessat",
        "fstat",
        "fstat64",
        "futex",
        "futex_time64",
        "getegid",
        "getegid32",
        "getpid",
        "getrandom",
        "getrlimit",
        "gettid",
        "getuid32",
        "lseek",
        "_llseek",
        "madvise",
        "mincore",
        "munmap",
        "newfstatat",
        "pread64",
        "read",
        "readv",
        "restart_syscall",
        "riscv_flush_icache",
        "riscv_hwprobe",
        "rseq",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "sched_getaffinity",
        "sched_yield",
        "set_robust_list",
        "set_thread_area",
        "set_tid_address",
        "set_tls",
        "sigaltstack",
        "statx",
        "tgkill",
        "tkill",
        "ugetrlimit",
        "uname",
        "uprobe",
        "uretprobe",
        "write",
        "writev",
        "map_shadow_stack",
        "mseal",
        "s390_guarded_storage",
    };
    for (size_t i = 0; i < ARRAY_COUNT(plain); i++)
        everywhere(STDIO, plain[i], ARGS(HIGH | 1, HIGH | 2, HIGH | 3, HIGH | 4, HIGH | 5),
                   ANSWER_ALLOW);
    everywhere(STDIO, "openat", ARGS(0, 0, 0), ANSWER_ALLOW);
    everywhere(STDIO, "prlimit64", ARGS(0, 3, 0), ANSWER_ALLOW);
    everywhere(STDIO, "prctl", ARGS(0x53564d41), ANSWER_ALLOW); /* PR_SET_VMA */
    everywhere(STDIO, "prctl", ARGS(15), ANSWER_ALLOW);         /* PR_SET_NAME */
    everywhere(STDIO, "mprotect", ARGS(0, 0, 1), ANSWER_ALLOW); /* PROT_READ */
    everywhere(STDIO, "clone3", ARGS(0), ANSWER_DENY);
    struct arguments file = ARGS(0, 4096, 5, 0x802, 3), code = ARGS(0, 4096, 5, 0x812, 3);
    CHECK(allowed(STDIO, "mmap", file) && allowed(STDIO, "mmap", code)); /* MAP_PRIVATE, FIXED */
}

TEST(nobody_falls_back_where_nothing_is_said)
{
    static const char *const quiet[] = {"clone3", "openat2", "io_uring_setup"};
    for (size_t arch = 0; arch < ARCH_COUNT; arch++)
        for (size_t i = 0; i < ARRAY_COUNT(quiet) && !skipped(&archs[arch]); i++) {
            struct call_verdict v = verdict(&archs[arch], ALL_PROMISES, quiet[i], ARGS(0));
            CHECK(v.bpf == ANSWER_DENY && v.error == archs[arch].enosys && v.probe);
        }
}

/* clone: threads are stdio's, children proc's, anything new nobody's. */
TEST(clone_by_its_flags)
{
    uint64_t glibc = 0x3d0f00, musl = 0x7d0f00, go = 0x50f00, spawn = 0x4111, fork = 0x1200011;
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        const struct arch *arch = &archs[i];
        if (skipped(arch))
            continue;
#define CLONE(held, flags)                                                                         \
    verdict(arch, held, "clone", arch->id == ARCH_S390X ? ARGS(0, flags) : ARGS(flags)).bpf
        CHECK_EQ(CLONE(STDIO, glibc), ANSWER_ALLOW);
        CHECK_EQ(CLONE(STDIO, musl), ANSWER_ALLOW);
        CHECK_EQ(CLONE(STDIO, go), ANSWER_ALLOW);
        CHECK_EQ(CLONE(STDIO, fork), ANSWER_DENY);
        CHECK_EQ(CLONE(STDIO, spawn), ANSWER_DENY);
        CHECK_EQ(CLONE(PROMISE(PROC), fork), ANSWER_ALLOW);
        CHECK_EQ(CLONE(PROMISE(PROC), spawn), ANSWER_ALLOW);
        static const uint64_t never[] = {0x20000,    0x2000000,  0x4000000, 0x8000000, 0x10000000,
                                         0x20000000, 0x40000000, 0x2000,    0x8000};
        for (size_t n = 0; n < ARRAY_COUNT(never); n++) {
            CHECK_EQ(CLONE(ALL_PROMISES, never[n] | fork), ANSWER_DENY);
            CHECK_EQ(CLONE(ALL_PROMISES, never[n] | glibc), ANSWER_DENY);
        }
#undef CLONE
    }
}

/* x86_64's flags. */
enum {
    RD = 0,
    WR = 1,
    RW = 2,
    CREAT = 0x40,
    TRUNC = 0x200,
    DIRECTORY = 0x10000,
    TMPFILE = 0x410000,
    PATH = 0x200000,
    CLOEXEC = 0x80000,
};

TEST(opening_asks_for_each_thing_that_it_does)
{
    promise_set r = PROMISE(RPATH), w = PROMISE(WPATH), c = PROMISE(CPATH);
    static const struct {
        uint64_t flags;
        promise_set stdio, alone; /* missing beside stdio, and beside nothing */
    } rows[] = {
        {RD, 0, PROMISE(STDIO)},
        {RD | CLOEXEC, 0, PROMISE(STDIO)},
        {RW, 0, PROMISE(STDIO)},
        {RD | DIRECTORY, PROMISE(RPATH), PROMISE(RPATH)},
        {RD | PATH, PROMISE(RPATH), PROMISE(RPATH)},
        {WR | TRUNC, PROMISE(WPATH), PROMISE(WPATH)},
        {RD | TRUNC, PROMISE(RPATH) | PROMISE(WPATH), PROMISE(RPATH) | PROMISE(WPATH)},
        {RD | CREAT, PROMISE(RPATH) | PROMISE(CPATH), PROMISE(RPATH) | PROMISE(CPATH)},
        {WR | CREAT, PROMISE(WPATH) | PROMISE(CPATH), PROMISE(WPATH) | PROMISE(CPATH)},
        {WR | CREAT | TRUNC, PROMISE(WPATH) | PROMISE(CPATH), PROMISE(WPATH) | PROMISE(CPATH)},
        {WR | TMPFILE, PROMISE(WPATH) | PROMISE(CPATH), PROMISE(WPATH) | PROMISE(CPATH)},
        {RW | CREAT, PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH),
         PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH)},
        {RW | TMPFILE, PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH),
         PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH)},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct arguments at = ARGS(0, 0, HIGH | rows[i].flags, 0644);
        struct arguments old = ARGS(0, HIGH | rows[i].flags, 0644);
        CHECK_EQ(missing(STDIO, "openat", at), rows[i].stdio);
        CHECK_EQ(missing(STDIO, "open", old), rows[i].stdio);
        CHECK_EQ(missing(0, "openat", at), rows[i].alone);
        CHECK(allowed(r | w | c, "openat", at));
    }
    CHECK(!allowed(c, "openat", ARGS(0, 0, RD | CREAT, 0644)));
    CHECK(!allowed(r | w, "openat", ARGS(0, 0, RW | CREAT, 0644)));
    CHECK(!allowed(r, "openat", ARGS(0, 0, RD | TMPFILE, 0644)));
    CHECK(!allowed(ALL_PROMISES, "openat", ARGS(0, 0, 3)));
    CHECK(!allowed(ALL_PROMISES, "open", ARGS(0, 3)));
}

TEST(nobody_makes_files_setuid)
{
    static const uint64_t modes[] = {04755, 02755, 06755, 0104755};
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        uint64_t m = HIGH | modes[i];
        CHECK(!allowed(ALL_PROMISES, "openat", ARGS(0, 0, WR | CREAT, m)));
        CHECK(!allowed(ALL_PROMISES, "open", ARGS(0, RW | CREAT | TRUNC, m)));
        CHECK(!allowed(ALL_PROMISES, "openat", ARGS(0, 0, RW | TMPFILE, m)));
        everywhere(ALL_PROMISES, "creat", ARGS(0, m), ANSWER_DENY);
        everywhere(ALL_PROMISES, "chmod", ARGS(0, m), ANSWER_DENY);
        everywhere(ALL_PROMISES, "fchmod", ARGS(0, m), ANSWER_DENY);
        everywhere(ALL_PROMISES, "fchmodat", ARGS(0, 0, m), ANSWER_DENY);
        everywhere(ALL_PROMISES, "fchmodat2", ARGS(0, 0, m), ANSWER_DENY);
        everywhere(ALL_PROMISES, "mknod", ARGS(0, m), ANSWER_DENY);
        everywhere(ALL_PROMISES, "mknodat", ARGS(0, 0, m), ANSWER_DENY);
    }
    /* The mode of a file that is only opened is no mode. */
    CHECK(allowed(PROMISE(RPATH), "openat", ARGS(0, 0, RD, 06755)));
    everywhere(PROMISE(FATTR), "fchmodat2", ARGS(0, 0, 01755), ANSWER_ALLOW);
    everywhere(PROMISE(DPATH), "mknodat", ARGS(0, 0, 010644), ANSWER_ALLOW);
    everywhere(PROMISE(CPATH), "mknodat", ARGS(0, 0, 010644), ANSWER_DENY);
    everywhere(PROMISE(CPATH), "mknodat", ARGS(0, 0, 0100644), ANSWER_ALLOW);
}

TEST(executable_memory)
{
    promise_set x = PROMISE(PROT_EXEC);
    static const struct {
        uint64_t prot, flags;
        bool stdio;
    } rows[] = {
        {3, 0x22, true},  /* read and write, anonymous */
        {5, 0x02, true},  /* a library's code */
        {5, 0x22, false}, /* anonymous code */
        {7, 0x02, false}, /* writable code */
        {4, 0x21, false}, {6, 0x01, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct arguments args = ARGS(0, 4096, HIGH | rows[i].prot, HIGH | rows[i].flags, 3);
        CHECK_EQ(allowed(STDIO, "mmap", args), rows[i].stdio);
        CHECK(allowed(x, "mmap", args));
    }
    everywhere(STDIO, "mprotect", ARGS(0, 0, HIGH | 4), ANSWER_DENY);
    everywhere(STDIO, "pkey_mprotect", ARGS(0, 0, 5), ANSWER_DENY);
    everywhere(STDIO, "memfd_create", ARGS(0), ANSWER_DENY);
    everywhere(STDIO, "memfd_secret", ARGS(0), ANSWER_DENY);
    everywhere(x, "mprotect", ARGS(0, 0, 7), ANSWER_ALLOW);
    everywhere(x, "memfd_create", ARGS(0), ANSWER_ALLOW);
    everywhere(PROMISE(SYSV), "shmat", ARGS(0, 0, 0100000), ANSWER_DENY); /* SHM_EXEC */
    everywhere(PROMISE(SYSV), "shmat", ARGS(0, 0, 010000), ANSWER_ALLOW);
    everywhere(PROMISE(SYSV), "ipc", ARGS(21, 0, 0100000), ANSWER_DENY);
    everywhere(PROMISE(SYSV), "ipc", ARGS(0x10015, 0, 0), ANSWER_ALLOW);
    everywhere(ALL_PROMISES, "personality", ARGS(0x0400000), ANSWER_DENY); /* READ_IMPLIES_EXEC */
    everywhere(PROMISE(EXEC), "personality", ARGS(UINT32_MAX), ANSWER_ALLOW);
}

/* Requests that type into a terminal or change what it is, by architecture. */
TEST(no_terminal_is_typed_into)
{
    static const uint64_t never[] = {0x5412, 0x541c, 0x541d,
                                     0x5423}, /* TIOCSTI, LINUX, CONS, SETD */
        mips[] = {0x5472, 0x5483, 0x80047478, 0x7401};
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        const uint64_t *at = archs[i].id == ARCH_MIPS64EL ? mips : never;
        for (size_t n = 0; n < ARRAY_COUNT(never) && !skipped(&archs[i]); n++) {
            CHECK_EQ(verdict(&archs[i], ALL_PROMISES, "ioctl", ARGS(0, at[n])).bpf, ANSWER_DENY);
            CHECK_EQ(verdict(&archs[i], ALL_PROMISES, "ioctl", ARGS(0, HIGH | at[n])).bpf,
                     ANSWER_DENY);
        }
    }
    CHECK(allowed(STDIO, "ioctl", ARGS(0, 0x5401)));             /* TCGETS */
    CHECK(allowed(STDIO, "ioctl", ARGS(0, HIGH | 0x802c542a)));  /* TCGETS2 */
    CHECK(allowed(STDIO, "ioctl", ARGS(0, 0xffffffff802c542a))); /* a signed int's */
    CHECK_EQ(missing(STDIO, "ioctl", ARGS(0, 0x5402)), PROMISE(TTY));
    CHECK_EQ(missing(STDIO, "ioctl", ARGS(0, 0x5410)), PROMISE(TTY) | PROMISE(PROC));
}

/* x86_64's numbers. */
TEST(sockets_by_domain_type_and_protocol)
{
    enum { STREAM = 1, DGRAM = 2, RAW = 3, SEQPACKET = 5, FLAGS = 0x80800 };
    promise_set inet = PROMISE(INET), local = PROMISE(UNIX);
    CHECK(allowed(inet, "socket", ARGS(2, STREAM | FLAGS, 0)));
    CHECK(allowed(inet, "socket", ARGS(10, DGRAM, 17)));
    CHECK(!allowed(inet, "socket", ARGS(1, STREAM, 0)));
    CHECK(!allowed(local, "socket", ARGS(2, STREAM, 0)));
    CHECK(allowed(local, "socket", ARGS(1, SEQPACKET, 0)));
    CHECK(allowed(PROMISE(DNS), "socket", ARGS(16, RAW | 0x80000, 0)));
    CHECK(!allowed(ALL_PROMISES, "socket", ARGS(16, RAW, 15)));      /* KOBJECT_UEVENT */
    CHECK(!allowed(ALL_PROMISES, "socket", ARGS(2, RAW, 1)));        /* raw IP */
    CHECK(!allowed(ALL_PROMISES, "socket", ARGS(2, STREAM, 262)));   /* MPTCP */
    CHECK(!allowed(ALL_PROMISES, "socket", ARGS(17, RAW, 768)));     /* AF_PACKET */
    CHECK(!allowed(ALL_PROMISES, "socket", ARGS(38, SEQPACKET, 0))); /* AF_ALG */
    CHECK(!allowed(ALL_PROMISES, "socket", ARGS(40, STREAM, 0)));    /* AF_VSOCK */
    CHECK(!allowed(ALL_PROMISES, "setsockopt", ARGS(3, 1, 26)));     /* SO_ATTACH_FILTER */
    CHECK(!allowed(ALL_PROMISES, "setsockopt", ARGS(3, 1, 50)));     /* SO_ATTACH_BPF */
    CHECK(!allowed(ALL_PROMISES, "setsockopt", ARGS(3, 6, 31)));     /* TCP_ULP */
    CHECK(!allowed(ALL_PROMISES, "setsockopt", ARGS(3, 0, 64)));     /* netfilter's */
    /* A pair of datagram sockets could send to any unix socket by name. */
    CHECK(allowed(STDIO, "socketpair", ARGS(1, STREAM | FLAGS, 0)));
    CHECK(!allowed(STDIO, "socketpair", ARGS(1, DGRAM, 0)));
    CHECK(!allowed(STDIO, "socketpair", ARGS(1, RAW, 0)));
}

TEST(sending_without_an_address_and_never_fast_open)
{
    uint64_t fast = 0x20000000;
    CHECK(allowed(STDIO, "sendto", ARGS(3, 0, 0, 0x4000, 0, 0)));
    CHECK(!allowed(STDIO, "sendto", ARGS(3, 0, 0, 0, 1, 16)));
    CHECK(!allowed(STDIO, "sendto", ARGS(3, 0, 0, 0, HIGH, 16)));
    CHECK(allowed(PROMISE(INET), "sendto", ARGS(3, 0, 0, 0, HIGH, 16)));
    CHECK(allowed(STDIO, "sendmsg", ARGS(3, 0, 0x4000)));
    everywhere(ALL_PROMISES, "sendto", ARGS(3, 0, 0, HIGH | fast, 1, 16), ANSWER_DENY);
    everywhere(ALL_PROMISES, "sendmsg", ARGS(3, 0, HIGH | fast), ANSWER_DENY);
    everywhere(ALL_PROMISES, "sendmmsg", ARGS(3, 0, 0, fast), ANSWER_DENY);
    everywhere(ALL_PROMISES, "send", ARGS(3, 0, 0, fast), ANSWER_DENY);
}

/* socketcall hides its arguments: what could be anything asks for both. */
TEST(multiplexed_calls)
{
    promise_set both = PROMISE(INET) | PROMISE(UNIX);
    everywhere(STDIO, "socketcall", ARGS(16), ANSWER_ALLOW); /* sendmsg */
    everywhere(STDIO, "socketcall", ARGS(1), ANSWER_DENY);   /* socket */
    everywhere(STDIO, "socketcall", ARGS(8), ANSWER_DENY);   /* socketpair */
    everywhere(STDIO, "socketcall", ARGS(3), ANSWER_DENY);   /* connect */
    everywhere(PROMISE(INET), "socketcall", ARGS(1), ANSWER_DENY);
    everywhere(PROMISE(INET), "socketcall", ARGS(3), ANSWER_ALLOW);
    everywhere(PROMISE(UNIX), "socketcall", ARGS(8), ANSWER_ALLOW);
    everywhere(both, "socketcall", ARGS(1), ANSWER_ALLOW);
    everywhere(both, "socketcall", ARGS(14), ANSWER_ALLOW); /* setsockopt */
    everywhere(ALL_PROMISES, "socketcall", ARGS(99), ANSWER_DENY);
}

TEST(signals_stay_with_processes_by_number)
{
    everywhere(STDIO, "kill", ARGS(0, 15), ANSWER_ALLOW);
    everywhere(STDIO, "kill", ARGS(1234, 15), ANSWER_ALLOW);
    everywhere(STDIO, "kill", ARGS(UINT64_MAX, 15), ANSWER_DENY);
    everywhere(STDIO, "kill", ARGS((uint32_t)-5, 15), ANSWER_DENY);
    everywhere(PROMISE(PROC), "kill", ARGS(UINT64_MAX, 15), ANSWER_ALLOW);
    everywhere(STDIO, "pidfd_open", ARGS(1), ANSWER_DENY);
    everywhere(STDIO, "fcntl", ARGS(0, 8, 1), ANSWER_DENY); /* F_SETOWN, also mips' 24 */
    everywhere(STDIO, "fcntl", ARGS(0, 24, 1), ANSWER_DENY);
}

/* A child of posix_spawn takes up its own identity: glibc's call, then musl's. */
TEST(a_spawned_child_may_be_itself)
{
    promise_set spawn = PROMISE(PROC) | PROMISE(EXEC);
    uint64_t same = UINT64_MAX;
    CHECK(allowed(spawn, "setresuid", ARGS(same, 1000, same)));
    CHECK(allowed(spawn, "setresgid", ARGS((uint32_t)same, 1000, (uint32_t)same)));
    CHECK(!allowed(spawn, "setresuid", ARGS(1000, 1000, 1000)));
    CHECK(allowed(spawn, "setuid", ARGS(1000)));
    CHECK(!allowed(spawn, "setgroups", ARGS(0)));
    CHECK(!allowed(PROMISE(PROC), "setuid", ARGS(1000)));
    CHECK(allowed(PROMISE(ID), "setresuid", ARGS(1000, 1000, 1000)));
}

TEST(limits_that_a_program_may_change)
{
    CHECK(allowed(STDIO, "prlimit64", ARGS(0, 7, HIGH))); /* Go raises RLIMIT_NOFILE */
    CHECK(allowed(STDIO, "prlimit64", ARGS(0, 6, 0)));
    CHECK(!allowed(STDIO, "prlimit64", ARGS(0, 6, HIGH))); /* a pointer with no low bits */
    CHECK(!allowed(STDIO, "prlimit64", ARGS(1234, 7, HIGH)));
    CHECK(allowed(PROMISE(PROC), "prlimit64", ARGS(0, 6, HIGH)));
}

TEST(a_program_may_restrict_itself_but_not_watch)
{
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (!skipped(&archs[i])) {
            CHECK_EQ(verdict(&archs[i], STDIO, "seccomp", ARGS(1, 1)).bpf, ANSWER_ALLOW);
            CHECK_EQ(verdict(&archs[i], STDIO, "landlock_restrict_self", ARGS(0)).bpf,
                     ANSWER_ALLOW);
        }
    everywhere(ALL_PROMISES, "seccomp", ARGS(1, 8), ANSWER_DENY);     /* NEW_LISTENER */
    everywhere(ALL_PROMISES, "seccomp", ARGS(1, 4), ANSWER_DENY);     /* SPEC_ALLOW */
    everywhere(ALL_PROMISES, "prctl", ARGS(0x59616d61), ANSWER_DENY); /* PR_SET_PTRACER */
    everywhere(ALL_PROMISES, "prctl", ARGS(35), ANSWER_DENY);         /* PR_SET_MM */
    everywhere(STDIO, "prctl", ARGS(24), ANSWER_DENY);                /* PR_CAPBSET_DROP */
}

TEST(nothing_has_what_is_refused)
{
    static const char *const never[] = {
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "pidfd_getfd",
        "unshare",
        "setns",
        "mount",
        "move_mount",
        "pivot_root",
        "chroot",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "keyctl",
        "add_key",
        "reboot",
        "kexec_load",
        "init_module",
        "finit_module",
        "open_by_handle_at",
        "swapon",
        "acct",
        "syslog",
        "fanotify_init",
        "io_uring_enter",
        "kcmp",
        "quotactl",
        "sethostname",
        "iopl",
        "ioperm",
    };
    for (size_t i = 0; i < ARRAY_COUNT(never); i++) {
        everywhere(ALL_PROMISES, never[i], ARGS(0), ANSWER_DENY);
        for (size_t a = 0; a < ARCH_COUNT; a++) {
            struct call_verdict v = verdict(&archs[a], ALL_PROMISES, never[i], ARGS(0));
            if (!skipped(&archs[a]) && v.bpf == ANSWER_DENY)
                CHECK(decide_reason(&archs[a], &v) && v.missing == 0);
        }
    }
}

TEST(without_a_promise_a_program_may_end)
{
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        const struct arch_table *table = arch_table(archs[i].id);
        for (size_t c = 0; c < table->call_count && !skipped(&archs[i]); c++) {
            const char *name = call_name(&table->calls[c]);
            bool end = strcmp(name, "exit") == 0 || strcmp(name, "exit_group") == 0;
            CHECK_EQ(verdict(&archs[i], 0, name, ARGS(0)).bpf, end ? ANSWER_ALLOW : ANSWER_DENY);
        }
    }
}
