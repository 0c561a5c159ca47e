#include "arch/arch.h"
#include "harness.h"
#include "policy/promise.h"

#include <stdio.h>
#include <string.h>

static const struct arch *named(const char *name)
{
    const struct arch *arch = arch_by_name(name);
    if (!arch)
        test_fail(__FILE__, __LINE__, "no architecture %s", name);
    return arch;
}

static const struct sys_call *call_on(const struct arch *arch, const char *name)
{
    const struct sys_call *call = arch_call_by_name(arch, name);
    if (!call)
        test_fail(__FILE__, __LINE__, "%s has no %s", arch->name, name);
    return call;
}

/* Does any grant of the family hold for these arguments? */
static bool granted(const struct arch *arch, const char *name, unsigned family,
                    const uint64_t args[6])
{
    const struct sys_call *call = call_on(arch, name);
    const struct grant *grants = call_grants(call);
    for (size_t i = 0; i < call_rules(call)->grant_count; i++) {
        struct clause clause;
        grant_clause(&grants[i], NULL, &clause);
        if (grants[i].family == family && clause_holds(&clause, args))
            return true;
    }
    return false;
}

TEST(architectures_are_found_by_name_audit_and_elf)
{
    for (size_t i = 0; i < ARCH_COUNT; i++) {
        const struct arch *arch = &archs[i];
        CHECK_EQ(arch->id, i);
        CHECK(arch_by_name(arch->name) == arch);
        CHECK(arch_by_elf(arch->elf_machine, arch->elf64, arch->big_endian) == arch);
        CHECK(arch_by_audit(arch->audit, arch->id == ARCH_X32 ? X32_BIT : 0) == arch);
        CHECK(arch_table(arch->id) && arch_table(arch->id)->arch == arch);
        CHECK_EQ(arch->audit & 0x80000000 ? 1 : 0, arch->bits == 64);
        CHECK_EQ(arch->audit & 0x40000000 ? 1 : 0, !arch->big_endian);
        CHECK_EQ(arch->audit & 0xffff, arch->elf_machine);
    }
    CHECK(arch_by_name("vax") == NULL && arch_by_audit(0, 0) == NULL);
    CHECK(arch_by_elf(62, true, true) == NULL);
}

TEST(native_is_the_machine_that_compiled_this)
{
    const uint16_t one = 1;
    const struct arch *native = arch_native();
    CHECK_EQ(native->elf64, sizeof(void *) == 8);
    CHECK_EQ(native->big_endian, *(const uint8_t *)&one == 0);
}

TEST(every_call_is_found_by_number_and_by_name)
{
    for (size_t a = 0; a < ARCH_COUNT; a++) {
        const struct arch_table *table = arch_table((enum arch_id)a);
        CHECK(table->call_count > 300);
        for (size_t i = 0; i < table->call_count; i++) {
            const struct sys_call *call = &table->calls[i];
            CHECK(i == 0 || table->calls[i - 1].nr < call->nr);
            CHECK(arch_call(table->arch, call->nr) == call);
            CHECK(arch_call_by_name(table->arch, call_name(call)) == call);
            CHECK_EQ((call->nr & X32_BIT) != 0, a == ARCH_X32);
            CHECK(call_since(call) != NULL);
        }
        CHECK(arch_call(table->arch, 0x3fffffff) == NULL);
        CHECK(arch_call(table->arch, UINT32_MAX) == NULL);
    }
    CHECK(arch_call_by_name(named("aarch64"), "open") == NULL);
}

TEST(a_call_has_families_or_a_reason)
{
    for (size_t a = 0; a < ARCH_COUNT; a++) {
        const struct arch_table *table = arch_table((enum arch_id)a);
        for (size_t i = 0; i < table->call_count; i++) {
            const struct sys_call *call = &table->calls[i];
            const char *reason = call_reason(call);
            if (a == ARCH_X32 ? call_rules(call)->grant_count != 0
                              : !!call_rules(call)->grant_count == !!reason)
                test_fail(__FILE__, __LINE__, "%s on %s: %u grants, reason %s", call_name(call),
                          table->arch->name, call_rules(call)->grant_count,
                          reason ? reason : "none");
            CHECK(call_rules(call)->denial > 0 && (!reason || reason[0]));
        }
    }
}

static void check_atom(const struct atom *atom, const struct arch *arch)
{
    uint64_t full = atom->width == 32 ? UINT32_MAX : UINT64_MAX;
    CHECK(atom->arg < 6 && (atom->width == 32 || (atom->width == 64 && arch->bits == 64)));
    CHECK(atom->mask != 0 && (atom->mask & ~full) == 0);
    for (size_t i = 0; i < atom->range_count; i++) {
        const struct range *range = &atom->ranges[i];
        CHECK(range->lo <= range->hi && range->hi <= full);
        CHECK(i == 0 || range[-1].hi + 1 < range->lo);
        CHECK(range->lo <= atom->mask);
    }
}

/* Every stored clause is well-formed, and some arguments fulfil it. */
TEST(clauses_are_normal_and_can_hold)
{
    static const struct range launch = {1000, 1000};
    for (size_t a = 0; a < ARCH_COUNT; a++) {
        const struct arch_table *table = arch_table((enum arch_id)a);
        for (size_t i = 0; i < table->call_count; i++) {
            const struct grant *grants = call_grants(&table->calls[i]);
            for (size_t g = 0; g < call_rules(&table->calls[i])->grant_count; g++) {
                struct clause clause;
                uint64_t args[6] = {0};
                grant_clause(&grants[g], &launch, &clause);
                CHECK(grants[g].family < FAMILY_COUNT && clause.atom_count <= CLAUSE_ATOMS);
                CHECK(g == 0 || grants[g - 1].family <= grants[g].family);
                bool once = true; /* no argument is looked at twice */
                for (size_t k = 0; k < clause.atom_count; k++) {
                    check_atom(&clause.atoms[k], table->arch);
                    CHECK(clause.atoms[k].range_count > 0);
                    args[clause.atoms[k].arg] |= clause.atoms[k].ranges[0].lo;
                    once &= k == 0 || clause.atoms[k - 1].arg < clause.atoms[k].arg;
                }
                if (once && !clause_holds(&clause, args))
                    test_fail(__FILE__, __LINE__, "%s on %s: nothing fulfils family %s",
                              call_name(&table->calls[i]), table->arch->name,
                              family_name(grants[g].family));
            }
        }
    }
}

TEST(an_int_is_its_low_word)
{
    const struct arch *x86_64 = named("x86_64");
    uint64_t args[6] = {0, 0, 0, 0, 0, 0}; /* O_RDONLY */
    CHECK(granted(x86_64, "openat", FAMILY_OPEN_READ, args));
    args[2] = UINT64_C(0xdeadbeef00000000);
    CHECK(granted(x86_64, "openat", FAMILY_OPEN_READ, args));
    args[2] = 1; /* O_WRONLY */
    CHECK(!granted(x86_64, "openat", FAMILY_OPEN_READ, args));
    CHECK(granted(x86_64, "openat", FAMILY_OPEN_WRITE, args));
    args[2] = 0100; /* O_CREAT */
    CHECK(!granted(x86_64, "openat", FAMILY_OPEN_READ, args));
    CHECK(granted(named("mips64el"), "openat", FAMILY_OPEN_READ, args)); /* O_CREAT is 0400 there */
    args[2] = 0400;
    CHECK(!granted(named("mips64el"), "openat", FAMILY_OPEN_READ, args));
}

TEST(an_atom_masks_then_compares)
{
    static const struct range ranges[] = {{2, 4}, {0xfffffff0, 0xffffffff}};
    struct clause clause = {
        .atoms = {{.arg = 1, .width = 32, .mask = UINT32_MAX, .range_count = 2, .ranges = ranges}},
        .atom_count = 1};
    static const struct {
        uint64_t value;
        bool holds;
    } cases[] = {
        {1, false},          {2, true},          {4, true},          {5, false},
        {0xffffffef, false}, {0xfffffff0, true}, {UINT64_MAX, true}, {UINT64_C(0x100000003), true}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const uint64_t args[6] = {7, cases[i].value, 7, 7, 7, 7};
        CHECK_EQ(clause_holds(&clause, args), cases[i].holds);
    }
    clause.atoms[0].width = 64;
    clause.atoms[0].mask = UINT64_C(0xff00000000000000) | 7;
    const uint64_t low[6] = {0, 0x3}, high[6] = {0, UINT64_C(0x0100000000000003)},
                   hidden[6] = {0, 0xfb};
    CHECK(clause_holds(&clause, low) && clause_holds(&clause, hidden));
    CHECK(!clause_holds(&clause, high));
    clause.atoms[0].range_count = 0;
    CHECK(!clause_holds(&clause, low));
    clause.atom_count = 0;
    CHECK(clause_holds(&clause, low));
}

TEST(launch_is_the_secret_of_the_run)
{
    static const struct range launch = {77, 77};
    const struct arch *arch = named("s390x");
    const struct sys_call *call = call_on(arch, "execveat");
    size_t seen = 0;
    for (size_t i = 0; i < call_rules(call)->grant_count; i++) {
        const struct grant *grant = call_grants(call) + i;
        if (grant->family != FAMILY_LAUNCH)
            continue;
        struct clause clause;
        uint64_t args[6] = {0, 0, 0, 0, 0, 77};
        grant_clause(grant, &launch, &clause);
        CHECK(clause_holds(&clause, args));
        args[5] = 78;
        CHECK(!clause_holds(&clause, args));
        grant_clause(grant, NULL, &clause);
        for (args[5] = 0; args[5] < 100; args[5]++)
            CHECK(!clause_holds(&clause, args));
        seen++;
    }
    CHECK_EQ(seen, 1);
}

TEST(errno_values_are_the_architectures_own)
{
    CHECK_EQ(call_rules(call_on(named("x86_64"), "clone3"))->denial, 38);
    CHECK_EQ(call_rules(call_on(named("mips64el"), "clone3"))->denial, 89);
    CHECK_EQ(named("x86_64")->enosys, 38);
    CHECK_EQ(named("mips64el")->enosys, 89);
    CHECK_EQ(call_rules(call_on(named("mips64el"), "init_module"))->denial, 1);
}

TEST(operations_name_their_arguments)
{
    const struct operation *open = call_operation(call_on(named("i386"), "openat"));
    CHECK(open && open->dir == 0 && open->path == 1 && open->flags == 2 && open->mode == 3);
    CHECK(open && open->dir2 == -1 && open->address == -1);
    CHECK(call_operation(call_on(named("i386"), "getpid")) == NULL);
}
