#include "enforce/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int resource;
} rows[LIMIT_COUNT] = {
    [LIMIT_CPU] = {"cpu", RLIMIT_CPU},       [LIMIT_FILES] = {"files", RLIMIT_NOFILE},
    [LIMIT_FSIZE] = {"fsize", RLIMIT_FSIZE}, [LIMIT_MEM] = {"mem", RLIMIT_DATA},
    [LIMIT_PROCS] = {"procs", RLIMIT_NPROC},
};

static void add(struct limits *l, int resource, rlim_t soft, rlim_t hard)
{
    l->set[l->count].resource = resource;
    l->set[l->count++].value = (struct rlimit){soft, hard};
}

static int add_given(struct limits *l, enum limit_kind kind, uint64_t value, struct err *err)
{
    struct rlimit now;
    if (getrlimit(rows[kind].resource, &now) < 0)
        return err_set(err, -errno, "limit %s: %s", rows[kind].name, strerror(errno));
    if (value > now.rlim_max)
        return err_set(err, -EINVAL, "limit %s=%" PRIu64 ": the limit in force is lower: %" PRIu64,
                       rows[kind].name, value, (uint64_t)now.rlim_max);
    if (kind == LIMIT_PROCS && getuid() == 0)
        return err_set(err, -EINVAL,
                       "limit procs: the kernel does not count root's processes; run vow as "
                       "another user");
    /* A second between SIGXCPU, which a program may catch, and its end. */
    rlim_t hard = kind == LIMIT_CPU && value < now.rlim_max ? value + 1 : value;
    add(l, rows[kind].resource, value, hard);
    return 0;
}

/* No core file, and none for a pipe of core_pattern either, whose program
 * would run outside of every confinement: the kernel calls it whatever the
 * limit, except at 1. */
static int add_core(struct limits *l, struct err *err)
{
    struct rlimit now;
    if (getrlimit(RLIMIT_CORE, &now) < 0)
        return err_set(err, -errno, "limit core: %s", strerror(errno));
    rlim_t value = now.rlim_max < 1 ? now.rlim_max : 1;
    add(l, RLIMIT_CORE, value, value);
    return 0;
}

int limits_plan(const struct policy *p, struct limits *out, struct err *err)
{
    *out = (struct limits){0};
    int rc = add_core(out, err);
    for (enum limit_kind kind = 0; rc == 0 && kind < LIMIT_COUNT; kind++)
        if (p->limit_given[kind])
            rc = add_given(out, kind, p->limit[kind], err);
    return rc;
}

int limits_apply(const struct limits *limits, struct err *err)
{
    for (size_t i = 0; i < limits->count; i++)
        if (setrlimit(limits->set[i].resource, &limits->set[i].value) < 0)
            return err_set(err, -errno, "setrlimit: %s", strerror(errno));
    return 0;
}
