/* libvow as a stranger uses it: include/vow.h and nothing else of vow. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

extern char **environ;

static struct vow_error error;

/* A policy with promises and, unless NULL, one path rule. */
static struct vow_policy *policy_of(const char *promises, const char *path, const char *letters)
{
    struct vow_policy *policy = vow_policy_new();
    CHECK(policy);
    CHECK_EQ(vow_policy_promises(policy, promises, &error), 0);
    if (path)
        CHECK_EQ(vow_policy_path(policy, path, letters, &error), 0);
    return policy;
}

static void need_all_of(const struct vow_policy *policy)
{
    if (vow_supported(policy, &error) == 0)
        SKIP("landlock-6: not all of a policy can be enforced here");
}

static void apply(const char *promises, const char *path, const char *letters)
{
    struct vow_policy *policy = policy_of(promises, path, letters);
    need_all_of(policy);
    CHECK_EQ(vow_apply(policy, 0, &error), 0);
    CHECK_STR(error.text, "");
    vow_policy_free(policy);
}

/* What opening gives: 0, or errno. */
static int opening(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

TEST(unknown_words_are_named)
{
    struct vow_policy *policy = vow_policy_new();
    CHECK_EQ(vow_policy_promises(policy, "stdio rpaht", &error), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK(strstr(error.text, "rpath"));
    CHECK_EQ(vow_policy_path(policy, "/etc", "rq", &error), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK(strstr(error.text, "q"));
    CHECK_EQ(vow_policy_promises(policy, "rpaht", NULL), -1);
    CHECK_EQ(vow_apply(policy, 1u << 31, &error), -1);
    CHECK_EQ(errno, EINVAL);
    vow_policy_free(policy);
    vow_policy_free(NULL);
}

TEST(stdio_uses_what_is_open)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), 0);
    apply("stdio", NULL, NULL);
    char byte = 'x';
    CHECK_EQ(write(ends[1], &byte, 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(opening("/dev/null", O_RDONLY), 0);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), EACCES);
    CHECK_EQ(opening("/etc/passwd", O_WRONLY), EACCES);
    CHECK_EQ(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), -1); /* no socketcall, as on i386 */
    CHECK_EQ(errno, EPERM);
}

TEST(path_rules_say_where)
{
    apply("stdio rpath", "/etc", "r");
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), 0);
    CHECK_EQ(opening("/usr/bin/env", O_RDONLY), EACCES);
    CHECK_EQ(opening("/etc/passwd", O_WRONLY), EACCES);
}

TEST(without_rules_promises_hold_everywhere)
{
    apply("stdio rpath", NULL, NULL);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), 0);
    CHECK_EQ(opening("/usr/bin/env", O_RDONLY), 0);
    CHECK_EQ(opening("/tmp/vow-never", O_WRONLY | O_CREAT), EPERM);
}

TEST(creating_needs_promise_and_letter)
{
    char folder[] = "/tmp/vow-lib-XXXXXX";
    CHECK(mkdtemp(folder));
    CHECK_EQ(chdir(folder), 0);
    CHECK_EQ(mkdir("in", 0700), 0);
    CHECK_EQ(mkdir("out", 0700), 0);
    apply("stdio rpath wpath cpath", "in", "rwc");
    CHECK_EQ(opening("in/new", O_RDWR | O_CREAT), 0);
    CHECK_EQ(unlink("in/new"), 0);
    CHECK_EQ(opening("out/new", O_RDWR | O_CREAT), EACCES);
    CHECK_EQ(rmdir("out"), -1);
    CHECK_EQ(errno, EACCES);
}

static int run(const char *program, const char *argument)
{
    char *argv[] = {(char *)program, (char *)argument, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&quiet);
    for (int fd = 1; fd <= 2; fd++)
        posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_WRONLY, 0);
    int code = posix_spawn(&pid, program, &quiet, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (code != 0)
        return -code;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(children_are_held_too)
{
    CHECK_EQ(run("/bin/cat", "/etc/passwd"), 0);
    CHECK_EQ(run("/bin/cat", "/etc/hostname"), 0);
    struct vow_policy *policy = policy_of("stdio rpath proc exec", "/usr", "rx");
    CHECK_EQ(vow_policy_path(policy, "/etc/ld.so.cache", "r", &error), 0);
    CHECK_EQ(vow_policy_path(policy, "/etc/passwd", "r", &error), 0);
    need_all_of(policy);
    CHECK_EQ(vow_apply(policy, 0, &error), 0);
    CHECK_EQ(run("/bin/cat", "/etc/passwd"), 0);
    CHECK_EQ(run("/bin/cat", "/etc/hostname"), 1);
}

/* From now on this process has no Landlock. */
static void lose_landlock(void)
{
    struct sock_filter refuse[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof refuse / sizeof *refuse, refuse};
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) == -1 && errno == ENOSYS)
        return; /* it never had it */
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST(without_landlock_nothing_is_promised_by_halves)
{
    lose_landlock();
    errno = 0;
    CHECK_EQ(pledge("stdio rpath unveil", NULL), -1);
    CHECK_EQ(errno, ENOSYS);
    struct vow_policy *policy = policy_of("stdio rpath", "/usr", "r");
    CHECK_EQ(vow_apply(policy, 0, &error), -1);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), 0);
    CHECK_EQ(opening("/tmp", O_WRONLY | O_TMPFILE), 0);
    vow_policy_free(policy);
}

TEST(no_children_without_proc)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 7);
    apply("stdio rpath", NULL, NULL);
    CHECK_EQ(fork(), -1);
    CHECK_EQ(errno, EPERM);
}

TEST_DIES(kill_ends_the_process, SIGSYS)
{
    struct vow_policy *policy = policy_of("stdio", NULL, NULL);
    need_all_of(policy);
    CHECK_EQ(vow_apply(policy, VOW_KILL, &error), 0);
    CHECK_EQ(getpid() > 0, 1);
    syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

struct other {
    int ends[2];
    int seen; /* what opening gave it afterwards */
};

static void *open_at_the_end(void *other)
{
    struct other *o = other;
    char byte;
    o->seen = read(o->ends[0], &byte, 1) < 0 ? errno : opening("/etc/passwd", O_RDONLY);
    return NULL;
}

TEST(other_threads_are_held_too)
{
    struct other other;
    pthread_t thread;
    CHECK_EQ(pipe(other.ends), 0);
    CHECK_EQ(pthread_create(&thread, NULL, open_at_the_end, &other), 0);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), 0);
    apply("stdio", NULL, NULL);
    close(other.ends[1]);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(other.seen, EACCES);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), EACCES);
}

TEST(a_second_policy_takes_more_away)
{
    apply("stdio rpath", NULL, NULL);
    CHECK_EQ(opening("/usr/bin/env", O_RDONLY), 0);
    apply("stdio rpath", "/etc", "r");
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), 0);
    CHECK_EQ(opening("/usr/bin/env", O_RDONLY), EACCES);
    apply("stdio rpath inet", "/usr", "r"); /* gives nothing back */
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), EACCES);
    CHECK_EQ(opening("/usr/bin/env", O_RDONLY), EACCES);
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0), -1);
}

TEST(an_absent_path_is_an_error)
{
    struct vow_policy *policy = policy_of("stdio rpath", "/etc/vow-never", "r");
    CHECK_EQ(vow_apply(policy, 0, &error), -1);
    CHECK_EQ(errno, ENOENT);
    CHECK(strstr(error.text, "/etc/vow-never"));
    CHECK_EQ(opening("/usr/bin/env", O_RDONLY), 0);
}

TEST(a_rule_that_takes_away_is_refused)
{
    struct vow_policy *policy = policy_of("stdio rpath", "/etc", "r");
    CHECK_EQ(vow_policy_path(policy, "/etc/passwd", "", &error), 0);
    CHECK_EQ(vow_apply(policy, 0, &error), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK(strstr(error.text, "/etc/passwd"));
}
