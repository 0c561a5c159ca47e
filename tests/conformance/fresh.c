/* fresh: functions of the libc in a program that called nothing before it
 * promised. What a libc does at its first printf or localtime depends on its
 * release; a program must not have to know.
 *
 *   fresh        runs each entry in a process that starts anew, as TAP
 *   fresh NAME   promises, and calls what the entry says; writes "done"
 */
#include "fresh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

static int run(const struct fresh *entry)
{
    if (pledge(entry->promises, NULL) != 0) {
        perror("pledge");
        return 2;
    }
    if (entry->act())
        return write(STDOUT_FILENO, "done", 4) == 4 ? 0 : 1;
    dprintf(STDERR_FILENO, "%s: %s\n", entry->name, strerror(errno));
    return 1;
}

/* read_all: what the entry's process wrote to both outputs. */
static void read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;
    while (length < size - 1 && (got = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
}

/* start: the entry in this program, executed anew. */
static bool start(const char *self, const struct fresh *entry)
{
    int ends[2], status = -1;
    char said[4096];
    pid_t pid = pipe(ends) == 0 ? fork() : -1;
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(self, self, entry->name, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    read_all(ends[0], said, sizeof said);
    close(ends[0]);
    waitpid(pid, &status, 0);
    bool ok = entry->signal ? WIFSIGNALED(status) && WTERMSIG(status) == entry->signal
                            : status == 0 && strcmp(said, entry->says) == 0;
    if (!ok)
        printf("# status %#x, said «%s», wanted «%s»\n", (unsigned)status, said, entry->says);
    return ok;
}

/* applies: a static program has no loader, so none was mapped. */
static bool applies(const struct fresh *entry)
{
    return !entry->dynamic || getauxval(AT_BASE) != 0;
}

static int run_all(void)
{
    size_t count = 0, number = 0;
    bool failed = false;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1) {
        puts("1..0 # SKIP landlock: not in this kernel");
        return 0;
    }
    for (const struct fresh *entry = fresh_entries; entry->name; entry++)
        count += applies(entry);
    printf("1..%zu\n", count);
    for (const struct fresh *entry = fresh_entries; entry->name; entry++) {
        if (!applies(entry))
            continue;
        fflush(stdout);
        bool ok = start("/proc/self/exe", entry);
        printf("%s %zu - %s under %s\n", ok ? "ok" : "not ok", ++number, entry->name,
               entry->promises);
        failed |= !ok;
    }
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return run_all();
    for (const struct fresh *entry = fresh_entries; entry->name; entry++)
        if (strcmp(entry->name, argv[1]) == 0)
            return run(entry);
    return 2;
}
