/* pledge(2) in a process that has threads: it is all or nothing. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
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

/* An open that the filter lets through, so that Landlock's answer is seen. */
static int marked_open(const char *path)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0, 0, 0x766f7721L);
    if (fd < 0)
        return errno;
    close((int)fd);
    return 0;
}

/* What a thread finds that waits until a pipe is closed. */
struct sibling {
    pthread_t thread;
    int ready[2], go[2];
    bool blocked; /* with all signals blocked */
    int socket, open, state;
};

static void *sibling_run(void *argument)
{
    struct sibling *s = argument;
    struct stat st;
    sigset_t all;
    char byte;
    sigfillset(&all);
    if (s->blocked)
        CHECK_EQ(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    CHECK_EQ(write(s->ready[1], "r", 1), 1);
    CHECK_EQ(read(s->go[0], &byte, 1), 1);
    s->socket = socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
    s->open = marked_open("/etc/passwd");
    s->state = fstat(2, &st) < 0 ? errno : 0;
    return NULL;
}

static void sibling_start(struct sibling *s, bool blocked)
{
    char byte;
    s->blocked = blocked;
    CHECK_EQ(pipe(s->ready), 0);
    CHECK_EQ(pipe(s->go), 0);
    CHECK_EQ(pthread_create(&s->thread, NULL, sibling_run, s), 0);
    CHECK_EQ(read(s->ready[0], &byte, 1), 1);
}

static void sibling_join(struct sibling *s)
{
    CHECK_EQ(write(s->go[1], "g", 1), 1);
    CHECK_EQ(pthread_join(s->thread, NULL), 0);
}

TEST(siblings_are_held)
{
    struct sibling siblings[8];
    for (size_t i = 0; i < 8; i++)
        sibling_start(&siblings[i], i % 2);
    CHECK_EQ(marked_open("/etc/passwd"), 0);
    CHECK_EQ(pledge("stdio error", NULL), 0);
    for (size_t i = 0; i < 8; i++) {
        sibling_join(&siblings[i]);
        CHECK_EQ(siblings[i].socket, ENOSYS);
        CHECK_EQ(siblings[i].open, EACCES);
        CHECK_EQ(siblings[i].state, 0);
    }
}

static void *make_a_socket(void *unused)
{
    socket(AF_INET, SOCK_STREAM, 0);
    return unused;
}

TEST_DIES(a_thread_ends_the_process, SIGSYS)
{
    struct rlimit none = {0, 0};
    pthread_t thread;
    setrlimit(RLIMIT_CORE, &none);
    CHECK_EQ(pledge("stdio", NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, make_a_socket, NULL), 0);
    pthread_join(thread, NULL);
    pause();
}

/* --------------------------------------------------------------- while … */

static volatile int pledged;
static int leaks; /* atomic */

/* Starts threads that start threads; what starts after the pledge is held. */
static void *breed(void *depth)
{
    pthread_t child;
    bool held = pledged;
    uintptr_t left = (uintptr_t)depth;
    if (left > 0 && pthread_create(&child, NULL, breed, (void *)(left - 1)) == 0)
        pthread_join(child, NULL);
    if (held && marked_open("/etc/passwd") == 0)
        __atomic_add_fetch(&leaks, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void *breed_until_pledged(void *unused)
{
    while (!pledged)
        breed((void *)4);
    breed((void *)4);
    return unused;
}

TEST(threads_that_start_meanwhile_are_held)
{
    pthread_t breeders[4];
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&breeders[i], NULL, breed_until_pledged, NULL), 0);
    usleep(20000);
    CHECK_EQ(pledge("stdio", NULL), 0);
    pledged = 1;
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(breeders[i], NULL), 0);
    CHECK_EQ(leaks, 0);
    CHECK_EQ(marked_open("/etc/passwd"), EACCES);
}

static void *promise(void *words)
{
    return pledge(words, NULL) == 0 ? NULL : (void *)(intptr_t)errno;
}

TEST(threads_that_pledge_at_once)
{
    static const char *const words[] = {"stdio rpath inet error", "stdio rpath unix error",
                                        "stdio rpath error", "stdio rpath error"};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, promise, (void *)(uintptr_t)words[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result;
        CHECK_EQ(pthread_join(threads[i], &result), 0);
        CHECK_EQ((intptr_t)result, 0); /* with error, more is passed over */
    }
    CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0), -1);
    CHECK_EQ(socket(AF_UNIX, SOCK_STREAM, 0), -1);
    CHECK_EQ(marked_open("/etc/passwd"), 0);
}

/* From Landlock ABI 8 on the kernel restricts all threads by itself. */
static bool kernel_lists_threads(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 8;
}

TEST(a_later_pledge_lists_threads_or_fails)
{
    struct sibling s;
    struct vow_error error;
    bool listed = kernel_lists_threads();
    sibling_start(&s, false);
    CHECK_EQ(pledge("stdio rpath getpw error", NULL), 0);
    CHECK_EQ(pledge("stdio getpw error", NULL), 0); /* rpath is still there to list them */
    CHECK_EQ(marked_open("/etc/passwd"), 0);
    CHECK_EQ(vow_pledge("stdio error", NULL, &error), listed ? 0 : -1);
    if (!listed) {
        CHECK_EQ(errno, EBUSY);
        CHECK(strstr(error.text, "thread"));
        CHECK_EQ(pledge("stdio getpw error", NULL), 0); /* as before */
    }
    sibling_join(&s);
    CHECK_EQ(s.open, listed ? EACCES : 0);
    CHECK_EQ(s.socket, ENOSYS);
}

TEST(a_first_thread_that_has_ended_is_passed_over)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, promise, (void *)(uintptr_t) "stdio"), 0);
        syscall(SYS_exit, 0); /* the thread alone */
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* The libc's own signal too, so that nobody can stop it. */
static void *run_deaf(void *argument)
{
    int *ends = argument;
    uint64_t all = UINT64_MAX, none = 0;
    char byte;
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all), 0);
    CHECK_EQ(write(ends[1], "r", 1), 1);
    CHECK_EQ(read(ends[2], &byte, 1), 1);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none), 0);
    CHECK_EQ(write(ends[1], "r", 1), 1);
    CHECK_EQ(read(ends[2], &byte, 1), 0);
    return NULL;
}

TEST(a_pledge_that_cannot_stop_a_thread_locks_no_rules)
{
    int ends[4];
    char byte;
    pthread_t thread;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(pipe(ends + 2), 0);
    if (unveil("/proc", "r") < 0)
        SKIP("listener: another one is in force");
    CHECK_EQ(pthread_create(&thread, NULL, run_deaf, ends), 0);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(pledge("stdio rpath", NULL), -1);
    CHECK_EQ(errno, EBUSY);
    CHECK_EQ(unveil("/usr", "r"), 0);
    CHECK_EQ(write(ends[3], "g", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(pledge("stdio rpath error", NULL), 0);
    CHECK_EQ(unveil("/etc", "r"), -1);
    close(ends[3]);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

TEST(a_forked_child_pledges_for_itself)
{
    pthread_t thread;
    int status;
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(pledge("stdio", NULL) == 0 && marked_open("/etc/passwd") == EACCES ? 0 : 1);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    CHECK_EQ(marked_open("/etc/passwd"), 0);
}
