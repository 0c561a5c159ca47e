/* env, fds, limits: what a program starts with. */
#include "enforce/env.h"
#include "enforce/fds.h"
#include "enforce/limits.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *outer[] = {"PATH=/bin", "LC_ALL=C", "SECRET_TOKEN=x", "LD_PRELOAD=evil.so",
                        "TZ=UTC",    "PWD=/old", "PATHX=1",        NULL};

static void check_env(const struct policy *p, const char *dir, const char *wanted)
{
    CLEAN_STR struct str text = {0};
    char **envp = env_build(p, outer, dir);
    for (char **variable = envp; variable && *variable; variable++)
        str_addf(&text, "%s ", *variable);
    CHECK_STR(str_get(&text), wanted);
    env_free(envp);
}

TEST(environment_by_default)
{
    struct policy p = {0};
    check_env(&p, NULL, "PATH=/bin LC_ALL=C TZ=UTC PWD=/old ");
    check_env(&p, "/new", "PATH=/bin LC_ALL=C TZ=UTC PWD=/new ");
}

TEST(environment_that_is_named)
{
    char *names[] = {"SECRET_TOKEN", "LD_PRELOAD", "ABSENT", NULL};
    char *set[] = {"TZ=CET", "NEW=a=b", "NEW=c", NULL};
    struct policy p = {.env = names, .setenv = set};
    check_env(&p, NULL,
              "PATH=/bin LC_ALL=C SECRET_TOKEN=x LD_PRELOAD=evil.so TZ=CET PWD=/old NEW=c ");
}

TEST(environment_all_but_the_loaders)
{
    struct policy p = {.env_all = true};
    check_env(&p, NULL, "PATH=/bin LC_ALL=C SECRET_TOKEN=x TZ=UTC PWD=/old PATHX=1 ");
}

TEST(the_manual_names_each_variable)
{
    CLEAN_STR struct str path = {0}, wanted = {0};
    static char manual[65536];
    str_addf(&path, "%s/man/vow-run.1", getenv("SOURCE"));
    int fd CLEAN_FD = open(str_get(&path), O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, manual, sizeof manual - 1);
    CHECK(size > 0);
    const char *name;
    for (size_t i = 0; (name = env_default_name(i)); i++) {
        str_clear(&wanted);
        str_addf(&wanted, " %s", name);
        if (!strstr(manual, str_get(&wanted)))
            test_fail(__FILE__, __LINE__, "%s is not in it", name);
    }
}

TEST(descriptors_in_arguments)
{
    CHECK_EQ(fds_named("/dev/fd/63"), 63);
    CHECK_EQ(fds_named("/proc/self/fd/7"), 7);
    CHECK_EQ(fds_named("--rcfile=/dev/fd/63"), 63);
    CHECK_EQ(fds_named("@/dev/fd/5"), 5);
    static const char *const others[] = {"",           "/dev/fd/",   "/dev/fd/x",
                                         "/dev/fd/3x", "x/dev/fd/3", "/dev/fd/3/x",
                                         "12",         "/dev/fd/-1", "/dev/fd/12345678901"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        CHECK_EQ(fds_named(others[i]), -1);
}

static bool close_on_exec(int fd)
{
    return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

TEST(descriptors_that_pass)
{
    for (int fd = 10; fd < 16; fd++)
        CHECK_EQ(dup2(1, fd), fd);
    char *argv[] = {"cat", "/dev/fd/13", "/dev/fd/99", "/dev/fd/1", "/dev/fd/11", NULL};
    int given[] = {14, 11};
    struct kept_fds kept;
    struct err err = {""};
    CHECK_EQ(fds_choose(given, 2, argv, &kept, &err), 0);
    CHECK_STR(err.text, "");
    CHECK_EQ(kept.count, 3);
    CHECK(kept.at[0] == 11 && kept.at[1] == 13 && kept.at[2] == 14);
    CHECK_EQ(fds_apply(&kept, &err), 0);
    CHECK(close_on_exec(10) && close_on_exec(12) && close_on_exec(15));
    CHECK(!close_on_exec(11) && !close_on_exec(13) && !close_on_exec(14));
    CHECK(!close_on_exec(0) && !close_on_exec(1) && !close_on_exec(2));
}

static int choose_one(int fd, struct err *err)
{
    struct kept_fds kept;
    char *argv[] = {"cat", NULL};
    return fds_choose(&fd, 1, argv, &kept, err);
}

TEST(descriptors_that_are_refused)
{
    struct err err;
    CHECK_EQ(choose_one(99, &err), -EBADF);
    CHECK_STR(err.text, "descriptor 99 is not open");
    CHECK_EQ(dup2(open("/", O_RDONLY), 20), 20);
    CHECK_EQ(choose_one(20, &err), -EPERM);
    CHECK(strstr(err.text, "descriptor 20 is a directory"));
    CHECK_EQ(dup2(open("/etc/passwd", O_PATH), 20), 20);
    CHECK_EQ(choose_one(20, &err), -EPERM);
    CHECK(strstr(err.text, "O_PATH"));
    CHECK_EQ(dup2(open("/etc/passwd", O_RDONLY), 20), 20);
    CHECK_EQ(choose_one(20, &err), 0);
    CHECK_EQ(fcntl(20, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(choose_one(20, &err), -EBADF); /* nobody handed it to us */
    CHECK_EQ(fcntl(20, F_SETFD, 0), 0);
    CHECK_EQ(dup2(open("/", O_RDONLY), 0), 0);
    CHECK_EQ(choose_one(20, &err), -EPERM);
    CHECK(strstr(err.text, "descriptor 0 is a directory"));
}

TEST(closed_standard_descriptors)
{
    struct err err = {""};
    close(0);
    close(2);
    CHECK_EQ(fds_open_standard(&err), 0);
    char byte;
    CHECK_EQ(read(0, &byte, 1), 0);
    CHECK_EQ(write(2, "x", 1), 1);
    CHECK(!close_on_exec(0) && !close_on_exec(2));
}

static rlim_t now(int resource, bool hard)
{
    struct rlimit value;
    CHECK_EQ(getrlimit(resource, &value), 0);
    return hard ? value.rlim_max : value.rlim_cur;
}

TEST(limits_are_set)
{
    struct policy p = {0};
    struct limits limits;
    struct err err = {""};
    static const uint64_t values[] = {
        [LIMIT_CPU] = 7, [LIMIT_FILES] = 99, [LIMIT_FSIZE] = 4096, [LIMIT_MEM] = 1 << 30};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        p.limit_given[i] = values[i] > 0;
        p.limit[i] = values[i];
    }
    CHECK_EQ(limits_plan(&p, &limits, &err), 0);
    CHECK_EQ(limits_apply(&limits, &err), 0);
    CHECK_STR(err.text, "");
    CHECK_EQ(now(RLIMIT_CPU, false), 7);
    CHECK_EQ(now(RLIMIT_CPU, true), 8);
    CHECK_EQ(now(RLIMIT_FSIZE, true), 4096);
    CHECK_EQ(now(RLIMIT_DATA, true), 1 << 30);
    CHECK_EQ(now(RLIMIT_NOFILE, false), 99);
    CHECK_EQ(now(RLIMIT_NOFILE, true), 99);
    CHECK(now(RLIMIT_CORE, true) <= 1 && now(RLIMIT_CORE, false) == now(RLIMIT_CORE, true));
}

TEST(limits_that_would_hold_nothing)
{
    struct policy p = {0};
    struct rlimit fsize = {1000, 1000};
    struct limits limits;
    struct err err;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &fsize), 0);
    p.limit_given[LIMIT_FSIZE] = true;
    p.limit[LIMIT_FSIZE] = 1001;
    CHECK_EQ(limits_plan(&p, &limits, &err), -EINVAL);
    CHECK_STR(err.text, "limit fsize=1001: the limit in force is lower: 1000");
    p.limit[LIMIT_FSIZE] = 1000;
    CHECK_EQ(limits_plan(&p, &limits, &err), 0);
    p.limit_given[LIMIT_PROCS] = true;
    p.limit[LIMIT_PROCS] = 10;
    CHECK_EQ(limits_plan(&p, &limits, &err), getuid() == 0 ? -EINVAL : 0);
}
