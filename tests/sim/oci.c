/* A profile that libseccomp loads as container runtimes do allows what the
 * policy allows: shown by bpf_compare, exactly. */
#include "export/oci.h"
#include "bpf/bpf.h"
#include "harness.h"

#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a runtime makes of one condition. */
static struct scmp_arg_cmp condition(const json_t *json)
{
    const char *op = json_string_value(json_object_get(json, "op"));
    unsigned index = (unsigned)json_integer_value(json_object_get(json, "index"));
    uint64_t value = (uint64_t)json_integer_value(json_object_get(json, "value"));
    uint64_t second = (uint64_t)json_integer_value(json_object_get(json, "valueTwo"));
    bool masked = strcmp(op, "SCMP_CMP_MASKED_EQ") == 0;
    CHECK(masked || strcmp(op, "SCMP_CMP_EQ") == 0);
    return (struct scmp_arg_cmp){index, masked ? SCMP_CMP_MASKED_EQ : SCMP_CMP_EQ, value, second};
}

static uint32_t action(const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "action"));
    if (strcmp(name, "SCMP_ACT_ALLOW") == 0)
        return SCMP_ACT_ALLOW;
    CHECK_STR(name, "SCMP_ACT_ERRNO");
    return SCMP_ACT_ERRNO((uint32_t)json_integer_value(json_object_get(entry, "errnoRet")));
}

/* Names that libseccomp does not know are passed over, as runtimes do. */
static size_t add_entry(scmp_filter_ctx context, json_t *entry)
{
    struct scmp_arg_cmp args[6];
    unsigned count = 0;
    size_t index, passed_over = 0;
    json_t *value;
    json_array_foreach(json_object_get(entry, "args"), index, value) args[count++] =
        condition(value);
    json_array_foreach(json_object_get(entry, "names"), index, value)
    {
        int nr = seccomp_syscall_resolve_name(json_string_value(value));
        if (nr < 0)
            passed_over++;
        else
            CHECK_EQ(seccomp_rule_add_array(context, action(entry), nr, count, args), 0);
    }
    return passed_over;
}

static struct program load(json_t *profile)
{
    struct program program = {0};
    uint32_t errno_ret = (uint32_t)json_integer_value(json_object_get(profile, "defaultErrnoRet"));
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(errno_ret));
    size_t index, passed_over = 0, size;
    json_t *entry;
    json_array_foreach(json_object_get(profile, "syscalls"), index, entry) passed_over +=
        add_entry(context, entry);
    CHECK(passed_over < 60);
    int fd CLEAN_FD = memfd_create("filter", 0);
    CHECK(fd >= 0 && seccomp_export_bpf(context, fd) == 0);
    size = (size_t)lseek(fd, 0, SEEK_END);
    program.count = size / sizeof *program.at;
    program.at = calloc(1, size);
    CHECK(program.at && pread(fd, program.at, size, 0) == (ssize_t)size);
    seccomp_release(context);
    return program;
}

static struct program compile(const struct policy *policy)
{
    struct program program = {0};
    struct ruleset set;
    struct err err;
    const struct ruleset *sets[] = {&set};
    CHECK_EQ(ruleset_from_policy(policy, arch_native(), &(struct filter_mode){0}, &set, &err), 0);
    CHECK_EQ(bpf_compile(sets, 1, RET_KILL_PROCESS, &program, &err), 0);
    ruleset_free(&set);
    return program;
}

/* Only the profile's filter may allow what the runtime calls; it may lack what
 * libseccomp does not know by name. */
static void report(void *context, const struct sys_call *call, const struct difference *d)
{
    size_t *unknown = context;
    bool ours = d->first == RET_ALLOW, theirs = d->second == RET_ALLOW;
    if (ours == theirs || (theirs && call && oci_runtime_calls(call_name(call))))
        return;
    if (ours && call && seccomp_syscall_resolve_name(call_name(call)) < 0)
        ++*unknown;
    else
        test_fail(__FILE__, __LINE__,
                  "%s with %#jx, %#jx, %#jx, %#jx: the policy %#x, the profile %#x",
                  call ? call_name(call) : "unknown", (uintmax_t)d->event.args[0],
                  (uintmax_t)d->event.args[1], (uintmax_t)d->event.args[2],
                  (uintmax_t)d->event.args[3], d->first, d->second);
}

static void check(const char *words)
{
    struct policy policy = {0};
    struct err err = {""};
    CLEAN_STR struct str lost = {0};
    json_t *profile = NULL;
    size_t unknown = 0;
    CHECK_EQ(promises_parse(words, &policy.promises, &err), 0);
    if (oci_profile(&policy, arch_native(), &profile, &lost, &err) != 0) {
        test_fail(__FILE__, __LINE__, "%s", err.text);
        return;
    }
    struct program ours = compile(&policy), theirs = load(profile);
    CHECK_EQ(bpf_compare(&ours, &theirs, arch_native(), report, &unknown), 0);
    CHECK(unknown < 60);
    program_free(&ours);
    program_free(&theirs);
    json_decref(profile);
}

TEST(stdio)
{
    check("stdio");
}

TEST(files)
{
    check("stdio rpath");
    check("stdio rpath wpath");
    check("stdio rpath wpath cpath fattr flock tty");
}

TEST(network)
{
    check("stdio unix");
    check("stdio inet");
    check("stdio rpath inet dns unix mcast");
    check("stdio rpath wpath cpath inet unix proc exec tty");
}

TEST(processes)
{
    check("stdio rpath proc exec id prot_exec");
}
