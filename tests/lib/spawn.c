/* vow_spawn: components in processes of their own, under policies of their own. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow.h>

static struct vow_error error;

static struct vow_policy *policy_of(const char *promises, const char *path, const char *letters)
{
    struct vow_policy *policy = vow_policy_new();
    CHECK(policy);
    CHECK_EQ(vow_policy_promises(policy, promises, &error), 0);
    if (path)
        CHECK_EQ(vow_policy_path(policy, path, letters, &error), 0);
    if (vow_supported(policy, &error) == 0)
        SKIP("landlock-6: not all of a policy can be enforced here");
    return policy;
}

/* spawn: 0, or -errno. */
static int spawn(struct vow_component *component)
{
    int code = vow_spawn(component, &error) == 0 ? 0 : -errno;
    if (code == 0)
        CHECK_STR(error.text, "");
    return code;
}

/* ended: the exit status, -1 for another end. */
static int ended(const struct vow_component *component)
{
    int status;
    CHECK_EQ(waitpid(component->pid, &status, 0), component->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool has_children(void)
{
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

/* line_of: the next line, without its end. */
static const char *line_of(int socket)
{
    static char text[256];
    size_t size = 0;
    while (size < sizeof text - 1 && recv(socket, text + size, 1, 0) == 1 && text[size] != '\n')
        size++;
    text[size] = '\0';
    return text;
}

static const char *answer(int socket, const char *line)
{
    CHECK_EQ(send(socket, line, strlen(line), MSG_NOSIGNAL), (int64_t)strlen(line));
    return line_of(socket);
}

/* What opening gives: 0, or errno. */
static int opening(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? errno : (close(fd), 0);
}

/* By its own number: the libc of i386 would make a socketcall, of which no filter sees
 * the domain. */
static int networking(void)
{
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : (close(fd), 0);
}

/* A component that tries what each byte asks for and answers with its errno;
 * 7 when nobody asks any more. */
static int serve(int socket, void *argument)
{
    char byte;
    while (read(socket, &byte, 1) == 1) {
        int result = byte == 'f'   ? opening("/etc/passwd", O_RDONLY)
                     : byte == 'o' ? opening("/usr/bin/env", O_RDONLY)
                     : byte == 'n' ? networking()
                     : byte == 'k' ? (kill(getppid(), 0) == 0 ? 0 : errno)
                     : byte == 'd' ? (fcntl(*(int *)argument, F_GETFD) < 0 ? errno : 0)
                                   : EINVAL;
        unsigned char code = (unsigned char)result;
        if (write(socket, &code, 1) != 1)
            return 1;
    }
    return 7;
}

static int ask(const struct vow_component *component, char what)
{
    unsigned char code;
    CHECK_EQ(send(component->socket, &what, 1, MSG_NOSIGNAL), 1);
    CHECK_EQ(recv(component->socket, &code, 1, 0), 1);
    return code;
}

static int hang_up(const struct vow_component *component)
{
    close(component->socket);
    return ended(component);
}

TEST(components_are_held_differently)
{
    struct vow_component files = {.policy = policy_of("stdio rpath", "/etc", "r"), .run = serve};
    struct vow_component net = {.policy = policy_of("stdio inet", NULL, NULL), .run = serve};
    CHECK_EQ(spawn(&files), 0);
    CHECK_EQ(spawn(&net), 0);
    CHECK_EQ(ask(&files, 'f'), 0);
    CHECK_EQ(ask(&files, 'o'), EACCES);
    CHECK_EQ(ask(&files, 'n'), EPERM);
    CHECK_EQ(ask(&net, 'f'), EACCES);
    CHECK_EQ(ask(&net, 'n'), 0);
    CHECK_EQ(opening("/usr/bin/env", O_RDONLY), 0); /* the caller is as free as before */
    CHECK_EQ(networking(), 0);
    CHECK_EQ(hang_up(&files), 7);
    CHECK_EQ(hang_up(&net), 7);
}

TEST(signals_stay_inside)
{
    struct vow_component free_one = {.run = serve};
    struct vow_component held = {.policy = policy_of("stdio proc", NULL, NULL), .run = serve};
    CHECK_EQ(spawn(&free_one), 0);
    CHECK_EQ(spawn(&held), 0);
    CHECK_EQ(ask(&free_one, 'k'), 0);
    CHECK_EQ(ask(&held, 'k'), EPERM);
}

TEST(descriptors_are_its_own)
{
    int secret = open("/etc/passwd", O_RDONLY);
    struct vow_component without = {.run = serve, .argument = &secret};
    struct vow_component with = {.run = serve, .argument = &secret, .fds = &secret, .fd_count = 1};
    CHECK_EQ(spawn(&without), 0);
    CHECK_EQ(spawn(&with), 0);
    CHECK_EQ(ask(&without, 'd'), EBADF);
    CHECK_EQ(ask(&with, 'd'), 0);
    CHECK_EQ(hang_up(&without), 7); /* although `with` was started later */
    CHECK_EQ(hang_up(&with), 7);
}

static int end_at_once(int socket, void *argument)
{
    return write(socket, argument, 5) == 5 ? 3 : 4;
}

TEST(its_end_is_seen)
{
    struct vow_component component = {.run = end_at_once, .argument = (void *)"hello"};
    CHECK_EQ(spawn(&component), 0);
    char text[8] = "";
    CHECK_EQ(recv(component.socket, text, 5, MSG_WAITALL), 5);
    CHECK_STR(text, "hello");
    CHECK_EQ(recv(component.socket, text, 1, 0), 0);
    struct pollfd end = {component.pidfd, POLLIN, 0};
    CHECK_EQ(poll(&end, 1, 10000), 1);
    CHECK_EQ(ended(&component), 3);
    CHECK_EQ(fcntl(component.socket, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(component.pidfd, F_GETFD), FD_CLOEXEC);
}

static int promise_itself(int socket, void *argument)
{
    struct vow_policy *policy = vow_policy_new();
    if (!policy || vow_policy_promises(policy, "stdio", NULL) != 0 ||
        vow_apply(policy, 0, NULL) != 0)
        return 1;
    return serve(socket, argument);
}

TEST(a_function_may_promise_for_itself)
{
    policy_of("stdio", NULL, NULL);
    struct vow_component component = {.run = promise_itself};
    CHECK_EQ(spawn(&component), 0);
    CHECK_EQ(ask(&component, 'f'), EACCES);
    CHECK_EQ(hang_up(&component), 7);
}

/* The shell answers a line with what it can do. */
static char *const shell[] = {
    "/bin/sh", "-c",
    "read -r line <&3; { echo \"$line $0\"; read -r user </etc/passwd && echo \"$user\"; "
    "/bin/true && echo ran; exec /bin/true; } >&3 2>&-",
    "sh", NULL};

TEST(a_program_starts_without_exec)
{
    struct vow_component component = {.policy = policy_of("stdio", NULL, NULL), .argv = shell};
    CHECK_EQ(spawn(&component), 0);
    CHECK_STR(answer(component.socket, "hello\n"), "hello sh");
    CHECK(hang_up(&component) != 0);
}

TEST(a_program_has_what_its_policy_shows)
{
    struct vow_component component = {.policy = policy_of("stdio rpath", "/etc/passwd", "r"),
                                      .argv = shell};
    CHECK_EQ(spawn(&component), 0);
    CHECK_STR(answer(component.socket, "hello\n"), "hello sh");
    CHECK(strncmp(line_of(component.socket), "root:", 5) == 0);
    CHECK_STR(line_of(component.socket), ""); /* /bin/true did not run */
    CHECK(ended(&component) != 0);
}

TEST(a_program_without_policy_is_as_free_as_its_caller)
{
    struct vow_component component = {.argv = shell};
    CHECK_EQ(spawn(&component), 0);
    CHECK_STR(answer(component.socket, "hello\n"), "hello sh");
    CHECK(strncmp(line_of(component.socket), "root:", 5) == 0);
    CHECK_STR(line_of(component.socket), "ran");
    CHECK_EQ(ended(&component), 0);
}

TEST(a_program_gets_its_descriptors_and_environment)
{
    char *const argv[] = {"/bin/sh", "-c", "echo \"$V\" >&$1; echo >&$2", "sh", "8", "9", NULL};
    char *const envp[] = {"V=value", NULL};
    int ends[2], fd = 8;
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(dup3(ends[1], 8, O_CLOEXEC), 8);
    CHECK_EQ(dup3(ends[1], 9, 0), 9);
    struct vow_component component = {.policy = policy_of("stdio", NULL, NULL),
                                      .argv = argv,
                                      .envp = envp,
                                      .fds = &fd,
                                      .fd_count = 1};
    CHECK_EQ(spawn(&component), 0);
    char text[16] = "";
    CHECK_EQ(read(ends[0], text, sizeof text - 1), 6);
    CHECK_STR(text, "value\n");
    CHECK(hang_up(&component) != 0); /* 9 is not there */
}

TEST(failures_leave_nothing_behind)
{
    char name[] = "/tmp/vow-spawn-XXXXXX";
    int fd = mkstemp(name), before = dup(0);
    close(before);
    char *const absent[] = {"/bin/vow-never", NULL}, *const script[] = {name, NULL};
    struct vow_component component = {.policy = policy_of("stdio", NULL, NULL), .argv = absent};
    CHECK_EQ(spawn(&component), -ENOENT);
    CHECK(strstr(error.text, "/bin/vow-never"));
    component.argv = script;
    CHECK_EQ(write(fd, "#!/bin/sh\n", 10), 10);
    CHECK_EQ(spawn(&component), -ENOEXEC);
    CHECK(strstr(error.text, name));
    CHECK(!has_children());
    int after = dup(0);
    CHECK_EQ(after, before);
    unlink(name);
}

/* What only the child can find out comes back, too. */
TEST(failures_of_the_child_are_told)
{
    char name[] = "/tmp/vow-spawn-XXXXXX", bytes[4096];
    int from = open("/bin/true", O_RDONLY), to = mkstemp(name);
    for (ssize_t got; (got = read(from, bytes, sizeof bytes)) > 0;)
        CHECK_EQ(write(to, bytes, (size_t)got), got);
    char *const argv[] = {name, NULL};
    struct vow_component component = {.policy = policy_of("stdio", NULL, NULL), .argv = argv};
    close(to);
    CHECK_EQ(spawn(&component), -EACCES); /* not executable */
    CHECK(strstr(error.text, name));
    CHECK(!has_children());
    CHECK_EQ(chmod(name, 0700), 0);
    CHECK_EQ(spawn(&component), 0);
    CHECK_EQ(ended(&component), 0);
    unlink(name);
}

TEST(mistakes_are_told)
{
    int closed = dup(0), number = VOW_SOCKET;
    close(closed);
    struct vow_component neither = {.fd_count = 0};
    CHECK_EQ(spawn(&neither), -EINVAL);
    struct vow_component both = {.run = serve, .argv = shell};
    CHECK_EQ(spawn(&both), -EINVAL);
    struct vow_component mute = {.policy = policy_of("rpath", NULL, NULL), .run = serve};
    CHECK_EQ(spawn(&mute), -EINVAL);
    CHECK(strstr(error.text, "stdio"));
    struct vow_component missing = {.run = serve, .fds = &closed, .fd_count = 1};
    CHECK_EQ(spawn(&missing), -EBADF);
    CHECK_EQ(dup2(0, VOW_SOCKET), VOW_SOCKET);
    struct vow_component taken = {.argv = shell, .fds = &number, .fd_count = 1};
    CHECK_EQ(spawn(&taken), -EBADF);
    struct vow_component wrong = {
        .policy = policy_of("stdio", NULL, NULL), .flags = 1u << 31, .run = serve};
    CHECK_EQ(spawn(&wrong), -EINVAL);
    CHECK(!has_children());
}

static void *wait_for_end(void *end)
{
    char byte;
    return read(*(int *)end, &byte, 1) < 0 ? end : NULL;
}

TEST(a_caller_may_have_threads)
{
    int ends[2];
    pthread_t thread;
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
    struct vow_component function = {.policy = policy_of("stdio", NULL, NULL), .run = serve};
    struct vow_component program = {.policy = function.policy, .argv = shell};
    CHECK_EQ(spawn(&function), 0);
    CHECK_EQ(ask(&function, 'f'), EACCES);
    CHECK_EQ(spawn(&program), 0);
    CHECK_STR(answer(program.socket, "hello\n"), "hello sh");
    close(ends[1]);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* A policy only adds to what holds the caller. */
TEST(a_held_caller_gives_no_more_than_it_has)
{
    CHECK_EQ(vow_apply(policy_of("stdio rpath proc", "/etc", "r"), 0, &error), 0);
    struct vow_component component = {.policy = policy_of("stdio rpath inet", "/", "r"),
                                      .run = serve};
    CHECK_EQ(spawn(&component), 0);
    CHECK_EQ(ask(&component, 'f'), 0);
    CHECK_EQ(ask(&component, 'o'), EACCES);
    CHECK_EQ(ask(&component, 'n'), EPERM);
    CHECK_EQ(vow_apply(policy_of("stdio rpath", NULL, NULL), 0, &error), 0);
    CHECK_EQ(spawn(&component), -EPERM);
    CHECK(strstr(error.text, "fork"));
}

TEST(the_first_three_may_be_closed)
{
    int out = dup(1);
    struct vow_component component = {.policy = policy_of("stdio", NULL, NULL), .run = serve};
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    CHECK_EQ(spawn(&component), 0);
    CHECK_EQ(ask(&component, 'f'), EACCES);
    int status = hang_up(&component);
    dup2(out, 1);
    dup2(out, 2);
    CHECK_EQ(status, 7);
}
