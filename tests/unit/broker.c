/* The parts of a broker that ask nobody: its rules, and that no call with a
 * path goes past its filter. */
#include "broker/broker.h"
#include "bpf/bpf.h"
#include "broker/calls.h"
#include "broker/filter.h"
#include "broker/public.h"
#include "broker/rules.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static struct rules rules;

static void add(uint64_t inode, const char *name, const char *letters)
{
    bool taken;
    struct rule_directory directory = {{1, inode}, -1, (uint8_t)rules_letters(letters), 0, ""};
    CHECK_EQ(rules_add(&rules, &directory, name, &taken), 0);
}

static uint8_t below(uint64_t inode, uint8_t cover)
{
    return rules_below(&rules, &(struct identity){1, inode}, cover);
}

TEST(letters)
{
    CHECK_EQ(rules_letters(""), RULE_SET);
    CHECK_EQ(rules_letters("r"), RULE_SET | RULE_READ);
    CHECK_EQ(rules_letters("cxwr"), RULE_SET | RULE_READ | RULE_WRITE | RULE_EXEC | RULE_CREATE);
    CHECK_EQ(rules_letters("rr"), RULE_SET | RULE_READ);
    CHECK_EQ(rules_letters("rR"), -EINVAL);
    CHECK_EQ(rules_letters("rwxcr"), -ENAMETOOLONG);
}

TEST(what_is_missing_is_refused_and_what_has_nothing_is_hidden)
{
    uint8_t r = (uint8_t)rules_letters("r");
    CHECK_EQ(rules_permit(r, RULE_READ), 0);
    CHECK_EQ(rules_permit(r, RULE_READ | RULE_WRITE), -EACCES);
    CHECK_EQ(rules_permit(RULE_SET, RULE_READ), -ENOENT);
    CHECK_EQ(rules_permit(RULE_SET, 0), -ENOENT);
    CHECK_EQ(rules_permit(0, 0), -ENOENT);
}

TEST(a_directory_covers_what_is_below_it)
{
    add(10, NULL, "r");
    add(20, NULL, "");
    add(30, "file", "rw");
    CHECK_EQ(below(10, 0), rules_letters("r"));
    CHECK_EQ(below(11, below(10, 0)), rules_letters("r"));
    CHECK_EQ(below(20, below(10, 0)), RULE_SET);
    CHECK_EQ(below(30, below(10, 0)), rules_letters("r")); /* only a name in it */
    CHECK_EQ(below(11, 0), 0);
    const struct rule_name *name = rules_name(&rules, &(struct identity){1, 30}, "file");
    CHECK(name && name->letters == rules_letters("rw"));
    CHECK(!rules_name(&rules, &(struct identity){1, 30}, "fil"));
    CHECK(!rules_name(&rules, &(struct identity){1, 10}, "file"));
    CHECK(!rules_name(&rules, &(struct identity){2, 30}, "file"));
    add(30, NULL, "x");
    CHECK_EQ(below(30, 0), rules_letters("x"));
    CHECK(rules_name(&rules, &(struct identity){1, 30}, "file"));
    add(30, "file", "c");
    CHECK_EQ(rules.name_count, 1);
    CHECK_EQ(rules.directory_count, 3);
}

TEST(there_is_room_for_so_many)
{
    char name[16];
    bool taken;
    struct rule_directory directory = {{1, 1000}, -1, RULE_SET, 0, ""};
    for (uint64_t i = 0; i < RULE_DIRECTORIES; i++)
        add(i, NULL, "r");
    CHECK_EQ(rules_add(&rules, &directory, NULL, &taken), -E2BIG);
    CHECK(!taken);
    for (int i = 0; i < RULE_NAMES; i++) {
        snprintf(name, sizeof name, "%d", i);
        add(5, name, "r");
    }
    directory.identity.inode = 5;
    CHECK_EQ(rules_add(&rules, &directory, "one more", &taken), -E2BIG);
    CHECK_EQ(rules_add(&rules, &directory, "7", &taken), 0);
    CHECK_EQ(rules_name(&rules, &directory.identity, "7")->letters, RULE_SET);
}

TEST(public_paths_do_not_climb)
{
    CHECK(public_exception("/etc/localtime", RULE_READ));
    CHECK(public_exception("/usr/share/zoneinfo/UTC", RULE_READ));
    CHECK(!public_exception("/usr/share/zoneinfo/../../../etc/shadow", RULE_READ));
    CHECK(!public_exception("/etc/localtime", RULE_READ | RULE_WRITE));
    CHECK(!public_exception("/dev/null", RULE_CREATE));
    CHECK(!public_exception("/dev/tty", RULE_READ));
    CHECK(!public_exception("etc/localtime", RULE_READ));
    CHECK(public_library("/usr/lib/x86_64-linux-gnu/libc.so.6"));
    CHECK(!public_library("/usr/lib/.."));
    CHECK(!public_library("/usr/libexec/x"));
    CHECK(public_threads("/proc/self/task"));
    CHECK(public_threads("/proc/self/task/12/stat"));
    CHECK(!public_threads("/proc/self/task/12/mem"));
    CHECK(!public_threads("/proc/self/task/12/../mem"));
    CHECK(!public_threads("/proc/self/task/12/stat/x"));
}

/* Of calls that name a path: those that no rule need look at. */
static const char *harmless(const char *name)
{
    static const char *const rows[][2] = {
        {"statfs", "OpenBSD's rules are not about it"},
        {"statfs64", "OpenBSD's rules are not about it"},
        {"memfd_create", "the name is for /proc alone"},
        {"mq_open", "message queues have names of their own"},
        {"mq_unlink", "message queues have names of their own"},
        {"fchdir", "of a descriptor; what is opened from there is judged"},
        {"socketcall", "what stands for a call with a path is held, see below"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (strcmp(rows[i][0], name) == 0)
            return rows[i][1];
    return NULL;
}

/* Calls with a path, or a way to a file, that the table of operations has not. */
static const char *const more[] = {
    "open_by_handle_at", "fanotify_mark",  "fanotify_init", "fsopen",     "fsconfig",
    "fsmount",           "fspick",         "move_mount",    "statmount",  "listmount",
    "mount_setattr",     "open_tree_attr", "quotactl_fd",   "uselib",     "umount",
    "io_uring_setup",    "io_uring_enter", "bpf",           "socketcall", "setns",
    "io_uring_register",
};

static struct program filter;
static struct insn instructions[FILTER_ROOM];

static uint32_t answer_of(uint32_t nr, const uint64_t args[6])
{
    struct seccomp_event event = {.nr = nr, .arch = arch_native()->audit};
    uint32_t result = 0;
    memcpy(event.args, args, sizeof event.args);
    CHECK_EQ(bpf_run(&filter, arch_native(), &event, &result, NULL), 0);
    return result;
}

static void load_filter(void)
{
    struct err err;
    filter = (struct program){instructions, filter_calls(instructions, true), FILTER_ROOM};
    CHECK(filter.count < FILTER_ROOM);
    CHECK_EQ(bpf_check(&filter, &err), 0);
}

/* names_path: by the table of operations, or by the list above. */
static bool names_path(const struct sys_call *call)
{
    const struct operation *operation = call_operation(call);
    for (size_t i = 0; i < ARRAY_COUNT(more); i++)
        if (strcmp(more[i], call_name(call)) == 0)
            return true;
    return operation && (operation->path >= 0 || operation->path2 >= 0 ||
                         operation->kind == OP_CONNECT || operation->kind == OP_BIND);
}

TEST(no_call_with_a_path_goes_past_the_filter)
{
    static const uint64_t pointers[6] = {0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000};
    const struct arch_table *table = arch_table(arch_native()->id);
    size_t held = 0, refused = 0, passed = 0;
    load_filter();
    for (size_t i = 0; i < table->call_count; i++) {
        const struct sys_call *call = &table->calls[i];
        uint32_t answer = answer_of(call->nr, pointers);
        if (!names_path(call))
            continue;
        held += answer == RET_USER_NOTIF;
        refused += answer == RET_ERRNO(ENOSYS) || answer == RET_ERRNO(EPERM);
        passed += answer == RET_ALLOW;
        if (answer == RET_ALLOW && !harmless(call_name(call)))
            test_fail(__FILE__, __LINE__, "%s passes", call_name(call));
    }
    /* Architectures that began without open(2) have fewer. */
    bool all = arch_call_by_name(arch_native(), "open");
    CHECK(held >= (all ? 40 : 20));
    CHECK(refused >= (all ? 15 : 10));
    CHECK(passed >= (all ? 4 : 2));
}

TEST(what_is_held_is_what_the_table_has)
{
    static const uint64_t pointers[6] = {BROKER_CALL, 1, 1, 1, 1, 1};
    load_filter();
    for (size_t i = 0; i < call_count; i++)
        if (calls[i].kind != CALL_SOCKETCALL)
            CHECK_EQ(answer_of(calls[i].nr, pointers), RET_USER_NOTIF);
    for (size_t i = 0; i < call_refused_count; i++)
        CHECK_EQ(answer_of(calls_refused[i].nr, pointers), RET_ERRNO(calls_refused[i].error));
    filter.count = filter_calls(instructions, false);
    for (size_t i = 0; i < call_count; i++)
        if (calls[i].kind != CALL_SOCKETCALL)
            CHECK_EQ(answer_of(calls[i].nr, pointers),
                     calls[i].kind == CALL_IDENTITY ? RET_ALLOW : RET_USER_NOTIF);
}

static uint32_t nr_of(const char *name)
{
    const struct sys_call *call = arch_call_by_name(arch_native(), name);
    CHECK(call);
    return call ? call->nr : 0;
}
#define ANSWER(name, ...) answer_of(nr_of(name), (uint64_t[6]){__VA_ARGS__})

#ifdef SYS_socketcall
TEST(a_socketcall_is_held_as_what_it_stands_for)
{
    load_filter();
    for (uint32_t kind = 0; kind <= 32; kind++) {
        bool held = kind == 2 || kind == 3 || kind == 11; /* bind, connect, sendto */
        CHECK_EQ(answer_of(SYS_socketcall, (uint64_t[6]){kind, 0x1000}),
                 held ? RET_USER_NOTIF : RET_ALLOW);
    }
}
#endif

TEST(what_names_nothing_is_not_held)
{
    load_filter();
    CHECK_EQ(ANSWER("sendto", 3, 1, 1, 0, 0, 0), RET_ALLOW);
    CHECK_EQ(ANSWER("sendto", 3, 1, 1, 0, 0x100000000, 16), RET_USER_NOTIF);
    CHECK_EQ(ANSWER("utimensat", 3, 0, 0, 0), RET_ALLOW);
    CHECK_EQ(ANSWER("utimensat", 3, 0x100000000, 0, 0), RET_USER_NOTIF);
    CHECK_EQ(ANSWER("prctl", 15, 0), RET_ALLOW);
    CHECK_EQ(ANSWER("prctl", 0xf00000000 | BROKER_CALL, 0), RET_USER_NOTIF);
    CHECK_EQ(ANSWER("read", 0, 0, 0), RET_ALLOW);
    CHECK_EQ(ANSWER("clone", 17, 17), RET_ALLOW);
    CHECK_EQ(ANSWER("clone", 0x10000000 | 17, 0x10000000 | 17), RET_ERRNO(EPERM));
    CHECK_EQ(ANSWER("unshare", 0x20000), RET_ERRNO(EPERM));
    CHECK_EQ(ANSWER("unshare", 0x400), RET_ALLOW);
}
