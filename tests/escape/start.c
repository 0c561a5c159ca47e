/* What a program is started with, and starting another. */
#include "escape.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_EXEC "stdio rpath wpath cpath proc"
#define EXEC NO_EXEC " exec"

#if defined __x86_64__ && defined __GLIBC__
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#endif

static char *const shell[] = {(char *)"sh", (char *)"-c", (char *)"exit 0", NULL};
static char *const nothing[] = {NULL};

/* The status of /bin/sh, executed by one of several calls. */
static int run_shell(int (*execute)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        execute();
        _exit(errno);
    }
    int failed = pid < 0 ? errno : TRY(waitpid(pid, &status, 0));
    return failed ? failed : WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int by_execve(void)
{
    return execve("/bin/sh", shell, nothing);
}

/* An absolute path makes any descriptor do, also the one of the launch. */
static int by_execveat(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    return (int)syscall(SYS_execveat, (int)files.rlim_max, "/bin/sh", shell, nothing,
                        AT_EMPTY_PATH);
}

static int by_descriptor(void)
{
    int fd = open("/bin/sh", O_RDONLY);
    return (int)syscall(SYS_execveat, fd, "", shell, nothing, AT_EMPTY_PATH);
}

/* Gives a descriptor the number that the launch had. */
static int by_the_same_number(void)
{
    struct rlimit files;
    int fd = open("/bin/sh", O_RDONLY);
    getrlimit(RLIMIT_NOFILE, &files);
    int number = (int)files.rlim_max;
    files.rlim_cur = files.rlim_max = files.rlim_max + 1;
    setrlimit(RLIMIT_NOFILE, &files);
    int again = dup2(fd, number);
    if (again < 0)
        again = fcntl(fd, F_DUPFD, number);
    return (int)syscall(SYS_execveat, again < 0 ? number : again, "", shell, nothing,
                        AT_EMPTY_PATH);
}

static int execute(UNUSED const struct scene *s)
{
    return run_shell(by_execve);
}

static int execute_at(UNUSED const struct scene *s)
{
    return run_shell(by_execveat);
}

static int execute_descriptor(UNUSED const struct scene *s)
{
    return run_shell(by_descriptor);
}

static int execute_number(UNUSED const struct scene *s)
{
    return run_shell(by_the_same_number);
}

#ifdef LOADER
/* The launch leaves the loader executable, so a program without exec can start
 * it again, and it loads any program that may be read. That is no more than
 * mapping the file executable: same process, same rules. */
static int load_shell(const char *script)
{
    char *const words[] = {(char *)"ld.so", (char *)"/bin/sh", (char *)"-c", (char *)script, NULL};
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    return (int)syscall(SYS_execveat, (int)files.rlim_max, LOADER, words, nothing, AT_EMPTY_PATH);
}

static int by_loader(void)
{
    return load_shell("read line < ../outside/secret");
}

static int loader_inside(void)
{
    return load_shell("read line < file");
}

static int read_by_loader(UNUSED const struct scene *s)
{
    return run_shell(by_loader);
}

static int read_inside_by_loader(UNUSED const struct scene *s)
{
    return run_shell(loader_inside);
}

#endif

static int end(void)
{
    _exit(0);
}

static int only_a_child(UNUSED const struct scene *s)
{
    return run_shell(end);
}

static int own_script(UNUSED const struct scene *s)
{
    int failed = escape_write("script", "#!/bin/sh\nexit 0\n"), status;
    if (!failed)
        failed = TRY(chmod("script", 0755));
    if (failed)
        return failed;
    pid_t pid = fork();
    if (pid == 0) {
        execl("./script", "script", NULL);
        _exit(errno);
    }
    failed = TRY(waitpid(pid, &status, 0));
    unlink("script");
    return failed ? failed : WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* test.c leaves the secret open at descriptor 9. */
static int inherited(UNUSED const struct scene *s)
{
    char byte;
    return TRY(read(9, &byte, 1));
}

static int nothing_but_three(UNUSED const struct scene *s)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            return errno;
    return 0;
}

/* … and a secret in the environment. */
static int environment(UNUSED const struct scene *s)
{
    return getenv("VOW_ESCAPE_SECRET") ? 0 : ENOENT;
}

static int search_path(UNUSED const struct scene *s)
{
    return getenv("PATH") ? 0 : ENOENT;
}

static int more_descriptors(UNUSED const struct scene *s)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max = files.rlim_max + 1;
    return TRY(setrlimit(RLIMIT_NOFILE, &files));
}

static int fewer_descriptors(UNUSED const struct scene *s)
{
    struct rlimit files = {.rlim_cur = 16};
    struct rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    files.rlim_max = now.rlim_max;
    return TRY(setrlimit(RLIMIT_NOFILE, &files));
}

const struct escape escapes_start[] = {
    {"exec", NO_EXEC, NULL, {EPERM, EACCES}, execute, execute, .twin_promises = EXEC},
    {"execveat_with_a_path",
     NO_EXEC,
     NULL,
     {EPERM, EACCES},
     execute_at,
     execute_at,
     .twin_promises = EXEC},
    {"execveat_of_a_descriptor",
     NO_EXEC,
     NULL,
     {EPERM, EACCES},
     execute_descriptor,
     execute_descriptor,
     .twin_promises = EXEC},
    {"execveat_of_the_launch_number",
     NO_EXEC,
     NULL,
     {EPERM, EACCES, EBADF},
     execute_number,
     only_a_child,
     .everywhere = true},
#ifdef LOADER
    /* 2 is what the shell ends with where it cannot open. */
    {"loader_as_a_door", NO_EXEC, NULL, {2}, read_by_loader, read_inside_by_loader},
#endif
    {"execute_what_was_written",
     EXEC " fattr",
     NULL,
     {EACCES},
     own_script,
     own_script,
     .twin_options = "-v +rwxc:DIR/work"},
    {"inherited_descriptor", NO_EXEC, NULL, {EBADF}, inherited, nothing_but_three},
    {"descriptor_that_was_named",
     NO_EXEC,
     NULL,
     {EBADF},
     inherited,
     inherited,
     .twin_options = "--fd 9"},
    {"environment", NO_EXEC, NULL, {ENOENT}, environment, search_path},
    {"variable_that_was_named",
     NO_EXEC,
     NULL,
     {ENOENT},
     environment,
     environment,
     .twin_options = "--env VOW_ESCAPE_SECRET"},
    {"more_descriptors",
     NO_EXEC " id",
     NULL,
     {EPERM},
     more_descriptors,
     fewer_descriptors,
     .everywhere = true},
    {0},
};
