/* The same allow-list, compiled by libseccomp, allows the same: shown by
 * bpf_compare, exactly. libseccomp is asked only for what it is dependable at:
 * one rule a call, or several on one argument below 2^32. */
#include "bpf/bpf.h"
#include "harness.h"

#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_VALUES 32 /* of a range that is given value by value */
#define DENY RET_ERRNO(38)

struct twin {
    scmp_filter_ctx context;
    struct ruleset set; /* the rules that libseccomp has, too */
    size_t conditional;
};

static bool is_expressible(const struct rule *rule)
{
    for (size_t i = 0; i < rule->clause_count; i++) {
        const struct clause *clause = &rule->clauses[i];
        const struct atom *atom = &clause->atoms[0];
        if (clause->atom_count != 1 || atom->arg != rule->clauses[0].atoms[0].arg)
            return false;
        /* MASKED_EQ with several masks for one argument is not dependable. */
        if (atom->mask != rule->clauses[0].atoms[0].mask || atom->range_count == 0)
            return false;
        for (size_t j = 0; j < atom->range_count; j++)
            if (atom->ranges[j].hi > UINT32_MAX ||
                atom->ranges[j].hi - atom->ranges[j].lo >= MOST_VALUES)
                return false;
    }
    return true;
}

static int add_value(struct twin *twin, uint32_t nr, const struct atom *atom, uint64_t value)
{
    struct scmp_arg_cmp cmp = SCMP_CMP64(atom->arg, SCMP_CMP_MASKED_EQ, atom->mask, value);
    return seccomp_rule_add_array(twin->context, SCMP_ACT_ALLOW, (int)nr, 1, &cmp);
}

static int add_conditions(struct twin *twin, uint32_t nr, const struct rule *rule)
{
    int result = 0;
    for (size_t i = 0; i < rule->clause_count; i++) {
        const struct atom *atom = &rule->clauses[i].atoms[0];
        for (size_t j = 0; j < atom->range_count; j++)
            for (uint64_t v = atom->ranges[j].lo; v <= atom->ranges[j].hi && result == 0; v++)
                result = add_value(twin, nr, atom, v);
    }
    twin->conditional++;
    return result;
}

/* Gives libseccomp what it can express, and takes the rest from the set. */
static void fill(struct twin *twin)
{
    struct sys_call *rest = arena_take(&twin->set.memory, twin->set.call_count, sizeof *rest);
    size_t kept = 0;
    CHECK(rest);
    for (size_t i = 0; i < twin->set.call_count; i++) {
        struct sys_call call = twin->set.calls[i];
        struct rule *rule = &twin->set.rules[call.rules];
        int result = 0;
        rule->deny = DENY;
        if (rule->always)
            result = seccomp_rule_add(twin->context, SCMP_ACT_ALLOW, (int)call.nr, 0);
        else if (rule->clause_count > 0 && is_expressible(rule))
            result = add_conditions(twin, call.nr, rule);
        else
            continue;
        CHECK_EQ(result, 0);
        rest[kept++] = call;
    }
    twin->set.calls = rest;
    twin->set.call_count = kept;
}

static struct program export(scmp_filter_ctx context)
{
    struct program program = {0};
    int fd CLEAN_FD = memfd_create("filter", 0);
    CHECK(fd >= 0 && seccomp_export_bpf(context, fd) == 0);
    off_t size = lseek(fd, 0, SEEK_END);
    program.count = (size_t)size / sizeof *program.at;
    program.at = calloc(program.count + 1, sizeof *program.at);
    CHECK(program.at && pread(fd, program.at, (size_t)size, 0) == size);
    return program;
}

/* libseccomp takes all numbers above bit 30 for x32's but -1, vow those that
 * are not negative. */
static void report(void *context, const struct sys_call *call, const struct difference *d)
{
    (void)context;
    if (d->event.nr > X32_LAST)
        return;
    test_fail(__FILE__, __LINE__, "%s (%u) with %#jx, %#jx, %#jx: vow %#x, libseccomp %#x",
              call ? call_name(call) : "unknown", d->event.nr, (uintmax_t)d->event.args[0],
              (uintmax_t)d->event.args[1], (uintmax_t)d->event.args[2], d->first, d->second);
}

static void compare(const char *words, uint32_t optimize)
{
    struct policy policy = {0};
    struct err err = {""};
    struct twin twin = {.context = seccomp_init(SCMP_ACT_ERRNO(38))};
    struct program program = {0};
    const struct arch *arch = arch_native();
    CHECK_EQ(promises_parse(words, &policy.promises, &err), 0);
    CHECK_EQ(ruleset_from_policy(&policy, arch, &(struct filter_mode){0}, &twin.set, &err), 0);
    twin.set.unknown = DENY;
    CHECK_EQ(seccomp_attr_set(twin.context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
    CHECK_EQ(seccomp_attr_set(twin.context, SCMP_FLTATR_CTL_OPTIMIZE, optimize), 0);
    fill(&twin);
    CHECK(twin.set.call_count > 100 && twin.conditional > 5);
    CHECK_EQ(
        bpf_compile((const struct ruleset *[]){&twin.set}, 1, RET_KILL_PROCESS, &program, &err), 0);
    struct program theirs = export(twin.context);
    CHECK_EQ(bpf_check(&theirs, &err), 0);
    CHECK_EQ(bpf_compare(&program, &theirs, arch, report, NULL), 0);
    CHECK(program.count < theirs.count);
    program_free(&program);
    program_free(&theirs);
    ruleset_free(&twin.set);
    seccomp_release(twin.context);
}

TEST(libseccomp_in_a_row)
{
    compare("stdio", 1);
    compare("stdio rpath wpath cpath tty proc exec", 1);
}

TEST(libseccomp_as_a_tree)
{
    compare("stdio", 2);
    compare("stdio rpath wpath cpath tty proc exec", 2);
}
