/* pledge(2) as a stranger uses it: its rules, and what each promise leaves. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

TESTS_NEED_LANDLOCK;

/* What one call does to a child that has promised: 0, errno, or the negative
 * number of the signal that ended it. */
static int outcome(const char *promises, int (*act)(void))
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (pledge(promises, NULL) != 0)
            _exit(255);
        errno = 0;
        _exit(act() < 0 ? errno : 0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 255);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ------------------------------------------------------------------- rules */

TEST(unknown_words_change_nothing)
{
    struct vow_error error;
    CHECK_EQ(pledge("stdio rpaht", NULL), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(pledge("stdio", "rpaht"), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(pledge("tmppath", NULL), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(vow_pledge("stdio rpaht", NULL, &error), -1);
    CHECK(strstr(error.text, "rpath"));
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0) < 0, 0);
}

TEST(promises_only_shrink)
{
    CHECK_EQ(pledge("stdio rpath wpath", NULL), 0);
    CHECK_EQ(pledge("stdio rpath", NULL), 0);
    CHECK_EQ(pledge("stdio rpath", NULL), 0);
    struct vow_error error;
    CHECK_EQ(vow_pledge("stdio rpath wpath inet", NULL, &error), -1);
    CHECK_EQ(errno, EPERM);
    CHECK(strstr(error.text, "wpath inet"));
    CHECK_EQ(pledge("stdio", NULL), 0);
    CHECK_EQ(pledge("stdio rpath", NULL), -1);
    CHECK_EQ(errno, EPERM);
}

/* The domain of the second needs paths that the first does not open. */
TEST(promises_shrink_without_rpath)
{
    CHECK_EQ(pledge("stdio proc dns", NULL), 0);
    CHECK_EQ(pledge("stdio", NULL), 0);
    CHECK(open("/dev/null", O_RDONLY) >= 0);
    CHECK_EQ(pledge("stdio proc", NULL), -1);
    CHECK_EQ(errno, EPERM);
}

TEST(null_keeps_a_side)
{
    CHECK_EQ(pledge(NULL, NULL), 0);
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0) < 0, 0);
    CHECK_EQ(pledge(NULL, "stdio rpath"), 0);
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0) < 0, 0);
    CHECK_EQ(pledge("stdio rpath", NULL), 0);
    CHECK_EQ(pledge(NULL, NULL), 0);
    CHECK_EQ(pledge(NULL, "stdio"), 0);
    CHECK_EQ(pledge(NULL, "stdio rpath"), -1);
    CHECK_EQ(errno, EPERM);
}

TEST(one_bad_side_changes_neither)
{
    CHECK_EQ(pledge(NULL, "stdio"), 0);
    CHECK_EQ(pledge("stdio", "stdio inet"), -1);
    CHECK_EQ(errno, EPERM);
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0) < 0, 0);
}

/* In want of a descriptor for Landlock. */
TEST(a_pledge_that_fails_locks_no_rules)
{
    struct rlimit before, none;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_EQ(pledge("stdio rpath", NULL), -1);
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (unveil("/usr", "r") < 0 && errno == EBUSY)
        SKIP("listener: another one is in force");
    CHECK_EQ(unveil("/etc", "r"), 0);
    CHECK_EQ(pledge("stdio rpath error", NULL), 0);
    CHECK_EQ(unveil("/lib", "r"), -1);
}

TEST(with_error_more_is_passed_over)
{
    CHECK_EQ(pledge("stdio error", NULL), 0);
    CHECK_EQ(pledge("stdio inet error", NULL), 0);
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0), -1);
    CHECK_EQ(errno, ENOSYS);
}

/* -------------------------------------------------------------- violations */

static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int make_folder(void)
{
    char folder[] = "/tmp/vow-pledge-XXXXXX";
    if (!mkdtemp(folder))
        return -1;
    return rmdir(folder);
}

static int read_passwd(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static int write_self(void)
{
    return open("/tmp/vow-pledge-self", O_WRONLY | O_CREAT, 0600);
}

static int fork_child(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static int end_by_signal(void)
{
    return raise(SIGTERM);
}

TEST(a_violation_is_a_death)
{
    CHECK_EQ(outcome("stdio inet", make_socket), 0);
    CHECK_EQ(outcome("stdio", make_socket), -SIGSYS);
    CHECK_EQ(outcome("stdio error", make_socket), ENOSYS);
    CHECK_EQ(outcome("stdio rpath cpath", make_folder), 0);
    CHECK_EQ(outcome("stdio rpath", make_folder), -SIGSYS);
    CHECK_EQ(outcome("stdio rpath error", make_folder), ENOSYS);
    CHECK_EQ(outcome("stdio proc", fork_child), 0);
    CHECK_EQ(outcome("stdio", fork_child), -SIGSYS);
}

TEST(paths_by_promise)
{
    CHECK_EQ(outcome("stdio rpath", read_passwd), 0);
    CHECK_EQ(outcome("stdio getpw", read_passwd), 0);
    CHECK(outcome("stdio", read_passwd) != 0);
    CHECK_EQ(outcome("stdio rpath wpath cpath", write_self), 0);
    CHECK_EQ(outcome("stdio rpath wpath", write_self), -SIGSYS);
    unlink("/tmp/vow-pledge-self");
}

TEST(nothing_but_the_end_is_left)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        pledge("", NULL);
        _exit(7);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 7);
    CHECK_EQ(outcome("", make_socket), -SIGSYS);
}

TEST(it_may_end_itself)
{
    CHECK_EQ(outcome("stdio", end_by_signal), -SIGTERM);
}

TEST(children_are_held)
{
    CHECK_EQ(pledge("stdio proc error", NULL), 0);
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), ENOSYS);
}
