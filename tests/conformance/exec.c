/* exec and execpromises. */
#include "conform.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The program, and the interpreter that it names. */
static long becomes(const char *path)
{
    char *const words[] = {(char *)path, NULL};
    return execve(path, words, environ);
}

/* ran: 0 if the shell did this in a child, without complaint. */
static long ran(const char *script)
{
    char *const words[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    int status;
    pid_t pid;
    if ((errno = posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ)) != 0)
        return -1;
    return waitpid(pid, &status, 0) == pid ? OK(status == 0) : -1;
}

/* held: the same with execpromises. */
static long held(const char *promises, const char *script)
{
    return pledge(NULL, promises) == 0 ? ran(script) : -1;
}

/* An absent program: execve comes back, with its own reason. */
GRANTS("exec", "stdio rpath", "execve(2)", "pledge.2 exec",
       OK(becomes("absent") == -1 && errno == ENOENT));
ALLOWS("stdio rpath proc exec", "starting a program in a child", "pledge.2 exec", ran(":"));
DIES("stdio rpath exec", "starting a program in a child takes proc, too", "pledge.2 proc", ran(":"),
     .silent = "posix_spawn(3) blocks all signals, and beside exec nobody keeps SIGSYS out");
ALLOWS("stdio rpath proc exec", "a script runs by its interpreter", "pledge.2 exec",
       OK(system("./program") == 0));

ALLOWS("stdio rpath proc exec", "a program that starts keeps the promises of its parent",
       "pledge.2 exec", ran("(echo x >new); test ! -e new"),
       .openbsd = "without execpromises it starts free of all promises",
       .because = "the kernel lets no process take off its filters or leave its Landlock domain");
ALLOWS("stdio rpath wpath cpath proc exec",
       "what the promises allow works in a program that starts", "pledge.2 exec",
       ran("echo x >new && read y <new && test $y = x"));
ALLOWS(NULL, "execpromises hold the program that starts", "pledge.2 execpromises",
       held("stdio rpath proc exec", "(echo x >new); test ! -e new"));
ALLOWS(NULL, "execpromises that suffice let it work", "pledge.2 execpromises",
       held("stdio rpath wpath cpath proc exec", "echo x >new && read y <new && test $y = x"));
ALLOWS("stdio rpath proc exec", "execpromises give nothing that the promises lack",
       "pledge.2 execpromises",
       held("stdio rpath wpath cpath proc exec", "(echo x >new); test ! -e new"),
       .openbsd = "the program has all of execpromises",
       .because = "the kernel lets no process take off its filters or leave its Landlock domain");
