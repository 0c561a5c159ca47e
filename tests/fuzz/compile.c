/* Any rule set that compiles answers as ruleset_eval does, whatever the call. */
#include "bpf/bpf.h"
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RULES 48
#define MAX_CLAUSES 160
#define MAX_RANGES 640
#define COMBINATIONS 16
#define SHARES 208 /* of 256: such a call has the rule of an earlier one */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

struct tables {
    struct sys_call calls[MAX_RULES];
    struct rule rules[MAX_RULES];
    struct clause clauses[MAX_CLAUSES];
    struct range ranges[MAX_RANGES];
    size_t clause_count, range_count;
    struct ruleset set;
};

static uint8_t byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Numbers as they occur: small, a few bits, near a border, or anything. */
static uint64_t number(struct input *in)
{
    uint8_t kind = byte(in);
    uint64_t value = 0;
    switch (kind % 6) {
    case 0: return byte(in);
    case 1: return UINT64_C(1) << byte(in) % 64;
    case 2: return -(uint64_t)byte(in);
    case 3: return (UINT64_C(1) << 32) + byte(in) - 128;
    case 4: return (uint64_t)byte(in) << kind / 6;
    default:
        for (int i = 0; i < 8; i++)
            value = value << 8 | byte(in);
        return value;
    }
}

static int by_lo(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Ranges as the tables have them: cut to the width, sorted, disjoint. */
static void make_ranges(struct input *in, struct tables *t, struct atom *atom)
{
    size_t wanted = byte(in) % 8;
    struct range *r = &t->ranges[t->range_count];
    size_t count = 0, kept = 0;
    for (; count < wanted && t->range_count + count < MAX_RANGES; count++) {
        uint64_t a = number(in), b = byte(in) % 2 ? a : number(in);
        if (atom->width == 32) {
            a = (uint32_t)a;
            b = (uint32_t)b;
        }
        r[count] = a < b ? (struct range){a, b} : (struct range){b, a};
    }
    qsort(r, count, sizeof *r, by_lo);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || r[i].lo > r[kept - 1].hi)
            r[kept++] = r[i];
    atom->ranges = r;
    atom->range_count = (uint16_t)kept;
    t->range_count += kept;
}

static void make_clause(struct input *in, struct tables *t)
{
    struct clause *clause = &t->clauses[t->clause_count++];
    clause->atom_count = byte(in) % (CLAUSE_ATOMS + 1);
    for (size_t i = 0; i < clause->atom_count; i++) {
        struct atom *atom = &clause->atoms[i];
        uint8_t kind = byte(in);
        atom->arg = kind % 6;
        atom->width = kind & 64 || t->set.arch->bits == 32 ? 32 : 64;
        atom->mask = kind & 128 ? UINT64_MAX : number(in);
        if (atom->width == 32)
            atom->mask = (uint32_t)atom->mask;
        make_ranges(in, t, atom);
    }
}

static void make_set(struct input *in, const struct arch *arch, struct tables *t)
{
    static const uint32_t ends[] = {RET_ALLOW, RET_ERRNO(1), RET_ERRNO(38), RET_KILL_PROCESS};
    t->set.arch = arch;
    t->set.calls = t->calls;
    t->set.rules = t->rules;
    uint8_t kinds = byte(in);
    t->set.unknown = ends[kinds % 4];
    uint64_t nr = 0;
    for (size_t count = byte(in) % MAX_RULES; t->set.call_count < count;) {
        uint8_t kind = byte(in);
        nr += kind & 8 ? number(in) : 0;
        if (nr >= X32_FIRST)
            return;
        uint16_t own = (uint16_t)t->set.rule_count;
        bool shares = kind >= SHARES && own > 0;
        t->calls[t->set.call_count++] =
            (struct sys_call){.nr = nr++ & INT32_MAX, .rules = shares ? kind % own : own};
        if (shares)
            continue;
        struct rule *rule = &t->rules[t->set.rule_count++];
        *rule = (struct rule){.allow = ends[kind % 2],
                              .deny = ends[kind / 2 % 4],
                              .always = (kind & 16) != 0,
                              .clauses = &t->clauses[t->clause_count]};
        for (size_t i = kind / 32; i > 0 && t->clause_count < MAX_CLAUSES; i--) {
            make_clause(in, t);
            rule->clause_count++;
        }
    }
}

struct comparison {
    const struct program *program;
    const struct ruleset *set;
    struct seccomp_event event;
};

static void compare(void *context, const uint64_t args[6])
{
    struct comparison *c = context;
    memcpy(c->event.args, args, sizeof c->event.args);
    uint32_t ret;
    if (bpf_run(c->program, c->set->arch, &c->event, &ret, NULL) != 0)
        abort();
    uint32_t wanted = ruleset_eval(c->set, &c->event);
    if (arch_is_x32(c->set->arch, c->event.nr))
        wanted = RET_KILL_PROCESS;
    if (ret != wanted) {
        fprintf(stderr, "# %s call %u: %#x, not %#x\n", c->set->arch->name, c->event.nr, ret,
                wanted);
        abort();
    }
}

static void compare_all(const struct program *program, const struct ruleset *set)
{
    struct comparison c = {program, set, {.arch = set->arch->audit}};
    uint64_t none[6] = {0};
    for (size_t i = 0; i < set->call_count; i++) {
        uint32_t nr = set->calls[i].nr;
        const struct rule *rule = &set->rules[set->calls[i].rules];
        struct probe probe = {.arch = set->arch, .random = i + 1};
        for (size_t j = 0; j < rule->clause_count; j++)
            probe_add(&probe, &rule->clauses[j]);
        c.event.nr = nr;
        probe_each(&probe, COMBINATIONS, compare, &c);
        probe_free(&probe);
        c.event.nr = nr + 1;
        compare(&c, none);
        c.event.nr = nr - 1;
        compare(&c, none);
    }
    static const uint32_t others[] = {X32_FIRST - 1, X32_FIRST, X32_LAST, X32_LAST + 1, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        c.event.nr = others[i];
        compare(&c, none);
    }
}

static void check_foreign(const struct program *program)
{
    struct seccomp_event event = {.arch = 0x12345678};
    uint32_t ret;
    if (bpf_run(program, &archs[ARCH_X86_64], &event, &ret, NULL) != 0 || ret != RET_KILL_PROCESS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct tables *tables = calloc(2, sizeof *tables);
    if (!tables)
        abort();
    uint8_t kind = byte(&in);
    size_t count = 1 + kind % 2;
    size_t first = kind / 2 % ARCH_COUNT, second = (first + 1 + kind / 32) % ARCH_COUNT;
    first = first == ARCH_X32 ? ARCH_X86_64 : first;
    second = second == ARCH_X32 ? ARCH_AARCH64 : second;
    const struct ruleset *sets[2] = {&tables[0].set, &tables[1].set};
    make_set(&in, &archs[first], &tables[0]);
    make_set(&in, &archs[second], &tables[1]);
    struct program program;
    struct err err;
    int result =
        first == second ? -EINVAL : bpf_compile(sets, count, RET_KILL_PROCESS, &program, &err);
    if (result == 0) {
        if (bpf_check(&program, &err) != 0)
            abort();
        for (size_t i = 0; i < count; i++)
            compare_all(&program, sets[i]);
        check_foreign(&program);
        program_free(&program);
    }
    free(tables);
    return 0;
}
