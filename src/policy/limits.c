/* limits: `--limit NAME=VALUE`. */
#include "policy/policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    char letter;
    uint64_t factor;
};
#define NO_UNITS ((const struct unit[]){{0, 0}})
#define TIME_UNITS ((const struct unit[]){{'s', 1}, {'m', 60}, {'h', 3600}, {0, 0}})
#define SIZE_UNITS                                                                                 \
    ((const struct unit[]){{'K', UINT64_C(1) << 10},                                               \
                           {'M', UINT64_C(1) << 20},                                               \
                           {'G', UINT64_C(1) << 30},                                               \
                           {'T', UINT64_C(1) << 40},                                               \
                           {0, 0}})

static const struct limit_row {
    const char *name;
    const struct unit *units;
    const char *example;
} limits[LIMIT_COUNT] = {
    [LIMIT_CPU] = {"cpu", TIME_UNITS, "cpu=10s"},
    [LIMIT_FILES] = {"files", NO_UNITS, "files=64"},
    [LIMIT_FSIZE] = {"fsize", SIZE_UNITS, "fsize=1M"},
    [LIMIT_MEM] = {"mem", SIZE_UNITS, "mem=1G"},
    [LIMIT_PROCS] = {"procs", NO_UNITS, "procs=20"},
};

static const char *limit_name(size_t index)
{
    return limits[index].name;
}

/* digits and at most one unit letter; 0 is no limit that anybody means. */
static int parse_amount(const char *text, const struct unit *units, uint64_t *out)
{
    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    char *end;
    errno = 0;
    uint64_t amount = strtoull(text, &end, 10);
    if (errno == ERANGE)
        return -ERANGE;
    uint64_t factor = *end ? 0 : 1;
    for (const struct unit *unit = units; *end && unit->letter; unit++)
        if (*end == unit->letter && end[1] == '\0')
            factor = unit->factor;
    if (factor == 0 || amount == 0)
        return -EINVAL;
    return __builtin_mul_overflow(amount, factor, out) ? -ERANGE : 0;
}

static int unknown(const char *name, size_t size, struct err *err)
{
    struct str shown CLEAN_STR = {0};
    quote_visible(&shown, name, size < 64 ? size : 64);
    const char *near = word_nearest(name, size, limit_name, LIMIT_COUNT);
    if (near)
        return err_set(err, -EINVAL, "no limit '%s'; did you mean '%s'?", str_get(&shown), near);
    return err_set(err, -EINVAL, "no limit '%s'; there are cpu, files, fsize, mem and procs",
                   str_get(&shown));
}

int policy_set_limit(struct policy *p, const char *text, struct err *err)
{
    size_t size = strcspn(text, "=");
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        const struct limit_row *row = &limits[i];
        if (strlen(row->name) != size || memcmp(row->name, text, size) != 0)
            continue;
        int result = text[size] ? parse_amount(text + size + 1, row->units, &p->limit[i]) : -EINVAL;
        if (result == -ERANGE)
            return err_set(err, result, "the limit '%s' is too large", row->name);
        if (result < 0)
            return err_set(err, result, "the limit '%s' needs a value, as in %s", row->name,
                           row->example);
        p->limit_given[i] = true;
        return 0;
    }
    return unknown(text, size, err);
}
