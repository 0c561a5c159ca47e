/* steps: their order, and that each failure names its step. */
#include "enforce/enforce.h"
#include "harness.h"
#include "host/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static struct policy policy;
static struct launch_request request = {.policy = &policy};

/* Every step that can fail on its own, failing. */
static struct landlock_rule absent = {.path = "/absent/x", .access = LL_READ_FILE};
static struct insn nonsense[] = {{.code = 0xffff}};
static const struct launch broken = {
    .request = &request,
    .listener = -1,
    .fds = {.at = {999}, .count = 1},
    .landlock = {.abi = 1, .handled = LL_READ_FILE, .rules = &absent, .rule_count = 1},
    .limits = {.set = {{.resource = -1}}, .count = 1},
    .filter = {.at = nonsense, .count = 1},
};

static void check_failure(struct launch *launch, const char *wanted)
{
    struct err err = {""};
    CHECK(launch_confine(launch, &err) < 0);
    CHECK_STR(err.text, wanted);
}

TEST(the_first_step_that_fails_is_named)
{
    struct launch launch = broken;
    struct err err;
    int privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    int filters = prctl(PR_GET_SECCOMP, 0, 0, 0, 0); /* a container has one */
    if (probe_landlock(&err) < 0)
        SKIP("landlock: none here");
    check_failure(&launch, "descriptors: close-on-exec: Bad file descriptor");
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), privileges);
    launch.fds.count = 0;
    check_failure(&launch, "Landlock: cannot add a rule for /absent/x: No such file or directory");
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    launch.landlock.rule_count = 0;
    check_failure(&launch, "limits: setrlimit: Invalid argument");
    launch.limits.count = 0;
    check_failure(&launch, "seccomp: Invalid argument");
    CHECK_EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), filters);
}

TEST(after_the_last_step_nothing_is_missing)
{
    struct insn allow[] = {{.code = 6, .k = RET_ALLOW}};
    struct launch launch = broken;
    struct err err = {""};
    launch.fds.count = launch.limits.count = launch.landlock.rule_count = 0;
    launch.filter = (struct program){.at = allow, .count = 1};
    if (probe_landlock(&err) < 0)
        SKIP("landlock: none here");
    CHECK_EQ(launch_confine(&launch, &err), 0);
    CHECK_STR(err.text, "");
    CHECK_EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 2);
    CHECK_EQ(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0), -1);
}
