/* The words: what pledge() itself accepts, and what it makes of them. */
#include "conform.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVERY_WORD                                                                                 \
    "audio bpf chown cpath disklabel dns dpath drm error exec fattr flock getpw id inet mcast "    \
    "pf proc prot_exec ps recvfd route rpath sendfd settime stdio tape tty unix unveil video "     \
    "vminfo vmm wpath wroute"

/* twice: 0 if the first call succeeds, then what the second one gives. */
static long twice(const char *first, const char *second)
{
    return pledge(first, NULL) == 0 ? pledge(second, NULL) : OK(false);
}

static long opens(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static long has_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* code_of: 0 if the call failed with this errno. */
static long code_of(long value, int code)
{
    return OK(value == -1 && errno == code);
}

static long plain(void)
{
    return pledge("stdio rpath", NULL);
}

ALLOWS(NULL, "every word of OpenBSD is known", "pledge.2 promises", pledge(EVERY_WORD, EVERY_WORD));
ALLOWS(NULL, "NULL for both changes nothing", "pledge.2 NULL",
       pledge(NULL, NULL) == 0 ? has_socket() : -1);
ALLOWS("stdio rpath", "NULL leaves the promises as they are", "pledge.2 NULL",
       pledge(NULL, "stdio") == 0 ? opens("file") : -1);
ALLOWS(NULL, "execpromises alone do not bind the caller", "pledge.2 NULL",
       pledge(NULL, "stdio") == 0 ? has_socket() : -1);
ALLOWS(NULL, "a word may stand twice", "kern_pledge.c parsepledges",
       pledge("stdio rpath stdio", NULL));
ALLOWS(NULL, "several blanks part two words", "kern_pledge.c parsepledges",
       pledge("stdio   rpath ", NULL));
ALLOWS("stdio rpath wpath", "promises may be narrowed", "pledge.2 DESCRIPTION",
       pledge("stdio rpath", NULL) == 0 ? opens("file") : -1);
ALLOWS("stdio rpath", "the same promises may be made again", "pledge.2 DESCRIPTION",
       pledge("rpath stdio", NULL) == 0 ? opens("file") : -1);
ALLOWS(NULL, "words that mean nothing on Linux grant nothing and do no harm", "pledge.2 promises",
       pledge("stdio rpath audio video drm bpf pf tape disklabel vmm", NULL) == 0 ? opens("file")
                                                                                  : -1);

FAILS(EINVAL, NULL, "an unknown word is refused", "pledge.2 EINVAL", pledge("stdio rpaths", NULL),
      .twin = plain);
FAILS(EINVAL, NULL, "a word in capitals is unknown", "pledge.2 EINVAL", pledge("STDIO", NULL),
      .twin = plain);
FAILS(EINVAL, NULL, "a tab does not part words", "kern_pledge.c parsepledges",
      pledge("stdio\trpath", NULL), .twin = plain);
FAILS(EINVAL, NULL, "a blank at the beginning is an empty word, which is unknown",
      "kern_pledge.c parsepledges", pledge(" stdio", NULL), .twin = plain);
FAILS(EINVAL, NULL, "tmppath is no promise any more", "pledge.2 of 2026", pledge("tmppath", NULL),
      .twin = plain);
FAILS(EINVAL, NULL, "an unknown word in execpromises is refused", "pledge.2 EINVAL",
      pledge(NULL, "stdio rpaths"), .twin = plain);
ALLOWS(NULL, "a refused word leaves the process as free as before", "pledge.2 EINVAL",
       code_of(pledge("stdio nonsense", NULL), EINVAL) == 0 ? has_socket() : -1);
ALLOWS(NULL, "a refused execpromise leaves the promises unmade", "pledge.2 EINVAL",
       code_of(pledge("stdio", "nonsense"), EINVAL) == 0 ? has_socket() : -1);

FAILS(EPERM, "stdio", "promises do not come back", "pledge.2 EPERM", pledge("stdio rpath", NULL));
FAILS(EPERM, "stdio", "other promises are an increase", "pledge.2 EPERM", pledge("rpath", NULL),
      .twin = plain);
FAILS(EPERM, NULL, "a promise once given up stays given up", "pledge.2 EPERM",
      twice("stdio rpath", "stdio") == 0 ? pledge("stdio rpath", NULL) : 0, .twin = plain);
FAILS(EPERM, NULL, "execpromises can only be narrowed", "pledge.2 EPERM",
      pledge(NULL, "stdio") == 0 ? pledge(NULL, "stdio rpath") : 0, .twin = plain);
ALLOWS(NULL, "execpromises may be more than the promises", "kern_pledge.c sys_pledge",
       pledge("stdio exec", "stdio rpath"));
ALLOWS("stdio rpath", "an increase that is refused takes nothing away", "pledge.2 EPERM",
       code_of(pledge("stdio inet", NULL), EPERM) == 0 ? opens("file") : -1);
GRANTS("inet", "stdio", "an increase that is refused gives nothing", "pledge.2 EPERM",
       (pledge("stdio inet", NULL), has_socket()));

static long end(void)
{
    syscall(SYS_exit_group, 0);
    return -1;
}

static long exits_with_zero(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        pledge("", NULL);
        end();
    }
    return OK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Under "" not even a message can be written. */
#define DIES_SILENT(held, in_words, said_in, act)                                                  \
    DIES(held, in_words, said_in, act, .silent = "it could not write it",                          \
         .single = "a thread that waits begins its call again, which ends the process, too")
ALLOWS(NULL, "with no promise a process can end", "pledge.2 \"\"", exits_with_zero());
DIES_SILENT("", "with no promise a process cannot read", "pledge.2 \"\"",
            read(scene.pair[0], NULL, 0));
DIES_SILENT("", "with no promise a process cannot write", "pledge.2 \"\"", write(2, "x", 1));
DIES_SILENT("", "with no promise a process cannot ask who it is", "pledge.2 \"\"",
            syscall(SYS_getppid));
DIES_SILENT("", "with no promise a process cannot map memory", "pledge.2 \"\"",
            syscall(SYS_brk, 0) == -1 ? -1 : 0);

/* violated: 0 if a child dies of a violation when it does this. */
static long violated(long (*function)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(function() >= 0 ? 0 : 1);
    return OK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
              WTERMSIG(status) == VIOLATION);
}

ALLOWS("stdio proc", "a child is held to its parent's promises", "pledge.2 DESCRIPTION",
       violated(has_socket));

/* The signal is that of rows that die; this one is for the manual. */
DIES("stdio", "a violation ends the process with SIGSYS", "pledge.2 DESCRIPTION", has_socket(),
     .openbsd = "the signal is SIGABRT",
     .because = "the kernel ends a process for a filter with this one, which is as deadly without "
                "the library's help");

static long narrowed_child(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(pledge("stdio", NULL) == 0 ? 0 : 1);
    return waitpid(pid, &status, 0) == pid && status == 0 ? opens("file") : -1;
}

ALLOWS("stdio rpath proc", "a child that narrows its promises leaves its parent's",
       "pledge.2 DESCRIPTION", narrowed_child());
