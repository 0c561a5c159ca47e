/* Races against the broker's decisions: a second thread rewrites the path while
 * the call is held, and a process that is not confined exchanges directories and
 * links on the way. Whatever happens, what is hidden must not be read, seen or
 * removed; and the allowed way must be taken often enough for it to have been a
 * race at all. $VOW_RACES: tries for each (2000). */
#include "unveil.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#ifndef SYS_newfstatat
#define SYS_newfstatat SYS_fstatat64 /* of 32 bits */
#endif

TESTS_NEED_LANDLOCK;

static long tries(void)
{
    const char *text = getenv("VOW_RACES");
    return text ? strtol(text, NULL, 10) : 2000;
}

static volatile bool over;
static char shared[2][256]; /* the two texts that a path changes between */
static char path[256];

static void *rewrite(void *unused)
{
    for (unsigned turn = 0; !over; turn++)
        memcpy(path, shared[turn & 1], sizeof path);
    return unused;
}

/* Of what was opened: 'a' or 'b', the first byte of its content; 0: nothing. */
static char content(int fd)
{
    char byte = 0;
    if (fd >= 0 && read(fd, &byte, 1) < 0)
        byte = 0;
    if (fd >= 0)
        close(fd);
    return byte;
}

static struct stat secret;

static bool is_secret(const struct stat *seen)
{
    return seen->st_ino == secret.st_ino && seen->st_dev == secret.st_dev;
}

static void set_up(const char *first, const char *second)
{
    make_tree();
    CHECK_EQ(told(stat(in("b/file"), &secret)), 0);
    snprintf(shared[0], sizeof shared[0], "%s", in(first));
    snprintf(shared[1], sizeof shared[1], "%s", in(second));
    memcpy(path, shared[0], sizeof path);
}

TEST(memory_that_changes_under_a_call)
{
    pthread_t other;
    struct stat seen;
    long allowed = 0, read_ = 0, seen_ = 0, removed;
    set_up("a/file", "b/file");
    show(in("a"), "rwc");
    CHECK_EQ(pthread_create(&other, NULL, rewrite, NULL), 0);
    for (long i = 0; i < tries(); i++) {
        char got = content((int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0));
        allowed += got == 'a';
        read_ += got == 'b';
        seen_ += syscall(SYS_newfstatat, AT_FDCWD, path, &seen, 0) == 0 && is_secret(&seen);
        syscall(SYS_unlinkat, AT_FDCWD, path, 0);
        content(open(in("a/file"), O_WRONLY | O_CREAT, 0600));
        int fd = open(in("a/file"), O_WRONLY);
        CHECK_EQ(write(fd, "a", 1), 1);
        close(fd);
    }
    over = true;
    CHECK_EQ(pthread_join(other, NULL), 0);
    CHECK_EQ(read_, 0);
    CHECK_EQ(seen_, 0);
    CHECK(allowed > 0);
    show(in("b"), "r");
    removed = told(stat(in("b/file"), &seen));
    CHECK_EQ(removed, 0);
}

/* A process beside, of which no rule knows. */
static pid_t outsider(void (*act)(unsigned turn))
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (unsigned turn = 0;; turn++)
        act(turn);
}

static void end(pid_t pid)
{
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void attempt(const char *way)
{
    struct stat seen;
    long allowed = 0, read_ = 0, seen_ = 0, changed = 0;
    for (long i = 0; i < tries(); i++) {
        char got = content(open(way, O_RDONLY));
        allowed += got == 'a';
        read_ += got == 'b';
        got = content(open(way, O_RDWR));
        changed += got == 'b';
        seen_ += stat(way, &seen) == 0 && is_secret(&seen);
        chmod(way, 0755);
    }
    CHECK(allowed > 0);
    CHECK_EQ(read_, 0);
    CHECK_EQ(changed, 0);
    CHECK_EQ(seen_, 0);
    show(in("b"), "r");
    CHECK_EQ(told(stat(in("b/file"), &seen)), 0);
    CHECK_EQ(seen.st_mode & 0777, 0600);
}

/* a/way: a link now to a/inner, now to b. */
static void swap_link(unsigned turn)
{
    char made[256];
    snprintf(made, sizeof made, "%s", in("a/made"));
    if (symlink(turn & 1 ? "../b" : "inner", made) == 0)
        rename(made, in("a/way"));
}

TEST(links_that_lead_elsewhere)
{
    set_up("a/file", "b/file");
    swap_link(0);
    pid_t other = outsider(swap_link);
    show(in("a"), "rw");
    attempt(in("a/way/file"));
    end(other);
}

/* a/file: now a file, now a link to b/file. */
static void swap_file(unsigned turn)
{
    char made[256];
    snprintf(made, sizeof made, "%s", in("a/made"));
    int result = turn & 1 ? symlink("../b/file", made) : link(in("a/inner/file"), made);
    if (result == 0)
        rename(made, in("a/file"));
}

TEST(a_file_that_becomes_a_link)
{
    set_up("a/file", "b/file");
    pid_t other = outsider(swap_file);
    show(in("a"), "rw");
    attempt(in("a/file"));
    end(other);
}

/* a/inner is exchanged with b, as a whole, once the rules are there. */
static int rules_there[2];

static void swap_directory(unsigned turn)
{
    char byte;
    if (turn == 0)
        CHECK_EQ(read(rules_there[0], &byte, 1), 1);
    syscall(SYS_renameat2, AT_FDCWD, in("a/inner"), AT_FDCWD, in("b"), 2 /* RENAME_EXCHANGE */);
}

TEST(a_hidden_directory_stays_hidden_wherever_it_is)
{
    long allowed = 0, read_ = 0;
    set_up("a/file", "b/file");
    CHECK_EQ(pipe(rules_there), 0);
    pid_t other = outsider(swap_directory);
    show(in("a"), "r");
    show(in("b"), "");
    CHECK_EQ(write(rules_there[1], "x", 1), 1);
    for (long i = 0; i < tries(); i++) {
        char got = content(open(in("a/inner/file"), O_RDONLY));
        allowed += got == 'a';
        read_ += got == 'b';
    }
    end(other);
    CHECK(allowed > 0);
    CHECK_EQ(read_, 0);
}

/* a/file is exchanged with the whole of b, likewise. */
static void swap_for_directory(unsigned turn)
{
    char byte;
    if (turn == 0)
        CHECK_EQ(read(rules_there[0], &byte, 1), 1);
    syscall(SYS_renameat2, AT_FDCWD, in("a/file"), AT_FDCWD, in("b"), 2 /* RENAME_EXCHANGE */);
}

TEST(a_file_that_becomes_a_hidden_directory)
{
    long allowed = 0, listed = 0;
    struct stat seen;
    set_up("a/file", "b/file");
    CHECK_EQ(pipe(rules_there), 0);
    pid_t other = outsider(swap_for_directory);
    show(in("a"), "r");
    show(in("b"), "");
    CHECK_EQ(write(rules_there[1], "x", 1), 1);
    for (long i = 0; i < tries(); i++) {
        int fd = open(in("a/file"), O_RDONLY);
        listed += fd >= 0 && fstat(fd, &seen) == 0 && S_ISDIR(seen.st_mode);
        allowed += content(fd) == 'a';
    }
    end(other);
    CHECK(allowed > 0);
    CHECK_EQ(listed, 0);
}

/* a/file: now a file, now a queue that nobody writes to. */
static void swap_queue(unsigned turn)
{
    char made[256];
    snprintf(made, sizeof made, "%s", in("a/made"));
    int result = turn & 1 ? mkfifo(made, 0600) : link(in("a/inner/file"), made);
    if (result == 0)
        rename(made, in("a/file"));
}

static void nothing(int signal)
{
    (void)signal;
}

/* Who opens it waits, as without rules; the broker does not. */
TEST(a_file_that_becomes_a_queue)
{
    struct sigaction wake = {.sa_handler = nothing};
    struct itimerval often = {{0, 2000}, {0, 2000}};
    struct stat seen;
    long opened = 0, waited = 0, others = 0;
    set_up("a/file", "b/file");
    pid_t other = outsider(swap_queue);
    show(in("a"), "r");
    sigaction(SIGALRM, &wake, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (long i = 0; i < tries() / 10 || opened == 0 || waited == 0; i++) {
        int fd = open(in("a/file"), O_RDONLY), error = errno;
        opened += fd >= 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK) && content(fd) == 'a';
        waited += fd < 0 && error == EINTR;
        others += stat(in("a/inner"), &seen) == 0;
    }
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    end(other);
    CHECK(others > 0);
}

/* A raced chdir may end in a hidden directory, but nothing is found from there. */
TEST(a_working_directory_that_was_raced_for)
{
    pthread_t other;
    long inside = 0, read_ = 0;
    set_up("a", "b");
    int home = open(in("a"), O_RDONLY | O_DIRECTORY);
    show(in("a"), "r");
    CHECK_EQ(pthread_create(&other, NULL, rewrite, NULL), 0);
    for (long i = 0; i < tries(); i++) {
        syscall(SYS_chdir, path);
        char got = content(open("file", O_RDONLY));
        inside += got == 'a';
        read_ += got == 'b';
        CHECK_EQ(told(fchdir(home)), 0);
    }
    over = true;
    CHECK_EQ(pthread_join(other, NULL), 0);
    CHECK(inside > 0);
    CHECK_EQ(read_, 0);
}
