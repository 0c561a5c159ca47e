#include "harness.h"
#include "policy/decide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct call_verdict decide(enum arch_id arch, promise_set promises, const char *name,
                                  uint64_t a0, uint64_t a1, uint64_t a2)
{
    struct policy policy = {.promises = promises};
    struct call_event event = {.arch = &archs[arch], .args = {a0, a1, a2}};
    const struct sys_call *call = arch_call_by_name(&archs[arch], name);
    struct call_verdict verdict = {0};
    CHECK(call != NULL);
    if (call)
        event.nr = call->nr;
    decide_call(&policy, &event, &verdict);
    CHECK(verdict.call == call);
    return verdict;
}

TEST(opening_needs_what_its_flags_say)
{
    promise_set r = PROMISE(RPATH), w = PROMISE(WPATH);
    /* With flags that the files which every program may open do not need:
     * O_DIRECTORY, and O_TRUNC, as x86_64 has them. */
    static const uint64_t O_READ = 0x10000, O_WRITE = 0x201, O_BOTH = 0x202;
    struct call_verdict v = decide(ARCH_X86_64, 0, "openat", 0, 0, O_READ);
    CHECK_EQ(v.bpf, ANSWER_DENY);
    CHECK_EQ(v.missing, r);
    CHECK_EQ(v.error, EPERM);
    CHECK(v.known && !v.fatal && !decide_reason(&archs[ARCH_X86_64], &v));
    CHECK_STR(family_name(v.family), "open-read");
    CHECK_EQ(decide(ARCH_X86_64, r, "openat", 0, 0, O_READ).bpf, ANSWER_ALLOW);
    CHECK_EQ(decide(ARCH_X86_64, r, "openat", 0, 0, O_READ).missing, 0);
    CHECK_EQ(decide(ARCH_X86_64, r, "openat", 0, 0, O_WRITE).missing, w);
    CHECK_EQ(decide(ARCH_X86_64, 0, "openat", 0, 0, O_BOTH).missing, r | w);
    CHECK_EQ(decide(ARCH_X86_64, r, "openat", 0, 0, O_BOTH).missing, w);
    CHECK_EQ(decide(ARCH_X86_64, w, "openat", 0, 0, O_BOTH).missing, r);
    CHECK_EQ(decide(ARCH_X86_64, r | w, "openat", 0, 0, O_BOTH).bpf, ANSWER_ALLOW);
}

TEST(unknown_calls_get_enosys)
{
    struct policy policy = {.promises = ~(promise_set)0};
    struct call_event event = {.arch = &archs[ARCH_X86_64], .nr = 400};
    struct call_verdict v;
    decide_call(&policy, &event, &v);
    CHECK_EQ(v.bpf, ANSWER_DENY);
    CHECK_EQ(v.error, ENOSYS);
    CHECK(!v.known && !v.fatal && v.call == NULL && v.missing == 0);
    CHECK_STR(decide_reason(event.arch, &v), "vow does not know this call");
    event.arch = &archs[ARCH_MIPS64EL];
    decide_call(&policy, &event, &v);
    CHECK_EQ(v.error, 89);
}

TEST(probes_are_told_from_denials)
{
    /* socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0): glibc's
     * look for the name service cache, or a program that wants a unix socket. */
    struct call_verdict v = decide(ARCH_X86_64, PROMISE(STDIO), "socket", 1, 0x80801, 0);
    CHECK(v.bpf == ANSWER_DENY && v.probe);
    CHECK_EQ(v.missing, PROMISE(UNIX));
    v = decide(ARCH_X86_64, PROMISE(UNIX), "socket", 1, 0x80801, 0);
    CHECK(v.bpf == ANSWER_ALLOW && !v.probe);
    v = decide(ARCH_X86_64, PROMISE(STDIO), "socket", 1, 2, 0);
    CHECK(v.bpf == ANSWER_DENY && !v.probe);
    /* Multipath TCP is nobody's, whatever is promised. */
    v = decide(ARCH_X86_64, ~(promise_set)0, "socket", 2, 1, 262);
    CHECK(v.bpf == ANSWER_DENY && v.probe && v.missing == 0 &&
          decide_reason(&archs[ARCH_X86_64], &v));
    CHECK(decide(ARCH_X86_64, PROMISE(STDIO), "clone3", 0, 0, 0).probe);
    CHECK(decide(ARCH_MIPS64EL, PROMISE(STDIO), "clone3", 0, 0, 0).probe);
    CHECK(!decide(ARCH_X86_64, PROMISE(STDIO), "ptrace", 0, 0, 0).probe);
}

TEST(no_limit_of_core_files_can_be_set)
{
    promise_set all = ~(promise_set)0;
    uint32_t core = 4, stack = 3;
    struct call_verdict v = decide(ARCH_X86_64, all, "setrlimit", core, 0, 0);
    CHECK(v.bpf == ANSWER_DENY && v.error == 0 && v.probe && v.missing == 0 &&
          decide_reason(&archs[ARCH_X86_64], &v));
    v = decide(ARCH_X86_64, PROMISE(STDIO), "prlimit64", 0, core, 1);
    CHECK(v.bpf == ANSWER_DENY && v.error == 0 && v.probe && v.missing == 0);
    CHECK_EQ(decide(ARCH_X86_64, PROMISE(STDIO), "prlimit64", 0, core, 0).bpf, ANSWER_ALLOW);
    CHECK_EQ(decide(ARCH_X86_64, all, "prlimit64", 1, core, 1).error, EPERM);
    CHECK_EQ(decide(ARCH_X86_64, all, "setrlimit", stack, 0, 0).bpf, ANSWER_ALLOW);
    v = decide(ARCH_X86_64, PROMISE(STDIO), "setrlimit", stack, 0, 0);
    CHECK(v.bpf == ANSWER_DENY && v.error == EPERM && v.missing);
}

TEST(x32_and_foreign_calls_are_fatal)
{
    struct policy policy = {.promises = ~(promise_set)0};
    struct call_event event = {.arch = &archs[ARCH_X86_64], .nr = X32_FIRST + 1};
    struct call_verdict v;
    decide_call(&policy, &event, &v);
    CHECK(v.fatal && v.bpf == ANSWER_DENY && v.missing == 0);
    CHECK_STR(call_name(v.call), "write");
    event.arch = &archs[ARCH_X32];
    decide_call(&policy, &event, &v);
    CHECK(v.fatal && v.bpf == ANSWER_DENY);
    event.arch = NULL;
    decide_call(&policy, &event, &v);
    CHECK(v.fatal && v.call == NULL && decide_reason(NULL, &v));
    event.arch = &archs[ARCH_X86_64];
    event.nr = UINT32_MAX; /* bit 30 is set, but no x32 call is negative */
    decide_call(&policy, &event, &v);
    CHECK(!v.fatal && v.error == ENOSYS);
}

TEST(calls_of_32_bits_have_no_high_words)
{
    uint64_t junk = UINT64_C(0xdead00000000);
    CHECK_EQ(decide(ARCH_I386, PROMISE(RPATH), "openat", 0, 0, junk).bpf, ANSWER_ALLOW);
    CHECK_EQ(decide(ARCH_S390X, PROMISE(RPATH), "openat", 0, 0, junk).bpf, ANSWER_ALLOW);
}

TEST(only_who_knows_the_secret_may_execute)
{
    static const uint64_t secret = UINT64_C(0x5a1bc0ffee7);
    struct policy policy = {.launch_secret = secret};
    const struct arch *arch = &archs[ARCH_X86_64];
    struct call_event event = {
        arch, arch_call_by_name(arch, "execveat")->nr, {3, 0, 0, 0, 0, secret}};
    struct call_verdict v;
    decide_call(&policy, &event, &v);
    CHECK_EQ(v.bpf, ANSWER_ALLOW);
    CHECK_EQ(v.family, FAMILY_LAUNCH);
    event.args[5] = secret + 1;
    decide_call(&policy, &event, &v);
    CHECK_EQ(v.bpf, ANSWER_DENY);
    event.args[5] = secret & UINT32_MAX;
    decide_call(&policy, &event, &v);
    CHECK_EQ(v.bpf, ANSWER_DENY);
    policy.launch_secret = 0;
    event.args[5] = 0;
    decide_call(&policy, &event, &v);
    CHECK_EQ(v.bpf, ANSWER_DENY);
    /* A program of the 32-bit companion cannot name it. */
    event.arch = &archs[ARCH_I386];
    event.nr = arch_call_by_name(event.arch, "execveat")->nr;
    event.args[5] = secret & UINT32_MAX;
    policy.launch_secret = secret;
    decide_call(&policy, &event, &v);
    CHECK_EQ(v.bpf, ANSWER_DENY);
}

/* What is missing is enough, and nothing smaller would be; on every call of an
 * architecture, with the arguments that its clauses ask for. */
static void check_missing(const struct call_event *event, promise_set held)
{
    struct policy policy = {.promises = held};
    struct call_verdict v, more;
    decide_call(&policy, event, &v);
    CHECK((v.bpf == ANSWER_DENY) == (v.missing || decide_reason(event->arch, &v)));
    CHECK_EQ(v.missing & held, 0);
    if (v.missing == 0)
        return;
    policy.promises = held | v.missing;
    decide_call(&policy, event, &more);
    CHECK_EQ(more.bpf, ANSWER_ALLOW);
    for (enum promise p = 0; p < PROMISE_COUNT; p++) {
        policy.promises = held | UINT64_C(1) << p;
        decide_call(&policy, event, &more);
        if (v.missing & (v.missing - 1)) /* several: none of all would do alone */
            CHECK_EQ(more.bpf, ANSWER_DENY);
        else if (UINT64_C(1) << p < v.missing) /* one: the first that would do */
            CHECK_EQ(more.bpf, ANSWER_DENY);
    }
}

TEST(missing_is_the_least_that_would_do)
{
    const struct arch_table *table = arch_table(ARCH_X86_64);
    for (size_t i = 0; i < table->call_count; i++) {
        const struct sys_call *call = &table->calls[i];
        struct call_event event = {.arch = table->arch, .nr = call->nr};
        for (size_t j = 0; j < call_rules(call)->grant_count; j++) {
            struct clause clause;
            grant_clause(&call_grants(call)[j], NULL, &clause);
            memset(event.args, 0, sizeof event.args);
            for (size_t k = 0; k < clause.atom_count; k++)
                if (clause.atoms[k].range_count > 0)
                    event.args[clause.atoms[k].arg] = clause.atoms[k].ranges[0].lo;
            check_missing(&event, 0);
            for (enum promise p = 0; p < PROMISE_COUNT; p++)
                check_missing(&event, UINT64_C(1) << p);
        }
    }
}
