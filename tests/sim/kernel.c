/* The kernel and the simulator give the same answers. Real calls, but none is
 * carried out: in a copy of the filter "allow" and "kill" are errors that no
 * call returns, so that each answer can be seen, whatever call it is for. */
#include "bpf/bpf.h"
#include "bpf/insn.h"
#include "harness.h"
#include "host/seccomp.h"
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAUNCH_SECRET UINT64_C(0x123456789)

#define ALLOW_SHOWN RET_ERRNO(4000)
#define KILL_SHOWN RET_ERRNO(4001)
#define COMBINATIONS 60

/* What the confined child finds; it can neither print nor end normally. */
struct findings {
    size_t calls, differences;
    bool done;
    struct seccomp_event event; /* of the first difference */
    uint32_t kernel, simulator;
};

struct experiment {
    const struct program *program;
    const struct arch *arch;
    long (*call)(uint32_t nr, const uint64_t args[6]);
    uint32_t nr;
    struct findings *findings;
};

static long native_call(uint32_t nr, const uint64_t a[6])
{
    long result =
        syscall(nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5]);
    return result == -1 ? -errno : result;
}

#ifdef __x86_64__
/* int 0x80 takes the sixth argument in the frame pointer. */
__attribute__((noinline)) static long i386_call(uint32_t nr, const uint64_t a[6])
{
    long result = nr;
    __asm__ volatile("push %%rbp\n\tmov 40(%%rsi), %%rbp\n\tmov 32(%%rsi), %%rdi\n\t"
                     "mov 24(%%rsi), %%rsi\n\tint $0x80\n\tpop %%rbp"
                     : "+a"(result)
                     : "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a)
                     : "rdi", "r8", "r9", "r10", "r11", "memory");
    return (int)result;
}
#endif

static void try_call(void *context, const uint64_t args[6])
{
    struct experiment *x = context;
    struct seccomp_event event = {.nr = x->nr, .arch = x->arch->audit};
    memcpy(event.args, args, sizeof event.args);
    uint32_t simulator = 0;
    bpf_run(x->program, x->arch, &event, &simulator, NULL);
    uint32_t kernel = RET_ERRNO(-x->call(x->nr, args));
    x->findings->calls++;
    if (kernel == simulator || x->findings->differences++ > 0)
        return;
    x->findings->event = event;
    x->findings->kernel = kernel;
    x->findings->simulator = simulator;
}

/* Since Linux 6.14 no filter is asked about these two calls: the kernel's own
 * trampolines make them, and they refuse everybody else. And s390x's kernel cuts
 * a number to 16 bits before it asks. */
static bool passes_unasked(const struct experiment *x)
{
    const struct sys_call *call = arch_call(x->arch, x->nr);
    if (x->arch->id == ARCH_S390X && x->nr > UINT16_MAX)
        return true;
    return call &&
           (strcmp(call_name(call), "uretprobe") == 0 || strcmp(call_name(call), "uprobe") == 0);
}

static void try_all(struct experiment *x, struct probe *probes)
{
    static const uint64_t none[6], all[6] = {-1ul, -1ul, -1ul, -1ul, -1ul, -1ul};
    const struct arch_table *table = arch_table(x->arch->id);
    for (size_t i = 0; i < table->call_count; i++) {
        x->nr = table->calls[i].nr;
        if (!passes_unasked(x))
            probe_each(&probes[i], COMBINATIONS, try_call, x);
    }
    for (size_t i = 0; i < x->program->count; i++)
        for (x->nr = x->program->at[i].k - 1; x->nr != x->program->at[i].k + 2; x->nr++) {
            if (passes_unasked(x))
                continue;
            try_call(x, none);
            if (x->arch->bits == 64)
                try_call(x, all);
        }
}

/* Every end of the program becomes an error. */
static void show_ends(struct program *program)
{
    for (size_t i = 0; i < program->count; i++) {
        struct insn *insn = &program->at[i];
        if (insn->code == INSN_RET && insn->k == RET_ALLOW)
            insn->k = ALLOW_SHOWN;
        else if (insn->code == INSN_RET && insn->k == RET_KILL_PROCESS)
            insn->k = KILL_SHOWN;
    }
}

static struct program compile(promise_set promises, const struct arch *const *archs_, size_t count)
{
    struct policy policy = {.promises = promises, .launch_secret = LAUNCH_SECRET};
    struct ruleset sets[2];
    const struct ruleset *pointers[2] = {&sets[0], &sets[1]};
    struct program program = {0};
    struct err err = {""};
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(ruleset_from_policy(&policy, archs_[i], &(struct filter_mode){0}, &sets[i], &err),
                 0);
    CHECK_EQ(bpf_compile(pointers, count, RET_KILL_PROCESS, &program, &err), 0);
    for (size_t i = 0; i < count; i++)
        ruleset_free(&sets[i]);
    show_ends(&program);
    return program;
}

/* Tries everything in a child; from the load on it makes no call but those
 * under test, and ends by an illegal instruction. */
static void try_in_child(struct experiment *x, struct probe *probes)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
            seccomp_load(x->program->at, x->program->count, false) == 0) {
            try_all(x, probes);
            x->findings->done = true;
        }
        __builtin_trap();
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status));
}

static void report(const struct experiment *x)
{
    const struct findings *f = x->findings;
    CHECK(f->done);
    CHECK(f->calls > 1000);
    if (f->differences == 0)
        return;
    test_fail(__FILE__, __LINE__,
              "%zu of %zu calls differ; call %u of %s (%#jx, %#jx, %#jx, %#jx, %#jx, %#jx): "
              "the kernel says %#x, the simulator %#x",
              f->differences, f->calls, f->event.nr, x->arch->name, (uintmax_t)f->event.args[0],
              (uintmax_t)f->event.args[1], (uintmax_t)f->event.args[2], (uintmax_t)f->event.args[3],
              (uintmax_t)f->event.args[4], (uintmax_t)f->event.args[5], f->kernel, f->simulator);
}

/* Some promise sets, asked for on one of the architectures of the filter. */
static void run(const struct arch *const *in_filter, size_t count, struct experiment *x)
{
    struct probe *probes = probes_of_calls(x->arch, LAUNCH_SECRET);
    uint64_t random = 11;
    promise_set some[] = {0, PROMISE(STDIO), ~(promise_set)0, probe_random(&random) >> 20,
                          probe_random(&random) >> 20};
    for (size_t i = 0; i < ARRAY_COUNT(some); i++) {
        struct program program = compile(some[i], in_filter, count);
        x->program = &program;
        x->findings = mmap(NULL, sizeof *x->findings, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (x->findings != MAP_FAILED) {
            try_in_child(x, probes);
            report(x);
            munmap(x->findings, sizeof *x->findings);
        } else {
            test_fail(__FILE__, __LINE__, "no shared memory");
        }
        program_free(&program);
    }
    for (size_t i = 0; i < arch_table(x->arch->id)->call_count; i++)
        probe_free(&probes[i]);
    free(probes);
}

static bool has_seccomp(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

TEST(native_calls)
{
    const struct arch *const native[] = {arch_native()};
    if (!has_seccomp())
        SKIP("seccomp: not in this kernel");
    run(native, 1, &(struct experiment){.arch = native[0], .call = native_call});
}

#ifdef __x86_64__
static bool has_i386_calls(void)
{
    static const uint64_t none[6];
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(i386_call(20, none) == getpid() ? 0 : 1); /* getpid */
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(i386_calls)
{
    const struct arch *const both[] = {&archs[ARCH_X86_64], &archs[ARCH_I386]};
    if (!has_i386_calls())
        SKIP("i386-calls: not in this kernel");
    run(both, 2, &(struct experiment){.arch = both[1], .call = i386_call});
    run(both, 2, &(struct experiment){.arch = both[0], .call = native_call});
}

TEST(i386_calls_are_foreign_to_a_filter_without_them)
{
    const struct arch *const native[] = {&archs[ARCH_X86_64]};
    if (!has_i386_calls())
        SKIP("i386-calls: not in this kernel");
    run(native, 1, &(struct experiment){.arch = &archs[ARCH_I386], .call = i386_call});
}
#endif
