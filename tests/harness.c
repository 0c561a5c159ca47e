#include "harness.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIME_LIMIT_SECONDS 60
#define EXIT_SKIP 77

static struct test *first, **last = &first;
static bool failed;
const void *test_data;
bool test_needs_landlock;
static int skip_pipe[2]; /* carries the reason of a skip to the parent */

void test_register(struct test *test)
{
    *last = test;
    last = &test->next;
}

void test_skip(const char *reason)
{
    if (write(skip_pipe[1], reason, strlen(reason)) < 0)
        failed = true;
    fflush(stdout);
    _exit(EXIT_SKIP);
}

void test_end(void)
{
    fflush(stdout);
    _exit(failed ? 1 : 0);
}

void test_fail(const char *file, int line, const char *format, ...)
{
    failed = true;
    va_list args;
    va_start(args, format);
    printf("# %s:%d: ", file, line);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
}

bool test_failed(void)
{
    return failed;
}

void test_check_eq(const char *file, int line, const char *what, int64_t got, int64_t wanted)
{
    if (got != wanted)
        test_fail(file, line, "%s is %lld, not %lld", what, (long long)got, (long long)wanted);
}

void test_check_str(const char *file, int line, const char *what, const char *got,
                    const char *wanted)
{
    if (!got || strcmp(got, wanted) != 0)
        test_fail(file, line, "%s is\n# «%s», not\n# «%s»", what, got ? got : "(null)", wanted);
}

static long landlock_abi(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

static int time_limit_seconds(void)
{
    const char *text = getenv("TEST_SECONDS");
    return text ? atoi(text) : TIME_LIMIT_SECONDS;
}

/* Waits for the child, for a limited time. */
static int await(pid_t pid)
{
    int status, seconds = time_limit_seconds();
    for (int elapsed_ms = 0; elapsed_ms < seconds * 1000;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return status;
        int step_ms = elapsed_ms < 20 ? 1 : 10;
        nanosleep(&(struct timespec){0, step_ms * 1000000L}, NULL);
        elapsed_ms += step_ms;
    }
    printf("# no end within %d s\n", seconds);
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    return status;
}

static int run_one(const struct test *test, int number)
{
    fflush(stdout);
    if (pipe(skip_pipe) != 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        test_data = test->data;
        if (test_needs_landlock && landlock_abi() < 1)
            SKIP("landlock: not in this kernel");
        test->run();
        test_end();
    }
    int status = await(pid);
    char reason[256] = "";
    close(skip_pipe[1]);
    ssize_t size = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP
                       ? read(skip_pipe[0], reason, sizeof reason - 1)
                       : 0;
    close(skip_pipe[0]);
    reason[size > 0 ? size : 0] = '\0';
    bool skip = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP;
    bool ok = test->signal ? WIFSIGNALED(status) && WTERMSIG(status) == test->signal
                           : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok && !skip && WIFSIGNALED(status))
        printf("# died of signal %d\n", WTERMSIG(status));
    printf("%s %d - %s%s%s\n", ok || skip ? "ok" : "not ok", number, test->name,
           skip ? " # SKIP " : "", reason);
    return ok || skip ? 0 : 1;
}

int main(int argc, char **argv)
{
    int count = 0, failures = 0, number = 0;
    for (struct test *t = first; t; t = t->next)
        count += argc < 2 || strcmp(argv[1], t->name) == 0;
    printf("1..%d\n", count);
    for (struct test *t = first; t; t = t->next)
        if (argc < 2 || strcmp(argv[1], t->name) == 0)
            failures += run_one(t, ++number);
    return failures ? 1 : 0;
}
