/* The box's filters on the running kernel: every number is called, from the
 * shim's text and from elsewhere, and what is not on the list does not happen.
 *
 * Guests: one process makes all calls and counts the traps, or another counts what
 * it is told of. Broker: a call that
 * is not allowed ends the process, so each number has a process of its own. */
#include "box/filter.h"
#include "box/layout.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/notify.h"
#include "host/process.h"
#include "host/seccomp.h"

#define NUMBERS 512 /* the last call of 6.18 is 469 */
#define TRAPPED 0x7472617070656421L
#define PAGE 4096UL

typedef long call_fn(uint64_t nr, const uint64_t args[6]);

/* long call(nr, args): loads the registers, calls, returns; and a restorer. */
static const unsigned char code[] = {
    0x48, 0x89, 0xf8,             /* mov %rdi,%rax */
    0x49, 0x89, 0xf3,             /* mov %rsi,%r11 */
    0x49, 0x8b, 0x3b,             /* mov (%r11),%rdi */
    0x49, 0x8b, 0x73, 0x08,       /* mov 8(%r11),%rsi */
    0x49, 0x8b, 0x53, 0x10,       /* mov 16(%r11),%rdx */
    0x4d, 0x8b, 0x53, 0x18,       /* mov 24(%r11),%r10 */
    0x4d, 0x8b, 0x43, 0x20,       /* mov 32(%r11),%r8 */
    0x4d, 0x8b, 0x4b, 0x28,       /* mov 40(%r11),%r9 */
    0x0f, 0x05,                   /* syscall */
    0xc3,                         /* ret */
    0xb8, 0x0f, 0x00, 0x00, 0x00, /* mov $15,%eax (the restorer) */
    0x0f, 0x05,                   /* syscall */
};
enum { RESTORER = 32 };

static call_fn *put_code(uint64_t address)
{
    unsigned char *at =
        mmap((void *)address, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | (address ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    if (at == MAP_FAILED)
        abort();
    memcpy(at, code, sizeof code);
    return (call_fn *)(void *)at;
}

/* What the confined process found; it cannot tell otherwise. */
struct findings {
    unsigned outside_passed, inside_passed; /* calls that should have trapped */
    unsigned last_passed;
    unsigned done; /* allowed calls that did what they should */
    unsigned traps;
    int listener; /* 0: not there yet, or none */
};
static struct findings *found;

static void on_trap(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)signal;
    (void)info;
    uc->uc_mcontext.gregs[REG_RAX] = TRAPPED;
    found->traps++;
}

static void catch_traps(call_fn *inside)
{
    struct {
        void (*handler)(int, siginfo_t *, void *);
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {on_trap, SA_SIGINFO | 0x04000000 /* SA_RESTORER */,
                (char *)(void *)inside + RESTORER, 0};
    if (syscall(SYS_rt_sigaction, SIGSYS, &action, NULL, sizeof action.mask) != 0)
        abort();
}

static void confine(struct box_confined which)
{
    struct program program;
    struct err err;
    bool listen = which.host == BOX_NOTIFY && which.side == BOX_GUEST;
    if (box_filter(which, arch_native(), &program, &err) != 0 || process_no_new_privs() != 0)
        abort();
    int result = seccomp_load(program.at, program.count, listen);
    if (result < 0)
        abort();
    if (listen)
        __atomic_store_n(&found->listener, result, __ATOMIC_SEQ_CST);
}

static void expect_trap(call_fn *call, unsigned *passed, uint64_t nr, const uint64_t args[6])
{
    if (call(nr, args) == TRAPPED)
        return;
    ++*passed;
    found->last_passed = (unsigned)nr;
}

/* uretprobe and uprobe: newer kernels show them to no filter. Whoever calls them
 * from elsewhere than a probe of the kernel's own gets SIGILL or ENXIO. */
static bool is_of_probes(uint64_t nr)
{
    return nr == 335 || nr == 336;
}

static bool is_on_list(uint64_t nr)
{
    return nr == SYS_futex || nr == SYS_mmap || nr == SYS_munmap || nr == SYS_mprotect ||
           nr == SYS_clone || nr == SYS_rt_sigreturn || nr == SYS_exit || nr == SYS_exit_group;
}

#define ARGS(...) ((const uint64_t[6]){__VA_ARGS__})

/* Arguments next to those that pass. */
static void try_near_misses(call_fn *inside, uint64_t page)
{
    static const uint64_t flags[] = {0x22,
                                     0x33,
                                     0x2032,
                                     0x8032,
                                     0x100022,
                                     0x40032,
                                     0x1032,
                                     0x20032,
                                     0x80032,
                                     0x02,
                                     0x01,
                                     0x03,
                                     0x13,
                                     0x4012,
                                     0x0132,
                                     0,
                                     0x32ull | 1ull << 32,
                                     1ull << 63 | 0x32};
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++)
        expect_trap(inside, &found->inside_passed, SYS_mmap,
                    ARGS(page, PAGE, PROT_READ, flags[i], GUEST_ARENA_READ, 0));
    static const uint64_t descriptors[] = {0, 1, 2, 5, 6, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(descriptors); i++)
        for (uint64_t sharing = 0x11; sharing <= 0x12; sharing++)
            expect_trap(inside, &found->inside_passed, SYS_mmap,
                        ARGS(page, PAGE, PROT_READ, sharing, descriptors[i], 0));
    for (uint64_t op = 0; op < 128; op++)
        if (op > 1 && op != 9 && op != 10)
            expect_trap(inside, &found->inside_passed, SYS_futex, ARGS(page, op, 0, 0, 0, 0));
    static const uint64_t clones[] = {SIGCHLD,  0,        0x8000,   0x8010,     0x8012,
                                      0x250f01, 0x3d0f00, 0x50f00,  0x10008011, 0x20008011,
                                      0xc011,   0x4111,   0x350f00, 0x250e00};
    for (size_t i = 0; i < ARRAY_COUNT(clones); i++)
        expect_trap(inside, &found->inside_passed, SYS_clone, ARGS(clones[i], 0, 0, 0, 0, 0));
}

/* Of arch_prctl the two codes that set FS and GS, where they are needed. */
static void try_bases(call_fn *inside, bool set_bases)
{
    enum { SET_GS = 0x1001, SET_FS, GET_FS, GET_GS };
    static const uint64_t others[] = {0,      1,      0x1000, GET_FS, GET_GS, 0x1011,
                                      0x1012, 0x1022, 0x2001, 0x4001, 0x5001, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        expect_trap(inside, &found->inside_passed, SYS_arch_prctl, ARGS(others[i], 0));
    if (set_bases)
        found->done += inside(SYS_arch_prctl, ARGS(SET_GS, 0)) == 0;
    else
        for (uint64_t what = SET_GS; what <= SET_FS; what++)
            expect_trap(inside, &found->inside_passed, SYS_arch_prctl, ARGS(what, 0));
}

/* The allowed calls do what they are for. */
static void try_allowed(call_fn *inside, uint64_t page)
{
    found->done += inside(SYS_futex, ARGS(page, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1)) == 0;
    found->done += inside(SYS_futex, ARGS(page, FUTEX_WAIT, 1)) == -EAGAIN;
    found->done += inside(SYS_mprotect, ARGS(page, PAGE, PROT_READ)) == 0;
    found->done +=
        inside(SYS_mmap, ARGS(page, PAGE, PROT_READ | PROT_WRITE, 0x32, -1, 0)) == (long)page;
    found->done += inside(SYS_mmap, ARGS(page, PAGE, PROT_NONE, 0x4032, -1, 0)) == (long)page;
    found->done +=
        inside(SYS_mmap, ARGS(page, PAGE, PROT_READ, 0x11, GUEST_ARENA_READ, 0)) == (long)page;
    found->done += inside(SYS_munmap, ARGS(page, PAGE)) == 0;
    long pid = inside(SYS_clone, ARGS(CLONE_PARENT | SIGCHLD));
    if (pid == 0)
        inside(SYS_exit, ARGS(0));
    found->done += pid > 0;
}

static _Noreturn void guest(uint64_t end, enum box_host host, bool set_bases)
{
    static const uint64_t none[6];
    call_fn *inside = put_code(SHIM_TEXT), *outside = put_code(0);
    uint64_t page = (uint64_t)(void *)put_code(0);
    dup2(memfd_create("arena", 0), GUEST_ARENA_READ);
    catch_traps(inside);
    confine((struct box_confined){BOX_GUEST, host, set_bases});
    for (uint64_t nr = 0; nr < NUMBERS; nr++) {
        if (is_of_probes(nr))
            continue;
        expect_trap(outside, &found->outside_passed, nr, none);
        expect_trap(outside, &found->outside_passed, nr | X32_BIT, none);
        expect_trap(inside, &found->inside_passed, nr | X32_BIT, none);
        if (!is_on_list(nr) && !(set_bases && nr == SYS_arch_prctl))
            expect_trap(inside, &found->inside_passed, nr, none);
    }
    expect_trap(inside, &found->inside_passed, UINT64_MAX, none);
    expect_trap(outside, &found->outside_passed, SYS_mmap,
                ARGS(page, PAGE, PROT_READ, 0x32, UINT64_MAX, 0));
    expect_trap(outside, &found->outside_passed, SYS_clone, ARGS(CLONE_PARENT | SIGCHLD));
    try_near_misses(inside, page);
    try_bases(inside, set_bases);
    try_allowed(inside, page);
    inside(end, ARGS(42));
    __builtin_trap();
}

/* Answers what the guest makes the kernel tell, as its handler of traps would. The
 * descriptors are shared, so that the listener is ours, too. */
static void answer_guest(void)
{
    while (!__atomic_load_n(&found->listener, __ATOMIC_SEQ_CST))
        usleep(1000);
    struct pollfd p = {found->listener, POLLIN, 0};
    while (poll(&p, 1, -1) > 0 && p.revents & POLLIN) {
        struct notify_call c;
        if (notify_receive(p.fd, &c) == 0 && notify_return(p.fd, c.id, TRAPPED) == 0)
            found->traps++;
    }
}

static void run_guest(uint64_t end, enum box_host host, bool set_bases)
{
    found = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(found != MAP_FAILED);
    pid_t pid =
        (pid_t)syscall(SYS_clone, host == BOX_NOTIFY ? CLONE_FILES | SIGCHLD : SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        guest(end, host, set_bases);
    if (host == BOX_NOTIFY)
        answer_guest();
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    if (found->inside_passed || found->outside_passed)
        test_fail(__FILE__, __LINE__, "call %u passed", found->last_passed);
    CHECK_EQ(found->inside_passed, 0);
    CHECK_EQ(found->outside_passed, 0);
    CHECK_EQ(found->done, set_bases ? 9 : 8);
    CHECK(found->traps > 4 * NUMBERS - 30);
}

TEST(guest_calls_all_numbers)
{
    run_guest(SYS_exit_group, BOX_TRAP, false);
}

TEST(guest_calls_all_numbers_and_the_broker_is_told)
{
    run_guest(SYS_exit_group, BOX_NOTIFY, false);
}

TEST(guest_sets_its_bases_by_a_call)
{
    run_guest(SYS_exit_group, BOX_TRAP, true);
}

TEST(guest_may_end_one_thread)
{
    run_guest(SYS_exit, BOX_TRAP, false);
}

/* How a process ends that makes one call under the broker's filter: 0 if it
 * could go on, else the signal. */
static int broker_call(uint64_t nr, const uint64_t args[6], enum box_host host)
{
    pid_t pid = fork();
    if (pid == 0) {
        call_fn *call = put_code(0);
        close_range(0, 63, 0);
        dup2(memfd_create("image", 0), BROKER_IMAGE);
        confine((struct box_confined){BOX_BROKER, host, false});
        call(nr, args);
        call(SYS_exit_group, ARGS(0));
    }
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(broker_calls_all_numbers)
{
    static const uint64_t none[6];
    unsigned survived = 0;
    for (uint64_t nr = 0; nr < NUMBERS; nr++) {
        if (nr == SYS_rt_sigreturn || nr == SYS_ppoll || is_of_probes(nr))
            continue; /* returns to nowhere; waits forever */
        int signal = broker_call(nr, none, BOX_TRAP);
        if (signal == 0)
            survived++;
        else if (signal != SIGSYS)
            test_fail(__FILE__, __LINE__, "call %u: signal %d", (unsigned)nr, signal);
    }
    /* read write munmap wait4 restart_syscall futex clock_gettime exit exit_group getrandom;
     * brk and mremap fail. With 0 for arguments the others are refused. */
    CHECK_EQ(survived, 12);
}

TEST(broker_calls_with_arguments)
{
    static const struct {
        uint64_t nr;
        uint64_t args[6];
        int signal;
        enum box_host host;
    } rows[] = {
        {SYS_pread64, {BROKER_IMAGE}, 0},
        {SYS_pread64, {0}, SIGSYS},
        {SYS_pread64, {4}, SIGSYS},
        {SYS_pwrite64, {BROKER_IMAGE}, 0},
        {SYS_pwrite64, {2}, SIGSYS},
        {SYS_ppoll, {0, 0, 1}, 0}, /* EFAULT */
        {SYS_fdatasync, {BROKER_IMAGE}, 0},
        {SYS_fdatasync, {1}, SIGSYS},
        {SYS_read, {2}, 0},
        {SYS_read, {BROKER_IMAGE}, SIGSYS},
        {SYS_write, {2}, 0},
        {SYS_write, {BROKER_IMAGE}, SIGSYS},
        {SYS_ioctl, {0, TCGETS}, 0},
        {SYS_ioctl, {0, TIOCSTI}, SIGSYS},
        {SYS_ioctl, {BROKER_IMAGE, TCGETS}, SIGSYS},
        {SYS_tgkill, {1u << 30, 1u << 30, HOST_KICK}, 0},
        {SYS_tgkill, {1u << 30, 1u << 30, SIGTERM}, SIGSYS},
        {SYS_mmap, {0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX}, 0},
        {SYS_mmap, {0, PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX}, SIGSYS},
        {SYS_mmap, {0, PAGE, PROT_READ, MAP_SHARED, BROKER_IMAGE}, SIGSYS},
        {SYS_madvise, {0, 0, MADV_REMOVE}, 0},
        {SYS_madvise, {0, 0, MADV_HWPOISON}, SIGSYS},
        {SYS_tkill, {1u << 30, SIGSYS}, SIGSYS},
        {SYS_tkill, {1u << 30, SIGSYS}, 0, BOX_NOTIFY},
        {SYS_tkill, {1u << 30, SIGKILL}, SIGSYS, BOX_NOTIFY},
        {SYS_ioctl, {BROKER_LISTENER, SECCOMP_IOCTL_NOTIF_RECV}, SIGSYS},
        {SYS_ioctl, {BROKER_LISTENER, SECCOMP_IOCTL_NOTIF_RECV}, 0, BOX_NOTIFY},
        {SYS_ioctl, {BROKER_LISTENER, SECCOMP_IOCTL_NOTIF_SEND}, 0, BOX_NOTIFY},
        {SYS_ioctl, {BROKER_LISTENER, SECCOMP_IOCTL_NOTIF_ID_VALID}, SIGSYS, BOX_NOTIFY},
        {SYS_ioctl, {BROKER_IMAGE, SECCOMP_IOCTL_NOTIF_RECV}, SIGSYS, BOX_NOTIFY},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int signal = broker_call(rows[i].nr, rows[i].args, rows[i].host);
        if (signal != rows[i].signal)
            test_fail(__FILE__, __LINE__, "row %zu: ended with %d", i, signal);
    }
}
