/* Views on the real kernel: each test builds one over a small tree in
 * /var/tmp and looks around in it, as root and as an ordinary user. */
#include "enforce/view.h"
#include "harness.h"
#include "policy/decide.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVERYTHING                                                                                 \
    (PROMISE(STDIO) | PROMISE(RPATH) | PROMISE(WPATH) | PROMISE(CPATH) | PROMISE(EXEC))
#define R PERM_READ
#define RWC (PERM_READ | PERM_WRITE | PERM_CREATE)
#define USER 65534

#define EXIT_SKIP 77 /* harness.c */

static char top[] = "/var/tmp/vow-view-XXXXXX";
static char marker[64]; /* a file of the host's /tmp */

/* Defines a test twice: as root, and as a user without any privilege. */
#define BOTH(name)                                                                                 \
    static void name(void);                                                                        \
    TEST(name##_as_root)                                                                           \
    {                                                                                              \
        if (geteuid() != 0)                                                                        \
            SKIP("root: not root");                                                                \
        run(name);                                                                                 \
    }                                                                                              \
    TEST(name##_as_user)                                                                           \
    {                                                                                              \
        become_user();                                                                             \
        run(name);                                                                                 \
    }                                                                                              \
    static void name(void)

static void become_user(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
                           setresuid(USER, USER, USER) || prctl(PR_SET_DUMPABLE, 1)))
        SKIP("root: cannot become an ordinary user");
}

/* The absolute path of something in the tree; kept until the test ends. */
__attribute__((format(printf, 1, 2))) static char *in(const char *format, ...)
{
    struct str path = {0};
    va_list args;
    va_start(args, format);
    str_add(&path, top);
    str_addv(&path, format, args);
    va_end(args);
    return str_take(&path);
}

static int write_to(const char *path, const char *text)
{
    CLEAN_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int read_of(const char *path)
{
    char byte;
    CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return read(fd, &byte, 1) < 0 ? -errno : 0;
}

static int stat_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) < 0 ? -errno : 0;
}

#define CODE(call) ((call) < 0 ? -errno : 0)

static void make_tree(void)
{
    static const char *const directories[] = {
        "/open", "/closed", "/w", "/w/.git", "/w/.git/hooks", "/w/sub", "/w/sub/deep",
    };
    static const char *const files[] = {"/open/file",     "/closed/file",       "/w/file",
                                        "/w/.git/config", "/w/.git/hooks/hook", "/w/secret",
                                        "/alone"};
    if (!mkdtemp(top))
        SKIP("/var/tmp: cannot write there");
    snprintf(marker, sizeof marker, "/tmp/%s", strrchr(top, '/') + 1);
    for (size_t i = 0; i < ARRAY_COUNT(directories); i++)
        CHECK_EQ(CODE(mkdir(in("%s", directories[i]), 0755)), 0);
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        CHECK_EQ(write_to(in("%s", files[i]), "text\n"), 0);
}

static void remove_tree(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s %s", top, marker);
    CHECK_EQ(system(command), 0);
}

static void need_view(void)
{
    struct err why;
    char reason[sizeof why + 16];
    if (view_probe(&why) == 0)
        return;
    snprintf(reason, sizeof reason, "mountns: %s", why.text);
    SKIP(reason);
}

/* The body runs in a child: afterwards nobody in it could remove the tree. */
static void run(void (*body)(void))
{
    need_view();
    make_tree();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        fflush(stdout);
        _exit(test_failed() ? 1 : 0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    remove_tree();
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        _exit(EXIT_SKIP); /* the body has said why */
    CHECK_EQ(status, 0);
}

/* -------------------------------------------------------------------- views */

static struct policy policy = {.promises = EVERYTHING, .view = VIEW_SYSTEM};
static struct path_rule rules[32];

static struct path_rule *grant(uint8_t perms, char *path)
{
    struct stat st;
    struct path_rule *rule = &rules[policy.path_count++];
    bool there = lstat(path, &st) == 0;
    *rule = (struct path_rule){.path = path, .real = path, .perms = perms};
    rule->kind = !there ? PATH_ABSENT : S_ISDIR(st.st_mode) ? PATH_DIRECTORY : PATH_FILE;
    return rule;
}

static void no_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    CHECK_EQ(syscall(SYS_capset, &header, none), 0);
}

static int apply(const char *cwd, struct err *err)
{
    policy.paths = rules;
    struct view_facts facts = {.cwd = cwd, .link = view_link};
    struct view_plan plan;
    int failed = view_plan_make(&policy, &facts, &plan, err);
    if (failed)
        return failed;
    failed = view_apply(&plan, err);
    view_plan_free(&plan);
    return failed;
}

/* Enters the view and drops what a user namespace gave, as the step behind the
 * view does. */
static void enter(const char *cwd)
{
    struct err err = {""};
    CHECK_EQ(apply(cwd, &err), 0);
    CHECK_STR(err.text, "");
    no_capabilities();
}

BOTH(what_is_not_granted_is_not_there)
{
    grant(R, in("/open"));
    grant(R, in("/alone"));
    enter("/");
    CHECK_EQ(read_of(in("/open/file")), 0);
    CHECK_EQ(read_of(in("/alone")), 0);
    CHECK_EQ(stat_of(in("/closed")), -ENOENT);
    CHECK_EQ(stat_of(in("/closed/file")), -ENOENT);
    CHECK_EQ(stat_of("/etc/shadow"), -ENOENT);
    CHECK_EQ(stat_of("/proc/1"), -ENOENT);
}

BOTH(nothing_leads_back_to_the_host)
{
    grant(R, in("/open"));
    grant(R, strdup("/proc/self"));
    enter("/");
    CHECK_EQ(stat_of("/../../../../etc"), -ENOENT);
    CHECK_EQ(stat_of("/proc/self/root/etc"), -ENOENT);
    CHECK_EQ(stat_of("/proc/self/cwd/../etc"), -ENOENT);
    CHECK_EQ(CODE(chdir(in("/open"))), 0);
    CHECK_EQ(stat_of("../../../../../../etc"), -ENOENT);
    CHECK_EQ(stat_of("../open/file"), 0);
}

BOTH(what_can_only_be_read_stays_as_it_is)
{
    grant(R, in("/open"));
    enter("/");
    CHECK_EQ(write_to(in("/open/file"), "x"), -EROFS);
    CHECK_EQ(write_to(in("/open/new"), "x"), -EROFS);
    CHECK_EQ(CODE(chmod(in("/open/file"), 0600)), -EROFS);
    CHECK_EQ(CODE(unlink(in("/open/file"))), -EROFS);
    CHECK_EQ(CODE(mkdir("/new", 0755)), -EROFS);
    CHECK_EQ(CODE(chmod("/", 0777)), -EROFS);
    CHECK_EQ(read_of(in("/open/file")), 0);
}

BOTH(a_file_is_replaced_at_once)
{
    grant(RWC, in("/w"));
    enter(in("/w"));
    CHECK_EQ(write_to("file.new", "new"), 0);
    CHECK_EQ(CODE(rename("file.new", "file")), 0);
    CHECK_EQ(CODE(link("file", "sub/other")), 0);
    CHECK_EQ(CODE(rename("sub/deep", "deep")), 0);
    CHECK_EQ(CODE(unlink("sub/other")), 0);
    CHECK_EQ(CODE(rmdir("deep")), 0);
}

BOTH(hooks_cannot_be_changed_nor_walked_around)
{
    grant(RWC, in("/w"));
    grant(R, in("/w/.git/hooks"));
    enter(in("/w"));
    CHECK_EQ(write_to(".git/hooks/hook", "x"), -EROFS);
    CHECK_EQ(write_to(".git/hooks/new", "x"), -EROFS);
    CHECK_EQ(CODE(rename(".git/hooks", ".git/old")), -EBUSY);
    CHECK_EQ(CODE(rename(".git", ".old")), -EBUSY);
    CHECK_EQ(CODE(rmdir(".git/hooks")), -EBUSY);
    CHECK_EQ(CODE(renameat2(AT_FDCWD, ".git", AT_FDCWD, "sub", RENAME_EXCHANGE)), -EBUSY);
    /* Everything else there goes on. */
    CHECK_EQ(read_of(".git/hooks/hook"), 0);
    CHECK_EQ(write_to(".git/config.lock", "x"), 0);
    CHECK_EQ(CODE(rename(".git/config.lock", ".git/config")), 0);
    CHECK_EQ(CODE(rename("sub", "sub2")), 0);
}

BOTH(what_is_hidden_is_there_but_shut)
{
    grant(RWC, in("/w"));
    grant(0, in("/w/secret"));
    grant(0, in("/w/sub"));
    enter(in("/w"));
    CHECK_EQ(read_of("secret"), -EACCES);
    CHECK_EQ(CODE(chmod("secret", 0644)), -EROFS);
    CHECK_EQ(CODE(unlink("secret")), -EBUSY);
    CHECK_EQ(CODE(rename("file", "secret")), -EBUSY);
    CHECK_EQ(stat_of("sub"), 0);
    CHECK_EQ(stat_of("sub/deep"), -EACCES);
    CHECK_EQ(read_of("sub"), -EACCES);
    CHECK_EQ(CODE(chmod("sub", 0755)), -EROFS);
    CHECK_EQ(read_of("file"), 0);
}

BOTH(something_is_shown_below_what_is_hidden)
{
    grant(R, in("/w"));
    grant(0, in("/w/sub"));
    grant(RWC, in("/w/sub/deep"));
    enter("/");
    CHECK_EQ(read_of(in("/w/sub")), -EACCES);
    CHECK_EQ(CODE(mkdir(in("/w/sub/new"), 0755)), -EROFS);
    CHECK_EQ(write_to(in("/w/sub/deep/new"), "x"), 0);
}

BOTH(what_was_written_cannot_be_mapped_executable)
{
    grant(RWC, in("/w"));
    grant(R, in("/open"));
    enter("/");
    CLEAN_FD int own = open(in("/w/file"), O_RDONLY | O_CLOEXEC);
    CLEAN_FD int other = open(in("/open/file"), O_RDONLY | O_CLOEXEC);
    CHECK(mmap(NULL, 5, PROT_READ | PROT_EXEC, MAP_PRIVATE, own, 0) == MAP_FAILED);
    CHECK_EQ(errno, EPERM);
    CHECK(mmap(NULL, 5, PROT_READ | PROT_EXEC, MAP_PRIVATE, other, 0) != MAP_FAILED);
}

BOTH(prot_exec_maps_what_was_written)
{
    policy.promises |= PROMISE(PROT_EXEC);
    grant(RWC, in("/w"));
    enter("/");
    CLEAN_FD int own = open(in("/w/file"), O_RDONLY | O_CLOEXEC);
    CHECK(mmap(NULL, 5, PROT_READ | PROT_EXEC, MAP_PRIVATE, own, 0) != MAP_FAILED);
}

BOTH(tmp_is_private)
{
    CLEAN_FD int outer = open(marker, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    CHECK(outer >= 0);
    grant(RWC, strdup("/tmp"))->origin = ORIGIN_PRIVATE;
    enter("/tmp");
    CHECK_EQ(stat_of(marker), -ENOENT);
    CHECK_EQ(write_to(marker, "x"), 0);
    struct stat st;
    CHECK_EQ(CODE(fstat(outer, &st)), 0);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(CODE(stat("/tmp", &st)), 0);
    CHECK_EQ(st.st_mode & 07777, 01777);
    struct statvfs fs;
    CHECK_EQ(CODE(statvfs("/tmp", &fs)), 0);
    CHECK_EQ(fs.f_flag & (ST_NOEXEC | ST_NOSUID | ST_NODEV), ST_NOEXEC | ST_NOSUID | ST_NODEV);
}

BOTH(setuid_bits_mean_nothing)
{
    grant(RWC, in("/w"));
    grant(R, in("/open"));
    enter("/");
    struct statvfs fs;
    CHECK_EQ(CODE(statvfs(in("/w"), &fs)), 0);
    CHECK_EQ(fs.f_flag & (ST_NOSUID | ST_RDONLY), ST_NOSUID);
    CHECK_EQ(CODE(statvfs(in("/open"), &fs)), 0);
    CHECK_EQ(fs.f_flag & (ST_NOSUID | ST_RDONLY), ST_NOSUID | ST_RDONLY);
}

BOTH(devices_and_their_links_work)
{
    grant(R | PERM_WRITE, strdup("/dev/null"));
    grant(R, strdup("/proc/self"));
    enter("/");
    CLEAN_FD int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    CHECK_EQ(CODE(write(fd, "x", 1)), 0);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    CHECK_EQ(write_to(path, "x"), 0);
    CHECK_EQ(stat_of("/dev/zero"), -ENOENT);
}

BOTH(the_working_directory_is_entered_again)
{
    grant(R, in("/open"));
    CHECK_EQ(CODE(chdir(in("/w"))), 0);
    enter(in("/open"));
    char cwd[PATH_MAX];
    CHECK_STR(getcwd(cwd, sizeof cwd), in("/open"));
    CHECK_EQ(read_of("file"), 0);
}

BOTH(a_working_directory_without_a_rule_is_empty)
{
    grant(R, in("/open"));
    enter(in("/w"));
    char cwd[PATH_MAX];
    CHECK_STR(getcwd(cwd, sizeof cwd), in("/w"));
    CHECK_EQ(stat_of("file"), -ENOENT);
    CHECK_EQ(read_of("../open/file"), 0);
}

BOTH(a_link_is_shown_with_what_it_leads_to)
{
    CHECK_EQ(CODE(symlink("open/file", in("/link"))), 0);
    struct path_rule *rule = grant(R, in("/link"));
    rule->real = in("/open/file");
    enter("/");
    CHECK_EQ(read_of(in("/link")), 0);
    char text[32] = "";
    CHECK_EQ(CODE(readlink(in("/link"), text, sizeof text - 1)), 0);
    CHECK_STR(text, "open/file");
    CHECK_EQ(CODE(readlink(in("/open/file"), text, sizeof text)), -EINVAL);
}

BOTH(all_shows_the_host_read_only)
{
    policy.view = VIEW_ALL;
    grant(RWC, in("/w"));
    grant(0, in("/closed"));
    enter(in("/w"));
    CHECK_EQ(stat_of("/etc/passwd"), 0);
    CHECK_EQ(read_of(in("/open/file")), 0);
    CHECK_EQ(write_to(in("/open/file"), "x"), -EROFS);
    CHECK_EQ(write_to("file", "x"), 0);
    CHECK_EQ(stat_of(in("/closed/file")), -EACCES);
}

BOTH(the_terminal_keeps_its_name)
{
    int master, terminal;
    char name[64];
    if (openpty(&master, &terminal, name, NULL, NULL) < 0)
        SKIP("devpts: no terminals here");
    policy.paths = rules;
    grant(R, strdup("/proc/self"));
    struct view_facts facts = {.cwd = "/", .tty = name, .link = view_link};
    struct view_plan plan;
    struct err err;
    CHECK_EQ(view_plan_make(&policy, &facts, &plan, &err), 0);
    CHECK_EQ(view_apply(&plan, &err), 0);
    no_capabilities();
    CHECK_STR(ttyname(terminal), name);
    CHECK_EQ(isatty(terminal), 1);
    CHECK_EQ(stat_of("/dev/ptmx"), -ENOENT);
}

BOTH(a_link_that_was_swapped_in_stops_the_view)
{
    grant(RWC, in("/w"));
    grant(R, in("/w/.git/hooks"));
    policy.paths = rules;
    struct view_facts facts = {.cwd = "/", .link = view_link};
    struct view_plan plan;
    struct err err;
    CHECK_EQ(view_plan_make(&policy, &facts, &plan, &err), 0);
    CHECK_EQ(CODE(rename(in("/w/.git"), in("/w/.old"))), 0);
    CHECK_EQ(CODE(symlink(".old", in("/w/.git"))), 0);
    CHECK_EQ(view_apply(&plan, &err), -ELOOP);
    CHECK(strstr(err.text, "/w/.git: Too many levels of symbolic links") != NULL);
}

BOTH(a_path_that_went_is_named)
{
    grant(R, in("/alone"));
    rules[0].path = rules[0].real = in("/gone");
    struct err err;
    CHECK_EQ(apply("/", &err), -ENOENT);
    CHECK(strstr(err.text, "/gone: No such file or directory") != NULL);
}

BOTH(the_umask_stays)
{
    umask(027);
    grant(RWC, in("/w"));
    enter("/");
    CHECK_EQ(umask(0), 027);
}

/* Does the kernel let it happen? What was made is removed again. */
static bool happens(enum operation_kind kind, const char *path)
{
    struct statvfs fs;
    switch (kind) {
    case OP_STAT: return stat_of(path) == 0;
    case OP_OPEN_READ: return read_of(path) == 0;
    case OP_OPEN_WRITE: {
        CLEAN_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
        return fd >= 0;
    }
    case OP_CREATE: return mkdir(path, 0700) == 0 && rmdir(path) == 0;
    case OP_EXEC: return statvfs(path, &fs) == 0 && !(fs.f_flag & ST_NOEXEC);
    default: return false;
    }
}

static bool makes_sense(enum operation_kind kind, enum path_kind there)
{
    if (kind == OP_CREATE)
        return there == PATH_ABSENT;
    bool data = kind == OP_OPEN_READ || kind == OP_OPEN_WRITE || kind == OP_EXEC;
    return data ? there == PATH_FILE : there != PATH_ABSENT;
}

/* What decide_path says of the view, over all the tree. */
BOTH(decide_knows_what_a_view_does)
{
    static const char *const paths[] = {"/open",
                                        "/open/file",
                                        "/open/new",
                                        "/closed",
                                        "/closed/file",
                                        "/w",
                                        "/w/file",
                                        "/w/new",
                                        "/w/.git",
                                        "/w/.git/config",
                                        "/w/.git/hooks",
                                        "/w/.git/new",
                                        "/w/sub/deep",
                                        "/w/sub/new",
                                        "/w/.git/hooks/hook",
                                        "/w/.git/hooks/new"};
    static const enum operation_kind kinds[] = {OP_STAT, OP_OPEN_READ, OP_OPEN_WRITE, OP_CREATE,
                                                OP_EXEC};
    grant(R | PERM_EXEC, in("/open"));
    grant(RWC, in("/w"));
    grant(R, in("/w/.git/hooks"));
    grant(0, in("/w/sub/deep"));
    char *at[ARRAY_COUNT(paths)];
    enum path_kind there[ARRAY_COUNT(paths)];
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        struct stat st;
        at[i] = in("%s", paths[i]);
        there[i] = lstat(at[i], &st) < 0 ? PATH_ABSENT
                   : S_ISDIR(st.st_mode) ? PATH_DIRECTORY
                                         : PATH_FILE;
    }
    enter("/");
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
            struct path_event event = {.kind = kinds[k], .path = at[i]};
            struct path_verdict verdict;
            decide_path(&policy, &event, &verdict);
            bool allowed = verdict.view == ANSWER_ALLOW;
            /* Two things that decide does not promise: the name of what is
             * hidden stays, and where x is not granted Landlock says so. */
            if (!makes_sense(kinds[k], there[i]) || (kinds[k] == OP_EXEC && !allowed) ||
                (kinds[k] == OP_STAT && strcmp(paths[i], "/w/sub/deep") == 0))
                continue;
            if (happens(kinds[k], at[i]) != allowed)
                test_fail(__FILE__, __LINE__, "%s, operation %d: decide says %d", paths[i],
                          kinds[k], verdict.view);
        }
    }
}

TEST(inside_another_sandbox_there_is_no_view)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
    struct err err = {""};
    need_view();
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        SKIP("landlock: not in this kernel");
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(syscall(SYS_landlock_restrict_self, ruleset, 0), 0);
    CHECK(view_probe(&err) < 0);
    CHECK(strstr(err.text, "inside another sandbox") != NULL);
}
