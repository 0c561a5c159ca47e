/* What libvow's filters do with the owners of files. */
#include "harness.h"

#include "bpf/bpf.h"
#include "pledge/pledge.h"

#include <errno.h>
#include <string.h>

#define SELF 1000
#define GROUP 100
#define OTHER 4242
#define UNCHANGED UINT32_MAX

static const struct pledge_owners owners = {
    .users = {{SELF, SELF}, {UNCHANGED, UNCHANGED}},
    .groups = {{GROUP, GROUP}, {SELF, SELF}, {UNCHANGED, UNCHANGED}},
    .group_count = 3};

static struct program filter;

static void make(const char *words)
{
    struct pledge_filter_for process = {.owners = &owners};
    promise_set held;
    struct err err = {""};
    CHECK_EQ(promises_parse(words, &held, &err), 0);
    CHECK_EQ(pledge_filter(held, &process, &filter, &err), 0);
    CHECK_STR(err.text, "");
}

static uint32_t answer(const struct arch *arch, const struct sys_call *call, uint32_t user,
                       uint32_t group)
{
    const struct operation *o = call_operation(call);
    unsigned at = (unsigned)(o->path >= 0 ? o->path : o->fd) + 1;
    struct seccomp_event event = {.nr = call->nr, .arch = arch->audit};
    uint32_t ret = 0;
    event.args[at] = user;
    event.args[at + 1] = group;
    CHECK_EQ(bpf_run(&filter, arch, &event, &ret, NULL), 0);
    return ret;
}

static size_t given, denied; /* calls that give a file to its own */

/* Each call gives a file to its own or to nobody. */
static void try_calls(const struct arch *arch)
{
    const struct arch_table *table = arch_table(arch->id);
    for (size_t i = 0; i < table->call_count; i++) {
        const struct sys_call *call = &table->calls[i];
        const struct operation *o = call_operation(call);
        if (!o || o->kind != OP_CHOWN)
            continue;
        CHECK_EQ(answer(arch, call, OTHER, UNCHANGED), RET_ERRNO(EPERM));
        CHECK_EQ(answer(arch, call, UNCHANGED, OTHER), RET_ERRNO(EPERM));
        CHECK_EQ(answer(arch, call, OTHER, GROUP), RET_ERRNO(EPERM));
        uint32_t own = answer(arch, call, SELF, GROUP);
        CHECK_EQ(answer(arch, call, UNCHANGED, SELF), own);
        CHECK(own == RET_ALLOW || own == RET_ERRNO(EPERM));
        given += own == RET_ALLOW;
        denied += own != RET_ALLOW;
    }
}

/* There is room for some rules of an architecture, enough for all of its calls; one
 * that finds none is denied, whoever would get the file. */
TEST(a_file_is_given_to_its_own_or_to_nobody)
{
    make("stdio rpath fattr exec");
    for (int id = 0; id < ARCH_COUNT; id++)
        if (id != ARCH_X32 && arch_table(archs[id].id))
            try_calls(&archs[id]);
    CHECK(given > 0);
#ifdef OWNER_RULES
    CHECK(denied > 0);
#else
    CHECK_EQ(denied, 0);
#endif
    program_free(&filter);
}
