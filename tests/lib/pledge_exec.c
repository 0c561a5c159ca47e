/* execpromises: what programs get that a pledged process executes. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

TESTS_NEED_LANDLOCK;

extern char **environ;

static char folder[] = "/tmp/vow-exec-XXXXXX";
static pid_t first; /* tests run in children of this one */

__attribute__((constructor)) static void enter_folder(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    first = getpid();
    if (!mkdtemp(folder) || chdir(folder) < 0)
        abort();
    setenv("PWD", folder, 1); /* else a shell would ask for it, which takes rpath */
}

__attribute__((destructor)) static void leave_folder(void)
{
    if (getpid() == first)
        rmdir(folder);
}

static int status_of(pid_t pid)
{
    int status;
    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* How a shell ends that does this; -signal if one ended it. Standard error is
 * none of our business. */
static int spawned(const char *script)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    int code = posix_spawn(&pid, "/bin/sh", &quiet, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    CHECK_EQ(code, 0);
    return status_of(pid);
}

/* The same in a child of fork. */
static int forked(int (*execute)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        execute();
        _exit(errno == 0 ? 255 : errno);
    }
    return status_of(pid);
}

#define OWN "stdio rpath wpath cpath proc exec"

static bool can_write(void)
{
    int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && close(fd) == 0 && unlink("file") == 0;
}

TEST(without_execpromises_programs_inherit)
{
    CHECK_EQ(pledge(OWN, NULL), 0);
    CHECK_EQ(spawned("echo x >file && rm file"), 0);
}

TEST(programs_get_less)
{
    CHECK_EQ(pledge(OWN, "stdio rpath proc exec"), 0);
    CHECK(can_write());
    CHECK_EQ(spawned("read x </etc/passwd"), 0);
    CHECK_EQ(spawned("cat /etc/passwd | cat >&2"), 0);
    CHECK(spawned("echo x >file") != 0);
    CHECK(spawned("sh -c 'echo x >file'") != 0);
    CHECK(access("file", F_OK) < 0);
    CHECK(can_write());
}

TEST(programs_that_execute_nothing)
{
    CHECK_EQ(pledge(OWN, "stdio rpath"), 0);
    CHECK_EQ(spawned("read x </etc/passwd"), 0);
    CHECK(spawned("cat /etc/passwd") != 0);
    CHECK(spawned("exec cat /etc/passwd") != 0);
    CHECK(spawned("echo x >file") != 0);
    CHECK(can_write());
}

TEST(programs_that_read_nothing)
{
    CHECK_EQ(pledge(OWN, "stdio"), 0);
    CHECK_EQ(spawned("exit 7"), 7);
    CHECK(spawned("read x </etc/passwd") != 0);
}

static int run_true(void)
{
    return execl("/bin/cat", "cat", "/etc/passwd", (char *)NULL);
}

static int run_by_path(void)
{
    setenv("PATH", "/nowhere:/sbin:/bin", 1);
    return execlp("true", "true", (char *)NULL);
}

static int run_descriptor(void)
{
    char *argv[] = {(char *)"true", NULL};
    int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    return fexecve(fd, argv, environ);
}

static int run_nothing(void)
{
    if (execl("/bin/vow-absent", "absent", (char *)NULL) != -1 || errno != ENOENT)
        _exit(1);
    errno = can_write() ? 77 : 1; /* nothing was given up for it */
    return -1;
}

TEST(every_way_to_execute)
{
    CHECK_EQ(pledge(OWN, "stdio rpath"), 0);
    CHECK_EQ(forked(run_by_path), 0);
    CHECK_EQ(forked(run_descriptor), 0);
    CHECK_EQ(forked(run_nothing), 77);
    CHECK_EQ(system("read x </etc/passwd"), 0);
    CHECK(system("exec 2>/dev/null; echo x >file") != 0);
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK_EQ(status_of(pid), 0);
    CHECK(can_write());
}

TEST(a_process_that_promised_nothing_itself)
{
    CHECK_EQ(pledge(NULL, "stdio rpath"), 0);
    CHECK_EQ(spawned("read x </etc/passwd"), 0);
    CHECK(spawned("echo x >file") != 0);
    /* By it a new libc takes the handlers of a child away. */
    CHECK(syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS);
    CHECK(can_write());
    CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

TEST(execpromises_shrink_later)
{
    CHECK_EQ(pledge(OWN, OWN), 0);
    CHECK_EQ(spawned("echo x >file && rm file"), 0);
    CHECK_EQ(pledge(NULL, "stdio rpath proc exec"), 0);
    CHECK(spawned("echo x >file") != 0);
    CHECK_EQ(spawned("cat /etc/passwd >&2"), 0);
    CHECK_EQ(pledge(NULL, "stdio"), 0);
    CHECK(spawned("read x </etc/passwd") != 0);
    CHECK_EQ(spawned("exit 3"), 3);
}

TEST(a_violation_of_the_program_is_its_own)
{
    CHECK_EQ(pledge(OWN, "stdio rpath"), 0);
    CHECK_EQ(forked(run_true), 0);
    CHECK_EQ(spawned("echo x >file"), -SIGSYS);
    CHECK(can_write());
}
