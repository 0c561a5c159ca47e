/* Which calls a supervisor is told of: those that are denied, and those that
 * something behind the filter may stop. */
#include "bpf/bpf.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* The words of a promise set that has all that is asked for below. */
#define WORDS "stdio proc rpath wpath cpath inet unix"

static uint32_t ask(uint32_t kinds, const char *name, const uint64_t args[6])
{
    const struct arch *arch = arch_by_name("x86_64");
    struct filter_mode mode = {
        .deny = RET_USER_NOTIF, .path_allow = RET_USER_NOTIF, .path_kinds = kinds};
    struct policy policy;
    struct ruleset set;
    struct err err = {""};
    policy_init(&policy);
    CHECK_EQ(promises_parse(WORDS, &policy.promises, &err), 0);
    CHECK_EQ(ruleset_from_policy(&policy, arch, &mode, &set, &err), 0);
    struct seccomp_event event = {.nr = arch_call_by_name(arch, name)->nr, .arch = arch->audit};
    memcpy(event.args, args, sizeof event.args);
    uint32_t ret = ruleset_eval(&set, &event), compiled = 0;
    const struct ruleset *sets[] = {&set};
    struct program program;
    CHECK_EQ(bpf_compile(sets, 1, RET_KILL_PROCESS, &program, &err), 0);
    CHECK_EQ(bpf_run(&program, arch, &event, &compiled, NULL), 0);
    CHECK_EQ(compiled, ret);
    program_free(&program);
    ruleset_free(&set);
    policy_free(&policy);
    return ret;
}
#define ASK(kinds, name, ...) ask(kinds, name, (uint64_t[6]){__VA_ARGS__})

TEST(denied_calls_are_told)
{
    CHECK_EQ(ASK(0, "execve", 0), RET_USER_NOTIF);
    CHECK_EQ(ASK(0, "getppid", 0), RET_ALLOW);
    CHECK_EQ(ASK(0, "clone3", 0), RET_ERRNO(38)); /* nobody needs to know: libcs fall back */
}

TEST(of_allowed_calls_the_kinds_that_were_asked_for)
{
    CHECK_EQ(ASK(0, "openat", 0), RET_ALLOW);
    CHECK_EQ(ASK(1 << OP_OPEN, "openat", 0), RET_USER_NOTIF);
    CHECK_EQ(ASK(1 << OP_OPEN, "unlink", 0), RET_ALLOW);
    CHECK_EQ(ASK(1 << OP_REMOVE, "unlink", 0), RET_USER_NOTIF);
    CHECK_EQ(ASK(1 << OP_OPEN, "lstat", 0), RET_ALLOW);
    CHECK_EQ(ASK(1 << OP_OPEN | 1 << OP_STAT, "lstat", 0), RET_USER_NOTIF);
    CHECK_EQ(ASK(~0u, "getppid", 0), RET_ALLOW);
    CHECK_EQ(ASK(~0u, "read", 0), RET_ALLOW);
}

TEST(a_descriptor_names_nothing)
{
    CHECK_EQ(ASK(~0u, "newfstatat", 3, 0, 0, 0x1000), RET_ALLOW);
    CHECK_EQ(ASK(~0u, "newfstatat", 3, 0, 0, 0x1900), RET_ALLOW);
    CHECK_EQ(ASK(~0u, "newfstatat", 3, 0, 0, 0x100), RET_USER_NOTIF);
    CHECK_EQ(ASK(~0u, "statx", 3, 0, 0x1000, 0), RET_ALLOW);
    CHECK_EQ(ASK(~0u, "statx", 3, 0, 0, 0), RET_USER_NOTIF);
    CHECK_EQ(ASK(~0u, "fstat", 3), RET_ALLOW);
}

TEST(an_address_may_be_a_path)
{
    CHECK_EQ(ASK(1 << OP_CONNECT, "connect", 3), RET_USER_NOTIF);
    CHECK_EQ(ASK(1 << OP_BIND, "bind", 3), RET_USER_NOTIF);
    CHECK_EQ(ASK(1 << OP_CONNECT, "sendto", 3), RET_ALLOW);
}

TEST(signals_to_processes)
{
    CHECK_EQ(ASK(1 << OP_SIGNAL, "kill", 1, 15), RET_USER_NOTIF);
    CHECK_EQ(ASK(1 << OP_SIGNAL, "tgkill", 1, 1, 15), RET_ALLOW);
    CHECK_EQ(ASK(0, "kill", 1, 15), RET_ALLOW);
}
