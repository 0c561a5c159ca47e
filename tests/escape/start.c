/* What a program is started with, and starting another. */
#include "escape.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
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

static int by_execveat(void)
{
    return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/sh", shell, nothing, AT_EMPTY_PATH);
}

static int by_descriptor(void)
{
    int fd = open("/bin/sh", O_RDONLY);
    return (int)syscall(SYS_execveat, fd, "", shell, nothing, AT_EMPTY_PATH);
}

/* The launch is told from any other call by a number that nobody knows. */
static int by_guess(void)
{
    const uint64_t *random = (const void *)getauxval(AT_RANDOM);
    const uint64_t guesses[] = {0, ~UINT64_C(0), (uint64_t)getpid(), random[0], random[1]};
    int fd = open("/bin/sh", O_RDONLY), result = -1;
    for (size_t i = 0; i < ARRAY_COUNT(guesses); i++)
        result = (int)syscall(SYS_execveat, fd, "", shell, nothing, AT_EMPTY_PATH, guesses[i]);
    return result;
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

static int execute_by_guess(UNUSED const struct scene *s)
{
    return run_shell(by_guess);
}

#ifdef LOADER
/* Landlock lets a program start its loader, which loads any program that may be
 * read. */
static int by_loader(void)
{
    char *const words[] = {(char *)"ld.so", (char *)"/bin/sh", (char *)"-c", (char *)"exit 0",
                           NULL};
    return (int)syscall(SYS_execveat, AT_FDCWD, LOADER, words, nothing, AT_EMPTY_PATH);
}

static int execute_loader(UNUSED const struct scene *s)
{
    return run_shell(by_loader);
}
#endif

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
    {"execveat_by_a_guess",
     NO_EXEC,
     NULL,
     {EPERM},
     execute_by_guess,
     execute_by_guess,
     .twin_promises = EXEC},
#ifdef LOADER
    {"loader_as_a_door",
     NO_EXEC,
     NULL,
     {EPERM},
     execute_loader,
     execute_loader,
     .twin_promises = EXEC},
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
