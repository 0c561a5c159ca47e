/* The broker behind unveil(): a process among processes, which may be killed,
 * attacked, and asked by many at once. */
#include "unveil.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

TESTS_NEED_LANDLOCK;

static int children = -1; /* the kernel's list of this process's children */

/* show_first: the first rule, and a list to find the broker in. */
static void show_first(const char *path, const char *permissions)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/task/%d/children", (int)getpid());
    children = open(name, O_RDONLY | O_CLOEXEC);
    if (children < 0)
        SKIP("linux: /proc does not list children");
    show(path, permissions);
}

static pid_t broker_pid(void)
{
    char text[256];
    ssize_t size = pread(children, text, sizeof text - 1, 0);
    CHECK(size > 0);
    text[size > 0 ? size : 0] = '\0';
    return atoi(text);
}

TEST(without_its_broker_nothing_is_open)
{
    make_tree();
    show_first(in("a"), "rwc");
    CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(kill(broker_pid(), SIGKILL), 0);
    while (opening(in("a/file"), O_RDONLY) == 0)
        usleep(1000);
    CHECK_EQ(opening(in("a/file"), O_RDONLY), ENOSYS);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOSYS);
    CHECK_EQ(looking(in("a/file")), ENOSYS);
    CHECK_EQ(told(unlink(in("a/file"))), ENOSYS);
    CHECK_EQ(told(unveil(in("b"), "r")), ENOSYS);
    CHECK_EQ(told(unveil(NULL, NULL)), ENOSYS);
    CHECK_EQ(told(execl("/bin/true", "true", NULL)), ENOSYS);
}

/* What the kernel lets a process do to another of the same user; as root it
 * lets do everything, until the lock. */
TEST(nobody_looks_into_the_broker)
{
    char path[64], byte;
    static const char *const files[] = {"mem", "environ", "maps", "fd", "root", "cwd", "status"};
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    make_tree();
    show_first("/proc", "rw");
    CHECK_EQ(told(unveil(NULL, NULL)), 0);
    pid_t broker = broker_pid();
    CHECK_EQ(opening("/proc/self/status", O_RDONLY), 0);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)broker, files[i]);
        CHECK_EQ(opening(path, O_RDONLY), ENOENT);
        CHECK_EQ(looking(path), ENOENT);
        snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)broker, (int)broker, files[i]);
        CHECK_EQ(opening(path, O_RDONLY), ENOENT);
        snprintf(path, sizeof path, "%d/%s", (int)broker, files[i]);
        CHECK_EQ(told(openat(proc, path, O_RDONLY)), ENOENT);
    }
    CHECK_EQ(told(ptrace(PTRACE_ATTACH, broker, NULL, NULL)), EPERM);
    struct iovec here = {&byte, 1}, there = {(void *)&byte, 1};
    CHECK_EQ(told(process_vm_readv(broker, &here, 1, &there, 1, 0)), EPERM);
    CHECK_EQ(told(process_vm_writev(broker, &here, 1, &there, 1, 0)), EPERM);
    int fd = (int)syscall(SYS_pidfd_open, broker, 0);
    CHECK(fd >= 0);
    CHECK_EQ(told(syscall(SYS_pidfd_getfd, fd, 0, 0)), EPERM);
}

/* The broker, which no domain holds, must not do for its program what its domain
 * forbids. */
TEST(other_processes_are_nobodys_business)
{
    static const char *const closed[] = {"mem", "environ", "maps", "fd", "root", "cwd", "exe"};
    char path[64], name[32];
    int parent;
    make_tree();
    snprintf(path, sizeof path, "/proc/%d", (int)getppid());
    CHECK((parent = open(path, O_RDONLY | O_DIRECTORY)) >= 0);
    show_first("/proc", "rw");
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    for (unsigned i = 0; i < sizeof closed / sizeof *closed; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)getppid(), closed[i]);
        int told_ = opening(path, O_RDONLY);
        CHECK(told_ == EACCES || told_ == ENOENT);
        CHECK(told(openat(parent, closed[i], O_RDONLY)) != 0);
        snprintf(name, sizeof name, "task/%d/%s", (int)getppid(), closed[i]);
        CHECK(told(openat(parent, name, O_RDONLY)) != 0);
    }
    snprintf(path, sizeof path, "/proc/%d/root/etc/passwd", (int)getppid());
    CHECK_EQ(opening(path, O_RDONLY), EACCES);
    snprintf(path, sizeof path, "/proc/%d/status", (int)getppid());
    CHECK_EQ(opening(path, O_RDONLY), 0);
    CHECK_EQ(opening("/proc/self/mem", O_RDWR), 0);
    CHECK_EQ(opening("/proc/self/environ", O_RDONLY), 0);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)child);
    CHECK_EQ(opening(path, O_RDONLY), 0);
    CHECK_EQ(kill(child, SIGKILL), 0);
}

TEST(self_in_proc_is_the_caller)
{
    char text[64], wanted[64];
    make_tree();
    show_first("/proc", "r");
    snprintf(wanted, sizeof wanted, "%d", (int)getpid());
    ssize_t size = readlink("/proc/self", text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    CHECK_STR(text, wanted);
    int fd = open("/proc/self/stat", O_RDONLY);
    CHECK_EQ(read(fd, text, strlen(wanted)), (long)strlen(wanted));
    CHECK_EQ(memcmp(text, wanted, strlen(wanted)), 0);
    CHECK_EQ(opening("/proc/thread-self/stat", O_RDONLY), 0);
    CHECK_EQ(opening("/proc/self/root/etc/passwd", O_RDONLY), ENOENT);
    CHECK_EQ(opening("/proc/self/cwd/.", O_RDONLY), ENOENT);
    CHECK_EQ(opening("/proc/self/exe", O_RDONLY), ENOENT);
}

TEST(own_descriptors_are_opened_again)
{
    int ends[2];
    char path[64];
    make_tree();
    CHECK_EQ(pipe(ends), 0);
    int hidden = open(in("b/file"), O_RDONLY), seen = open(in("a/file"), O_RDONLY);
    show_first("/proc", "r");
    show(in("a"), "r");
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    CHECK_EQ(opening(path, O_RDONLY), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", seen);
    CHECK_EQ(opening(path, O_RDONLY), 0);
    CHECK_EQ(opening(path, O_RDWR), EACCES);
    snprintf(path, sizeof path, "/proc/self/fd/%d", hidden);
    CHECK_EQ(opening(path, O_RDONLY), ENOENT);
}

static void ignore(int signal)
{
    (void)signal;
}

/* Again and again: one of them comes while the call waits. */
static void alarms(int flags)
{
    struct sigaction action = {.sa_handler = ignore, .sa_flags = flags};
    struct itimerval often = {{0, 50000}, {0, 50000}};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
}

/* Opens the other end after a while. */
static pid_t opener_of(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        usleep(400000);
        CHECK_EQ(opening(path, O_WRONLY), 0);
        test_end();
    }
    return pid;
}

TEST(a_call_that_waits_is_interrupted_as_ever)
{
    make_tree();
    CHECK_EQ(mkfifo(in("a/fifo"), 0600), 0);
    show_first(in("a"), "rw");
    alarms(0);
    CHECK_EQ(opening(in("a/fifo"), O_RDONLY), EINTR);
    alarms(SA_RESTART);
    pid_t other = opener_of(in("a/fifo"));
    CHECK_EQ(opening(in("a/fifo"), O_RDONLY), 0);
    CHECK_EQ(waitpid(other, NULL, 0), other);
    CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
    CHECK_EQ(opening(in("a/fifo"), O_RDONLY | O_NONBLOCK), 0);
    /* The broker closes its own copy a moment after it has handed over ours. */
    int writing;
    while ((writing = opening(in("a/fifo"), O_WRONLY | O_NONBLOCK)) == 0)
        usleep(1000);
    CHECK_EQ(writing, ENXIO);
}

TEST(nobody_waits_for_somebody_elses_call)
{
    make_tree();
    CHECK_EQ(mkfifo(in("a/fifo"), 0600), 0);
    show_first(in("a"), "rw");
    pid_t stuck = fork();
    if (stuck == 0) {
        opening(in("a/fifo"), O_RDONLY);
        _exit(0);
    }
    for (int i = 0; i < 100; i++)
        CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(kill(stuck, SIGKILL), 0);
    CHECK_EQ(waitpid(stuck, NULL, 0), stuck);
}

static unsigned interruptions;

/* Of a call that may be interrupted: then nothing has happened yet. */
#define AGAIN(call)                                                                                \
    ({                                                                                             \
        int told_;                                                                                 \
        while ((told_ = told(call)) == EINTR)                                                      \
            interruptions++;                                                                       \
        told_;                                                                                     \
    })

TEST(a_signal_comes_before_a_call_or_after_it)
{
    char name[32];
    struct stat stat_;
    make_tree();
    show_first(in("a"), "rwc");
    struct sigaction action = {.sa_handler = ignore};
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "a/%d", i);
        CHECK_EQ(AGAIN(mkdir(in(name), 0700)), 0);
        CHECK_EQ(AGAIN(stat(in(name), &stat_)), 0);
        CHECK_EQ(AGAIN(rmdir(in(name))), 0);
        CHECK_EQ(AGAIN(rmdir(in(name))), ENOENT);
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
    action.sa_flags = SA_RESTART;
    interruptions = 0;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(AGAIN(mkdir(in("a/new"), 0700)), 0);
        CHECK_EQ(AGAIN(rmdir(in("a/new"))), 0);
    }
    CHECK_EQ(interruptions, 0);
}

static void *visit(void *number)
{
    char own[128];
    snprintf(own, sizeof own, "%s/a/%p", root, number);
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(opening(own, O_RDWR | O_CREAT | O_EXCL), 0);
        CHECK_EQ(told(unlink(own)), 0);
        CHECK_EQ(looking("/etc/passwd"), ENOENT);
    }
    return NULL;
}

TEST(processes_and_threads_at_once)
{
    make_tree();
    show_first(in("a"), "rwc");
    for (intptr_t process = 0; process < 16; process++) {
        pthread_t threads[2];
        if (fork() != 0)
            continue;
        for (intptr_t i = 0; i < 2; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, visit, (void *)(100 + 2 * process + i)), 0);
        for (int i = 0; i < 2; i++)
            CHECK_EQ(pthread_join(threads[i], NULL), 0);
        test_end();
    }
    int status, ended = 0;
    while (wait(&status) > 0) {
        CHECK_EQ(status, 0);
        ended++;
    }
    CHECK_EQ(ended, 16);
}

TEST(what_a_child_adds_is_the_childs)
{
    int ends[2], back[2];
    char byte = 'x';
    make_tree();
    CHECK_EQ(pipe(ends) | pipe(back), 0);
    show_first(in("a"), "r");
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_EQ(told(unveil(in("b"), "r")), 0);
        CHECK_EQ(told(unveil(in("a/inner"), "")), 0);
        CHECK_EQ(opening(in("b/file"), O_RDONLY), 0);
        CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), ENOENT);
        CHECK_EQ(told(unveil(NULL, NULL)), 0);
        CHECK_EQ(told(unveil("/", "r")), EPERM);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            CHECK_EQ(opening(in("b/file"), O_RDONLY), 0);
            CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), ENOENT);
            test_end();
        }
        int status;
        CHECK_EQ(waitpid(grandchild, &status, 0), grandchild);
        CHECK_EQ(status, 0);
        CHECK_EQ(write(back[1], &byte, 1), 1);
        CHECK_EQ(read(ends[0], &byte, 1), 1);
        test_end();
    }
    CHECK_EQ(read(back[0], &byte, 1), 1);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
    CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), 0);
    show(in("a"), "rw");
    CHECK_EQ(opening(in("a/file"), O_RDWR), 0);
    CHECK_EQ(write(ends[1], &byte, 1), 1);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* An orphan of a child with less must not fall back to what its parent's parent
 * sees. */
TEST(an_orphan_has_no_more_than_its_parent_had)
{
    int ends[2];
    char byte = '?';
    make_tree();
    CHECK_EQ(pipe(ends), 0);
    show_first(in("a"), "r");
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_EQ(told(unveil(in("a/inner"), "")), 0);
        if (fork() == 0) {
            while (getppid() == pid)
                usleep(1000);
            usleep(100000);
            byte = opening(in("a/inner/file"), O_RDONLY) == 0 ? 'y' : 'n';
            CHECK_EQ(write(ends[1], &byte, 1), 1);
            _exit(0);
        }
        test_end();
    }
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(byte, 'n');
    CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), 0);
}

static int run(const char *program, char *const *argv)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, 1);
        dup2(quiet, 2);
        execv(program, argv);
        _exit(100 + errno);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define RUN(...) run((char *[]){__VA_ARGS__, NULL}[0], (char *[]){__VA_ARGS__, NULL})

/* Before and after the lock alike. */
static void check_programs(void)
{
    char file[256], hidden[256];
    snprintf(file, sizeof file, "%s", in("a/file"));
    snprintf(hidden, sizeof hidden, "%s", in("b/file"));
    CHECK_EQ(RUN("/bin/cat", file), 0);
    CHECK_EQ(RUN("/bin/cat", hidden), 1);
    CHECK_EQ(RUN("/bin/true"), 100 + ENOENT);
    CHECK_EQ(RUN("/bin/sh", "-c", "cat \"$0\" >/dev/null && cd \"${0%/*}\" && test -e file", file),
             0);
    CHECK_EQ(RUN(file), 100 + EACCES);
}

TEST(programs_are_executed_by_their_rules)
{
    make_tree();
    show_first("/bin/cat", "rx"); /* a shell looks before it executes */
    show("/bin/sh", "x");
    show("/dev/null", "rwc"); /* as "> /dev/null" opens it */
    show(in("a"), "r");
    check_programs();
    CHECK_EQ(told(unveil(NULL, NULL)), 0);
    check_programs();
}

/* A copy of a program, in a directory of its own. */
static void copy_program(const char *name)
{
    char command[256];
    snprintf(command, sizeof command, "cp /bin/true '%s'", in(name));
    CHECK_EQ(system(command), 0);
}

/* Landlock cannot take x away below a directory: all else in it is given by itself. */
static void check_narrowed(void)
{
    char here[256], inner[256], hidden[256], deep[256];
    snprintf(here, sizeof here, "%s", in("a/here"));
    snprintf(inner, sizeof inner, "%s", in("a/inner/true"));
    snprintf(hidden, sizeof hidden, "%s", in("a/hidden"));
    snprintf(deep, sizeof deep, "%s", in("b/deep/true"));
    CHECK_EQ(RUN("/bin/sh", "-c", "/bin/true"), 0);
    CHECK_EQ(RUN(here), 0);
    CHECK_EQ(RUN(deep), 0);
    CHECK_EQ(RUN(inner), 100 + EACCES);
    CHECK_EQ(RUN(hidden), 100 + EACCES);
}

TEST(a_directory_may_be_executed_but_for_a_part)
{
    make_tree();
    CHECK_EQ(mkdir(in("b/deep"), 0700), 0);
    copy_program("a/here");
    copy_program("a/hidden");
    copy_program("a/inner/true");
    copy_program("b/deep/true");
    show_first("/", "rx");
    show("/dev", "rw");
    show(in("a/inner"), "rwc");
    show(in("a/hidden"), "");
    check_narrowed();
    CHECK_EQ(told(unveil(NULL, NULL)), 0);
    check_narrowed();
    CHECK_EQ(told(unveil(NULL, NULL)), 0); /* no second domain, which would hold nothing */
    check_narrowed();
}

/* BROKER_EXECUTABLE: what may be executed comes readable, until the lock. */
TEST(what_may_only_be_executed_is_not_read_after_the_lock)
{
    make_tree();
    show_first(in("a"), "x");
    CHECK_EQ(opening(in("a/file"), O_RDONLY), EACCES);
    int fd = prctl(0x766f7721, 6, 0, 0, 0);
    CHECK(fd >= 0 && openat(fd, "file", O_RDONLY | O_CLOEXEC) < 0);
    CHECK_EQ(told(unveil(NULL, NULL)), 0);
    CHECK_EQ(told(prctl(0x766f7721, 6, 0, 0, 0)), EALREADY);
}

/* A view that is begun anew has rules of its own choice; those under it hold. */
static int count_given(void)
{
    char byte;
    int given = 0, fd = prctl(0x766f7721, 6, 0, 0, 0);
    for (int i = 0; i < 1000 && (fd >= 0 || errno == ESRCH);
         i++, fd = prctl(0x766f7721, 6, 1, 0, 0)) {
        char link[64], path[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = fd < 0 ? -1 : readlink(link, path, sizeof path - 1);
        bool read_ = fd >= 0 && (read(fd, &byte, 1) == 1 || errno == EISDIR);
        given += read_ && size > 0 && strncmp(path, root, strlen(root)) == 0;
        if (fd >= 0)
            close(fd);
    }
    CHECK_EQ(errno, ENOENT);
    return given;
}

TEST(what_is_executed_anew_is_read_as_before)
{
    make_tree();
    copy_program("b/program");
    show_first("/proc", "r");
    show(in("a"), "r");
    CHECK_EQ(told(unveil(NULL, NULL)), 0);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
    CHECK_EQ(told(prctl(0x766f7721, 0, 0, 0, 0)), 0);
    CHECK_EQ(told(unveil("/proc", "r")), 0);
    CHECK_EQ(told(unveil(in("b"), "x")), 0);
    CHECK_EQ(told(unveil(in("b/file"), "x")), 0);
    CHECK_EQ(count_given(), 0);
    CHECK_EQ(told(unveil(in("b/link"), "r")), 0); /* narrowed: what is in b comes by itself */
    CHECK_EQ(count_given(), 0);
    CHECK_EQ(told(unveil(in("a"), "x")), 0);
    CHECK_EQ(told(unveil(in("a/file"), "x")), 0);
    CHECK_EQ(count_given(), 2);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT); /* not EACCES, by its own rule */
}

TEST(what_is_executed_anew_learns_nothing_of_what_was_hidden)
{
    make_tree();
    show_first(in("a"), "rx");
    show(in("a/inner"), "");
    CHECK_EQ(told(prctl(0x766f7721, 0, 0, 0, 0)), 0);
    CHECK_EQ(told(unveil(in("a/file/x"), "r")), ENOTDIR);
    CHECK_EQ(told(unveil(in("b/file/x"), "r")), 0);
    CHECK_EQ(told(unveil(in("b/none/x"), "r")), 0);
    CHECK_EQ(told(unveil(in("b/file"), "r")), 0);
    CHECK_EQ(told(unveil(in("b/none"), "r")), 0);
    CHECK_EQ(told(unveil(in("a"), "x")), 0);
    CHECK_EQ(opening(in("a/file/x"), O_RDONLY), ENOTDIR);
    CHECK_EQ(opening(in("a/file"), O_RDONLY), EACCES);
    CHECK_EQ(opening(in("a/none"), O_RDONLY), ENOENT);
    CHECK_EQ(opening(in("a/inner/file/x"), O_RDONLY), ENOENT);
    CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), ENOENT);
    CHECK_EQ(opening(in("a/inner/none"), O_RDONLY), ENOENT);
}

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* The promise unveil starts a broker, which serves who first makes use of it. */
TEST(a_child_may_have_the_broker_that_its_parent_started)
{
    make_tree();
    CHECK_EQ(told(pledge("stdio rpath proc unveil", NULL)), 0);
    int with = descriptors(); /* one leads to the broker */
    pid_t pid = fork();
    if (pid == 0) {
        show(in("a"), "r");
        CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
        CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
        CHECK_EQ(descriptors(), with - 1);
        test_end();
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(told(unveil(in("a"), "r")), EPIPE);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), 0); /* as before */
}

TEST(who_gives_up_its_rights_has_them_no_more)
{
    struct stat stat_;
    make_tree();
    if (getuid() != 0)
        SKIP("root: nobody to become");
    CHECK_EQ(told(chmod(root, 0755)), 0);
    CHECK_EQ(told(chmod(in("a"), 0777)), 0);
    show_first(in("a"), "rwc");
    CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(told(setgid(65534) | setuid(65534)), 0);
    CHECK_EQ(opening(in("a/file"), O_RDONLY), EACCES);
    CHECK_EQ(told(access(in("a/file"), R_OK)), EACCES);
    CHECK_EQ(told(stat(in("a/file"), &stat_)), 0);
    CHECK_EQ(opening(in("a/new"), O_WRONLY | O_CREAT | O_EXCL), 0);
    CHECK_EQ(told(stat(in("a/new"), &stat_)), 0);
    CHECK_EQ(stat_.st_uid, 65534);
    CHECK_EQ(stat_.st_gid, 65534);
}

/* Ports below 1024, where the system keeps them for those with the right to. */
static int binding_port(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = told(bind(fd, (struct sockaddr *)&address, sizeof address));
    close(fd);
    return result;
}

TEST(rights_that_were_given_up_bind_no_port)
{
    make_tree();
    if (getuid() != 0)
        SKIP("root: nobody to become");
    show_first(in("a"), "r");
    CHECK_EQ(binding_port(987), 0);
    CHECK_EQ(told(setgid(65534) | setuid(65534)), 0);
    CHECK(binding_port(987) == EACCES || binding_port(80) == EACCES);
    CHECK_EQ(binding_port(0), 0);
}
