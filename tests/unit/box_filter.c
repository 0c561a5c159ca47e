/* The box's two filters against a second description of them, written down
 * here by hand: over all numbers, and all classes of arguments and addresses. */
#include "box/filter.h"
#include "box/layout.h"
#include "bpf/insn.h"
#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define X86_64 (&archs[ARCH_X86_64])
#define HIGH UINT64_C(0x100000000)
#define NUMBERS 600 /* above the last of 6.18 */

static bool futex_is_plain(uint32_t op)
{
    op &= ~UINT32_C(0x180);
    return op == 0 || op == 1 || op == 9 || op == 10; /* WAIT WAKE, and with a bit set */
}

static bool guest_mmap(const uint64_t a[6])
{
    uint32_t fd = (uint32_t)a[4];
    if ((a[3] & ~(uint64_t)MAP_NORESERVE) == (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED))
        return true;
    return (a[3] == (MAP_SHARED | MAP_FIXED) || a[3] == (MAP_PRIVATE | MAP_FIXED)) &&
           (fd == GUEST_ARENA_READ || fd == GUEST_ARENA_WRITE);
}

static bool guest_clone(uint32_t flags)
{
    return flags == (CLONE_PARENT | 17) ||
           flags == (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                     CLONE_SYSVSEM | CLONE_CHILD_CLEARTID);
}

static bool is_from_shim(const struct seccomp_event *e)
{
    return e->ip >= SHIM_TEXT && e->ip < SHIM_TEXT_END && e->arch == X86_64->audit;
}

static bool guest_may(const struct seccomp_event *e)
{
    bool allowed = false;
    switch (e->nr) {
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_rt_sigreturn:
    case SYS_exit:
    case SYS_exit_group: allowed = true; break;
    case SYS_mmap: allowed = guest_mmap(e->args); break;
    case SYS_clone: allowed = guest_clone((uint32_t)e->args[0]); break;
    case SYS_futex: allowed = futex_is_plain((uint32_t)e->args[1]); break;
    }
    return allowed && is_from_shim(e);
}

static uint32_t guest_wants(const struct seccomp_event *e)
{
    return guest_may(e) ? RET_ALLOW : RET_TRAP;
}

static uint32_t told_guest_wants(const struct seccomp_event *e)
{
    return guest_may(e) ? RET_ALLOW : RET_USER_NOTIF;
}

static bool sets_bases(const struct seccomp_event *e)
{
    return e->nr == SYS_arch_prctl && is_from_shim(e) &&
           ((uint32_t)e->args[0] == 0x1001 || (uint32_t)e->args[0] == 0x1002);
}

static uint32_t setting_guest_wants(const struct seccomp_event *e)
{
    return sets_bases(e) ? RET_ALLOW : guest_wants(e);
}

static uint32_t told_setting_guest_wants(const struct seccomp_event *e)
{
    return sets_bases(e) ? RET_ALLOW : told_guest_wants(e);
}

static bool is_terminal_request(uint32_t request)
{
    static const uint32_t known[] = {0x5401, 0x5402, 0x5403, 0x5404,
                                     0x5409, 0x540b, 0x5413, 0x541b};
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (known[i] == request)
            return true;
    return false;
}

static bool broker_mmap(const uint64_t a[6])
{
    return (a[2] & ~(uint64_t)(PROT_READ | PROT_WRITE)) == 0 &&
           (a[3] & ~(uint64_t)MAP_NORESERVE) == (MAP_PRIVATE | MAP_ANONYMOUS);
}

static bool broker_may(const struct seccomp_event *e)
{
    const uint64_t *a = e->args;
    switch (e->nr) {
    case SYS_pread64:
    case SYS_pwrite64:
    case SYS_fdatasync: return (uint32_t)a[0] == BROKER_IMAGE;
    case SYS_read:
    case SYS_write: return (uint32_t)a[0] <= 2;
    case SYS_ioctl: return (uint32_t)a[0] <= 2 && is_terminal_request((uint32_t)a[1]);
    case SYS_tgkill: return (uint32_t)a[2] == 9 || (uint32_t)a[2] == HOST_KICK;
    case SYS_futex: return futex_is_plain((uint32_t)a[1]);
    case SYS_mmap: return broker_mmap(a);
    case SYS_madvise:
        return (uint32_t)a[2] == MADV_DONTNEED || (uint32_t)a[2] == MADV_REMOVE ||
               (uint32_t)a[2] == MADV_POPULATE_WRITE;
    case SYS_ppoll:
    case SYS_wait4:
    case SYS_clock_gettime:
    case SYS_getrandom:
    case SYS_munmap:
    case SYS_restart_syscall:
    case SYS_rt_sigreturn:
    case SYS_exit:
    case SYS_exit_group: return true;
    }
    return false;
}

static uint32_t broker_wants(const struct seccomp_event *e)
{
    if (e->arch != X86_64->audit)
        return RET_KILL_PROCESS;
    if (e->nr == SYS_brk || e->nr == SYS_mremap)
        return RET_ERRNO(e->nr == SYS_brk ? 0 : 12);
    return broker_may(e) ? RET_ALLOW : RET_KILL_PROCESS;
}

/* Two requests of the listener, and the signal that sends a guest to its gate. */
static uint32_t listening_broker_wants(const struct seccomp_event *e)
{
    const uint64_t *a = e->args;
    bool listens = (e->nr == SYS_tkill && (uint32_t)a[1] == 31) ||
                   (e->nr == SYS_ioctl && (uint32_t)a[0] == BROKER_LISTENER &&
                    ((uint32_t)a[1] == 0xc0502100 || (uint32_t)a[1] == 0xc0182101));
    return listens && e->arch == X86_64->audit ? RET_ALLOW : broker_wants(e);
}

struct proof {
    struct program program;
    uint32_t (*wants)(const struct seccomp_event *event);
    size_t events, allowed;
};

static void check(struct proof *p, const struct seccomp_event *e)
{
    uint32_t ret = 1, right = p->wants(e);
    CHECK_EQ(bpf_run(&p->program, X86_64, e, &ret, NULL), 0);
    p->events++;
    p->allowed += ret == RET_ALLOW;
    if (ret != right)
        test_fail(__FILE__, __LINE__, "call %u from %#jx (%#jx %#jx %#jx %#jx %#jx): %#x not %#x",
                  e->nr, (uintmax_t)e->ip, (uintmax_t)e->args[0], (uintmax_t)e->args[1],
                  (uintmax_t)e->args[2], (uintmax_t)e->args[3], (uintmax_t)e->args[4], ret, right);
}

/* Each argument in turn takes every value at which an answer can change: what
 * the program compares with, its neighbours, one bit more, and the same above
 * bit 32. The others stay at a set of arguments that passes. */
static void vary(struct proof *p, struct seccomp_event e)
{
    check(p, &e);
    for (size_t arg = 0; arg < 5; arg++) {
        uint64_t before = e.args[arg];
        for (size_t i = 0; i < p->program.count; i++) {
            uint32_t k = p->program.at[i].k;
            for (int near = -1; near <= 1; near++) {
                e.args[arg] = k + (uint32_t)near;
                check(p, &e);
                e.args[arg] |= HIGH;
                check(p, &e);
            }
        }
        for (int bit = 0; bit < 64; bit++) {
            e.args[arg] = before ^ UINT64_C(1) << bit;
            check(p, &e);
        }
        e.args[arg] = before;
    }
}

/* For each call with conditions: arguments that pass. */
static const struct seccomp_event passing[] = {
    {.nr = SYS_futex, .args = {0, 129}},
    {.nr = SYS_futex, .args = {0, 9}},
    {.nr = SYS_mmap, .args = {0, 1, 7, 0x32, 9}},
    {.nr = SYS_mmap, .args = {0, 1, 3, 0x4032, 9}},
    {.nr = SYS_mmap, .args = {0, 1, 3, 0x11, GUEST_ARENA_WRITE}},
    {.nr = SYS_mmap, .args = {0, 1, 1, 0x12, GUEST_ARENA_READ}},
    {.nr = SYS_mmap, .args = {0, 1, 3, 0x22, (uint64_t)-1}},
    {.nr = SYS_mmap, .args = {0, 1, 3, 0x4022, (uint64_t)-1}},
    {.nr = SYS_clone, .args = {0x8011}},
    {.nr = SYS_clone, .args = {0x250f00}},
    {.nr = SYS_arch_prctl, .args = {0x1001}},
    {.nr = SYS_arch_prctl, .args = {0x1002}},
    {.nr = SYS_pread64, .args = {BROKER_IMAGE}},
    {.nr = SYS_read, .args = {0}},
    {.nr = SYS_ioctl, .args = {2, 0x5413}},
    {.nr = SYS_tgkill, .args = {1, 2, HOST_KICK}},
    {.nr = SYS_tkill, .args = {1, 31}},
    {.nr = SYS_ioctl, .args = {BROKER_LISTENER, 0xc0502100}},
    {.nr = SYS_ioctl, .args = {BROKER_LISTENER, 0xc0182101}},
    {.nr = SYS_madvise, .args = {0, 0, MADV_REMOVE}},
    {.nr = SYS_madvise, .args = {0, 0, MADV_POPULATE_WRITE}},
};

static void prove(struct box_confined which, uint32_t (*wants)(const struct seccomp_event *))
{
    static const uint64_t addresses[] = {
        SHIM_TEXT - 1,     SHIM_TEXT,        SHIM_TEXT + 0x1234,
        SHIM_TEXT_END - 1, SHIM_TEXT_END,    0,
        0x400000,          SHIM_TEXT + HIGH, SHIM_TEXT & ~HIGH,
        SHIM_TEXT - HIGH,  UINT64_MAX,       (uint32_t)SHIM_TEXT + 2};
    struct proof p = {.wants = wants};
    struct err err = {""};
    CHECK_EQ(box_filter(which, X86_64, &p.program, &err), 0);
    CHECK_EQ(bpf_check(&p.program, &err), 0);
    for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
        struct seccomp_event e = {.arch = X86_64->audit, .ip = addresses[i]};
        for (e.nr = 0; e.nr < NUMBERS; e.nr++) {
            struct seccomp_event x32 = e;
            x32.nr |= X32_BIT;
            check(&p, &e);
            check(&p, &x32);
            x32.nr |= UINT32_C(1) << 31;
            check(&p, &x32);
        }
        for (size_t j = 0; j < ARRAY_COUNT(passing); j++) {
            e = passing[j];
            e.arch = X86_64->audit;
            e.ip = addresses[i];
            vary(&p, e);
            e.arch = archs[ARCH_I386].audit;
            check(&p, &e);
        }
    }
    CHECK(p.allowed > 100 && p.allowed < p.events);
    program_free(&p.program);
}

TEST(guest_filter_allows_eight_calls_of_the_shim)
{
    prove((struct box_confined){BOX_GUEST, BOX_TRAP, false}, guest_wants);
    prove((struct box_confined){BOX_GUEST, BOX_NOTIFY, false}, told_guest_wants);
}

TEST(where_bases_are_set_by_a_call_it_is_the_ninth)
{
    prove((struct box_confined){BOX_GUEST, BOX_TRAP, true}, setting_guest_wants);
    prove((struct box_confined){BOX_GUEST, BOX_NOTIFY, true}, told_setting_guest_wants);
}

TEST(broker_filter_is_pinned_to_its_descriptors)
{
    prove((struct box_confined){BOX_BROKER, BOX_TRAP, true}, broker_wants);
    prove((struct box_confined){BOX_BROKER, BOX_NOTIFY, false}, listening_broker_wants);
}

TEST(rules_and_program_agree)
{
    for (int i = 0; i < 8; i++) {
        struct box_confined which = {i & 1 ? BOX_BROKER : BOX_GUEST, i & 2 ? BOX_NOTIFY : BOX_TRAP,
                                     i & 4};
        struct ruleset rules;
        struct program program;
        struct err err;
        CHECK_EQ(box_filter_rules(which, X86_64, &rules, &err), 0);
        CHECK_EQ(box_filter(which, X86_64, &program, &err), 0);
        for (size_t j = 0; j < ARRAY_COUNT(passing); j++) {
            struct seccomp_event e = passing[j];
            uint32_t ret = 1;
            e.arch = X86_64->audit;
            e.ip = SHIM_TEXT;
            CHECK_EQ(bpf_run(&program, X86_64, &e, &ret, NULL), 0);
            CHECK_EQ(ruleset_eval(&rules, &e), ret);
        }
        program_free(&program);
        ruleset_free(&rules);
    }
}

TEST(other_architectures_have_no_box)
{
    struct program program;
    struct err err = {""};
    CHECK_EQ(box_filter((struct box_confined){0}, &archs[ARCH_S390X], &program, &err), -ENOENT);
    CHECK_STR(err.text, "there is no box for s390x yet, only for x86_64");
}
