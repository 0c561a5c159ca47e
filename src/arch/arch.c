#include "arch/tables.h"

#include <string.h>

_Static_assert(sizeof(struct sys_call) == 8, "libvow has some 850 of them");
_Static_assert(sizeof(struct stored_atom) == 8, "and these are packed, too");

const struct arch_table *arch_table(enum arch_id id)
{
    return arch_tables[id];
}

const struct arch *arch_native(void)
{
#if defined(__x86_64__) && defined(__ILP32__)
    return &archs[ARCH_X32];
#elif defined(__x86_64__)
    return &archs[ARCH_X86_64];
#elif defined(__i386__)
    return &archs[ARCH_I386];
#elif defined(__aarch64__)
    return &archs[ARCH_AARCH64];
#elif defined(__arm__)
    return &archs[ARCH_ARM];
#elif defined(__riscv)
    return &archs[ARCH_RISCV64];
#elif defined(__powerpc64__)
    return &archs[ARCH_PPC64LE];
#elif defined(__s390x__)
    return &archs[ARCH_S390X];
#elif defined(__loongarch64)
    return &archs[ARCH_LOONGARCH64];
#elif defined(__mips64)
    return &archs[ARCH_MIPS64EL];
#endif
}

bool arch_is_x32(const struct arch *arch, uint32_t nr)
{
    return arch->audit == archs[ARCH_X86_64].audit && nr >= X32_FIRST && nr <= X32_LAST;
}

const struct arch *arch_by_name(const char *name)
{
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (strcmp(archs[i].name, name) == 0)
            return &archs[i];
    return NULL;
}

const struct arch *arch_by_audit(uint32_t audit, uint32_t nr)
{
    if (audit == archs[ARCH_X32].audit)
        return &archs[arch_is_x32(&archs[ARCH_X86_64], nr) ? ARCH_X32 : ARCH_X86_64];
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (archs[i].audit == audit)
            return &archs[i];
    return NULL;
}

const struct arch *arch_by_elf(uint16_t machine, bool elf64, bool big_endian)
{
    for (size_t i = 0; i < ARCH_COUNT; i++)
        if (archs[i].elf_machine == machine && archs[i].elf64 == elf64 &&
            archs[i].big_endian == big_endian)
            return &archs[i];
    return NULL;
}

const struct sys_call *arch_call(const struct arch *arch, uint32_t nr)
{
    const struct arch_table *table = arch_table(arch->id);
    size_t low = 0, high = table ? table->call_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct sys_call *call = &table->calls[middle];
        if (call->nr == nr)
            return call;
        if (call->nr < nr)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct sys_call *arch_call_by_name(const struct arch *arch, const char *name)
{
    const struct arch_table *table = arch_table(arch->id);
    for (size_t i = 0; table && i < table->call_count; i++)
        if (strcmp(call_name(&table->calls[i]), name) == 0)
            return &table->calls[i];
    return NULL;
}

const struct call_rules *call_rules(const struct sys_call *call)
{
    return &table_rules[call->rules];
}

size_t call_rules_count(void)
{
    return table_rule_count;
}

const char *call_name(const struct sys_call *call)
{
    return table_call_texts + table_call_words[call->words].name_at;
}

const char *call_since(const struct sys_call *call)
{
    uint16_t at = table_call_words[call->words].since_at;
    return at == NO_TEXT ? NULL : table_call_texts + at;
}

const char *call_reason(const struct sys_call *call)
{
    uint16_t at = table_call_words[call->words].reason_at;
    return at == NO_TEXT ? NULL : table_call_texts + at;
}

const struct operation *call_operation(const struct sys_call *call)
{
    uint8_t at = call_rules(call)->operation_at;
    return at ? &table_operations[at] : NULL;
}

const struct grant *call_grants(const struct sys_call *call)
{
    return table_grants + call_rules(call)->grant_at;
}

bool grant_is_free(const struct grant *grant)
{
    return table_clauses[grant->clause].ref_count == 0;
}

void grant_clause(const struct grant *grant, const struct range *launch, struct clause *out)
{
    const struct stored_clause *stored = &table_clauses[grant->clause];
    out->atom_count = stored->ref_count;
    for (size_t i = 0; i < stored->ref_count; i++) {
        const struct stored_atom *from = &table_atoms[table_refs[stored->ref_at + i]];
        uint64_t mask = from->above ? UINT64_MAX << 32 | from->mask : from->mask;
        out->atoms[i] = (struct atom){
            .arg = from->arg,
            .width = from->wide ? 64 : 32,
            .mask = mask,
            .range_count = from->launch ? launch && launch->lo <= mask : from->range_count,
            .ranges = from->launch ? launch : table_ranges + from->range_at,
        };
    }
}

static bool atom_holds(const struct atom *atom, uint64_t value)
{
    if (atom->width == 32)
        value = (uint32_t)value;
    value &= atom->mask;
    for (size_t i = 0; i < atom->range_count; i++)
        if (value >= atom->ranges[i].lo && value <= atom->ranges[i].hi)
            return true;
    return false;
}

bool clause_holds(const struct clause *clause, const uint64_t args[6])
{
    for (size_t i = 0; i < clause->atom_count; i++)
        if (!atom_holds(&clause->atoms[i], args[clause->atoms[i].arg]))
            return false;
    return true;
}
