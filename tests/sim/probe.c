#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t probe_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* What reaches a filter: 32 bits where arguments have no more. */
static uint64_t cut(const struct probe *probe, uint64_t value)
{
    return probe->arch->bits == 32 ? (uint32_t)value : value;
}

static void add_value(struct probe_values *values, uint64_t value)
{
    if (array_grow((void **)&values->at, &values->capacity, values->count, sizeof *values->at)) {
        fputs("Bail out! out of memory\n", stdout);
        exit(1);
    }
    values->at[values->count++] = value;
}

/* A value and its likes that differ where a filter might look wrongly. */
static void add_likes(struct probe *probe, const struct atom *atom, uint64_t value)
{
    uint64_t mask = atom->mask, lowest = mask & -mask;
    uint64_t highest = mask ? UINT64_C(1) << (63 - __builtin_clzll(mask)) : 0;
    uint64_t likes[] = {value,
                        value | ~mask,
                        value ^ lowest,
                        value ^ highest,
                        value ^ UINT64_C(1) << 31,
                        value ^ UINT64_C(1) << 32,
                        value ^ UINT64_C(1) << 63,
                        value | UINT64_C(0xffffffff00000000)};
    for (size_t i = 0; i < ARRAY_COUNT(likes); i++)
        add_value(&probe->values[atom->arg], cut(probe, likes[i]));
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_values(struct probe_values *values)
{
    if (values->count == 0)
        return;
    qsort(values->at, values->count, sizeof *values->at, by_value);
    size_t kept = 1;
    for (size_t i = 1; i < values->count; i++)
        if (values->at[i] != values->at[kept - 1])
            values->at[kept++] = values->at[i];
    values->count = kept;
}

void probe_add(struct probe *probe, const struct clause *clause)
{
    uint64_t holding[6] = {0};
    for (size_t i = 0; i < clause->atom_count; i++) {
        const struct atom *atom = &clause->atoms[i];
        for (size_t j = 0; j < atom->range_count; j++) {
            const struct range *r = &atom->ranges[j];
            uint64_t edges[] = {r->lo - 1, r->lo, r->lo + 1, r->hi - 1, r->hi, r->hi + 1};
            for (size_t k = 0; k < ARRAY_COUNT(edges); k++)
                add_likes(probe, atom, edges[k]);
        }
        if (atom->range_count > 0)
            holding[atom->arg] |= atom->ranges[0].lo;
        sort_values(&probe->values[atom->arg]);
    }
    for (size_t i = 0; i < 6; i++)
        add_value(&probe->holding, cut(probe, holding[i]));
}

/* All combinations, counted like the digits of a number. */
static void each_combination(const struct probe *probe, probe_fn fn, void *context)
{
    size_t digit[6] = {0};
    for (;;) {
        uint64_t args[6] = {0};
        for (size_t i = 0; i < 6; i++)
            if (probe->values[i].count > 0)
                args[i] = probe->values[i].at[digit[i]];
        fn(context, args);
        size_t i = 0;
        while (i < 6 && (probe->values[i].count == 0 || ++digit[i] == probe->values[i].count))
            digit[i++] = 0;
        if (i == 6)
            return;
    }
}

static void each_neighbour(const struct probe *probe, probe_fn fn, void *context)
{
    for (size_t at = 0; at < probe->holding.count; at += 6)
        for (size_t i = 0; i < 6; i++)
            for (size_t j = 0; j < probe->values[i].count; j++) {
                uint64_t args[6];
                memcpy(args, probe->holding.at + at, sizeof args);
                args[i] = probe->values[i].at[j];
                fn(context, args);
            }
}

static void one_random(struct probe *probe, probe_fn fn, void *context)
{
    uint64_t args[6];
    for (size_t i = 0; i < 6; i++) {
        const struct probe_values *values = &probe->values[i];
        uint64_t random = probe_random(&probe->random);
        args[i] = cut(probe, values->count ? values->at[random % values->count] : random);
    }
    fn(context, args);
}

void probe_each(struct probe *probe, size_t limit, probe_fn fn, void *context)
{
    size_t combinations = 1;
    for (size_t i = 0; i < 6 && combinations <= limit; i++)
        if (probe->values[i].count > 0)
            combinations *= probe->values[i].count;
    if (combinations <= limit) {
        each_combination(probe, fn, context);
        return;
    }
    each_neighbour(probe, fn, context);
    for (size_t i = 0; i < limit; i++)
        one_random(probe, fn, context);
}

void probe_free(struct probe *probe)
{
    for (size_t i = 0; i < 6; i++)
        free(probe->values[i].at);
    free(probe->holding.at);
    *probe = (struct probe){0};
}

struct probe *probes_of_calls(const struct arch *arch, uint64_t secret)
{
    const struct range launch = {secret, secret};
    const struct arch_table *table = arch_table(arch->id);
    struct probe *probes = calloc(table->call_count, sizeof *probes);
    for (size_t i = 0; i < table->call_count; i++) {
        const struct sys_call *call = &table->calls[i];
        probes[i] = (struct probe){.arch = arch, .random = i + 1};
        for (size_t j = 0; j < call_rules(call)->grant_count; j++) {
            struct clause clause;
            grant_clause(&call_grants(call)[j], &launch, &clause);
            probe_add(&probes[i], &clause);
        }
    }
    return probes;
}
