/* The proof that filters mean what decide_call says: for every architecture
 * and promise set, each call with the arguments at which an answer can change,
 * and each number at which the program itself distinguishes. Between those a
 * loop-free program of comparisons gives one answer. */
#include "bpf/bpf.h"
#include "bpf/insn.h"
#include "harness.h"
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMBINATIONS 150
#define LAUNCH_SECRET UINT64_C(0x5a1bc0ffee7)
#define SHOWN 10 /* differences */

/* One program under proof. */
struct proof {
    const struct arch *arch;
    struct policy policy;
    struct filter_mode mode;
    struct program program;
    struct call_event call;
    unsigned wrong;
};

static uint32_t wanted(const struct proof *proof, const struct call_event *call)
{
    struct call_verdict verdict;
    decide_call(&proof->policy, call, &verdict);
    if (verdict.fatal)
        return RET_KILL_PROCESS;
    if (verdict.bpf == ANSWER_ALLOW)
        return RET_ALLOW;
    if (verdict.error == 0)
        return RET_ERRNO(0);
    bool falls_back = verdict.error == call->arch->enosys;
    return proof->mode.deny && !falls_back ? proof->mode.deny : RET_ERRNO(verdict.error);
}

static void check_call(void *context, const uint64_t args[6])
{
    struct proof *proof = context;
    memcpy(proof->call.args, args, sizeof proof->call.args);
    struct seccomp_event event = {.nr = proof->call.nr, .arch = proof->arch->audit};
    memcpy(event.args, args, sizeof event.args);
    uint32_t ret = 0, right = wanted(proof, &proof->call);
    int result = bpf_run(&proof->program, proof->arch, &event, &ret, NULL);
    if ((result == 0 && ret == right) || proof->wrong++ >= SHOWN)
        return;
    CLEAN_STR struct str words = {0};
    promises_print(&words, proof->policy.promises);
    test_fail(
        __FILE__, __LINE__, "%s '%s' call %u (%#jx, %#jx, %#jx, %#jx, %#jx, %#jx): %#x not %#x",
        proof->arch->name, str_get(&words), event.nr, (uintmax_t)args[0], (uintmax_t)args[1],
        (uintmax_t)args[2], (uintmax_t)args[3], (uintmax_t)args[4], (uintmax_t)args[5], ret, right);
}

static void free_probes(const struct arch *arch, struct probe *probes)
{
    for (size_t i = 0; i < arch_table(arch->id)->call_count; i++)
        probe_free(&probes[i]);
    free(probes);
}

/* Numbers are compared with constants and never cut to a mask, so one number
 * of each interval between constants stands for all of it. */
static void check_numbers(struct proof *proof)
{
    static const uint64_t none[6];
    const struct program *program = &proof->program;
    for (size_t i = 0; i < program->count; i++)
        for (uint32_t nr = program->at[i].k - 1; nr != program->at[i].k + 2; nr++) {
            const struct sys_call *call = arch_call(proof->arch, nr);
            if (call && call_rules(call)->grant_count > 0)
                continue; /* has probes */
            proof->call.nr = nr;
            check_call(proof, none);
        }
}

static void check_foreign(const struct proof *proof)
{
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        struct seccomp_event event = {.arch = archs[i].audit, .nr = 1};
        uint32_t ret = 0;
        if (event.arch == proof->arch->audit)
            continue;
        CHECK_EQ(bpf_run(&proof->program, proof->arch, &event, &ret, NULL), 0);
        CHECK_EQ(ret, RET_KILL_PROCESS);
    }
}

static void prove(const struct arch *arch, struct probe *probes, promise_set promises,
                  uint32_t deny)
{
    struct proof proof = {.arch = arch, .mode = {.deny = deny}, .call = {.arch = arch}};
    proof.policy.promises = promises;
    proof.policy.launch_secret = promises & PROMISE(STDIO) ? LAUNCH_SECRET : 0;
    struct ruleset set;
    const struct ruleset *sets[] = {&set};
    struct err err;
    if (ruleset_from_policy(&proof.policy, arch, &proof.mode, &set, &err) != 0 ||
        bpf_compile(sets, 1, RET_KILL_PROCESS, &proof.program, &err) != 0 ||
        bpf_check(&proof.program, &err) != 0) {
        test_fail(__FILE__, __LINE__, "%s: %s", arch->name, err.text);
        return;
    }
    const struct arch_table *table = arch_table(arch->id);
    for (size_t i = 0; i < table->call_count; i++) {
        proof.call.nr = table->calls[i].nr;
        probe_each(&probes[i], COMBINATIONS, check_call, &proof);
    }
    check_numbers(&proof);
    check_foreign(&proof);
    CHECK_EQ(proof.wrong, 0);
    ruleset_free(&set);
    program_free(&proof.program);
}

/* Every promise alone, none, all, and random sets: $SIM_SETS of them, else a
 * dozen on architectures that differ most. */
static void prove_architecture(enum arch_id id, unsigned random_sets)
{
    static const uint32_t denials[] = {0, RET_KILL_PROCESS, RET_USER_NOTIF};
    const struct arch *arch = &archs[id];
    struct probe *probes = probes_of_calls(arch, LAUNCH_SECRET);
    uint64_t random = 1 + id;
    const char *wanted_sets = getenv("SIM_SETS");
    if (wanted_sets)
        random_sets = (unsigned)strtoul(wanted_sets, NULL, 0);
    prove(arch, probes, 0, 0);
    prove(arch, probes, ~(promise_set)0, 0);
    for (enum promise p = 0; p < PROMISE_COUNT; p++)
        prove(arch, probes, UINT64_C(1) << p, 0);
    for (unsigned i = 0; i < random_sets; i++)
        prove(arch, probes, probe_random(&random) >> 16, denials[i % ARRAY_COUNT(denials)]);
    free_probes(arch, probes);
}

TEST(filters_of_x86_64)
{
    prove_architecture(ARCH_X86_64, 12);
}

TEST(filters_of_i386)
{
    prove_architecture(ARCH_I386, 0);
}

TEST(filters_of_aarch64)
{
    prove_architecture(ARCH_AARCH64, 12);
}

TEST(filters_of_arm)
{
    prove_architecture(ARCH_ARM, 0);
}

TEST(filters_of_riscv64)
{
    prove_architecture(ARCH_RISCV64, 0);
}

TEST(filters_of_ppc64le)
{
    prove_architecture(ARCH_PPC64LE, 0);
}

TEST(filters_of_s390x)
{
    prove_architecture(ARCH_S390X, 12);
}

TEST(filters_of_loongarch64)
{
    prove_architecture(ARCH_LOONGARCH64, 0);
}

TEST(filters_of_mips64el)
{
    prove_architecture(ARCH_MIPS64EL, 0);
}
